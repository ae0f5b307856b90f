//! The customer's subscriptions, in the words of somebody who pays for them.

use super::guest::Guest;
use crate::db::Tx;
use crate::domain::portal::Permit;
use crate::domain::raw::Raw;
use crate::domain::time;
use crate::store::list::{Filter, Slice};
use crate::store::outbox;
use crate::store::subscriptions::{self, Subscription};
use crate::web::error::{Error, Result};
use crate::web::items::{self, ItemRow};

/// Subscriptions that are looked at; nobody has more that go on.
const MOST: usize = 50;

/// A subscription as its customer sees it.
pub struct Plan {
    /// Our id. Never leaves the server.
    pub id: String,
    /// Where its pages begin.
    pub path: String,
    /// What is subscribed to.
    pub items: Vec<ItemRow>,
    /// Stripe's word.
    pub status: String,
    /// What comes next, in a sentence.
    pub next: Option<String>,
    /// When the period ends, in words.
    pub period_end: Option<String>,
    /// Whether the customer may cancel it.
    pub may_cancel: bool,
    /// Whether the customer may take a cancellation back.
    pub may_keep: bool,
    /// Whether a change waits for its confirmation.
    pub pending: bool,
}

impl Plan {
    /// The names of the products.
    pub fn name(&self) -> String {
        let names: Vec<&str> =
            self.items.iter().map(|item| item.product.as_str()).filter(|name| !name.is_empty()).collect();
        if names.is_empty() { "Subscription".to_owned() } else { names.join(", ") }
    }
}

/// The subscriptions that go on; where none does, the last one that ended.
pub async fn of(tx: &mut Tx, guest: &Guest) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for subscription in own(tx, guest).await? {
        plans.push(plan(tx, guest, subscription).await?);
    }
    Ok(plans)
}

/// One of them by its handle.
pub async fn find(tx: &mut Tx, guest: &Guest, handle: &str) -> Result<Plan> {
    let own = own(tx, guest).await?;
    let subscription = guest.pick(handle, own, |subscription| &subscription.id)?;
    plan(tx, guest, subscription).await
}

async fn own(tx: &mut Tx, guest: &Guest) -> Result<Vec<Subscription>> {
    let mine = Filter { customers: Some(vec![guest.visit.customer.customer.id.clone()]), ..Filter::default() };
    let all = subscriptions::list(tx, &guest.visit.project, &mine, &Slice::newest(MOST)).await?.rows;
    let (over, current): (Vec<_>, Vec<_>) = all.into_iter().partition(Subscription::is_over);
    let last = over.into_iter().find(|subscription| subscription.status == "canceled");
    Ok(if current.is_empty() { last.into_iter().collect() } else { current })
}

async fn plan(tx: &mut Tx, guest: &Guest, subscription: Subscription) -> Result<Plan> {
    let project = &guest.visit.project;
    let detail = subscriptions::find(tx, project, &subscription.id).await?.ok_or(Error::NotFound)?;
    let may_change = guest.may(Permit::Cancel) && !subscription.is_over();
    let runs = matches!(subscription.status.as_str(), "active" | "trialing" | "past_due");
    Ok(Plan {
        path: format!("/portal/plans/{}", guest.handle(&subscription.id)),
        items: items::of(tx, project, &Raw::parse(&detail.raw)).await?,
        next: next(&subscription),
        period_end: subscription.current_period_end.map(time::day),
        may_cancel: may_change && runs && subscription.ends_at().is_none(),
        may_keep: may_change && subscription.cancel_at_period_end,
        pending: outbox::is_waiting_for(tx, project, &subscription.stripe_id).await?,
        status: subscription.status,
        id: subscription.id,
    })
}

/// What happens to it next.
fn next(subscription: &Subscription) -> Option<String> {
    if let Some(at) = subscription.ended_at {
        return Some(format!("It ended on {}.", time::day(at)));
    }
    if let Some(at) = subscription.ends_at() {
        return Some(format!("It ends on {} and does not renew.", time::day(at)));
    }
    if let Some(at) = subscription.trial_until() {
        return Some(format!("The free trial ends on {}; it is paid from then on.", time::day(at)));
    }
    subscription.renews_at().map(|at| format!("It renews on {}.", time::day(at)))
}
