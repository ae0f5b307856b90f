//! Products.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{Metadata, fields, path_id, stripe_object};
use super::parameters::Asked;
use crate::domain::kind::Kind;
use crate::domain::objects::lenient;
use crate::store::products::{self, Detail};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// Something that is sold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Product {
    /// Our id; the same after a new import.
    #[schema(example = "pp_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `product`.
    #[schema(example = "product")]
    object: &'static str,
    /// Stripe's id, or the one that the tenant chose.
    #[schema(example = "prod_NWjs8kKbJWmuuc")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// `active`, `archived` or `deleted`.
    #[schema(example = "active")]
    status: String,
    /// What customers see.
    name: String,
    /// What customers see, longer.
    description: Option<String>,
    /// What one unit is called, such as `seat`.
    unit_label: Option<String>,
    /// Our id of the price that is used when none is named.
    default_price: Option<String>,
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
    unit_label: Option<String>,
    #[serde(deserialize_with = "lenient")]
    metadata: Metadata,
}

impl Product {
    /// A row as the API shows it.
    pub(super) fn new(row: Detail, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        Self {
            object: "product",
            stripe_object: stripe_object(asked, &row.raw),
            id: row.product.id,
            stripe_id: row.product.stripe_id,
            created: row.product.created,
            livemode: fields.livemode,
            status: row.product.status,
            name: row.product.name,
            description: row.product.description,
            unit_label: fields.unit_label,
            default_price: row.product.default_price_id,
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Product>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let filter = listing::filter(&asked, project);
    let slice = listing::slice(&mut tx, project, Kind::Product, &asked).await?;
    let part = products::list_whole(&mut tx, project, &filter, &slice).await?;
    Ok(listing::answer(part, |row| Product::new(row, &asked)))
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Product>> {
    let id = Kind::Product.resolve_id(caller.project(), &path_id(id)?);
    one(&caller, &asked, &id).await
}

/// One product by our id.
pub(super) async fn one(caller: &Caller, asked: &Asked, id: &str) -> Result<Json<Product>> {
    let mut tx = caller.read().await?;
    let row = products::find(&mut tx, caller.project(), id).await?.ok_or(Error::NotFound)?;
    Ok(Json(Product::new(row, asked)))
}
