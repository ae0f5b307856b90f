//! Reads of the mirrored prices.

use super::list::{self, Filter, Listed, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A price with what its product is called.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Price {
    /// Our id.
    pub id: String,
    /// Stripe's `price_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `active`, `archived` or `deleted`.
    pub status: String,
    /// Our id of the product.
    pub product_id: String,
    /// Empty while the product is not known.
    pub product_name: String,
    /// The product as Stripe sent it; empty while it is not known.
    pub product_raw: String,
    /// For staff.
    pub nickname: Option<String>,
    /// The tenant's own name for the price.
    pub lookup_key: Option<String>,
    /// Lower-case ISO code.
    pub currency: String,
    /// As Stripe sent it.
    pub raw: String,
}

/// Everything known about a price itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// Our id.
    pub id: String,
    /// Stripe's `price_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `active`, `archived` or `deleted`.
    pub status: String,
    /// Our id of the product.
    pub product_id: String,
    /// For staff.
    pub nickname: Option<String>,
    /// The tenant's own name for the price.
    pub lookup_key: Option<String>,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units; none where it has tiers or is finer than the minor unit.
    pub unit_amount: Option<i64>,
    /// `day`, `week`, `month`, `year`; none when it is paid once.
    pub recurring_interval: Option<String>,
    /// Every how many intervals.
    pub recurring_count: Option<i64>,
    /// `licensed` or `metered`.
    pub usage_type: Option<String>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

impl Listed for Detail {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

const WHOLE: &str = "SELECT id, stripe_id, created, status, product_id, nickname, lookup_key, currency, unit_amount, \
    recurring_interval, recurring_count, usage_type, billing_scheme, version_at, raw \
    FROM prices WHERE tenant_id = $1 AND project_id = $2";

/// What a price is called: its product and its nickname.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Name {
    /// Our id.
    pub id: String,
    /// Our id of the product.
    pub product_id: String,
    /// Empty while the product is not known.
    pub product_name: String,
    /// For staff.
    pub nickname: Option<String>,
}

const WITH_PRODUCT: &str = "SELECT p.id, p.stripe_id, p.created, p.status, p.product_id, COALESCE(o.name, '') AS product_name, \
    COALESCE(o.raw, '') AS product_raw, p.nickname, p.lookup_key, p.currency, p.raw \
    FROM prices p LEFT JOIN products o ON o.tenant_id = p.tenant_id AND o.project_id = p.project_id AND o.id = p.product_id \
    WHERE p.tenant_id = $1 AND p.project_id = $2";

/// One part of the prices.
pub async fn list(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Detail>> {
    list::part(tx, WHOLE, project, filter, slice).await
}

/// One price by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// Some prices by our ids.
pub async fn find_all<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Price>> {
    tx.query(WITH_PRODUCT).bind(project).push(" AND p.id").push_in(ids).fetch_all().await
}

/// The prices of some products, newest first, `limit` at most.
pub async fn of_products<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    products: impl IntoIterator<Item = &'a str>,
    limit: i64,
) -> Result<Vec<Price>> {
    tx.query(WITH_PRODUCT)
        .bind(project)
        .push(" AND p.product_id")
        .push_in(products)
        .push(" ORDER BY p.created DESC, p.id DESC LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// The prices that can be bought at, by product, `limit` at most. `recurring`: only those paid again and again, or only those
/// paid once.
pub async fn active(tx: &mut Tx, project: &ProjectId, recurring: Option<bool>, limit: i64) -> Result<Vec<Price>> {
    let kind = match recurring {
        Some(true) => " AND p.recurring_interval IS NOT NULL",
        Some(false) => " AND p.recurring_interval IS NULL",
        None => "",
    };
    tx.query(WITH_PRODUCT)
        .bind(project)
        .push(" AND p.status = 'active'")
        .push(kind)
        .push(" ORDER BY o.name, p.created DESC, p.id DESC LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// What some prices are called.
pub async fn names<'a>(tx: &mut Tx, project: &ProjectId, ids: impl IntoIterator<Item = &'a str>) -> Result<Vec<Name>> {
    tx.query(
        "SELECT p.id, p.product_id, COALESCE(o.name, '') AS product_name, p.nickname \
         FROM prices p LEFT JOIN products o ON o.tenant_id = p.tenant_id AND o.project_id = p.project_id AND o.id = p.product_id \
         WHERE p.tenant_id = $1 AND p.project_id = $2 AND p.id",
    )
    .bind(project)
    .push_in(ids)
    .fetch_all()
    .await
}

/// The product of a price, both by our ids.
pub async fn product_of(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<String>> {
    tx.query("SELECT product_id FROM prices WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(id)
        .fetch_optional_value()
        .await
}
