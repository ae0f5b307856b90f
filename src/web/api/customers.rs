//! Customers.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{Address, Metadata, fields, given, path_id, stripe_object};
use super::parameters::Asked;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::objects::lenient;
use crate::store::customers::{self, Detail};
use crate::store::search;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// Matches of a search at most.
const MATCHES: i64 = 200;

/// Somebody who buys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Customer {
    /// Our id; the same after a new import.
    #[schema(example = "pc_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `customer`.
    #[schema(example = "customer")]
    object: &'static str,
    /// Stripe's id.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// `active`, `delinquent` or `deleted`.
    #[schema(example = "active")]
    status: String,
    /// What the customer is called.
    name: Option<String>,
    /// Where mail goes.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Where calls go.
    phone: Option<String>,
    /// The tenant's own words.
    description: Option<String>,
    /// The billing address.
    address: Option<Address>,
    /// Lower-case ISO code; none before the first charge.
    #[schema(example = "usd")]
    currency: Option<String>,
    /// In minor units; negative is credit for the customer.
    balance: i64,
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
    phone: Option<String>,
    #[serde(deserialize_with = "lenient")]
    description: Option<String>,
    #[serde(deserialize_with = "lenient")]
    address: Option<Address>,
    #[serde(deserialize_with = "lenient")]
    metadata: Metadata,
}

impl Customer {
    /// A row as the API shows it.
    pub(super) fn new(row: Detail, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        Self {
            object: "customer",
            stripe_object: stripe_object(asked, &row.raw),
            id: row.customer.id,
            stripe_id: row.customer.stripe_id,
            created: row.customer.created,
            livemode: fields.livemode,
            status: row.customer.status,
            name: given(row.customer.name),
            email: given(row.customer.email),
            phone: fields.phone,
            description: fields.description,
            address: fields.address,
            currency: row.customer.currency,
            balance: row.customer.balance,
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Customer>>> {
    let mut tx = caller.read().await?;
    let project = caller.project();
    let mut filter = listing::filter(&asked, project);
    if let Some(email) = asked.text("email") {
        filter.ids = Some(customers::with_email(&mut tx, project, email, MATCHES).await?);
    }
    if let Some(q) = asked.text("q") {
        let found = matches(&mut tx, project, q).await?;
        filter.ids = Some(match filter.ids {
            Some(ids) => ids.into_iter().filter(|id| found.contains(id)).collect(),
            None => found,
        });
    }
    let slice = listing::slice(&mut tx, project, Kind::Customer, &asked).await?;
    let part = customers::list_whole(&mut tx, project, &filter, &slice).await?;
    Ok(listing::answer(part, |row| Customer::new(row, &asked)))
}

/// The customers that contain every word; a text too short for that finds e-mail addresses that begin with it.
async fn matches(tx: &mut Tx, project: &ProjectId, q: &str) -> Result<Vec<String>> {
    let words = search::words(q);
    Ok(if words.is_empty() {
        customers::with_email_prefix(tx, project, q, MATCHES).await?
    } else {
        search::ids(tx, project, Kind::Customer, &words, MATCHES).await?
    })
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Customer>> {
    let id = Kind::Customer.resolve_id(caller.project(), &path_id(id)?);
    one(&caller, &asked, &id).await
}

/// One customer by our id.
pub(super) async fn one(caller: &Caller, asked: &Asked, id: &str) -> Result<Json<Customer>> {
    let mut tx = caller.read().await?;
    let row = customers::find(&mut tx, caller.project(), id).await?.ok_or(Error::NotFound)?;
    Ok(Json(Customer::new(row, asked)))
}
