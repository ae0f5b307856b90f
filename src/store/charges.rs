//! Reads of the mirrored charges.

use super::list::{self, Filter, Listed, Part, Slice};
use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A charge: one attempt to take money.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Charge {
    /// Our id.
    pub id: String,
    /// Stripe's `ch_…` or `py_…`.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// Our id of the invoice; none in API versions from Basil on.
    pub invoice_id: Option<String>,
    /// Stripe's `pi_…`.
    pub payment_intent: Option<String>,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units.
    pub amount: i64,
    /// Minor units.
    pub amount_refunded: i64,
    /// Whether the cardholder contests it.
    pub disputed: bool,
    /// Why it failed, in Stripe's words.
    pub failure_message: Option<String>,
    /// In the tenant's words.
    pub description: Option<String>,
}

/// Everything known about a charge.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Detail {
    /// The columns that other pages show.
    #[sqlx(flatten)]
    pub charge: Charge,
    /// Our id of the customer.
    pub customer_id: Option<String>,
    /// Unix seconds: the state is proven for this moment.
    pub version_at: i64,
    /// As Stripe sent it.
    pub raw: String,
}

impl Listed for Detail {
    fn id(&self) -> &str {
        &self.charge.id
    }
    fn created(&self) -> i64 {
        self.charge.created
    }
}

const WHOLE: &str = "SELECT id, stripe_id, created, status, invoice_id, payment_intent, currency, amount, amount_refunded, \
    disputed, failure_message, description, customer_id, version_at, raw \
    FROM charges WHERE tenant_id = $1 AND project_id = $2";

/// One part of the charges.
pub async fn list_whole(tx: &mut Tx, project: &ProjectId, filter: &Filter, slice: &Slice) -> Result<Part<Detail>> {
    list::part(tx, WHOLE, project, filter, slice).await
}

/// One charge by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Detail>> {
    tx.query(WHOLE).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// The charges of a customer, newest first, `limit` at most.
pub async fn of_customer(tx: &mut Tx, project: &ProjectId, customer: &str, limit: i64) -> Result<Vec<Charge>> {
    tx.query(
        "SELECT id, stripe_id, created, status, invoice_id, payment_intent, currency, amount, amount_refunded, disputed, \
         failure_message, description FROM charges \
         WHERE tenant_id = $1 AND project_id = $2 AND customer_id = $3 ORDER BY created DESC, id DESC LIMIT $4",
    )
    .bind(project)
    .bind(customer)
    .bind(limit)
    .fetch_all()
    .await
}

/// The charges of one invoice, newest first: those that name it, and those of its payment intents, which is how charges
/// are tied to invoices from Basil on. Both are looked for among the customer's charges.
pub async fn of_invoice<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    customer: &str,
    invoice: &str,
    payment_intents: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Charge>> {
    tx.query(
        "SELECT id, stripe_id, created, status, invoice_id, payment_intent, currency, amount, amount_refunded, disputed, \
         failure_message, description FROM charges \
         WHERE tenant_id = $1 AND project_id = $2 AND customer_id = $3 AND (invoice_id = $4 OR payment_intent",
    )
    .bind(project)
    .bind(customer)
    .bind(invoice)
    .push_in(payment_intents)
    .push(") ORDER BY created DESC, id DESC LIMIT 50")
    .fetch_all()
    .await
}

/// The charges of a customer over an amount in a stretch of time (unix seconds, both ends inclusive), newest first: the
/// payments of an invoice where Stripe does not say which they are.
pub async fn that_fit(
    tx: &mut Tx,
    project: &ProjectId,
    customer: &str,
    (amount, currency): (i64, &str),
    (from, to): (i64, i64),
) -> Result<Vec<Charge>> {
    tx.query(
        "SELECT id, stripe_id, created, status, invoice_id, payment_intent, currency, amount, amount_refunded, disputed, \
         failure_message, description FROM charges \
         WHERE tenant_id = $1 AND project_id = $2 AND customer_id = $3 AND created >= $4 AND created <= $5 \
         AND amount = $6 AND currency = $7 AND invoice_id IS NULL ORDER BY created DESC, id DESC LIMIT 20",
    )
    .bind(project)
    .bind(customer)
    .bind(from)
    .bind(to)
    .bind(amount)
    .bind(currency)
    .fetch_all()
    .await
}

/// One charge by our id: whose it is.
pub async fn owner(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<(Option<String>, Option<String>)>> {
    tx.query("SELECT customer_id, invoice_id FROM charges WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(id)
        .fetch_optional()
        .await
}
