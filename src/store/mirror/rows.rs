//! The upserts' texts, with the columns in the order in which `upsert` binds them.

use crate::db::Bulk;

/// The two upserts of a table.
pub(super) struct Upserts {
    /// Writes every column.
    pub(super) whole: Bulk,
    /// Leaves the columns of indexes alone when the row is there already: SQLite writes an index again for each column that is
    /// named, whether its value changes or not, and those pages lie all over the file.
    pub(super) indexes_stay: Bulk,
}

/// `columns`: what the kind has beside the columns of every kind. `plain`: those of them that no index holds.
macro_rules! upserts {
    ($table:literal, columns: [$($column:ident)*], plain: [$($plain:ident)*]) => {
        Upserts {
            whole: upserts!(@bulk $table, [$($column)*], [created status $($column)*]),
            indexes_stay: upserts!(@bulk $table, [$($column)*], [$($plain)*]),
        }
    };
    (@bulk $table:literal, [$($column:ident)*], [$($set:ident)*]) => {
        Bulk {
            insert: concat!(
                "INSERT INTO ", $table, " (tenant_id, project_id, id, stripe_id, created, version_at, synced_at, deleted_at, status, raw",
                $(", ", stringify!($column),)* ")"
            ),
            columns: 8 + [$(stringify!($column)),*].len(),
            suffix: concat!(
                "ON CONFLICT (tenant_id, project_id, id) DO UPDATE SET version_at = excluded.version_at, synced_at = \
                 excluded.synced_at, deleted_at = excluded.deleted_at, raw = excluded.raw",
                $(", ", stringify!($set), " = excluded.", stringify!($set),)*
                " WHERE excluded.version_at >= ", $table, ".version_at AND ", $table, ".deleted_at IS NULL"
            ),
        }
    };
}

pub(super) const CUSTOMERS: Upserts =
    upserts!("customers", columns: [name email currency balance], plain: [name currency balance]);

pub(super) const PRODUCTS: Upserts = upserts!(
    "products",
    columns: [name description default_price_id],
    plain: [name description default_price_id]
);

pub(super) const PRICES: Upserts = upserts!(
    "prices",
    columns: [
        product_id nickname lookup_key currency unit_amount recurring_interval recurring_count usage_type billing_scheme
    ],
    plain: [nickname lookup_key currency unit_amount recurring_interval recurring_count usage_type billing_scheme]
);

pub(super) const SUBSCRIPTIONS: Upserts = upserts!(
    "subscriptions",
    columns: [
        customer_id currency amount recurring_interval recurring_count price_id quantity item_count items_digest
        current_period_start current_period_end cancel_at_period_end cancel_at canceled_at ended_at trial_end
    ],
    plain: [
        amount recurring_interval recurring_count price_id quantity item_count items_digest
        current_period_start current_period_end cancel_at_period_end cancel_at canceled_at ended_at trial_end
    ]
);

pub(super) const INVOICES: Upserts = upserts!(
    "invoices",
    columns: [
        customer_id subscription_id number customer_name customer_email currency total amount_due amount_paid
        amount_remaining due_date period_start period_end paid_at attempt_count next_payment_attempt
    ],
    plain: [
        subscription_id customer_name customer_email total amount_due amount_paid
        amount_remaining due_date period_start period_end paid_at attempt_count next_payment_attempt
    ]
);

pub(super) const CHARGES: Upserts = upserts!(
    "charges",
    columns: [
        customer_id invoice_id payment_intent currency amount amount_refunded disputed failure_message description
    ],
    plain: [invoice_id payment_intent currency amount amount_refunded disputed failure_message description]
);
