//! Prices: made in every pricing model, renamed, archived.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Once, refused, shown};
use crate::billing::Outcome;
use crate::domain::drafts::{Amount, Interval, Period, PriceDraft, Pricing, Tier, Tiering};
use crate::web::api::guard::Caller;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::sent::Sent;
use crate::web::api::{prices, products};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A new price. What it costs can never be changed afterwards.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrice {
    /// The product, by either id.
    #[schema(min_length = 1, max_length = 255)]
    product: String,
    /// An ISO code.
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    /// For each unit, or with `package_size` for each package, in minor units. May have decimals, as a text: `0.5`.
    unit_amount: Option<String>,
    /// Units in a package.
    #[schema(minimum = 2)]
    package_size: Option<i64>,
    /// `graduated` or `volume`, with `tiers`.
    tiers_mode: Option<String>,
    /// The steps of a tiered price, in place of `unit_amount`.
    #[serde(default)]
    #[schema(required = false)]
    tiers: Vec<NewTier>,
    /// How often it is paid; none for something that is paid once.
    recurring: Option<NewPeriod>,
    /// For staff.
    #[schema(max_length = 250)]
    nickname: Option<String>,
    /// A name by which programs find it.
    #[schema(max_length = 200)]
    lookup_key: Option<String>,
    /// Keys and values.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

/// A step of a tiered price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTier {
    /// The last quantity of the step; none for the last one.
    up_to: Option<i64>,
    /// For each unit, in minor units.
    unit_amount: Option<String>,
    /// Once, when the step is reached, in minor units.
    flat_amount: Option<String>,
}

/// How often something is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPeriod {
    /// `day`, `week`, `month` or `year`.
    interval: String,
    /// Every how many intervals; 1 when it is left out.
    #[schema(minimum = 1, maximum = 1095)]
    interval_count: Option<u64>,
    /// A meter (`mtr_…`) that counts the quantity.
    meter: Option<String>,
}

/// What may be changed about a price. An empty text removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceNames {
    /// For staff.
    #[schema(max_length = 250)]
    nickname: String,
    /// A name by which programs find it.
    #[schema(max_length = 200)]
    lookup_key: String,
}

fn amount(param: &str, text: Option<&str>) -> Result<Option<Amount>> {
    text.map(|text| {
        Amount::minor(text).ok_or_else(|| Error::invalid(param, "An amount in minor units, such as 1000 or 0.5."))
    })
    .transpose()
}

impl NewPrice {
    fn draft(self) -> Result<PriceDraft> {
        let unit = amount("unit_amount", self.unit_amount.as_deref())?;
        let pricing = match (unit, self.package_size, self.tiers_mode.as_deref()) {
            (Some(amount), None, None) if self.tiers.is_empty() => Pricing::PerUnit(amount),
            (Some(amount), Some(size), None) if self.tiers.is_empty() => Pricing::Package { amount, size },
            (None, None, Some(mode)) => Pricing::Tiered(tiering(mode)?, tiers(&self.tiers)?),
            _ => {
                let message = "Name `unit_amount`, with `package_size` for packages, or `tiers_mode` and `tiers`.";
                return Err(Error::invalid("unit_amount", message));
            }
        };
        let period = self.recurring.map(|period| {
            let interval = Interval::parse(&period.interval)
                .ok_or_else(|| Error::invalid("recurring.interval", "One of day, week, month and year."))?;
            Ok::<_, Error>(Period { interval, count: period.interval_count.unwrap_or(1), meter: period.meter })
        });
        Ok(PriceDraft {
            currency: self.currency.to_ascii_lowercase(),
            pricing,
            period: period.transpose()?,
            nickname: self.nickname,
            lookup_key: self.lookup_key,
            metadata: self.metadata.into(),
        })
    }
}

fn tiering(mode: &str) -> Result<Tiering> {
    [Tiering::Graduated, Tiering::Volume]
        .into_iter()
        .find(|tiering| tiering.as_str() == mode)
        .ok_or_else(|| Error::invalid("tiers_mode", "One of graduated and volume."))
}

fn tiers(sent: &[NewTier]) -> Result<Vec<Tier>> {
    let read = |(position, tier): (usize, &NewTier)| {
        let param = |field: &str| format!("tiers[{position}].{field}");
        Ok(Tier {
            up_to: tier.up_to,
            unit_amount: amount(&param("unit_amount"), tier.unit_amount.as_deref())?,
            flat_amount: amount(&param("flat_amount"), tier.flat_amount.as_deref())?,
        })
    };
    sent.iter().enumerate().map(read).collect()
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewPrice>,
) -> Result<Response> {
    let product = sent.product.clone();
    let draft = sent.draft()?;
    let outcome =
        caller.scope().create_price(&nonce, &product, &draft).await.map_err(|error| match refused(error) {
            Error::NotFound => Error::invalid("product", "There is no such product in this project."),
            other => other,
        })?;
    answer(&caller, outcome).await
}

pub(crate) async fn update(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(names): Sent<PriceNames>,
) -> Result<Response> {
    let id = path_id(id)?;
    let outcome = caller.scope().rename_price(&nonce, &id, &names.nickname, &names.lookup_key).await;
    answer(&caller, outcome.map_err(refused)?).await
}

pub(crate) async fn archive(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, false).await
}

pub(crate) async fn unarchive(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    set_active(&caller, &once, id, true).await
}

pub(crate) async fn make_default(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    let outcome = caller.scope().make_price_default(&once.0, &path_id(id)?).await.map_err(refused)?;
    let caller = &caller;
    shown(outcome, |id| async move { products::one(caller, &Asked::default(), &id).await }).await
}

async fn set_active(caller: &Caller, once: &Once, id: Path<String>, active: bool) -> Result<Response> {
    let outcome = caller.scope().set_price_active(&once.0, &path_id(id)?, active).await.map_err(refused)?;
    answer(caller, outcome).await
}

async fn answer(caller: &Caller, outcome: Outcome) -> Result<Response> {
    shown(outcome, |id| async move { prices::one(caller, &Asked::default(), &id).await }).await
}
