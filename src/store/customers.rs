//! Reads of the mirrored customers.

use super::list::{self, Filter, Listed, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A customer in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Customer {
    /// Our id.
    pub id: String,
    /// Stripe's `cus_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `active`, `delinquent` or `deleted`.
    pub status: String,
    /// May be empty.
    pub name: String,
    /// May be empty.
    pub email: String,
    /// Lower-case ISO code; none before the first charge.
    pub currency: Option<String>,
    /// Minor units: negative is credit for the customer.
    pub balance: i64,
}

/// Everything known about a customer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// The columns of the list.
    #[sqlx(flatten)]
    pub customer: Customer,
    /// Unix seconds: when the deletion became known.
    pub deleted_at: Option<i64>,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

/// How a customer is called on other pages.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Name {
    /// Our id.
    pub id: String,
    /// Stripe's `cus_…`.
    pub stripe_id: String,
    /// May be empty.
    pub name: String,
    /// May be empty.
    pub email: String,
}

impl Listed for Customer {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn email(&self) -> &str {
        &self.email
    }
}

impl Listed for Detail {
    fn id(&self) -> &str {
        &self.customer.id
    }
    fn created(&self) -> i64 {
        self.customer.created
    }
    fn email(&self) -> &str {
        &self.customer.email
    }
}

/// One part of the customers.
pub async fn list(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Customer>> {
    let select = "SELECT id, stripe_id, created, status, name, email, currency, balance FROM customers \
                  WHERE tenant_id = $1 AND project_id = $2";
    list::part(tx, select, project, filter, slice).await
}

/// One part of the customers, with everything known about each.
pub async fn list_whole(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Detail>> {
    list::part(tx, WHOLE, project, filter, slice).await
}

const WHOLE: &str = "SELECT id, stripe_id, created, status, name, email, currency, balance, deleted_at, version_at, raw \
    FROM customers WHERE tenant_id = $1 AND project_id = $2";

/// One customer by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// Some customers by our ids.
pub async fn find_all<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id").push_in(ids).fetch_all().await
}

/// The ids of customers with this e-mail address, `limit` at most.
pub async fn with_email(tx: &mut Tx, project: &ProjectId, email: &str, limit: i64) -> Result<Vec<String>> {
    tx.query("SELECT id FROM customers WHERE tenant_id = $1 AND project_id = $2 AND email = $3 ORDER BY id LIMIT $4")
        .bind(project)
        .bind(email)
        .bind(limit)
        .fetch_values()
        .await
}

/// The names of some customers.
pub async fn names<'a>(tx: &mut Tx, project: &ProjectId, ids: impl IntoIterator<Item = &'a str>) -> Result<Vec<Name>> {
    tx.query("SELECT id, stripe_id, name, email FROM customers WHERE tenant_id = $1 AND project_id = $2 AND id")
        .bind(project)
        .push_in(ids)
        .fetch_all()
        .await
}

/// The ids of customers whose e-mail address begins with `prefix`.
pub async fn with_email_prefix(tx: &mut Tx, project: &ProjectId, prefix: &str, limit: i64) -> Result<Vec<String>> {
    let end = format!("{prefix}\u{10ffff}");
    tx.query(
        "SELECT id FROM customers WHERE tenant_id = $1 AND project_id = $2 AND email >= $3 AND email < $4 \
         ORDER BY email, id LIMIT $5",
    )
    .bind(project)
    .bind(prefix)
    .bind(end)
    .bind(limit)
    .fetch_values()
    .await
}
