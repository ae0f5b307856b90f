//! Promotion codes, as Stripe has them now.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::List;
use super::live;
use super::objects::Metadata;
use super::parameters::Asked;
use crate::billing::live::Live;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::raw::Raw;
use crate::web::error::Result;
use crate::web::extract::Path;

/// What a customer types to get a coupon.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromotionCode {
    /// Stripe's id.
    #[schema(example = "promo_1MiM6KLkdIwHu7ixrIaX4wgn")]
    stripe_id: String,
    /// Always `promotion_code`.
    #[schema(example = "promotion_code")]
    object: &'static str,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// What is typed.
    #[schema(example = "WELCOME20")]
    code: Option<String>,
    /// Stripe's id of the coupon.
    coupon: Option<String>,
    /// Our id of the customer, where it is for one alone.
    customer: Option<String>,
    /// Whether it can be used.
    active: bool,
    /// How often it can be used in all.
    max_redemptions: Option<i64>,
    /// How often it was used.
    times_redeemed: i64,
    /// Until when it can be used, in unix seconds.
    expires_at: Option<i64>,
    /// Whether it is only for customers who have never paid.
    first_time_transaction: bool,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
}

impl PromotionCode {
    pub(super) fn new(raw: &Raw, project: &ProjectId) -> Self {
        let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
        // Older versions of Stripe's have the coupon itself in this place.
        let coupon = raw.reference("/promotion/coupon").or_else(|| raw.reference("/coupon"));
        Self {
            object: "promotion_code",
            stripe_id: text("/id").unwrap_or_default(),
            created: raw.int("/created").unwrap_or(0),
            livemode: raw.flag("/livemode"),
            code: text("/code"),
            coupon: coupon.map(str::to_owned),
            customer: raw.reference("/customer").map(|id| Kind::Customer.derive_id(project, id)),
            active: raw.flag("/active"),
            max_redemptions: raw.int("/max_redemptions"),
            times_redeemed: raw.int("/times_redeemed").unwrap_or(0),
            expires_at: raw.int("/expires_at"),
            first_time_transaction: raw.flag("/restrictions/first_time_transaction"),
            metadata: Metadata::of(raw),
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<PromotionCode>>> {
    let narrowed = ["coupon", "code"].into_iter().filter_map(|name| Some((name, asked.text(name)?.to_owned())));
    let of = |raw: &Raw| PromotionCode::new(raw, caller.project());
    live::page(&caller, &asked, (Live::PromotionCode, narrowed.collect()), of).await
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<PromotionCode>> {
    let raw = live::one(&caller, Live::PromotionCode, id).await?;
    Ok(Json(PromotionCode::new(&raw, caller.project())))
}
