//! Coupons, promotion codes, and how a subscription gets one.

use super::{Amount, Flaw, Metadata, check_metadata, check_text};

/// What a subscription is given, or loses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DiscountDraft {
    /// No discount any more.
    #[default]
    None,
    /// A coupon by its id.
    Coupon(String),
    /// A promotion code by its id, `promo_…`.
    PromotionCode(String),
}

/// How much a coupon takes off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Off {
    /// So much of a hundred, in hundredths: 12.5 % is 1250.
    Percent(i64),
    /// A fixed amount in minor units.
    Amount {
        /// Minor units.
        minor: Amount,
        /// Lower-case ISO code.
        currency: String,
    },
}

/// For how long a coupon counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// The first invoice alone.
    Once,
    /// So many months.
    Months(i64),
    /// As long as the subscription.
    Forever,
}

/// A new coupon. What it takes off can never be changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponDraft {
    /// On invoices.
    pub name: String,
    /// The tenant's own id; Stripe makes one up otherwise.
    pub id: Option<String>,
    /// How much.
    pub off: Off,
    /// For how long.
    pub duration: Duration,
    /// How often it can be used in all.
    pub max_redemptions: Option<i64>,
    /// Unix seconds after which it can no longer be used.
    pub redeem_by: Option<i64>,
    /// Own keys and values.
    pub metadata: Metadata,
}

impl CouponDraft {
    /// What is wrong with it at `now` (unix seconds).
    pub fn flaws(&self, now: i64) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        check_text("name", Some(&self.name), true, 40, &mut flaws);
        let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if self.id.as_deref().is_some_and(|id| id.len() > 200 || !plain(id)) {
            flaws.push(Flaw::new("id", "Letters, digits, - and _."));
        }
        match &self.off {
            Off::Percent(hundredths) if !(1..=10_000).contains(hundredths) => {
                flaws.push(Flaw::new("percent_off", "More than 0 and at most 100."));
            }
            Off::Amount { minor, .. } if minor.whole().is_none_or(|minor| minor <= 0) => {
                flaws.push(Flaw::new("amount_off", "More than zero, with no more decimals than the currency has."));
            }
            Off::Percent(_) | Off::Amount { .. } => {}
        }
        if matches!(self.duration, Duration::Months(..=0)) {
            flaws.push(Flaw::new("duration_in_months", "One month or more."));
        }
        check_redemptions(self.max_redemptions, self.redeem_by, ("redeem_by", now), &mut flaws);
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}

/// A new promotion code: what a customer types to get a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionCodeDraft {
    /// The coupon's id.
    pub coupon: String,
    /// What is typed; Stripe makes one up otherwise.
    pub code: Option<String>,
    /// How often it can be used in all.
    pub max_redemptions: Option<i64>,
    /// Unix seconds after which it can no longer be used.
    pub expires_at: Option<i64>,
    /// Only for customers who have never paid.
    pub first_time_transaction: bool,
}

impl PromotionCodeDraft {
    /// What is wrong with it at `now` (unix seconds).
    pub fn flaws(&self, now: i64) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let plain = |code: &str| code.len() <= 500 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if self.code.as_deref().is_some_and(|code| !plain(code)) {
            flaws.push(Flaw::new("code", "Letters, digits and -."));
        }
        check_redemptions(self.max_redemptions, self.expires_at, ("expires_at", now), &mut flaws);
        flaws
    }
}

fn check_redemptions(most: Option<i64>, end: Option<i64>, (param, now): (&str, i64), flaws: &mut Vec<Flaw>) {
    if most.is_some_and(|most| most < 1) {
        flaws.push(Flaw::new("max_redemptions", "One or more, or empty."));
    }
    if end.is_some_and(|end| end <= now) {
        flaws.push(Flaw::new(param, "A day in the future, or none."));
    }
}
