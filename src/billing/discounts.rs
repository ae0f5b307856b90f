//! Coupons and promotion codes. The mirror does not keep them: they are read from Stripe when somebody looks.

use super::{
    Action, Nonce, Outcome, Result,
    carry::{Intent, Target},
    error::check,
    live::Live,
};
use crate::{
    app::Scope,
    domain::{
        drafts::{CouponDraft, PromotionCodeDraft},
        ids::path_segment,
        raw::Raw,
    },
    stripe::write::discounts,
};

/// Coupons or codes read at most.
const MOST: usize = 300;

impl Scope {
    /// The account's coupons, newest first.
    pub async fn coupons(&self) -> Result<Vec<Raw>> {
        self.list("/coupons").await
    }

    /// One coupon.
    pub async fn coupon(&self, id: &str) -> Result<Raw> {
        self.live(Live::Coupon, id).await
    }

    /// The promotion codes of one coupon, or of all, newest first.
    pub async fn promotion_codes(&self, coupon: Option<&str>) -> Result<Vec<Raw>> {
        match coupon {
            Some(coupon) => self.list(&format!("/promotion_codes?coupon={}", path_segment(coupon))).await,
            None => self.list("/promotion_codes").await,
        }
    }

    async fn list(&self, path: &str) -> Result<Vec<Raw>> {
        let rows = self.reader().await?.list_all(path, MOST).await?;
        Ok(rows.iter().map(|row| Raw::parse(row.get())).collect())
    }

    /// Makes a coupon.
    pub async fn create_coupon(&self, nonce: &Nonce, draft: &CouponDraft) -> Result<Outcome> {
        check(draft.flaws(self.now()))?;
        let request = discounts::create_coupon(draft);
        self.carry_out(nonce, Intent { action: Action::CreateCoupon, target: None, request }).await
    }

    /// Ends a coupon: nobody gets it any more, and who has it keeps it.
    pub async fn delete_coupon(&self, nonce: &Nonce, id: &str) -> Result<Outcome> {
        let request = discounts::delete_coupon(id);
        let target = Some(Target { stripe_id: id.to_owned(), raw: None });
        self.carry_out(nonce, Intent { action: Action::DeleteCoupon, target, request }).await
    }

    /// Makes a promotion code.
    pub async fn create_promotion_code(&self, nonce: &Nonce, draft: &PromotionCodeDraft) -> Result<Outcome> {
        check(draft.flaws(self.now()))?;
        let request = discounts::create_code(draft);
        self.carry_out(nonce, Intent { action: Action::CreatePromotionCode, target: None, request }).await
    }

    /// Ends a promotion code, or takes it up again.
    pub async fn set_promotion_code_active(&self, nonce: &Nonce, id: &str, active: bool) -> Result<Outcome> {
        let request = discounts::set_code_active(id, active);
        let target = Some(Target { stripe_id: id.to_owned(), raw: None });
        self.carry_out(nonce, Intent { action: Action::SetPromotionCode, target, request }).await
    }
}
