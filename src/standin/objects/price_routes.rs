//! Routes of prices.

use serde_json::{Value, json};

use super::change;
use super::price::SHAPE;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::Fields;
use crate::standin::space::Space;

const CREATABLE: &[&str] = &[
    "active",
    "currency",
    "lookup_key",
    "metadata",
    "nickname",
    "product",
    "recurring",
    "unit_amount",
    "unit_amount_decimal",
];
const SETTABLE: &[&str] = &["active", "lookup_key", "metadata", "nickname"];
const FIELDS: &[Field] =
    &[("active", Sort::Flag), ("lookup_key", Sort::Text), ("metadata", Sort::Metadata), ("nickname", Sort::Text)];

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/prices", "rak_plan_read", &["active", "created", "currency", "product", "type", "lookup_keys"], index),
    get("/v1/prices/{id}", "rak_plan_read", |call, space| call.read(space, Kind::Price)),
    post("/v1/prices", "rak_plan_write", CREATABLE, create_route),
    post("/v1/prices/{id}", "rak_plan_write", SETTABLE, update_route),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let active = call.form.flag("active")?.map(|active| active.to_string());
    let keys = call.form.texts("lookup_keys")?;
    let mut wanted = Vec::new();
    for name in ["currency", "product", "type"] {
        if let Some(text) = call.form.text(name)? {
            wanted.push((name, text));
        }
    }
    wanted.extend(active.as_deref().map(|active| ("active", active)));
    call.list(space, Kind::Price, "/v1/prices", |n| {
        let of = |name| space.attribute(Kind::Price, n, name);
        wanted.iter().all(|(name, text)| of(name).as_deref() == Some(text))
            && (keys.is_empty() || of("lookup_key").is_some_and(|key| keys.contains(&key)))
    })
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = create(space, &call.cause, &call.form)?;
    Ok(call.show(space, Kind::Price, n))
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Price)?;
    update(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Price, n))
}

/// Makes a price per unit and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let currency = require_text(form, "currency")?;
    let product = require_text(form, "product")?;
    if space.find_alive(Kind::Product, product).is_none() {
        return Err(no_such_param("product", product, "product"));
    }
    let recurring = recurring(form)?;
    let decimal = match (form.int("unit_amount")?, form.text("unit_amount_decimal")?) {
        (Some(amount), None) if amount >= 0 => amount.to_string(),
        (None, Some(decimal)) if decimal.parse::<f64>().is_ok_and(|amount| amount >= 0.0) => decimal.to_owned(),
        (None, None) => return Err(missing_param("unit_amount")),
        _ => return Err(invalid_param("unit_amount", "Invalid non-negative integer")),
    };
    let (n, id) = space.reserve(Kind::Price);
    let fields = Fields::new()
        .text("id", &id)
        .text("billing_scheme", "per_unit")
        .int("created", cause.now)
        .text("currency", currency)
        .flag("livemode", space.live)
        .text("product", product)
        .raw("recurring", recurring.to_string().as_bytes())
        .text("type", if recurring.is_null() { "one_time" } else { "recurring" })
        .opt_int("unit_amount", decimal.parse().ok())
        .text("unit_amount_decimal", &decimal);
    let mut price = SHAPE.value(&fields);
    apply(form, FIELDS, &mut price)?;
    space.insert(Kind::Price, n, cause.now, price.clone());
    space.emit(cause, "price.created", (Kind::Price, price), None);
    Ok(n)
}

fn recurring(form: &Form) -> Result<Value, ApiError> {
    if form.get("recurring").is_none() {
        return Ok(Value::Null);
    }
    let recurring = form.parts("recurring")?;
    recurring.only(&["interval", "interval_count"])?;
    let interval = require_text(&recurring, "interval").map_err(|_| missing_param("recurring[interval]"))?;
    if !["day", "week", "month", "year"].contains(&interval) {
        return Err(invalid_param(
            "recurring[interval]",
            "Invalid recurring[interval]: must be one of day, month, week, or year",
        ));
    }
    Ok(json!({"interval": interval, "interval_count": recurring.int("interval_count")?.unwrap_or(1),
        "meter": null, "trial_period_days": null, "usage_type": "licensed"}))
}

/// Changes a price.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut price = space.value(Kind::Price, n).ok_or_else(|| no_such("price", ""))?;
    apply(form, FIELDS, &mut price)?;
    change(space, cause, "price.updated", Kind::Price, n, price);
    Ok(())
}
