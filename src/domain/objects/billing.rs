//! Subscriptions and invoices, in the shapes of API versions from 2024 (Acacia) to 2026 (Endive).

use serde::Deserialize;

use super::{Reference, SubList, Unreadable, catalog::Recurring, lenient, read, tolerant_structs};
use crate::domain::{ids::ProjectId, kind::Kind};

/// The columns of a subscription.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// Stripe's word.
    pub status: String,
    /// Our id of the customer.
    pub customer_id: String,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units per period: unit amount times quantity over the licensed items with the first item's interval.
    pub amount: i64,
    /// Of the first item: `day`, `week`, `month`, `year`.
    pub interval: Option<String>,
    /// Of the first item: every how many intervals.
    pub interval_count: Option<i64>,
    /// The items, as far as they are here.
    pub items: Vec<SubscriptionItem>,
    /// Whether all items are here.
    pub whole: bool,
    /// Unix seconds: the earliest start among the items, or the subscription's own in API versions before Basil.
    pub current_period_start: Option<i64>,
    /// Unix seconds: the earliest end among the items, or the subscription's own in API versions before Basil.
    pub current_period_end: Option<i64>,
    /// Ends when the period does.
    pub cancel_at_period_end: bool,
    /// Unix seconds at which it will end.
    pub cancel_at: Option<i64>,
    /// Unix seconds at which the end was asked for.
    pub canceled_at: Option<i64>,
    /// Unix seconds at which it ended.
    pub ended_at: Option<i64>,
    /// Unix seconds.
    pub trial_end: Option<i64>,
}

/// One item of a subscription.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionItem {
    /// Stripe's `si_…`.
    pub stripe_id: String,
    /// Our id of the price.
    pub price_id: String,
    /// Our id of the product.
    pub product_id: String,
    /// None when metered.
    pub quantity: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ItemFields {
    #[serde(deserialize_with = "lenient")]
    id: String,
    #[serde(deserialize_with = "lenient")]
    quantity: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    current_period_start: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    current_period_end: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    price: ItemPrice,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ItemPrice {
    #[serde(deserialize_with = "lenient")]
    id: String,
    #[serde(deserialize_with = "lenient")]
    currency: String,
    #[serde(deserialize_with = "lenient")]
    product: Reference,
    #[serde(deserialize_with = "lenient")]
    unit_amount: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    recurring: Recurring,
}

tolerant_structs!(ItemFields, ItemPrice, Recurring, Parent, Details, Transitions);

#[derive(Default, Deserialize)]
#[serde(default)]
struct SubscriptionFields {
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    customer: Reference,
    #[serde(deserialize_with = "lenient")]
    currency: String,
    #[serde(deserialize_with = "lenient")]
    items: SubList<ItemFields>,
    #[serde(deserialize_with = "lenient")]
    current_period_start: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    current_period_end: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    cancel_at_period_end: bool,
    #[serde(deserialize_with = "lenient")]
    cancel_at: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    canceled_at: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    ended_at: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    trial_end: Option<i64>,
}

impl Subscription {
    pub(super) fn read(project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        let fields: SubscriptionFields = read(raw)?;
        let items = &fields.items.data;
        let first = items.first().map(|item| item.price.clone()).unwrap_or_default();
        let same_period = |item: &&ItemFields| {
            item.price.recurring.interval == first.recurring.interval
                && item.price.recurring.interval_count == first.recurring.interval_count
        };
        let amount = items
            .iter()
            .filter(same_period)
            .filter_map(|item| item.price.unit_amount?.checked_mul(item.quantity?))
            .fold(0_i64, i64::saturating_add);
        Ok(Self {
            amount,
            current_period_start: items
                .iter()
                .filter_map(|item| item.current_period_start)
                .min()
                .or(fields.current_period_start),
            current_period_end: items
                .iter()
                .filter_map(|item| item.current_period_end)
                .min()
                .or(fields.current_period_end),
            whole: !fields.items.has_more,
            items: items
                .iter()
                .map(|item| SubscriptionItem {
                    stripe_id: item.id.clone(),
                    price_id: Kind::Price.derive_id(project, &item.price.id),
                    product_id: item.price.product.derive(Kind::Product, project).unwrap_or_default(),
                    quantity: item.quantity,
                })
                .collect(),
            status: fields.status,
            customer_id: fields.customer.derive(Kind::Customer, project).unwrap_or_default(),
            currency: if fields.currency.is_empty() { first.currency } else { fields.currency },
            interval: first.recurring.interval,
            interval_count: first.recurring.interval_count,
            cancel_at_period_end: fields.cancel_at_period_end,
            cancel_at: fields.cancel_at,
            canceled_at: fields.canceled_at,
            ended_at: fields.ended_at,
            trial_end: fields.trial_end,
        })
    }

    /// Equal digests mean equal items.
    pub(super) fn items_digest(&self) -> String {
        use std::fmt::Write as _;
        self.items.iter().fold(String::new(), |mut digest, item| {
            let _ = write!(digest, "{}={}*{};", item.stripe_id, item.price_id, item.quantity.unwrap_or(-1));
            digest
        })
    }
}

/// The columns of an invoice.
#[derive(Clone, Debug, Default)]
pub struct Invoice {
    /// Stripe's word.
    pub status: String,
    /// Our id of the customer.
    pub customer_id: Option<String>,
    /// Our id of the subscription.
    pub subscription_id: Option<String>,
    /// Empty until finalized.
    pub number: String,
    /// As printed on the invoice.
    pub customer_name: String,
    /// As printed on the invoice.
    pub customer_email: String,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units.
    pub total: i64,
    /// Minor units.
    pub amount_due: i64,
    /// Minor units.
    pub amount_paid: i64,
    /// Minor units.
    pub amount_remaining: i64,
    /// Unix seconds.
    pub due_date: Option<i64>,
    /// Unix seconds.
    pub period_start: Option<i64>,
    /// Unix seconds.
    pub period_end: Option<i64>,
    /// Unix seconds.
    pub paid_at: Option<i64>,
    /// How often payment was tried.
    pub attempt_count: i64,
    /// Unix seconds.
    pub next_payment_attempt: Option<i64>,
    /// Whether all lines are here.
    pub whole: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InvoiceFields {
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    customer: Reference,
    /// Before Basil (2025-03-31).
    #[serde(deserialize_with = "lenient")]
    subscription: Reference,
    /// Since Basil.
    #[serde(deserialize_with = "lenient")]
    parent: Parent,
    #[serde(deserialize_with = "lenient")]
    number: String,
    #[serde(deserialize_with = "lenient")]
    customer_name: String,
    #[serde(deserialize_with = "lenient")]
    customer_email: String,
    #[serde(deserialize_with = "lenient")]
    currency: String,
    #[serde(deserialize_with = "lenient")]
    total: i64,
    #[serde(deserialize_with = "lenient")]
    amount_due: i64,
    #[serde(deserialize_with = "lenient")]
    amount_paid: i64,
    #[serde(deserialize_with = "lenient")]
    amount_remaining: i64,
    #[serde(deserialize_with = "lenient")]
    due_date: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    period_start: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    period_end: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    attempt_count: i64,
    #[serde(deserialize_with = "lenient")]
    next_payment_attempt: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    status_transitions: Transitions,
    #[serde(deserialize_with = "lenient")]
    lines: SubList<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parent {
    #[serde(deserialize_with = "lenient")]
    subscription_details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "lenient")]
    subscription: Reference,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Transitions {
    #[serde(deserialize_with = "lenient")]
    paid_at: Option<i64>,
}

impl Invoice {
    pub(super) fn read(project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        let fields: InvoiceFields = read(raw)?;
        let newer = fields.parent.subscription_details.subscription;
        let subscription = if newer.0.is_some() { newer } else { fields.subscription };
        Ok(Self {
            status: if fields.status.is_empty() { "draft".to_owned() } else { fields.status },
            customer_id: fields.customer.derive(Kind::Customer, project),
            subscription_id: subscription.derive(Kind::Subscription, project),
            number: fields.number,
            customer_name: fields.customer_name,
            customer_email: fields.customer_email,
            currency: fields.currency,
            total: fields.total,
            amount_due: fields.amount_due,
            amount_paid: fields.amount_paid,
            amount_remaining: fields.amount_remaining,
            due_date: fields.due_date,
            period_start: fields.period_start,
            period_end: fields.period_end,
            paid_at: fields.status_transitions.paid_at,
            attempt_count: fields.attempt_count,
            next_payment_attempt: fields.next_payment_attempt,
            whole: !fields.lines.has_more,
        })
    }
}
