//! Subscriptions, invoices and charges as rows: the same on their own lists and on the pages of what they belong to.

use std::collections::HashMap;

use super::show::{self, Amount};
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::money::grouped;
use crate::domain::price;
use crate::store::charges::Charge;
use crate::store::invoices::Invoice;
use crate::store::subscriptions::Subscription;
use crate::store::{customers, prices};
use crate::web::error::Result;

/// A subscription.
pub struct SubscriptionRow {
    /// As stored.
    pub subscription: Subscription,
    /// What the customer is called.
    pub customer: String,
    /// `Scale × 3 +1`
    pub plan: String,
    /// Per period, for the licensed items.
    pub amount: Amount,
    /// `per month`
    pub period: String,
}

/// Adds to subscriptions what their customers and plans are called: two queries for all of them.
pub async fn subscriptions(tx: &mut Tx, project: &ProjectId, found: Vec<Subscription>) -> Result<Vec<SubscriptionRow>> {
    let customers = names(tx, project, found.iter().map(|row| row.customer_id.as_str())).await?;
    let prices = prices::names(tx, project, found.iter().filter_map(|row| row.price_id.as_deref())).await?;
    let plans: HashMap<_, _> = prices.into_iter().map(|name| (name.id.clone(), plan_name(&name))).collect();
    let row = |subscription: Subscription| SubscriptionRow {
        customer: customers.get(&subscription.customer_id).cloned().unwrap_or_default(),
        plan: plan(&subscription, &plans),
        amount: show::amount(subscription.amount, &subscription.currency),
        period: price::period(subscription.recurring_interval.as_deref(), subscription.recurring_count)
            .unwrap_or_default(),
        subscription,
    };
    Ok(found.into_iter().map(row).collect())
}

/// What some customers are called, by our id.
pub async fn names<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, String>> {
    let mut ids: Vec<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let names = customers::names(tx, project, ids).await?;
    let called = |name: &customers::Name| show::called(&name.name, &name.email, &name.stripe_id).to_owned();
    Ok(names.into_iter().map(|name| (name.id.clone(), called(&name))).collect())
}

/// The product and the nickname of the price, unless one says it all.
fn plan_name(name: &prices::Name) -> String {
    match (&name.nickname, name.product_name.as_str()) {
        (Some(nickname), product) if nickname.starts_with(product) => nickname.clone(),
        (Some(nickname), product) => format!("{product} · {nickname}"),
        (None, product) => product.to_owned(),
    }
}

fn plan(subscription: &Subscription, names: &HashMap<String, String>) -> String {
    let name = subscription.price_id.as_ref().and_then(|price| names.get(price)).map_or("", String::as_str);
    let mut plan = if name.is_empty() { "Subscription".to_owned() } else { name.to_owned() };
    if let Some(quantity) = subscription.quantity.filter(|quantity| *quantity != 1) {
        plan = format!("{plan} × {}", grouped(quantity));
    }
    if subscription.item_count > 1 {
        plan = format!("{plan} +{}", subscription.item_count - 1);
    }
    plan
}

/// An invoice.
pub struct InvoiceRow {
    /// As stored.
    pub invoice: Invoice,
    /// The total.
    pub total: Amount,
    /// What is still to be paid, when that is not the total or nothing.
    pub remaining: Option<Amount>,
    /// Open, and its due date has passed.
    pub overdue: bool,
}

impl InvoiceRow {
    /// The number, or what stands for it while there is none.
    pub fn number(&self) -> &str {
        if self.invoice.number.is_empty() { "No number yet" } else { &self.invoice.number }
    }

    /// What the customer is called on the invoice.
    pub fn customer(&self) -> &str {
        show::called(&self.invoice.customer_name, &self.invoice.customer_email, "")
    }
}

/// Makes rows, seen from `now` (unix seconds).
pub fn invoices(found: Vec<Invoice>, now: i64) -> Vec<InvoiceRow> {
    let row = |invoice: Invoice| InvoiceRow {
        total: show::amount(invoice.total, &invoice.currency),
        remaining: (invoice.status == "open" && invoice.amount_remaining != invoice.total)
            .then(|| show::amount(invoice.amount_remaining, &invoice.currency)),
        overdue: invoice.is_overdue(now),
        invoice,
    };
    found.into_iter().map(row).collect()
}

/// A charge.
pub struct ChargeRow {
    /// As stored.
    pub charge: Charge,
    /// What was asked for.
    pub amount: Amount,
    /// What was given back, if anything.
    pub refunded: Option<Amount>,
}

impl ChargeRow {
    /// Whether money of it can be given back.
    pub fn is_refundable(&self) -> bool {
        self.charge.status == "succeeded" && self.charge.amount_refunded < self.charge.amount
    }
}

/// Makes rows.
pub fn charges(found: Vec<Charge>) -> Vec<ChargeRow> {
    let row = |charge: Charge| ChargeRow {
        amount: show::amount(charge.amount, &charge.currency),
        refunded: (charge.amount_refunded > 0).then(|| show::amount(charge.amount_refunded, &charge.currency)),
        charge,
    };
    found.into_iter().map(row).collect()
}
