//! A price as a sentence: `$10.00 per seat per month`. Read from Stripe's JSON, of any age.

use super::{money, raw::Raw};

/// What a price costs, in one sentence. `unit` is the product's word for one unit, such as `seat`.
pub fn sentence(price: &Raw, unit: Option<&str>) -> String {
    if let Some(sentence) = first_free(price, unit) {
        return sentence;
    }
    let period = period(price.text("/recurring/interval"), price.int("/recurring/interval_count"));
    let amount = amount(price, unit);
    let metered = price.text("/recurring/usage_type") == Some("metered");
    match (period, metered) {
        (Some(period), true) => format!("{amount}, by usage, billed {}", billed(&period)),
        (Some(period), false) => format!("{amount} {period}"),
        (None, _) => amount,
    }
}

/// `$10.00 per seat per month, first 5 free`: two graduated tiers, of which the first costs nothing.
fn first_free(price: &Raw, unit: Option<&str>) -> Option<String> {
    let tiers = price.list("/tiers");
    let [first, rest] = tiers.as_slice() else { return None };
    let free = |tier: &Raw, field: &str| {
        let amount = tier.number(&format!("/{field}_decimal")).or_else(|| tier.number(&format!("/{field}")));
        amount.is_none_or(|amount| amount.trim_matches(['0', '.']).is_empty())
    };
    let graduated = price.text("/tiers_mode") == Some("graduated");
    if !graduated || !free(first, "unit_amount") || !free(first, "flat_amount") || !free(rest, "flat_amount") {
        return None;
    }
    let each = money_of(rest, "unit_amount", price.text("/currency").unwrap_or_default())?;
    let (unit, up_to) = (unit.unwrap_or("unit"), first.int("/up_to")?);
    let period = period(price.text("/recurring/interval"), price.int("/recurring/interval_count"))?;
    Some(if price.text("/recurring/usage_type") == Some("metered") {
        format!("{each} per {unit}, first {up_to} free, by usage, billed {}", billed(&period))
    } else {
        format!("{each} per {unit} {period}, first {up_to} free")
    })
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

fn amount(price: &Raw, unit: Option<&str>) -> String {
    if !price.at("/custom_unit_amount").is_empty() {
        return "The customer chooses the amount".to_owned();
    }
    if price.text("/billing_scheme") == Some("tiered") {
        return tiers(price, unit);
    }
    let each = unit_amount(price, "unit_amount").unwrap_or_else(|| "No amount".to_owned());
    let metered = price.text("/recurring/usage_type") == Some("metered");
    match (price.int("/transform_quantity/divide_by"), unit) {
        (Some(size), unit) => format!("{each} per {size} {}s", unit.unwrap_or("unit")),
        (None, Some(unit)) => format!("{each} per {unit}"),
        (None, None) if metered => format!("{each} per unit"),
        (None, None) => each,
    }
}

/// `Graduated: first 10 at $5.00, then $4.00`. Stripe leaves the tiers out unless they are asked for.
fn tiers(price: &Raw, unit: Option<&str>) -> String {
    let volume = price.text("/tiers_mode") == Some("volume");
    let name = if volume { "Volume" } else { "Graduated" };
    let tiers = price.list("/tiers");
    if tiers.is_empty() {
        return format!("{name} price by tiers");
    }
    let currency = price.text("/currency").unwrap_or_default();
    let parts: Vec<_> = tiers.iter().map(|tier| self::tier(tier, currency, volume)).collect();
    let of = unit.map(|unit| format!(" per {unit}")).unwrap_or_default();
    format!("{name}{of}: {}", parts.join(", "))
}

fn tier(tier: &Raw, currency: &str, volume: bool) -> String {
    let each = money_of(tier, "unit_amount", currency);
    let flat = money_of(tier, "flat_amount", currency);
    let cost = match (each, flat) {
        (Some(each), Some(flat)) => format!("{flat} plus {each} each"),
        (Some(each), None) => format!("{each} each"),
        (None, Some(flat)) => format!("{flat} in total"),
        (None, None) => "free".to_owned(),
    };
    match (tier.int("/up_to"), volume) {
        (Some(up_to), true) => format!("up to {up_to} {cost}"),
        (Some(up_to), false) => format!("units up to {up_to} {cost}"),
        (None, true) => format!("more {cost}"),
        (None, false) => format!("the rest {cost}"),
    }
}

fn unit_amount(price: &Raw, field: &str) -> Option<String> {
    money_of(price, field, price.text("/currency").unwrap_or_default())
}

/// The integer field where it says everything, else the decimal one beside it.
fn money_of(part: &Raw, field: &str, currency: &str) -> Option<String> {
    match part.int(&format!("/{field}")) {
        Some(minor) => Some(money::format(minor, currency)),
        None => money::format_decimal(&part.number(&format!("/{field}_decimal"))?, currency),
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
