//! Charges.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::customers::Customer;
use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{self, Customers, Metadata, Reference, fields, path_id, stripe_object};
use super::parameters::Asked;
use crate::domain::kind::Kind;
use crate::domain::objects::lenient;
use crate::store::charges::{self, Detail};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// One attempt to take money.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Charge {
    /// Our id; the same after a new import.
    #[schema(example = "pch_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `charge`.
    #[schema(example = "charge")]
    object: &'static str,
    /// Stripe's id.
    #[schema(example = "ch_3MmlLrLkdIwHu7ix0snN0B15")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moved.
    livemode: bool,
    /// `succeeded`, `pending` or `failed`.
    #[schema(example = "succeeded")]
    status: String,
    /// The customer; whole with `expand[]=customer`.
    #[schema(schema_with = objects::customer_or_none)]
    customer: Option<Reference<Customer>>,
    /// Our id of the invoice, where Stripe says it.
    invoice: Option<String>,
    /// Stripe's id of the payment intent.
    payment_intent: Option<String>,
    /// Lower-case ISO code.
    #[schema(example = "usd")]
    currency: String,
    /// In minor units.
    amount: i64,
    /// In minor units.
    amount_refunded: i64,
    /// Whether the cardholder contests it.
    disputed: bool,
    /// Why it failed, in Stripe's words.
    failure_message: Option<String>,
    /// The tenant's own words.
    description: Option<String>,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
    /// The moment for which this state is proven, in unix seconds.
    synced_at: i64,
    /// The object as Stripe sent it; with `expand[]=stripe_object`.
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
    metadata: Metadata,
}

impl Charge {
    fn new(row: Detail, customers: &Customers, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        let charge = row.charge;
        Self {
            object: "charge",
            stripe_object: stripe_object(asked, &row.raw),
            id: charge.id,
            stripe_id: charge.stripe_id,
            created: charge.created,
            livemode: fields.livemode,
            status: charge.status,
            customer: row.customer_id.map(|id| customers.reference(id)),
            invoice: charge.invoice_id,
            payment_intent: charge.payment_intent,
            currency: charge.currency,
            amount: charge.amount,
            amount_refunded: charge.amount_refunded,
            disputed: charge.disputed,
            failure_message: charge.failure_message,
            description: charge.description,
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

fn customer_ids(rows: &[Detail]) -> impl Iterator<Item = &str> {
    rows.iter().filter_map(|row| row.customer_id.as_deref())
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Charge>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let filter = listing::filter(&asked, project);
    let slice = listing::slice(&mut tx, project, Kind::Charge, &asked).await?;
    let part = charges::list_whole(&mut tx, project, &filter, &slice).await?;
    let customers = Customers::load(&mut tx, project, &asked, customer_ids(&part.rows)).await?;
    Ok(listing::answer(part, |row| Charge::new(row, &customers, &asked)))
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Charge>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let id = Kind::Charge.resolve_id(project, &path_id(id)?);
    let row = charges::find(&mut tx, project, &id).await?.ok_or(Error::NotFound)?;
    let customers = Customers::load(&mut tx, project, &asked, customer_ids(std::slice::from_ref(&row))).await?;
    Ok(Json(Charge::new(row, &customers, &asked)))
}
