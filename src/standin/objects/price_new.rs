//! Making prices in every model: per unit, packages, tiers, decimals, by usage, once.

use serde_json::{Value, json};

use super::change;
use super::price::SHAPE;
use super::product;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param, unknown_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::shape::Fields;
use crate::standin::space::Space;

/// Parameters of the creation.
pub const CREATABLE: &[&str] = &[
    "active",
    "billing_scheme",
    "currency",
    "lookup_key",
    "metadata",
    "nickname",
    "product",
    "product_data",
    "recurring",
    "tax_behavior",
    "tiers",
    "tiers_mode",
    "transfer_lookup_key",
    "transform_quantity",
    "unit_amount",
    "unit_amount_decimal",
];
/// What is set as it comes, at creation and later.
pub const FIELDS: &[Field] = &[
    ("active", Sort::Flag),
    ("lookup_key", Sort::Text),
    ("metadata", Sort::Metadata),
    ("nickname", Sort::Text),
    ("tax_behavior", Sort::OneOf(&["unspecified", "exclusive", "inclusive"])),
];
const INTERVALS: &[&str] = &["day", "week", "month", "year"];
/// Stripe takes this many digits after the point.
const DECIMALS: usize = 12;
/// A period of more than three years is refused.
const LONGEST: [(&str, i64); 4] = [("day", 1095), ("week", 156), ("month", 36), ("year", 3)];

/// Makes a price and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let currency = require_text(form, "currency")?;
    if currency.len() != 3 || !currency.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(invalid_param("currency", format!("Invalid currency: {currency}.")));
    }
    let recurring = recurring(space, form)?;
    let amounts = amounts(form)?;
    refuse_taken(space, form)?;
    let product = match (form.text("product")?, form.get("product_data")) {
        (Some(id), None) if space.find_alive(Kind::Product, id).is_none() => {
            return Err(no_such_param("product", id, "product"));
        }
        (Some(id), None) => id.to_owned(),
        (None, Some(_)) => {
            let n = product::create(space, cause, &form.parts("product_data")?)?;
            space.attribute(Kind::Product, n, "id").unwrap_or_default()
        }
        (None, None) => return Err(missing_param("product")),
        (Some(_), Some(_)) => {
            return Err(invalid_param(
                "product_data",
                "You may only specify one of these parameters: product, product_data.",
            ));
        }
    };
    let (n, id) = space.reserve(Kind::Price);
    let fields = Fields::new()
        .text("id", &id)
        .text("billing_scheme", if amounts.tiers.is_null() { "per_unit" } else { "tiered" })
        .int("created", cause.now)
        .text("currency", &currency.to_lowercase())
        .flag("livemode", space.live)
        .text("product", &product)
        .raw("recurring", recurring.to_string().as_bytes())
        .opt_text("tiers_mode", amounts.mode.as_deref())
        .raw("transform_quantity", amounts.transform.to_string().as_bytes())
        .text("type", if recurring.is_null() { "one_time" } else { "recurring" })
        .opt_int("unit_amount", amounts.each.as_deref().and_then(|each| each.parse().ok()))
        .opt_text("unit_amount_decimal", amounts.each.as_deref());
    let mut price = SHAPE.value(&fields);
    if !amounts.tiers.is_null() {
        price["tiers"] = amounts.tiers;
    }
    apply(form, FIELDS, &mut price)?;
    give_up_key(space, cause, form, n)?;
    space.insert(Kind::Price, n, cause.now, price.clone());
    space.emit(cause, "price.created", (Kind::Price, price), None);
    Ok(n)
}

/// What a price charges.
struct Amounts {
    each: Option<String>,
    tiers: Value,
    mode: Option<String>,
    transform: Value,
}

fn amounts(form: &Form) -> Result<Amounts, ApiError> {
    let scheme = form.word("billing_scheme", &["per_unit", "tiered"])?.unwrap_or("per_unit");
    let each = amount(form, "unit_amount", "unit_amount_decimal", "")?;
    let mode = form.word("tiers_mode", &["graduated", "volume"])?.map(str::to_owned);
    let transform = transform(form)?;
    if scheme == "per_unit" {
        for name in ["tiers", "tiers_mode"] {
            if form.get(name).is_some() {
                return Err(invalid_param(name, format!("You cannot set `{name}` with billing_scheme=per_unit.")));
            }
        }
        let each = Some(each.ok_or_else(|| missing_param("unit_amount"))?);
        return Ok(Amounts { each, tiers: Value::Null, mode: None, transform });
    }
    if each.is_some() {
        return Err(invalid_param("unit_amount", "You cannot set `unit_amount` with billing_scheme=tiered."));
    }
    if !transform.is_null() {
        return Err(invalid_param(
            "transform_quantity",
            "You cannot set `transform_quantity` with billing_scheme=tiered.",
        ));
    }
    let mode = Some(mode.ok_or_else(|| missing_param("tiers_mode"))?);
    Ok(Amounts { each: None, tiers: tiers(form)?, mode, transform: Value::Null })
}

fn transform(form: &Form) -> Result<Value, ApiError> {
    if form.get("transform_quantity").is_none() {
        return Ok(Value::Null);
    }
    let parts = form.parts("transform_quantity")?;
    parts.only(&["divide_by", "round"])?;
    let by = parts.int("divide_by")?.ok_or_else(|| missing_param("transform_quantity[divide_by]"))?;
    let round = parts.word("round", &["down", "up"])?.ok_or_else(|| missing_param("transform_quantity[round]"))?;
    if by < 2 {
        return Err(invalid_param("transform_quantity[divide_by]", "This value must be greater than or equal to 2."));
    }
    Ok(json!({"divide_by": by, "round": round}))
}

fn tiers(form: &Form) -> Result<Value, ApiError> {
    let rows = form.rows("tiers")?;
    if rows.is_empty() {
        return Err(missing_param("tiers"));
    }
    let mut tiers = Vec::new();
    let mut reached = 0;
    for (i, row) in rows.iter().enumerate() {
        let at = |name: &str| format!("tiers[{i}][{name}]");
        if let Some((name, _)) = row.entries().iter().find(|entry| !TIER.contains(&entry.0.as_str())) {
            return Err(unknown_param(&at(name)));
        }
        let prefix = format!("tiers[{i}]");
        let each = amount(row, "unit_amount", "unit_amount_decimal", &prefix)?;
        let flat = amount(row, "flat_amount", "flat_amount_decimal", &prefix)?;
        if each.is_none() && flat.is_none() {
            return Err(missing_param(&at("unit_amount")));
        }
        let last = i + 1 == rows.len();
        let up_to = match row.text("up_to")?.ok_or_else(|| missing_param(&at("up_to")))? {
            "inf" if last => None,
            text => match text.parse::<i64>() {
                Ok(up_to) if !last && up_to > reached => Some(up_to),
                _ => {
                    return Err(invalid_param(
                        &at("up_to"),
                        "Tiers must be in ascending order, and the last one must go up to `inf`.",
                    ));
                }
            },
        };
        reached = up_to.unwrap_or(reached);
        let whole = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
        tiers.push(json!({
            "flat_amount": whole(&flat), "flat_amount_decimal": flat,
            "unit_amount": whole(&each), "unit_amount_decimal": each, "up_to": up_to,
        }));
    }
    Ok(tiers.into())
}

const TIER: [&str; 5] = ["flat_amount", "flat_amount_decimal", "unit_amount", "unit_amount_decimal", "up_to"];

/// An amount as a whole number or as a decimal text, not both; a decimal without a fraction is shown without one.
fn amount(form: &Form, whole: &str, decimal: &str, prefix: &str) -> Result<Option<String>, ApiError> {
    let at = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}[{name}]") };
    match (form.int(whole)?, form.text(decimal)?) {
        (None, None) => Ok(None),
        (Some(amount), None) if amount >= 0 => Ok(Some(amount.to_string())),
        (None, Some(text)) => plain_decimal(text).map(Some).ok_or_else(|| {
            invalid_param(&at(decimal), format!("Invalid decimal: {text}; at most {DECIMALS} decimal places."))
        }),
        (Some(_), None) => {
            Err(invalid_param(&at(whole), "Invalid non-negative integer").code("parameter_invalid_integer"))
        }
        (Some(_), Some(_)) => {
            Err(invalid_param(&at(whole), format!("You may only specify one of these parameters: {whole}, {decimal}.")))
        }
    }
}

fn plain_decimal(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn recurring(space: &Space, form: &Form) -> Result<Value, ApiError> {
    if form.get("recurring").is_none() {
        return Ok(Value::Null);
    }
    let recurring = form.parts("recurring")?;
    recurring.only(&["interval", "interval_count", "meter", "usage_type"])?;
    let interval = require_text(&recurring, "interval").map_err(|_| missing_param("recurring[interval]"))?;
    if !INTERVALS.contains(&interval) {
        return Err(invalid_param(
            "recurring[interval]",
            "Invalid recurring[interval]: must be one of day, month, week, or year",
        ));
    }
    let count = recurring.int("interval_count")?.unwrap_or(1);
    let longest = LONGEST.iter().find(|row| row.0 == interval).map_or(1, |row| row.1);
    if !(1..=longest).contains(&count) {
        return Err(invalid_param(
            "recurring[interval_count]",
            format!("Invalid interval_count: a period of {interval}s is 1 to {longest} long."),
        ));
    }
    let usage = recurring.word("usage_type", &["licensed", "metered"])?.unwrap_or("licensed");
    let meter = recurring.text("meter")?;
    match meter {
        None if usage == "metered" => return Err(missing_param("recurring[meter]")),
        Some(_) if usage == "licensed" => {
            return Err(invalid_param("recurring[meter]", "You can only set a meter with usage_type=metered."));
        }
        Some(id) => {
            let n = space
                .find_alive(Kind::Meter, id)
                .ok_or_else(|| no_such_param(Kind::Meter.spoken(), id, "recurring[meter]"))?;
            if space.attribute(Kind::Meter, n, "status").as_deref() != Some("active") {
                return Err(invalid_param("recurring[meter]", "The meter is inactive and cannot be used."));
            }
        }
        None => {}
    }
    Ok(json!({"interval": interval, "interval_count": count, "meter": meter,
        "trial_period_days": null, "usage_type": usage}))
}

/// A lookup key belongs to one price, and moves only when that is asked for.
fn refuse_taken(space: &Space, form: &Form) -> Result<(), ApiError> {
    let transfer = form.flag("transfer_lookup_key")? == Some(true);
    match holder(space, form)? {
        Some((_, id)) if !transfer => {
            Err(invalid_param("lookup_key", format!("A price (`{id}`) already uses that lookup key."))
                .code("resource_already_exists"))
        }
        _ => Ok(()),
    }
}

/// The price that has the key that a form asks for.
fn holder(space: &Space, form: &Form) -> Result<Option<(u64, String)>, ApiError> {
    let Some(key) = form.text("lookup_key")?.filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let found = space.made_with(Kind::Price, |price| price["lookup_key"] == key);
    Ok(found.first().map(|n| (*n, space.ids.id(Kind::Price, *n))))
}

fn give_up_key(space: &mut Space, cause: &Cause, form: &Form, taker: u64) -> Result<(), ApiError> {
    if let Some((n, _)) = holder(space, form)?.filter(|(n, _)| *n != taker)
        && let Some(mut price) = space.value(Kind::Price, n)
    {
        price["lookup_key"] = Value::Null;
        change(space, cause, "price.updated", Kind::Price, n, price);
    }
    Ok(())
}

/// Changes what may be changed: the sum, the period and the currency never.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut price = space.value(Kind::Price, n).unwrap_or_default();
    if holder(space, form)?.is_some_and(|(holder, _)| holder != n) {
        refuse_taken(space, form)?;
        give_up_key(space, cause, form, n)?;
    }
    if form.flag("active")? == Some(false) {
        let product = price["product"].as_str().and_then(|id| space.find_alive(Kind::Product, id));
        let default = product.and_then(|n| space.attribute(Kind::Product, n, "default_price"));
        if default.as_deref() == price["id"].as_str() {
            return Err(ApiError::invalid(
                400,
                "This price cannot be archived because it is the default price of its product.",
            ));
        }
    }
    let behavior = &price["tax_behavior"];
    if form.get("tax_behavior").is_some() && behavior != "unspecified" {
        return Err(invalid_param("tax_behavior", "You cannot change the tax behavior of a price once it is set."));
    }
    apply(form, FIELDS, &mut price)?;
    change(space, cause, "price.updated", Kind::Price, n, price);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_shown_in_their_shortest_form() {
        for (text, wanted) in [("0.50", Some("0.5")), ("012", Some("12")), ("3.000000000001", Some("3.000000000001"))] {
            assert_eq!(plain_decimal(text).as_deref(), wanted, "{text}");
        }
        for wrong in ["", ".", "1.", "-1", "1e3", "0.0000000000001"] {
            assert_eq!(plain_decimal(wrong), None, "{wrong}");
        }
    }
}
