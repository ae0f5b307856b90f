//! Reads of the mirrored invoices.

use super::list::{self, Filter, Listed, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// An invoice in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Invoice {
    /// Our id.
    pub id: String,
    /// Stripe's `in_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `draft`, `open`, `paid`, `uncollectible`, `void` or `deleted`.
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
    pub amount_remaining: i64,
    /// Unix seconds.
    pub due_date: Option<i64>,
    /// How often payment was tried.
    pub attempt_count: i64,
}

impl Invoice {
    /// Whether it is open and its due date has passed.
    pub fn is_overdue(&self, now: i64) -> bool {
        self.status == "open" && self.due_date.is_some_and(|due| due < now)
    }
}

/// Everything known about an invoice.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// The columns of the list.
    #[sqlx(flatten)]
    pub invoice: Invoice,
    /// Minor units.
    pub amount_due: i64,
    /// Minor units.
    pub amount_paid: i64,
    /// Unix seconds.
    pub period_start: Option<i64>,
    /// Unix seconds.
    pub period_end: Option<i64>,
    /// Unix seconds.
    pub paid_at: Option<i64>,
    /// Unix seconds.
    pub next_payment_attempt: Option<i64>,
    /// Unix seconds: when the deletion became known.
    pub deleted_at: Option<i64>,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

impl Listed for Invoice {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

impl Listed for Detail {
    fn id(&self) -> &str {
        &self.invoice.id
    }
    fn created(&self) -> i64 {
        self.invoice.created
    }
}

/// One part of the invoices.
pub async fn list(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Invoice>> {
    let select = "SELECT id, stripe_id, created, status, customer_id, subscription_id, number, customer_name, customer_email, \
                  currency, total, amount_remaining, due_date, attempt_count \
                  FROM invoices WHERE tenant_id = $1 AND project_id = $2";
    list::part(tx, select, project, filter, slice).await
}

/// One part of the invoices, with everything known about each.
pub async fn list_whole(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Detail>> {
    list::part(tx, WHOLE, project, filter, slice).await
}

const WHOLE: &str = "SELECT id, stripe_id, created, status, customer_id, subscription_id, number, customer_name, customer_email, \
    currency, total, amount_remaining, due_date, attempt_count, amount_due, amount_paid, period_start, period_end, \
    paid_at, next_payment_attempt, deleted_at, version_at, raw \
    FROM invoices WHERE tenant_id = $1 AND project_id = $2";

/// One invoice by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// Our id and the JSON of some invoices.
pub async fn raws<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, String)>> {
    tx.query("SELECT id, raw FROM invoices WHERE tenant_id = $1 AND project_id = $2 AND id")
        .bind(project)
        .push_in(ids)
        .fetch_all()
        .await
}

/// The ids of invoices whose number begins with `prefix`, `limit` at most.
pub async fn with_number_prefix(tx: &mut Tx, project: &ProjectId, prefix: &str, limit: i64) -> Result<Vec<String>> {
    let end = format!("{prefix}\u{10ffff}");
    tx.query(
        "SELECT id FROM invoices WHERE tenant_id = $1 AND project_id = $2 AND number >= $3 AND number < $4 \
         ORDER BY number LIMIT $5",
    )
    .bind(project)
    .bind(prefix)
    .bind(end)
    .bind(limit)
    .fetch_values()
    .await
}
