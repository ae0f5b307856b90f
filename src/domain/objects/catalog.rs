//! Products and prices.

use serde::Deserialize;

use super::{Reference, Unreadable, lenient, read};
use crate::domain::{ids::ProjectId, kind::Kind};

/// The columns of a product.
#[derive(Clone, Debug, Default)]
pub struct Product {
    /// Offered or archived.
    pub active: bool,
    /// What customers see.
    pub name: String,
    /// What customers see, longer.
    pub description: Option<String>,
    /// Our id of the default price.
    pub default_price_id: Option<String>,
}

impl Product {
    pub(super) fn read(project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields {
            #[serde(deserialize_with = "lenient")]
            active: bool,
            #[serde(deserialize_with = "lenient")]
            name: String,
            #[serde(deserialize_with = "lenient")]
            description: Option<String>,
            #[serde(deserialize_with = "lenient")]
            default_price: Reference,
        }
        let fields: Fields = read(raw)?;
        Ok(Self {
            active: fields.active,
            name: fields.name,
            description: fields.description,
            default_price_id: fields.default_price.derive(Kind::Price, project),
        })
    }
}

/// The columns of a price.
#[derive(Clone, Debug, Default)]
pub struct Price {
    /// Offered or archived.
    pub active: bool,
    /// Our id of the product.
    pub product_id: String,
    /// For staff.
    pub nickname: Option<String>,
    /// The tenant's own name for the price.
    pub lookup_key: Option<String>,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units; none when tiered or finer than the minor unit.
    pub unit_amount: Option<i64>,
    /// `day`, `week`, `month`, `year`; none for one-off prices.
    pub interval: Option<String>,
    /// Every how many intervals.
    pub interval_count: Option<i64>,
    /// `licensed` or `metered`.
    pub usage_type: Option<String>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
}

/// The recurring part of a price, also inside subscription items.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Recurring {
    #[serde(deserialize_with = "lenient")]
    pub(super) interval: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) interval_count: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) usage_type: Option<String>,
}

impl Price {
    pub(super) fn read(project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields {
            #[serde(deserialize_with = "lenient")]
            active: bool,
            #[serde(deserialize_with = "lenient")]
            product: Reference,
            #[serde(deserialize_with = "lenient")]
            nickname: Option<String>,
            #[serde(deserialize_with = "lenient")]
            lookup_key: Option<String>,
            #[serde(deserialize_with = "lenient")]
            currency: String,
            #[serde(deserialize_with = "lenient")]
            unit_amount: Option<i64>,
            #[serde(deserialize_with = "lenient")]
            recurring: Recurring,
            #[serde(deserialize_with = "lenient")]
            billing_scheme: String,
        }
        let fields: Fields = read(raw)?;
        Ok(Self {
            active: fields.active,
            product_id: fields.product.derive(Kind::Product, project).unwrap_or_default(),
            nickname: fields.nickname,
            lookup_key: fields.lookup_key,
            currency: fields.currency,
            unit_amount: fields.unit_amount,
            interval: fields.recurring.interval,
            interval_count: fields.recurring.interval_count,
            usage_type: fields.recurring.usage_type,
            billing_scheme: fields.billing_scheme,
        })
    }
}
