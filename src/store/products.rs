//! Reads of the mirrored products.

use super::list::{self, Filter, Listed, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A product in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Product {
    /// Our id.
    pub id: String,
    /// Stripe's `prod_…`, or what the tenant chose.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `active`, `archived` or `deleted`.
    pub status: String,
    /// What customers see.
    pub name: String,
    /// What customers see, longer.
    pub description: Option<String>,
    /// Our id of the default price.
    pub default_price_id: Option<String>,
}

/// Everything known about a product.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// The columns of the list.
    #[sqlx(flatten)]
    pub product: Product,
    /// Unix seconds: when the deletion became known.
    pub deleted_at: Option<i64>,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

impl Listed for Product {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

/// One part of the products.
pub async fn list(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Product>> {
    let select = "SELECT id, stripe_id, created, status, name, description, default_price_id FROM products \
                  WHERE tenant_id = $1 AND project_id = $2";
    list::part(tx, select, project, filter, slice).await
}

/// One product by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(
        "SELECT id, stripe_id, created, status, name, description, default_price_id, deleted_at, version_at, raw \
         FROM products WHERE tenant_id = $1 AND project_id = $2 AND id = $3",
    )
    .bind(project)
    .bind(id)
    .fetch_optional()
    .await
}
