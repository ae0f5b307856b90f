//! Customers: made and changed.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, refused, shown};
use crate::billing::Outcome;
use crate::domain::drafts::{AddressDraft, CustomerDraft};
use crate::web::api::customers;
use crate::web::api::guard::Caller;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::sent::Sent;
use crate::web::error::Result;
use crate::web::extract::Path;

/// What a customer is to be. A field that is left out stays as it is; an empty text removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerFields {
    /// Name of a person or business.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// Where invoices go.
    #[schema(max_length = 512)]
    email: Option<String>,
    /// With its country code, best.
    #[schema(max_length = 20)]
    phone: Option<String>,
    /// For staff.
    #[schema(max_length = 350)]
    description: Option<String>,
    /// Billing address, as a whole.
    address: Option<AddressFields>,
    /// `none`, `exempt` or `reverse`.
    tax_exempt: Option<String>,
    /// Languages, the preferred one first.
    preferred_locales: Option<Vec<String>>,
    /// Keys and values; an empty value removes the key.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

/// An address, as a whole: what is left out is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct AddressFields {
    /// Street and number.
    line1: String,
    /// Flat, floor.
    line2: String,
    /// Town.
    city: String,
    /// Postal code.
    postal_code: String,
    /// State, county, province.
    state: String,
    /// Two letters.
    country: String,
}

impl From<CustomerFields> for CustomerDraft {
    fn from(fields: CustomerFields) -> Self {
        Self {
            name: fields.name,
            email: fields.email,
            phone: fields.phone,
            description: fields.description,
            address: fields.address.map(|address| AddressDraft {
                line1: address.line1,
                line2: address.line2,
                city: address.city,
                postal_code: address.postal_code,
                state: address.state,
                country: address.country,
            }),
            tax_exempt: fields.tax_exempt,
            preferred_locales: fields.preferred_locales,
            metadata: fields.metadata.into(),
        }
    }
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(fields): Sent<CustomerFields>,
) -> Result<Response> {
    let outcome = caller.scope().create_customer(&nonce, &fields.into()).await.map_err(refused)?;
    answer(&caller, outcome).await
}

pub(crate) async fn update(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(fields): Sent<CustomerFields>,
) -> Result<Response> {
    let outcome = caller.scope().update_customer(&nonce, &path_id(id)?, &fields.into()).await.map_err(refused)?;
    answer(&caller, outcome).await
}

async fn answer(caller: &Caller, outcome: Outcome) -> Result<Response> {
    shown(outcome, |id| async move { customers::one(caller, &Asked::default(), &id).await }).await
}
