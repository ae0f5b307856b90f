//! Coupons: made and ended.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, answered, refused};
use crate::billing::live::Live;
use crate::domain::drafts::{Amount, CouponDraft, Duration, Off};
use crate::web::api::coupons::Coupon;
use crate::web::api::guard::Caller;
use crate::web::api::live;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::sent::Sent;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A new coupon. What it takes off can never be changed afterwards.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCoupon {
    /// What stands on invoices.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    /// The tenant's own id: letters, digits, `-` and `_`. Stripe makes one up otherwise.
    #[schema(max_length = 200)]
    id: Option<String>,
    /// So much of a hundred, with two decimals at most.
    #[schema(exclusive_minimum = 0, maximum = 100)]
    percent_off: Option<f64>,
    /// In minor units, in place of `percent_off`.
    #[schema(minimum = 1)]
    amount_off: Option<i64>,
    /// An ISO code, with `amount_off`.
    #[schema(min_length = 3, max_length = 3)]
    currency: Option<String>,
    /// `once`, `repeating` or `forever`; `once` when it is left out.
    duration: Option<String>,
    /// For how many months; with `repeating` alone.
    #[schema(minimum = 1)]
    duration_in_months: Option<i64>,
    /// How often it can be used in all.
    #[schema(minimum = 1)]
    max_redemptions: Option<i64>,
    /// Until when it can be used, in unix seconds.
    redeem_by: Option<i64>,
    /// Keys and values.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

impl NewCoupon {
    fn off(&self) -> Result<Off> {
        match (self.percent_off, self.amount_off, &self.currency) {
            (Some(percent), None, None) => {
                let hundredths = Amount::minor(&percent.to_string()).and_then(Amount::hundredths);
                hundredths.map(Off::Percent).ok_or_else(|| {
                    Error::invalid("percent_off", "More than 0 and at most 100, with two decimals at most.")
                })
            }
            (None, Some(amount), Some(currency)) => {
                let minor = Amount::minor(&amount.to_string());
                let minor = minor.ok_or_else(|| Error::invalid("amount_off", "An amount in minor units."))?;
                Ok(Off::Amount { minor, currency: currency.to_ascii_lowercase() })
            }
            (None, Some(_), None) => Err(Error::invalid("currency", "`amount_off` needs a currency.")),
            _ => Err(Error::invalid("percent_off", "Name `percent_off`, or `amount_off` with its `currency`.")),
        }
    }

    fn draft(self) -> Result<CouponDraft> {
        let duration = match (self.duration.as_deref(), self.duration_in_months) {
            (None | Some("once"), None) => Duration::Once,
            (Some("forever"), None) => Duration::Forever,
            (Some("repeating"), Some(months)) => Duration::Months(months),
            (Some("repeating"), None) => {
                return Err(Error::invalid("duration_in_months", "For how many months, where it repeats."));
            }
            (None | Some("once" | "forever"), Some(_)) => {
                return Err(Error::invalid("duration_in_months", "Only where the duration is `repeating`."));
            }
            (Some(_), _) => return Err(Error::invalid("duration", "One of once, repeating and forever.")),
        };
        Ok(CouponDraft {
            off: self.off()?,
            duration,
            name: self.name,
            id: self.id,
            max_redemptions: self.max_redemptions,
            redeem_by: self.redeem_by,
            metadata: self.metadata.into(),
        })
    }
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewCoupon>,
) -> Result<Response> {
    let outcome = caller.scope().create_coupon(&nonce, &sent.draft()?).await.map_err(refused)?;
    Ok(answered(outcome, Coupon::new))
}

pub(crate) async fn delete(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    let id = path_id(id)?;
    let coupon = Coupon::new(&live::named(&caller, Live::Coupon, &id).await?);
    let outcome = caller.scope().delete_coupon(&once.0, &id).await.map_err(refused)?;
    Ok(answered(outcome, |_| coupon.ended()))
}
