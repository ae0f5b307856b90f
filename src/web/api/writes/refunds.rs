//! Money to be given back.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, answered, refused};
use crate::domain::drafts::RefundDraft;
use crate::web::api::guard::Caller;
use crate::web::api::objects::Metadata;
use crate::web::api::parameters::Asked;
use crate::web::api::refunds::Refund;
use crate::web::api::sent::Sent;
use crate::web::error::{Error, Result};

/// Money to be given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// The charge, by either id.
    #[schema(min_length = 1, max_length = 255)]
    charge: String,
    /// In minor units; all that is left when it is left out.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// `requested_by_customer`, `duplicate` or `fraudulent`.
    reason: Option<String>,
    /// Keys and values.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewRefund>,
) -> Result<Response> {
    let draft = RefundDraft { amount: sent.amount, reason: sent.reason, metadata: sent.metadata.into() };
    let outcome = caller.scope().refund_charge(&nonce, &sent.charge, &draft).await;
    let outcome = outcome.map_err(|error| match refused(error) {
        Error::NotFound => Error::invalid("charge", "There is no such charge in this project."),
        other => other,
    })?;
    Ok(answered(outcome, |raw| Refund::new(raw, caller.project())))
}
