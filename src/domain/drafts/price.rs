//! A price to be made, in every pricing model of Stripe's.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Flaw, Metadata, check_metadata, check_text};
use crate::domain::{money, price, raw::Raw};

/// How often a price is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Every day.
    Day,
    /// Every week.
    Week,
    /// Every month.
    Month,
    /// Every year.
    Year,
}

impl Interval {
    /// Every interval, the usual ones first.
    pub const ALL: [Self; 4] = [Self::Month, Self::Year, Self::Week, Self::Day];

    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// From Stripe's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text)
    }

    /// How many make three years, which is Stripe's longest period.
    const fn most(self) -> u64 {
        match self {
            Self::Day => 1_095,
            Self::Week => 156,
            Self::Month => 36,
            Self::Year => 3,
        }
    }
}

/// Paid every `count` intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The interval.
    pub interval: Interval,
    /// Every how many.
    pub count: u64,
    /// `mtr_…`: the quantity is what this meter counted. None: it is set on the subscription.
    pub meter: Option<String>,
}

/// An amount in minor units, which for one unit may have decimals: half a cent per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

impl Amount {
    /// From Stripe's text in minor units, such as `0.5`.
    pub fn minor(text: &str) -> Option<Self> {
        let amount = money::decimal(text)?.normalize();
        (amount.scale() <= 12).then_some(Self(amount))
    }

    /// From what a person types in major units, such as `10.00`.
    pub fn major(text: &str, currency: &str) -> Option<Self> {
        let amount = money::decimal(text)?;
        let minor = amount.checked_mul(Decimal::from(10_i64.pow(money::exponent(currency))))?.normalize();
        (minor.scale() <= 12).then_some(Self(minor))
    }

    /// The whole number of minor units, if it is one.
    pub fn whole(self) -> Option<i64> {
        self.0.is_integer().then(|| self.0.try_into().ok()).flatten()
    }

    /// The number in hundredths, if they are whole: 12.5 is 1250.
    pub fn hundredths(self) -> Option<i64> {
        Self(self.0.checked_mul(Decimal::from(100))?).whole()
    }

    /// As Stripe's decimal text.
    pub fn text(self) -> String {
        self.0.to_string()
    }

    fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// The two fields of Stripe's JSON.
    fn put(self, object: &mut Value, field: &str) {
        object[field] = json!(self.whole());
        object[format!("{field}_decimal")] = json!(self.text());
    }
}

/// How many units the tiers' prices count for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiering {
    /// Each unit at the price of the tier that it falls into.
    Graduated,
    /// All units at the price of the tier that the whole quantity falls into.
    Volume,
}

impl Tiering {
    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Graduated => "graduated",
            Self::Volume => "volume",
        }
    }
}

/// A step of a tiered price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The last quantity of the tier; none for the last tier.
    pub up_to: Option<i64>,
    /// For each unit.
    pub unit_amount: Option<Amount>,
    /// Once, when the tier is reached.
    pub flat_amount: Option<Amount>,
}

/// What the price depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// So much for each unit; flat where the quantity stays one, per seat where it does not.
    PerUnit(Amount),
    /// So much for each started package of units.
    Package {
        /// For a package.
        amount: Amount,
        /// Units in a package.
        size: i64,
    },
    /// By tiers.
    Tiered(Tiering, Vec<Tier>),
}

/// A new price. What it costs can never be changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceDraft {
    /// Lower-case ISO code.
    pub currency: String,
    /// What it costs.
    pub pricing: Pricing,
    /// How often; none for something paid once.
    pub period: Option<Period>,
    /// For staff.
    pub nickname: Option<String>,
    /// The tenant's own name for the price.
    pub lookup_key: Option<String>,
    /// Own keys and values.
    pub metadata: Metadata,
}

impl PriceDraft {
    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_lowercase()) {
            flaws.push(Flaw::new("currency", "The currency's three letters, such as usd or eur."));
        }
        self.check_pricing(&mut flaws);
        if let Some(period) = &self.period
            && !(1..=period.interval.most()).contains(&period.count)
        {
            let (most, interval) = (period.interval.most(), period.interval.as_str());
            flaws
                .push(Flaw::new("recurring[interval_count]", format!("1 to {most} {interval}s: at most three years.")));
        }
        flaws.extend(flaws_of_names(self.nickname.as_deref(), self.lookup_key.as_deref()));
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }

    fn check_pricing(&self, flaws: &mut Vec<Flaw>) {
        let negative = |amount: &Amount| amount.is_negative();
        match &self.pricing {
            Pricing::PerUnit(amount) | Pricing::Package { amount, .. } if negative(amount) => {
                flaws.push(Flaw::new("unit_amount", "Zero or more."));
            }
            Pricing::Package { size: ..=1, .. } => {
                flaws.push(Flaw::new("transform_quantity[divide_by]", "A package holds two units or more."));
            }
            Pricing::Tiered(..) if self.period.is_none() => {
                flaws.push(Flaw::new("tiers", "Only a price that is paid again and again can have tiers."));
            }
            Pricing::Tiered(_, tiers) => check_tiers(tiers, flaws),
            Pricing::PerUnit(_) | Pricing::Package { .. } => {}
        }
    }

    /// The price in the shape of Stripe's JSON, for [`price::sentence`].
    fn as_raw(&self) -> Raw {
        let mut object = json!({ "currency": self.currency, "billing_scheme": "per_unit" });
        if let Some(period) = &self.period {
            let usage = if period.meter.is_some() { "metered" } else { "licensed" };
            object["recurring"] = json!({
                "interval": period.interval.as_str(), "interval_count": period.count, "usage_type": usage,
            });
        }
        match &self.pricing {
            Pricing::PerUnit(amount) => amount.put(&mut object, "unit_amount"),
            Pricing::Package { amount, size } => {
                amount.put(&mut object, "unit_amount");
                object["transform_quantity"] = json!({ "divide_by": size, "round": "up" });
            }
            Pricing::Tiered(tiering, tiers) => {
                object["billing_scheme"] = json!("tiered");
                object["tiers_mode"] = json!(tiering.as_str());
                object["tiers"] = tiers.iter().map(tier_as_json).collect();
            }
        }
        Raw::from(object)
    }

    /// What it will cost, in one sentence. `unit` is the product's word for one unit.
    pub fn sentence(&self, unit: Option<&str>) -> String {
        price::sentence(&self.as_raw(), unit)
    }
}

fn tier_as_json(tier: &Tier) -> Value {
    let mut object = json!({ "up_to": tier.up_to });
    for (field, amount) in [("unit_amount", tier.unit_amount), ("flat_amount", tier.flat_amount)] {
        if let Some(amount) = amount {
            amount.put(&mut object, field);
        }
    }
    object
}

fn check_tiers(tiers: &[Tier], flaws: &mut Vec<Flaw>) {
    if tiers.len() < 2 {
        flaws.push(Flaw::new("tiers", "Two tiers or more, the last one without an end."));
    }
    let mut last = 0;
    for (position, tier) in tiers.iter().enumerate() {
        let is_last = position + 1 == tiers.len();
        let param = |field: &str| format!("tiers[{position}][{field}]");
        match tier.up_to {
            None if !is_last => flaws.push(Flaw::new(param("up_to"), "Only the last tier has no end.")),
            Some(_) if is_last => flaws.push(Flaw::new(param("up_to"), "The last tier has no end: leave it empty.")),
            Some(up_to) if up_to <= last => flaws.push(Flaw::new(param("up_to"), format!("More than {last}."))),
            up_to => last = up_to.unwrap_or(last),
        }
        if tier.unit_amount.is_none() && tier.flat_amount.is_none() {
            flaws.push(Flaw::new(param("unit_amount"), "An amount per unit, a flat amount, or both."));
        }
        if [tier.unit_amount, tier.flat_amount].into_iter().flatten().any(Amount::is_negative) {
            flaws.push(Flaw::new(param("unit_amount"), "Zero or more."));
        }
    }
}

/// What is wrong with what a price is called.
pub fn flaws_of_names(nickname: Option<&str>, lookup_key: Option<&str>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    check_text("nickname", nickname, false, 250, &mut flaws);
    check_text("lookup_key", lookup_key, false, 200, &mut flaws);
    flaws
}

#[cfg(test)]
mod tests;
