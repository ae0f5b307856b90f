//! Products: made, changed, archived.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, refused, shown};
use crate::billing::Outcome;
use crate::domain::drafts::ProductDraft;
use crate::web::api::guard::Caller;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::products;
use crate::web::api::sent::Sent;
use crate::web::error::Result;
use crate::web::extract::Path;

/// What a product is to be. A field that is left out stays as it is; an empty text removes it. A new one needs a name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductFields {
    /// What customers see.
    #[schema(max_length = 250)]
    name: Option<String>,
    /// What customers see, longer.
    #[schema(max_length = 5000)]
    description: Option<String>,
    /// What one unit is called, such as `seat`.
    #[schema(max_length = 12)]
    unit_label: Option<String>,
    /// What stands on the card statement.
    #[schema(max_length = 22)]
    statement_descriptor: Option<String>,
    /// Keys and values; an empty value removes the key.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

impl From<ProductFields> for ProductDraft {
    fn from(fields: ProductFields) -> Self {
        Self {
            name: fields.name,
            description: fields.description,
            unit_label: fields.unit_label,
            statement_descriptor: fields.statement_descriptor,
            metadata: fields.metadata.into(),
        }
    }
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(fields): Sent<ProductFields>,
) -> Result<Response> {
    let outcome = caller.scope().create_product(&nonce, &fields.into()).await.map_err(refused)?;
    answer(&caller, outcome).await
}

pub(crate) async fn update(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(fields): Sent<ProductFields>,
) -> Result<Response> {
    let outcome = caller.scope().update_product(&nonce, &path_id(id)?, &fields.into()).await.map_err(refused)?;
    answer(&caller, outcome).await
}

pub(crate) async fn archive(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, false).await
}

pub(crate) async fn unarchive(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, true).await
}

async fn set_active(caller: &Caller, once: &Once, id: Path<String>, active: bool) -> Result<Response> {
    let outcome = caller.scope().set_product_active(&once.0, &path_id(id)?, active).await.map_err(refused)?;
    answer(caller, outcome).await
}

async fn answer(caller: &Caller, outcome: Outcome) -> Result<Response> {
    shown(outcome, |id| async move { products::one(caller, &Asked::default(), &id).await }).await
}
