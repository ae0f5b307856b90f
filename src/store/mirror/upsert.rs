//! One bulk upsert per kind. A row is replaced only by a state that is at least as new, and never once it is a tombstone.

use crate::{
    db::{Result, Tx, Values},
    domain::{
        ids::ProjectId,
        kind::Kind,
        objects::{Columns, Object},
    },
};

use super::rows::{self, Upserts};

/// A state to be written.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The object.
    pub object: &'a Object,
    /// The unix second its state is proven for.
    pub version_at: i64,
    /// Unix seconds, when this is the object's deletion.
    pub deleted_at: Option<i64>,
    /// Unix seconds of this write.
    pub synced_at: i64,
}

/// Writes states of one kind. Each object at most once. `indexes_stay`: the rows are there, and each has the status and the
/// [`Object::indexed`] columns of its object already.
pub async fn upsert(
    tx: &mut Tx,
    project: &ProjectId,
    kind: Kind,
    writes: &[Write<'_>],
    indexes_stay: bool,
) -> Result<u64> {
    let upserts: &Upserts = match kind {
        Kind::Customer => &rows::CUSTOMERS,
        Kind::Product => &rows::PRODUCTS,
        Kind::Price => &rows::PRICES,
        Kind::Subscription => &rows::SUBSCRIPTIONS,
        Kind::Invoice => &rows::INVOICES,
        Kind::Charge => &rows::CHARGES,
    };
    let bulk = if indexes_stay { &upserts.indexes_stay } else { &upserts.whole };
    bulk.execute(tx, project.as_str(), writes, |query, write| bind(head(query, write), write.object)).await
}

fn head<'c>(query: Values<'c>, write: &Write<'_>) -> Values<'c> {
    let object = write.object;
    query
        .bind(&object.id)
        .bind(&object.stripe_id)
        .bind(object.created)
        .bind(write.version_at)
        .bind(write.synced_at)
        .bind(write.deleted_at)
        .bind(if write.deleted_at.is_some() { "deleted" } else { object.status.as_str() })
        .bind(&object.raw)
}

fn bind<'c>(query: Values<'c>, object: &Object) -> Values<'c> {
    match &object.columns {
        Columns::Customer(c) => query.bind(&c.name).bind(&c.email).bind(c.currency.as_deref()).bind(c.balance),
        Columns::Product(p) => query.bind(&p.name).bind(p.description.as_deref()).bind(p.default_price_id.as_deref()),
        Columns::Price(p) => query
            .bind(&p.product_id)
            .bind(p.nickname.as_deref())
            .bind(p.lookup_key.as_deref())
            .bind(&p.currency)
            .bind(p.unit_amount)
            .bind(p.interval.as_deref())
            .bind(p.interval_count)
            .bind(p.usage_type.as_deref())
            .bind(&p.billing_scheme),
        Columns::Subscription(s) => query
            .bind(&s.customer_id)
            .bind(&s.currency)
            .bind(s.amount)
            .bind(s.interval.as_deref())
            .bind(s.interval_count)
            .bind(s.items.first().map(|item| item.price_id.as_str()))
            .bind(s.items.first().and_then(|item| item.quantity))
            .bind(i64::try_from(s.items.len()).unwrap_or(i64::MAX))
            .bind(object.digest())
            .bind(s.current_period_start)
            .bind(s.current_period_end)
            .bind(s.cancel_at_period_end)
            .bind(s.cancel_at)
            .bind(s.canceled_at)
            .bind(s.ended_at)
            .bind(s.trial_end),
        Columns::Invoice(i) => query
            .bind(i.customer_id.as_deref())
            .bind(i.subscription_id.as_deref())
            .bind(&i.number)
            .bind(&i.customer_name)
            .bind(&i.customer_email)
            .bind(&i.currency)
            .bind(i.total)
            .bind(i.amount_due)
            .bind(i.amount_paid)
            .bind(i.amount_remaining)
            .bind(i.due_date)
            .bind(i.period_start)
            .bind(i.period_end)
            .bind(i.paid_at)
            .bind(i.attempt_count)
            .bind(i.next_payment_attempt),
        Columns::Charge(c) => query
            .bind(c.customer_id.as_deref())
            .bind(c.invoice_id.as_deref())
            .bind(c.payment_intent.as_deref())
            .bind(&c.currency)
            .bind(c.amount)
            .bind(c.amount_refunded)
            .bind(c.disputed)
            .bind(c.failure_message.as_deref())
            .bind(c.description.as_deref()),
    }
}
