//! Money that is given back.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Once, done, refused};
use crate::domain::drafts::RefundDraft;
use crate::domain::kind::Kind;
use crate::web::api::guard::Caller;
use crate::web::api::objects::Metadata;
use crate::web::api::parameters::Asked;
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

/// Money that was given back, or is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refund {
    /// Stripe's id.
    #[schema(example = "re_1Nispe2eZvKYlo2Cd31jOCgZ")]
    stripe_id: String,
    /// Always `refund`.
    #[schema(example = "refund")]
    object: &'static str,
    /// Our id of the charge.
    charge: String,
    /// In minor units.
    amount: i64,
    /// Lower-case ISO code.
    currency: Option<String>,
    /// Stripe's word, such as `succeeded` or `pending`.
    status: Option<String>,
    /// Why.
    reason: Option<String>,
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
    let done = match done(outcome) {
        Ok(done) => done,
        Err(pending) => return Ok(*pending),
    };
    let raw = done.answer();
    let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
    Ok(Json(Refund {
        object: "refund",
        charge: Kind::Charge.resolve_id(caller.project(), &sent.charge),
        amount: raw.int("/amount").unwrap_or(0),
        currency: text("/currency"),
        status: text("/status"),
        reason: text("/reason"),
        stripe_id: done.stripe_id,
    })
    .into_response())
}
