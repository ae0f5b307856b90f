//! Invoices.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::customers::Customer;
use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{self, Customers, Metadata, Reference, fields, given, path_id, stripe_object};
use super::parameters::Asked;
use crate::domain::kind::Kind;
use crate::domain::objects::lenient;
use crate::store::invoices::{self, Detail};
use crate::store::list;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// Matches of a number at most.
const MATCHES: i64 = 200;

/// What a customer owes for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invoice {
    /// Our id; the same after a new import.
    #[schema(example = "pin_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `invoice`.
    #[schema(example = "invoice")]
    object: &'static str,
    /// Stripe's id.
    #[schema(example = "in_1MtHbELkdIwHu7ixl4OzzPMv")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// `draft`, `open`, `paid`, `uncollectible`, `void` or `deleted`.
    #[schema(example = "paid")]
    status: String,
    /// The number on it; none until it is final.
    number: Option<String>,
    /// The customer; whole with `expand[]=customer`.
    #[schema(schema_with = objects::customer_or_none)]
    customer: Option<Reference<Customer>>,
    /// As printed on it.
    customer_name: Option<String>,
    /// As printed on it.
    customer_email: Option<String>,
    /// Our id of the subscription.
    subscription: Option<String>,
    /// Lower-case ISO code.
    #[schema(example = "usd")]
    currency: String,
    /// In minor units.
    total: i64,
    /// In minor units.
    amount_due: i64,
    /// In minor units.
    amount_paid: i64,
    /// In minor units.
    amount_remaining: i64,
    /// In unix seconds.
    due_date: Option<i64>,
    /// In unix seconds.
    period_start: Option<i64>,
    /// In unix seconds.
    period_end: Option<i64>,
    /// In unix seconds.
    paid_at: Option<i64>,
    /// How often payment was tried.
    attempt_count: i64,
    /// In unix seconds.
    next_payment_attempt: Option<i64>,
    /// Stripe's page on which the customer can pay it.
    hosted_invoice_url: Option<String>,
    /// The invoice as a PDF, at Stripe.
    #[serde(rename = "invoice_pdf")]
    pdf: Option<String>,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
    /// The moment for which this state is proven, in unix seconds.
    synced_at: i64,
    /// The object as Stripe sent it, lines included; with `expand[]=stripe_object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    stripe_object: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "lenient")]
    livemode: bool,
    #[serde(deserialize_with = "lenient")]
    hosted_invoice_url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    invoice_pdf: Option<String>,
    #[serde(deserialize_with = "lenient")]
    metadata: Metadata,
}

impl Invoice {
    fn new(row: Detail, customers: &Customers, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        let invoice = row.invoice;
        Self {
            object: "invoice",
            stripe_object: stripe_object(asked, &row.raw),
            id: invoice.id,
            stripe_id: invoice.stripe_id,
            created: invoice.created,
            livemode: fields.livemode,
            status: invoice.status,
            number: given(invoice.number),
            customer: invoice.customer_id.map(|id| customers.reference(id)),
            customer_name: given(invoice.customer_name),
            customer_email: given(invoice.customer_email),
            subscription: invoice.subscription_id,
            currency: invoice.currency,
            total: invoice.total,
            amount_due: row.amount_due,
            amount_paid: row.amount_paid,
            amount_remaining: invoice.amount_remaining,
            due_date: invoice.due_date,
            period_start: row.period_start,
            period_end: row.period_end,
            paid_at: row.paid_at,
            attempt_count: invoice.attempt_count,
            next_payment_attempt: row.next_payment_attempt,
            hosted_invoice_url: fields.hosted_invoice_url,
            pdf: fields.invoice_pdf,
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

fn customer_ids(rows: &[Detail]) -> impl Iterator<Item = &str> {
    rows.iter().filter_map(|row| row.invoice.customer_id.as_deref())
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Invoice>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let mut filter = listing::filter(&asked, project);
    if let Some(subscription) = asked.text("subscription") {
        filter.subscription = Some(Kind::Subscription.resolve_id(project, subscription));
        if filter.customers.is_none() {
            // the index of a customer's invoices carries the subscription's
            let owner = filter.subscription.as_deref().unwrap_or_default();
            filter.customers = Some(list::customer_of(&mut tx, project, owner).await?.into_iter().collect());
        }
    }
    if let Some(number) = asked.text("number") {
        filter.ids = Some(invoices::with_number_prefix(&mut tx, project, number, MATCHES).await?);
    }
    let slice = listing::slice(&mut tx, project, Kind::Invoice, &asked).await?;
    let part = invoices::list_whole(&mut tx, project, &filter, &slice).await?;
    let customers = Customers::load(&mut tx, project, &asked, customer_ids(&part.rows)).await?;
    Ok(listing::answer(part, |row| Invoice::new(row, &customers, &asked)))
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Invoice>> {
    let id = Kind::Invoice.resolve_id(caller.project(), &path_id(id)?);
    one(&caller, &asked, &id).await
}

/// One invoice by our id.
pub(super) async fn one(caller: &Caller, asked: &Asked, id: &str) -> Result<Json<Invoice>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let row = invoices::find(&mut tx, project, id).await?.ok_or(Error::NotFound)?;
    let customers = Customers::load(&mut tx, project, asked, customer_ids(std::slice::from_ref(&row))).await?;
    Ok(Json(Invoice::new(row, &customers, asked)))
}
