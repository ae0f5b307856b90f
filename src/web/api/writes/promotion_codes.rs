//! Promotion codes: made, ended, taken up again.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, answered, refused};
use crate::billing::live::Live;
use crate::domain::drafts::PromotionCodeDraft;
use crate::web::api::guard::Caller;
use crate::web::api::live;
use crate::web::api::objects::path_id;
use crate::web::api::parameters::Asked;
use crate::web::api::promotion_codes::PromotionCode;
use crate::web::api::sent::Sent;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A new promotion code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotionCode {
    /// Stripe's id of the coupon.
    #[schema(min_length = 1, max_length = 255)]
    coupon: String,
    /// What customers type: letters, digits and `-`. Stripe makes one up otherwise.
    #[schema(max_length = 500)]
    code: Option<String>,
    /// How often it can be used in all.
    #[schema(minimum = 1)]
    max_redemptions: Option<i64>,
    /// Until when it can be used, in unix seconds.
    expires_at: Option<i64>,
    /// Only for customers who have never paid.
    #[serde(default)]
    #[schema(required = false)]
    first_time_transaction: bool,
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewPromotionCode>,
) -> Result<Response> {
    live::named(&caller, Live::Coupon, &sent.coupon).await.map_err(|error| match error {
        Error::NotFound => Error::invalid("coupon", "There is no such coupon in this project."),
        other => other,
    })?;
    let draft = PromotionCodeDraft {
        coupon: sent.coupon,
        code: sent.code,
        max_redemptions: sent.max_redemptions,
        expires_at: sent.expires_at,
        first_time_transaction: sent.first_time_transaction,
    };
    let outcome = caller.scope().create_promotion_code(&nonce, &draft).await.map_err(refused)?;
    Ok(answered(outcome, |raw| PromotionCode::new(raw, caller.project())))
}

pub(crate) async fn deactivate(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, false).await
}

pub(crate) async fn activate(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, true).await
}

async fn set_active(caller: &Caller, once: &Once, id: Path<String>, active: bool) -> Result<Response> {
    let id = path_id(id)?;
    live::named(caller, Live::PromotionCode, &id).await?;
    let outcome = caller.scope().set_promotion_code_active(&once.0, &id, active).await.map_err(refused)?;
    Ok(answered(outcome, |raw| PromotionCode::new(raw, caller.project())))
}
