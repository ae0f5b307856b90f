//! Prices: what they cost, and how they appear inside other objects.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::standin::shape::Shape;

/// The shape of a price.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/price.json")));

/// A price as subscription items and invoice lines use it: its JSON, its old `plan` JSON, and the sum for a quantity.
///
/// It is a snapshot: an item keeps the price as it was when the item last changed.
#[derive(Debug)]
pub struct PriceCard {
    /// `price_…`
    pub id: String,
    /// `prod_…`
    pub product: String,
    /// Lower-case currency code.
    pub currency: String,
    /// What people call it.
    pub nickname: Option<String>,
    /// `day`, `week`, `month` or `year`; none for a one-off price.
    pub interval: Option<String>,
    /// How many intervals make a period.
    pub interval_count: i64,
    /// Billed by reported usage instead of a quantity.
    pub metered: bool,
    /// Minor units per piece, as a decimal text.
    pub unit_amount_decimal: Option<String>,
    /// The price as JSON.
    pub price_json: Vec<u8>,
    /// The same as a `plan`, as JSON.
    pub plan_json: Vec<u8>,
    amounts: Amounts,
}

#[derive(Debug)]
enum Amounts {
    PerUnit { each: f64, divide_by: i64, round_up: bool },
    Tiers { graduated: bool, tiers: Vec<Tier> },
}

#[derive(Debug)]
struct Tier {
    up_to: i64,
    each: f64,
    flat: f64,
}

impl PriceCard {
    /// Reads the card from a price object that still has its tiers.
    pub fn of(price: &Value) -> Self {
        let mut shown = price.clone();
        if let Some(fields) = shown.as_object_mut() {
            fields.remove("tiers");
        }
        let text = |name: &str| price[name].as_str().map(str::to_owned);
        let recurring = &price["recurring"];
        Self {
            id: text("id").unwrap_or_default(),
            product: text("product").unwrap_or_default(),
            currency: text("currency").unwrap_or_default(),
            nickname: text("nickname"),
            interval: recurring["interval"].as_str().map(str::to_owned),
            interval_count: recurring["interval_count"].as_i64().unwrap_or(1),
            metered: recurring["usage_type"] == "metered",
            unit_amount_decimal: text("unit_amount_decimal"),
            plan_json: plan_of(&shown).to_string().into_bytes(),
            price_json: shown.to_string().into_bytes(),
            amounts: amounts_of(price),
        }
    }

    /// The sum for `quantity` pieces, in minor units.
    pub fn amount(&self, quantity: i64) -> i64 {
        match &self.amounts {
            Amounts::PerUnit { each, divide_by, round_up } => {
                let extra = if *round_up { divide_by - 1 } else { 0 };
                rounded(((quantity + extra) / divide_by) as f64 * each)
            }
            Amounts::Tiers { graduated: false, tiers } => tiers
                .iter()
                .find(|tier| quantity <= tier.up_to)
                .map_or(0, |tier| rounded(quantity as f64 * tier.each + tier.flat)),
            Amounts::Tiers { graduated: true, tiers } => graduated_amount(tiers, quantity),
        }
    }

    /// The length of a period in seconds; a month is a twelfth of a year of 365 days.
    pub fn period(&self) -> i64 {
        let one = match self.interval.as_deref() {
            Some("day") => 86_400,
            Some("week") => 604_800,
            Some("year") => 31_536_000,
            _ => 2_628_000,
        };
        one * self.interval_count
    }
}

fn graduated_amount(tiers: &[Tier], quantity: i64) -> i64 {
    let (mut sum, mut reached) = (0.0, 0);
    for tier in tiers {
        if quantity > reached {
            sum += (quantity.min(tier.up_to) - reached) as f64 * tier.each + tier.flat;
            reached = tier.up_to;
        }
    }
    rounded(sum)
}

#[expect(clippy::cast_possible_truncation, reason = "sums of money are far below 2^53")]
fn rounded(amount: f64) -> i64 {
    amount.round() as i64
}

fn decimal(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn amounts_of(price: &Value) -> Amounts {
    if let Some(tiers) = price["tiers"].as_array() {
        let tier = |tier: &Value| Tier {
            up_to: tier["up_to"].as_i64().unwrap_or(i64::MAX),
            each: decimal(&tier["unit_amount_decimal"]),
            flat: decimal(&tier["flat_amount_decimal"]),
        };
        return Amounts::Tiers {
            graduated: price["tiers_mode"] == "graduated",
            tiers: tiers.iter().map(tier).collect(),
        };
    }
    let transform = &price["transform_quantity"];
    Amounts::PerUnit {
        each: decimal(&price["unit_amount_decimal"]),
        divide_by: transform["divide_by"].as_i64().unwrap_or(1).max(1),
        round_up: transform["round"] == "up",
    }
}

/// The old `plan` object that subscription items still carry next to the price.
pub fn plan_of(price: &Value) -> Value {
    let recurring = &price["recurring"];
    json!({
        "id": price["id"], "object": "plan", "active": price["active"],
        "amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"], "created": price["created"], "currency": price["currency"],
        "interval": recurring["interval"], "interval_count": recurring["interval_count"],
        "livemode": price["livemode"], "metadata": price["metadata"], "meter": recurring["meter"],
        "nickname": price["nickname"], "product": price["product"], "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"], "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiered(mode: &str) -> PriceCard {
        PriceCard::of(&json!({"tiers_mode": mode, "tiers": [
            {"up_to": 10, "unit_amount_decimal": "100", "flat_amount_decimal": null},
            {"up_to": null, "unit_amount_decimal": "50", "flat_amount_decimal": "30"},
        ]}))
    }

    #[test]
    fn tiers_packages_and_units_cost_what_stripe_charges() {
        assert_eq!(tiered("graduated").amount(12), 1000 + 30 + 100);
        assert_eq!(tiered("volume").amount(12), 12 * 50 + 30);
        assert_eq!(tiered("volume").amount(10), 1000);
        let package = json!({"unit_amount_decimal": "700", "transform_quantity": {"divide_by": 5, "round": "up"}});
        assert_eq!(PriceCard::of(&package).amount(11), 2100);
        assert_eq!(PriceCard::of(&json!({"unit_amount_decimal": "0.5"})).amount(7), 4);
    }
}
