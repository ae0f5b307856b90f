//! Writes at Stripe: what a program sends becomes a draft, a use case of `billing` carries it out, and the answer is the object as the
//! mirror holds it afterwards.

pub(super) mod checkout_sessions;
pub(super) mod coupons;
pub(super) mod customers;
pub(super) mod invoices;
pub(super) mod portal_links;
pub(super) mod prices;
pub(super) mod products;
pub(super) mod promotion_codes;
pub(super) mod refunds;
pub(super) mod subscriptions;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::idempotency::Attempt;
use crate::app::ConnectionError;
use crate::billing::error::{KEY_REJECTED, PERMISSION_MISSING};
use crate::billing::{self, Done, Nonce, Outcome};
use crate::domain::drafts::Flaw;
use crate::domain::raw::Raw;
use crate::web::error::{Error, Refusal, Result};

/// What makes a repeated request the same write: its `Idempotency-Key`, if it names one.
pub(super) struct Once(pub(super) Nonce);

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(parts.extensions.get::<Attempt>().map_or_else(Nonce::fresh, Attempt::nonce)))
    }
}

/// A write that Stripe has not answered. billfold goes on trying until it knows; the same request with the same
/// `Idempotency-Key` tells then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PendingWrite {
    /// Our id of the write.
    #[schema(example = "out_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `pending_write`.
    #[schema(example = "pending_write")]
    object: &'static str,
}

/// What was done, or the answer that says that nobody knows yet.
fn done(outcome: Outcome) -> Result<Done, Box<Response>> {
    match outcome {
        Outcome::Done(done) => Ok(done),
        Outcome::Waiting(id) => {
            let pending = PendingWrite { id: id.to_string(), object: "pending_write" };
            Err(Box::new((StatusCode::ACCEPTED, Json(pending)).into_response()))
        }
    }
}

/// The answer to a write of a kind that the mirror keeps: `one` reads the object by our id, as the mirror shows it now.
async fn shown<T, F>(outcome: Outcome, one: impl FnOnce(String) -> F) -> Result<Response>
where
    T: IntoResponse,
    F: Future<Output = Result<T>>,
{
    match done(outcome) {
        Ok(done) => {
            let id = done.id.ok_or_else(|| Error::internal("a write of a mirrored kind without an id"))?;
            Ok(one(id).await?.into_response())
        }
        Err(pending) => Ok(*pending),
    }
}

/// The answer to a write of a kind that the mirror does not keep: the object as Stripe answered it.
fn answered<T: Serialize>(outcome: Outcome, of: impl FnOnce(&Raw) -> T) -> Response {
    match done(outcome) {
        Ok(done) => Json(of(&done.answer())).into_response(),
        Err(pending) => *pending,
    }
}

/// Codes of Stripe that say that the payment was refused, not the request.
const PAYMENT: [&str; 8] = [
    "card_declined",
    "expired_card",
    "incorrect_cvc",
    "incorrect_number",
    "insufficient_funds",
    "processing_error",
    "authentication_required",
    "payment_intent_authentication_failure",
];

/// A refusal of a use case as the API answers it. What Stripe refused keeps Stripe's code.
pub(super) fn refused(error: billing::Error) -> Error {
    let program = |status, code: String, param: Option<String>, message: String| {
        Error::Program(Box::new(Refusal { status, code: code.into(), param, message }))
    };
    match error {
        billing::Error::NotFound(_) => Error::NotFound,
        billing::Error::Invalid(flaws) => match flaws.into_iter().next() {
            Some(Flaw { param, message }) => Error::invalid(path_of(&param), message),
            None => Error::invalid("", "Something is missing."),
        },
        billing::Error::Refused(refusal) => {
            let status = match refusal.code.as_str() {
                code if PAYMENT.contains(&code) => StatusCode::PAYMENT_REQUIRED,
                PERMISSION_MISSING | KEY_REJECTED => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            program(status, refusal.code, refusal.param.as_deref().map(path_of), refusal.message)
        }
        billing::Error::Conflict(message) => Error::Conflict(message),
        billing::Error::Mismatch => {
            let message = "This Idempotency-Key was used for another request.".to_owned();
            program(StatusCode::CONFLICT, "idempotency_mismatch".to_owned(), None, message)
        }
        billing::Error::Unavailable(cause) => {
            tracing::warn!(cause, "Stripe could not be asked");
            let message = "Stripe could not be asked right now. Try again in a moment.".to_owned();
            Error::Unavailable { retry_after: 5, message }
        }
        billing::Error::Database(error) | billing::Error::Connection(ConnectionError::Database(error)) => error.into(),
        billing::Error::Connection(error) => Error::internal(error),
    }
}

/// Stripe's name of a parameter as the path of a field: `items[0][price]` is `items[0].price`.
fn path_of(param: &str) -> String {
    let mut parts = param.split('[');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.trim_end_matches(']');
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", name, "]"]);
        } else {
            path.push('.');
            path.push_str(name);
        }
    }
    // what Stripe nests and the API does not
    let flat = ["subscription_data.", "cancellation_details.", "pause_collection."];
    flat.iter().find_map(|outer| path.strip_prefix(outer)).unwrap_or(&path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn stripes_parameters_become_paths_of_fields() {
        for (param, path) in [
            ("email", "email"),
            ("address[country]", "address.country"),
            ("tiers[1][up_to]", "tiers[1].up_to"),
            ("subscription_data[trial_period_days]", "trial_period_days"),
            ("cancellation_details[feedback]", "feedback"),
            ("pause_collection[resumes_at]", "resumes_at"),
        ] {
            assert_eq!(path_of(param), path);
        }
    }
}
