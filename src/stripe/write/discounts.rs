//! Coupons and promotion codes: make, end.

use stripe::StripeRequest as _;
use stripe_product::{
    coupon::{CreateCoupon, DeleteCoupon},
    promotion_code::{
        CreatePromotionCode, CreatePromotionCodePromotion, CreatePromotionCodePromotionType,
        CreatePromotionCodeRestrictions, UpdatePromotionCode,
    },
};
use stripe_shared::CouponDuration;

use super::WriteRequest;
use crate::domain::{
    drafts::{CouponDraft, Duration, Off, PromotionCodeDraft},
    ids::path_segment,
};

/// A new coupon.
pub fn create_coupon(draft: &CouponDraft) -> WriteRequest {
    let mut request = CreateCoupon::new().name(&draft.name);
    request = match &draft.off {
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
        Off::Percent(hundredths) => request.percent_off(*hundredths as f64 / 100.0),
        Off::Amount { minor, currency } => {
            let currency = currency.parse().unwrap_or(stripe_types::Currency::USD);
            request.amount_off(minor.whole().unwrap_or_default()).currency(currency)
        }
    };
    request = match draft.duration {
        Duration::Once => request.duration(CouponDuration::Once),
        Duration::Forever => request.duration(CouponDuration::Forever),
        Duration::Months(months) => request.duration(CouponDuration::Repeating).duration_in_months(months),
    };
    if let Some(id) = &draft.id {
        request = request.id(id);
    }
    if let Some(most) = draft.max_redemptions {
        request = request.max_redemptions(most);
    }
    if let Some(end) = draft.redeem_by {
        request = request.redeem_by(end);
    }
    WriteRequest::of(request.build()).with_metadata(&draft.metadata)
}

/// Ends a coupon: nobody gets it any more, and who has it keeps it.
pub fn delete_coupon(id: &str) -> WriteRequest {
    WriteRequest::of(DeleteCoupon::new(path_segment(id).as_ref()).build())
}

/// A new promotion code of a coupon.
pub fn create_code(draft: &PromotionCodeDraft) -> WriteRequest {
    let mut promotion = CreatePromotionCodePromotion::new(CreatePromotionCodePromotionType::Coupon);
    promotion.coupon = Some(draft.coupon.clone());
    let mut request = CreatePromotionCode::new(promotion);
    if let Some(code) = &draft.code {
        request = request.code(code);
    }
    if let Some(most) = draft.max_redemptions {
        request = request.max_redemptions(most);
    }
    if let Some(end) = draft.expires_at {
        request = request.expires_at(end);
    }
    if draft.first_time_transaction {
        let mut restrictions = CreatePromotionCodeRestrictions::new();
        restrictions.first_time_transaction = Some(true);
        request = request.restrictions(restrictions);
    }
    WriteRequest::of(request.build())
}

/// Ends a promotion code, or takes it up again.
pub fn set_code_active(id: &str, active: bool) -> WriteRequest {
    WriteRequest::of(UpdatePromotionCode::new(path_segment(id).as_ref()).active(active).build())
}
