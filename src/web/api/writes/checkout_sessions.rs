//! Checkout sessions: Stripe's page on which a customer pays.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Once, done, refused};
use crate::domain::drafts::{CheckoutDraft, CheckoutItem, CheckoutMode};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::raw::Raw;
use crate::web::api::guard::Caller;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::sent::Sent;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A page on which a customer pays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheckoutSession {
    /// `subscription`, `payment` or `setup`.
    mode: String,
    /// An existing customer, by either id.
    customer: Option<String>,
    /// The e-mail address of a new one.
    customer_email: Option<String>,
    /// What is bought; nothing in setup mode.
    #[serde(default)]
    #[schema(required = false)]
    line_items: Vec<NewLineItem>,
    /// Free days before the first payment.
    #[schema(minimum = 1, maximum = 730)]
    trial_period_days: Option<u32>,
    /// Whether the customer may type a promotion code.
    #[serde(default)]
    #[schema(required = false)]
    allow_promotion_codes: bool,
    /// Where the customer is sent after paying: an origin that the project allows.
    success_url: String,
    /// Where the customer is sent after turning back: an origin that the project allows.
    cancel_url: Option<String>,
    /// The tenant's own reference, such as the id of an order.
    #[schema(max_length = 200)]
    client_reference_id: Option<String>,
    /// An ISO code; setup mode needs one.
    currency: Option<String>,
    /// Keys and values.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

/// Something to be bought.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLineItem {
    /// The price, by either id.
    #[schema(min_length = 1, max_length = 255)]
    price: String,
    /// How many; none for a price by usage.
    #[schema(minimum = 1)]
    quantity: Option<u64>,
}

/// A page on which a customer pays.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckoutSession {
    /// Stripe's id.
    #[schema(example = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u")]
    stripe_id: String,
    /// Always `checkout_session`.
    #[schema(example = "checkout_session")]
    object: &'static str,
    /// Where the customer is to be sent; none once it is over.
    url: Option<String>,
    /// `open`, `complete` or `expired`.
    status: Option<String>,
    /// `subscription`, `payment` or `setup`.
    mode: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    payment_status: Option<String>,
    /// Our id of the customer, once there is one.
    customer: Option<String>,
    /// Our id of the subscription, once there is one.
    subscription: Option<String>,
    /// Until when it can be paid, in unix seconds.
    expires_at: Option<i64>,
    /// The tenant's own reference.
    client_reference_id: Option<String>,
}

impl CheckoutSession {
    fn new(stripe_id: String, raw: &Raw, project: &ProjectId) -> Self {
        let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
        let ours = |pointer: &str, kind: Kind| raw.reference(pointer).map(|id| kind.derive_id(project, id));
        Self {
            object: "checkout_session",
            url: text("/url"),
            status: text("/status"),
            mode: text("/mode"),
            payment_status: text("/payment_status"),
            customer: ours("/customer", Kind::Customer),
            subscription: ours("/subscription", Kind::Subscription),
            expires_at: raw.int("/expires_at"),
            client_reference_id: text("/client_reference_id"),
            stripe_id,
        }
    }
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewCheckoutSession>,
) -> Result<Response> {
    let mode = CheckoutMode::parse(&sent.mode)
        .ok_or_else(|| Error::invalid("mode", "One of subscription, payment and setup."))?;
    let items = sent.line_items.into_iter();
    let draft = CheckoutDraft {
        mode,
        customer: sent.customer,
        customer_email: sent.customer_email,
        items: items.map(|item| CheckoutItem { price: item.price, quantity: item.quantity }).collect(),
        trial_period_days: sent.trial_period_days,
        allow_promotion_codes: sent.allow_promotion_codes,
        success_url: sent.success_url,
        cancel_url: sent.cancel_url,
        client_reference_id: sent.client_reference_id,
        currency: sent.currency.map(|currency| currency.to_ascii_lowercase()),
        metadata: sent.metadata.into(),
    };
    let outcome = caller.scope().create_checkout(&nonce, &draft).await.map_err(refused)?;
    match done(outcome) {
        Ok(done) => {
            let raw = done.answer();
            Ok(Json(CheckoutSession::new(done.stripe_id, &raw, caller.project())).into_response())
        }
        Err(pending) => Ok(*pending),
    }
}

pub(crate) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<CheckoutSession>> {
    let id = session_id(id)?;
    let raw = caller.scope().checkout(&id).await.map_err(refused)?;
    Ok(Json(CheckoutSession::new(id, &raw, caller.project())))
}

pub(crate) async fn expire(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    let id = session_id(id)?;
    caller.scope().checkout(&id).await.map_err(refused)?;
    let outcome = caller.scope().expire_checkout(&once.0, &id).await.map_err(refused)?;
    match done(outcome) {
        Ok(_) => {
            let raw = caller.scope().checkout(&id).await.map_err(refused)?;
            Ok(Json(CheckoutSession::new(id, &raw, caller.project())).into_response())
        }
        Err(pending) => Ok(*pending),
    }
}

/// Sessions live at Stripe alone, so only an id that can be one of Stripe's is asked for.
fn session_id(id: Path<String>) -> Result<String> {
    let id = path_id(id)?;
    let plain = id.starts_with("cs_") && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { Ok(id) } else { Err(Error::NotFound) }
}
