//! What a price costs: taken apart for sentences in any language, and as an English one: `$10.00 per seat per month`. Read from
//! Stripe's JSON, of any age.

use rust_decimal::Decimal;

use super::{money, raw::Raw};

/// What a price costs, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Lower-case ISO code.
    pub currency: String,
    /// How much.
    pub cost: Cost,
    /// How often; none for something paid once.
    pub period: Option<Period>,
    /// Whether what is used is paid, after it was used.
    pub metered: bool,
}

/// How much, in whole units of the currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The same for each.
    Each(Decimal),
    /// For so many together.
    Pack(Decimal, i64),
    /// For each, once so many are used up that cost nothing.
    AfterFree(Decimal, i64),
    /// By steps.
    Tiers {
        /// All units cost what the step of the last one says.
        volume: bool,
        /// The steps; none when Stripe was not asked for them.
        tiers: Vec<Tier>,
    },
    /// The customer says how much.
    Chosen,
    /// Nothing is known.
    Unknown,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The last unit of it; none for the last step.
    pub up_to: Option<i64>,
    /// For each unit.
    pub each: Option<Decimal>,
    /// For the step as a whole.
    pub flat: Option<Decimal>,
}

/// A time that comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// `day`, `week`, `month` or `year`.
    pub interval: String,
    /// How many of them.
    pub count: i64,
}

/// Takes a price apart.
pub fn terms(price: &Raw) -> Terms {
    let currency = price.text("/currency").unwrap_or_default().to_owned();
    let period = price.text("/recurring/interval").map(|interval| Period {
        interval: interval.to_owned(),
        count: price.int("/recurring/interval_count").unwrap_or(1).max(1),
    });
    Terms {
        cost: cost(price, &currency, period.is_some()),
        metered: price.text("/recurring/usage_type") == Some("metered"),
        period,
        currency,
    }
}

fn cost(price: &Raw, currency: &str, recurs: bool) -> Cost {
    if !price.at("/custom_unit_amount").is_empty() {
        return Cost::Chosen;
    }
    if price.text("/billing_scheme") == Some("tiered") || !price.list("/tiers").is_empty() {
        let tier = |tier: &Raw| Tier {
            up_to: tier.int("/up_to"),
            each: amount(tier, "unit_amount", currency),
            flat: amount(tier, "flat_amount", currency),
        };
        let tiers: Vec<Tier> = price.list("/tiers").iter().map(tier).collect();
        let volume = price.text("/tiers_mode") == Some("volume");
        return match after_free(&tiers) {
            Some(cost) if recurs && price.text("/tiers_mode") == Some("graduated") => cost,
            _ => Cost::Tiers { volume, tiers },
        };
    }
    match (amount(price, "unit_amount", currency), price.int("/transform_quantity/divide_by")) {
        (Some(amount), Some(size)) => Cost::Pack(amount, size),
        (Some(amount), None) => Cost::Each(amount),
        (None, _) => Cost::Unknown,
    }
}

/// Two steps, of which the first costs nothing.
fn after_free(tiers: &[Tier]) -> Option<Cost> {
    let [first, rest] = tiers else { return None };
    let free = |amount: Option<Decimal>| amount.is_none_or(|amount| amount.is_zero());
    if !free(first.each) || !free(first.flat) || !free(rest.flat) {
        return None;
    }
    Some(Cost::AfterFree(rest.each?, first.up_to?))
}

/// The integer field where it says everything, else the decimal one beside it.
fn amount(part: &Raw, field: &str, currency: &str) -> Option<Decimal> {
    match part.int(&format!("/{field}")) {
        Some(minor) => Some(money::major(minor, currency)),
        None => money::major_decimal(&part.number(&format!("/{field}_decimal"))?, currency),
    }
}

/// What a price costs, in one English sentence. `unit` is the product's word for one unit, such as `seat`.
pub fn sentence(price: &Raw, unit: Option<&str>) -> String {
    let terms = terms(price);
    let often = terms.period.as_ref().and_then(|it| period(Some(&it.interval), Some(it.count)));
    let cost = spoken(&terms, unit, often.as_deref());
    match (often, terms.metered, &terms.cost) {
        (Some(_), false, Cost::AfterFree(..)) | (None, ..) => cost,
        (Some(often), true, _) => format!("{cost}, by usage, billed {}", billed(&often)),
        (Some(often), false, _) => format!("{cost} {often}"),
    }
}

fn spoken(terms: &Terms, unit: Option<&str>, often: Option<&str>) -> String {
    let show = |amount: &Decimal| money::write(*amount, &terms.currency);
    let word = unit.unwrap_or("unit");
    match &terms.cost {
        Cost::Each(amount) if unit.is_some() || terms.metered => format!("{} per {word}", show(amount)),
        Cost::Each(amount) => show(amount),
        Cost::Pack(amount, size) => format!("{} per {size} {word}s", show(amount)),
        Cost::AfterFree(amount, free) if terms.metered => format!("{} per {word}, first {free} free", show(amount)),
        Cost::AfterFree(amount, free) => {
            format!("{} per {word} {}, first {free} free", show(amount), often.unwrap_or_default())
        }
        Cost::Tiers { volume, tiers } => {
            let name = if *volume { "Volume" } else { "Graduated" };
            if tiers.is_empty() {
                return format!("{name} price by tiers");
            }
            let parts: Vec<_> = tiers.iter().map(|tier| spoken_tier(tier, &terms.currency, *volume)).collect();
            let of = unit.map(|unit| format!(" per {unit}")).unwrap_or_default();
            format!("{name}{of}: {}", parts.join(", "))
        }
        Cost::Chosen => "The customer chooses the amount".to_owned(),
        Cost::Unknown => "No amount".to_owned(),
    }
}

fn spoken_tier(tier: &Tier, currency: &str, volume: bool) -> String {
    let show = |amount: Decimal| money::write(amount, currency);
    let cost = match (tier.each, tier.flat) {
        (Some(each), Some(flat)) => format!("{} plus {} each", show(flat), show(each)),
        (Some(each), None) => format!("{} each", show(each)),
        (None, Some(flat)) => format!("{} in total", show(flat)),
        (None, None) => "free".to_owned(),
    };
    match (tier.up_to, volume) {
        (Some(up_to), true) => format!("up to {up_to} {cost}"),
        (Some(up_to), false) => format!("units up to {up_to} {cost}"),
        (None, true) => format!("more {cost}"),
        (None, false) => format!("the rest {cost}"),
    }
}

/// `per month`, `every 3 months`; None for something paid once.
pub fn period(interval: Option<&str>, count: Option<i64>) -> Option<String> {
    let interval = interval?;
    Some(match count {
        None | Some(..=1) => format!("per {interval}"),
        Some(count) => format!("every {count} {interval}s"),
    })
}

fn billed(period: &str) -> String {
    match period {
        "per day" => "daily".to_owned(),
        "per week" => "weekly".to_owned(),
        "per month" => "monthly".to_owned(),
        "per year" => "yearly".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str, unit: Option<&str>) -> String {
        sentence(&Raw::parse(json), unit)
    }

    #[test]
    fn a_price_reads_like_a_sentence() {
        let month = r#""recurring":{"interval":"month","interval_count":1,"usage_type":"licensed"}"#;
        for (json, unit, sentence) in [
            (format!(r#"{{"currency":"usd","unit_amount":1000,{month}}}"#), None, "$10.00 per month"),
            (format!(r#"{{"currency":"usd","unit_amount":1000,{month}}}"#), Some("seat"), "$10.00 per seat per month"),
            (
                r#"{"currency":"jpy","unit_amount":500,"recurring":{"interval":"month","interval_count":3}}"#
                    .to_owned(),
                None,
                "¥500 every 3 months",
            ),
            (r#"{"currency":"eur","unit_amount":9900}"#.to_owned(), None, "€99.00"),
            (
                r#"{"currency":"usd","unit_amount":null,"unit_amount_decimal":"0.5",
                    "recurring":{"interval":"month","usage_type":"metered"}}"#
                    .to_owned(),
                Some("call"),
                "$0.005 per call, by usage, billed monthly",
            ),
            (
                format!(r#"{{"currency":"usd","unit_amount":500,"transform_quantity":{{"divide_by":100}},{month}}}"#),
                None,
                "$5.00 per 100 units per month",
            ),
            (
                format!(
                    r#"{{"currency":"usd","billing_scheme":"tiered","tiers_mode":"graduated",
                        "tiers":[{{"up_to":10,"unit_amount":500}},{{"up_to":null,"unit_amount":400,"flat_amount":100}}],{month}}}"#
                ),
                None,
                "Graduated: units up to 10 $5.00 each, the rest $1.00 plus $4.00 each per month",
            ),
            (
                format!(r#"{{"currency":"usd","billing_scheme":"tiered","tiers_mode":"volume",{month}}}"#),
                None,
                "Volume price by tiers per month",
            ),
            (
                r#"{"currency":"usd","custom_unit_amount":{"minimum":1}}"#.to_owned(),
                None,
                "The customer chooses the amount",
            ),
            ("{}".to_owned(), None, "No amount"),
        ] {
            assert_eq!(said(&json, unit), sentence, "{json}");
        }
    }
}
