//! Reads of the mirrored subscriptions and their items.

use super::list::{self, Filter, Listed, OfPrice, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A subscription in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Subscription {
    /// Our id.
    pub id: String,
    /// Stripe's `sub_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// Stripe's word.
    pub status: String,
    /// Our id of the customer.
    pub customer_id: String,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units per period of the first item; licensed items only.
    pub amount: i64,
    /// `day`, `week`, `month`, `year`.
    pub recurring_interval: Option<String>,
    /// Every how many intervals.
    pub recurring_count: Option<i64>,
    /// Our id of the first item's price.
    pub price_id: Option<String>,
    /// Of the first item; none when metered.
    pub quantity: Option<i64>,
    /// How many items it has.
    pub item_count: i64,
    /// Unix seconds.
    pub current_period_end: Option<i64>,
    /// Ends when the period does.
    pub cancel_at_period_end: bool,
    /// Unix seconds at which it will end.
    pub cancel_at: Option<i64>,
    /// Unix seconds at which it ended.
    pub ended_at: Option<i64>,
    /// Unix seconds.
    pub trial_end: Option<i64>,
}

impl Subscription {
    /// Whether it goes on without anybody doing anything.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "canceled" | "incomplete_expired" | "deleted")
    }

    /// Whether it goes on and ends at a known time (unix seconds).
    pub fn ends_at(&self) -> Option<i64> {
        if self.is_over() {
            return None;
        }
        self.cancel_at.or(self.current_period_end.filter(|_| self.cancel_at_period_end))
    }

    /// When the trial ends (unix seconds), while it runs.
    pub fn trial_until(&self) -> Option<i64> {
        self.trial_end.filter(|_| self.status == "trialing")
    }

    /// When the next period begins (unix seconds), if one does.
    pub fn renews_at(&self) -> Option<i64> {
        let goes_on = matches!(self.status.as_str(), "active" | "past_due") && self.ends_at().is_none();
        self.current_period_end.filter(|_| goes_on)
    }
}

/// Everything known about a subscription.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// The columns of the list.
    #[sqlx(flatten)]
    pub subscription: Subscription,
    /// Unix seconds.
    pub current_period_start: Option<i64>,
    /// Unix seconds at which the end was asked for.
    pub canceled_at: Option<i64>,
    /// Unix seconds: when the deletion became known.
    pub deleted_at: Option<i64>,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

/// One item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Item {
    /// Stripe's `si_…`.
    pub stripe_id: String,
    /// Our id of the price.
    pub price_id: String,
    /// Our id of the product.
    pub product_id: String,
    /// None when metered.
    pub quantity: Option<i64>,
}

impl Listed for Subscription {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

impl Listed for Detail {
    fn id(&self) -> &str {
        &self.subscription.id
    }
    fn created(&self) -> i64 {
        self.subscription.created
    }
}

/// One part of the subscriptions.
pub async fn list(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Subscription>> {
    let select = "SELECT id, stripe_id, created, status, customer_id, currency, amount, recurring_interval, recurring_count, \
                  price_id, quantity, item_count, current_period_end, cancel_at_period_end, cancel_at, ended_at, trial_end \
                  FROM subscriptions WHERE tenant_id = $1 AND project_id = $2";
    list::part(tx, select, project, filter, slice).await
}

/// The subscriptions that go on, of some customers, newest first, `limit` at most.
pub async fn current_of<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    customers: impl IntoIterator<Item = &'a str>,
    limit: i64,
) -> Result<Vec<Subscription>> {
    let customers: Vec<&str> = customers.into_iter().collect();
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    tx.query(
        "SELECT id, stripe_id, created, status, customer_id, currency, amount, recurring_interval, recurring_count, \
         price_id, quantity, item_count, current_period_end, cancel_at_period_end, cancel_at, ended_at, trial_end \
         FROM subscriptions WHERE tenant_id = $1 AND project_id = $2 \
         AND status NOT IN ('canceled', 'incomplete_expired', 'deleted') AND customer_id",
    )
    .bind(project)
    .push_in(customers)
    .push(" ORDER BY created DESC, id DESC LIMIT ")
    .push_bind(limit)
    .fetch_all()
    .await
}

/// One part of the subscriptions, with everything known about each.
pub async fn list_whole(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Detail>> {
    list::part(tx, WHOLE, project, filter, slice).await
}

const WHOLE: &str = "SELECT id, stripe_id, created, status, customer_id, currency, amount, recurring_interval, recurring_count, \
    price_id, quantity, item_count, current_period_end, cancel_at_period_end, cancel_at, ended_at, trial_end, \
    current_period_start, canceled_at, deleted_at, version_at, raw \
    FROM subscriptions WHERE tenant_id = $1 AND project_id = $2";

/// One subscription by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// The items of a subscription.
pub async fn items(tx: &mut Tx, project: &ProjectId, subscription: &str) -> Result<Vec<Item>> {
    tx.query(
        "SELECT stripe_id, price_id, product_id, quantity FROM subscription_items \
         WHERE tenant_id = $1 AND project_id = $2 AND subscription_id = $3 ORDER BY stripe_id",
    )
    .bind(project)
    .bind(subscription)
    .fetch_all()
    .await
}

/// An item and the subscription it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ItemOf {
    /// Our id of the subscription.
    pub subscription_id: String,
    /// The item.
    #[sqlx(flatten)]
    pub item: Item,
}

/// The items of some subscriptions.
pub async fn items_of<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    subscriptions: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<ItemOf>> {
    tx.query(
        "SELECT subscription_id, stripe_id, price_id, product_id, quantity FROM subscription_items \
         WHERE tenant_id = $1 AND project_id = $2 AND subscription_id",
    )
    .bind(project)
    .push_in(subscriptions)
    .push(" ORDER BY stripe_id")
    .fetch_all()
    .await
}

/// The condition that finds the subscriptions with a price (our id).
pub async fn with_price(tx: &mut Tx, project: &ProjectId, price: String) -> Result<OfPrice> {
    const FEW: i64 = 2_000;
    let n: i64 = tx
        .query(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM subscription_items \
             WHERE tenant_id = $1 AND project_id = $2 AND price_id = $3 LIMIT $4) AS counted",
        )
        .bind(project)
        .bind(price.as_str())
        .bind(FEW)
        .fetch_value()
        .await?;
    Ok(if n < FEW { OfPrice::Rare(price) } else { OfPrice::Common(price) })
}
