//! Coupons, as Stripe has them now.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::List;
use super::live;
use super::objects::Metadata;
use super::parameters::Asked;
use crate::billing::live::Live;
use crate::domain::raw::Raw;
use crate::web::error::Result;
use crate::web::extract::Path;

/// Something that takes a part off what is paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct Coupon {
    /// Stripe's id, or the one that the tenant chose.
    #[schema(example = "Z4OV52SU")]
    stripe_id: String,
    /// Always `coupon`.
    #[schema(example = "coupon")]
    object: &'static str,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// What stands on invoices.
    name: Option<String>,
    /// So much of a hundred; none where an amount is taken off.
    #[schema(example = 12.5)]
    percent_off: Option<f64>,
    /// In minor units; none where a part is taken off.
    amount_off: Option<i64>,
    /// Lower-case ISO code of `amount_off`.
    currency: Option<String>,
    /// `once`, `repeating` or `forever`.
    #[schema(example = "once")]
    duration: Option<String>,
    /// For how many months, where it is `repeating`.
    duration_in_months: Option<i64>,
    /// How often it can be used in all.
    max_redemptions: Option<i64>,
    /// How often it was used.
    times_redeemed: i64,
    /// Until when it can be used, in unix seconds.
    redeem_by: Option<i64>,
    /// Whether it can be used now.
    valid: bool,
    /// Whether it was ended.
    deleted: bool,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
}

impl Coupon {
    pub(super) fn new(raw: &Raw) -> Self {
        let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
        Self {
            object: "coupon",
            stripe_id: text("/id").unwrap_or_default(),
            created: raw.int("/created").unwrap_or(0),
            livemode: raw.flag("/livemode"),
            name: text("/name"),
            percent_off: raw.value().get("percent_off").and_then(serde_json::Value::as_f64),
            amount_off: raw.int("/amount_off"),
            currency: text("/currency"),
            duration: text("/duration"),
            duration_in_months: raw.int("/duration_in_months"),
            max_redemptions: raw.int("/max_redemptions"),
            times_redeemed: raw.int("/times_redeemed").unwrap_or(0),
            redeem_by: raw.int("/redeem_by"),
            valid: raw.flag("/valid"),
            deleted: false,
            metadata: Metadata::of(raw),
        }
    }

    /// The coupon after its end.
    pub(super) fn ended(self) -> Self {
        Self { valid: false, deleted: true, ..self }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Coupon>>> {
    live::page(&caller, &asked, (Live::Coupon, Vec::new()), Coupon::new).await
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<Coupon>> {
    Ok(Json(Coupon::new(&live::one(&caller, Live::Coupon, id).await?)))
}
