//! The upserts' texts, in the order in which `upsert` binds.

use crate::db::Bulk;

pub(super) const CUSTOMERS: Bulk = Bulk {
    insert: "INSERT INTO customers (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, name, email, currency, balance) VALUES",
    columns: 12,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, name = excluded.name, email = excluded.email, currency = \
        excluded.currency, balance = excluded.balance WHERE excluded.version_at >= customers.version_at AND \
        customers.deleted_at IS NULL",
};

pub(super) const PRODUCTS: Bulk = Bulk {
    insert: "INSERT INTO products (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, name, description, default_price_id) VALUES",
    columns: 11,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, name = excluded.name, description = excluded.description, \
        default_price_id = excluded.default_price_id WHERE excluded.version_at >= products.version_at AND \
        products.deleted_at IS NULL",
};

pub(super) const PRICES: Bulk = Bulk {
    insert: "INSERT INTO prices (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, product_id, nickname, lookup_key, currency, unit_amount, \
        recurring_interval, recurring_count, usage_type, billing_scheme) VALUES",
    columns: 17,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, product_id = excluded.product_id, nickname = excluded.nickname, \
        lookup_key = excluded.lookup_key, currency = excluded.currency, unit_amount = excluded.unit_amount, \
        recurring_interval = excluded.recurring_interval, recurring_count = excluded.recurring_count, \
        usage_type = excluded.usage_type, billing_scheme = excluded.billing_scheme WHERE excluded.version_at \
        >= prices.version_at AND prices.deleted_at IS NULL",
};

pub(super) const SUBSCRIPTIONS: Bulk = Bulk {
    insert: "INSERT INTO subscriptions (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, customer_id, currency, amount, recurring_interval, recurring_count, \
        price_id, quantity, item_count, items_digest, current_period_start, current_period_end, \
        cancel_at_period_end, cancel_at, canceled_at, ended_at, trial_end) VALUES",
    columns: 24,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, customer_id = excluded.customer_id, currency = \
        excluded.currency, amount = excluded.amount, recurring_interval = excluded.recurring_interval, \
        recurring_count = excluded.recurring_count, price_id = excluded.price_id, quantity = \
        excluded.quantity, item_count = excluded.item_count, items_digest = excluded.items_digest, \
        current_period_start = excluded.current_period_start, current_period_end = \
        excluded.current_period_end, cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = \
        excluded.cancel_at, canceled_at = excluded.canceled_at, ended_at = excluded.ended_at, trial_end = \
        excluded.trial_end WHERE excluded.version_at >= subscriptions.version_at AND \
        subscriptions.deleted_at IS NULL",
};

pub(super) const INVOICES: Bulk = Bulk {
    insert: "INSERT INTO invoices (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, customer_id, subscription_id, number, customer_name, customer_email, \
        currency, total, amount_due, amount_paid, amount_remaining, due_date, period_start, period_end, \
        paid_at, attempt_count, next_payment_attempt) VALUES",
    columns: 24,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, customer_id = excluded.customer_id, subscription_id = \
        excluded.subscription_id, number = excluded.number, customer_name = excluded.customer_name, \
        customer_email = excluded.customer_email, currency = excluded.currency, total = excluded.total, \
        amount_due = excluded.amount_due, amount_paid = excluded.amount_paid, amount_remaining = \
        excluded.amount_remaining, due_date = excluded.due_date, period_start = excluded.period_start, \
        period_end = excluded.period_end, paid_at = excluded.paid_at, attempt_count = \
        excluded.attempt_count, next_payment_attempt = excluded.next_payment_attempt WHERE \
        excluded.version_at >= invoices.version_at AND invoices.deleted_at IS NULL",
};

pub(super) const CHARGES: Bulk = Bulk {
    insert: "INSERT INTO charges (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, \
        deleted_at, status, raw, customer_id, invoice_id, payment_intent, currency, amount, amount_refunded, \
        disputed, failure_message, description) VALUES",
    columns: 17,
    suffix: "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET created = excluded.created, version_at = \
        excluded.version_at, synced_at = excluded.synced_at, deleted_at = excluded.deleted_at, status = \
        excluded.status, raw = excluded.raw, customer_id = excluded.customer_id, invoice_id = \
        excluded.invoice_id, payment_intent = excluded.payment_intent, currency = excluded.currency, amount \
        = excluded.amount, amount_refunded = excluded.amount_refunded, disputed = excluded.disputed, \
        failure_message = excluded.failure_message, description = excluded.description WHERE \
        excluded.version_at >= charges.version_at AND charges.deleted_at IS NULL",
};
