//! Subscriptions as objects: what they are written from.

use std::sync::{Arc, LazyLock};

use super::price::PriceCard;
use crate::standin::shape::{Fields, Shape};

/// The shape of a subscription.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/subscription.json")));
static ITEM: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/subscription_item.json")));
static METERED: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/metered_item.json")));

/// Everything a subscription is written from.
#[derive(Debug)]
pub struct Facts {
    /// `sub_…`
    pub id: String,
    /// `cus_…`
    pub customer: String,
    /// Lower-case currency code.
    pub currency: String,
    /// Unix seconds.
    pub created: i64,
    /// Stripe's status.
    pub status: &'static str,
    /// Unix seconds.
    pub billing_cycle_anchor: i64,
    /// Unix seconds.
    pub cancel_at: Option<i64>,
    /// Ends with the period.
    pub cancel_at_period_end: bool,
    /// Unix seconds.
    pub canceled_at: Option<i64>,
    /// Why it ends.
    pub cancel_reason: Option<&'static str>,
    /// What the customer said.
    pub cancel_feedback: Option<&'static str>,
    /// Unix seconds.
    pub ended_at: Option<i64>,
    /// Paid by invoice within so many days; otherwise by card.
    pub days_until_due: Option<i64>,
    /// `pm_…`, when it is not the customer's default that pays.
    pub default_payment_method: Option<String>,
    /// `in_…`
    pub latest_invoice: Option<String>,
    /// Live or test.
    pub live: bool,
    /// JSON.
    pub metadata: Vec<u8>,
    /// Whether collection is paused.
    pub pause_collection: bool,
    /// Start and end of the trial.
    pub trial: Option<(i64, i64)>,
    /// All items.
    pub items: Vec<ItemFacts>,
}

/// Everything an item is written from.
#[derive(Debug)]
pub struct ItemFacts {
    /// `si_…`
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    /// What it costs.
    pub price: Arc<PriceCard>,
    /// None for metered prices.
    pub quantity: Option<i64>,
    /// Start and end of the current period.
    pub period: (i64, i64),
}

impl ItemFacts {
    /// Writes the item.
    pub fn write(&self, subscription: &str, out: &mut Vec<u8>) {
        let fields = Fields::new()
            .text("id", &self.id)
            .int("created", self.created)
            .int("current_period_start", self.period.0)
            .int("current_period_end", self.period.1)
            .raw("plan", &self.price.plan_json)
            .raw("price", &self.price.price_json)
            .opt_int("quantity", self.quantity)
            .text("subscription", subscription);
        let shape = if self.price.metered { &METERED } else { &ITEM };
        shape.write(&fields, out);
    }
}

impl Facts {
    /// Writes the subscription with at most `rows` items.
    pub fn write(&self, rows: usize, out: &mut Vec<u8>) {
        SHAPE.write(&self.fields(rows), out);
    }

    /// The subscription as a value with all its items.
    pub fn value(&self) -> serde_json::Value {
        SHAPE.value(&self.fields(usize::MAX))
    }

    fn fields(&self, rows: usize) -> Fields {
        let collection = if self.days_until_due.is_some() { "send_invoice" } else { "charge_automatically" };
        let fields = Fields::new()
            .text("id", &self.id)
            .int("billing_cycle_anchor", self.billing_cycle_anchor)
            .opt_int("cancel_at", self.cancel_at)
            .flag("cancel_at_period_end", self.cancel_at_period_end)
            .opt_int("canceled_at", self.canceled_at)
            .opt_text("cancel_reason", self.cancel_reason)
            .opt_text("cancel_feedback", self.cancel_feedback)
            .text("collection_method", collection)
            .int("created", self.created)
            .text("currency", &self.currency)
            .text("customer", &self.customer)
            .opt_int("days_until_due", self.days_until_due)
            .opt_text("default_payment_method", self.default_payment_method.as_deref())
            .opt_int("ended_at", self.ended_at)
            .with("items", |out| push_items(&self.items, rows, &self.id, out))
            .flag("items_has_more", self.items.len() > rows)
            .text("items_url", &format!("/v1/subscription_items?subscription={}", self.id))
            .opt_text("latest_invoice", self.latest_invoice.as_deref())
            .flag("livemode", self.live)
            .raw("metadata", &self.metadata)
            .text("status", self.status)
            .opt_int("trial_start", self.trial.map(|trial| trial.0))
            .opt_int("trial_end", self.trial.map(|trial| trial.1));
        if self.pause_collection {
            fields.raw("pause_collection", br#"{"behavior":"void","resumes_at":null}"#)
        } else {
            fields
        }
    }
}

fn push_items(items: &[ItemFacts], rows: usize, subscription: &str, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, item) in items.iter().take(rows).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item.write(subscription, out);
    }
    out.push(b']');
}
