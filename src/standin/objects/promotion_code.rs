//! Promotion codes: words that customers type to get a coupon.

use std::sync::LazyLock;

use serde_json::Value;

use super::change;
use super::coupon::{usable_coupon, used_up};
use crate::standin::dice::{Dice, hash_text};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/promotion_code.json")));

const FIELDS: &[Field] = &[("active", Sort::Flag), ("metadata", Sort::Metadata)];
const CREATABLE: &[&str] =
    &["active", "code", "customer", "expires_at", "max_redemptions", "metadata", "promotion", "restrictions"];
const URL: &str = "/v1/promotion_codes";

/// The rows.
pub const ROUTES: &[Route] = &[
    list(URL, "rak_promotion_code_read", &["active", "code", "coupon", "created", "customer"], index),
    get("/v1/promotion_codes/{id}", "rak_promotion_code_read", |call, space| call.read(space, Kind::PromotionCode)),
    post(URL, "rak_promotion_code_write", CREATABLE, create),
    post("/v1/promotion_codes/{id}", "rak_promotion_code_write", &["active", "metadata"], update),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let active = call.form.flag("active")?.map(|active| active.to_string());
    let (code, customer) = (call.form.text("code")?, call.form.text("customer")?);
    let coupon = call.form.text("coupon")?;
    call.list(space, Kind::PromotionCode, URL, |n| {
        let of = |name| space.attribute(Kind::PromotionCode, n, name);
        (active.is_none() || active == of("active"))
            && code.is_none_or(|code| of("code").is_some_and(|own| own.eq_ignore_ascii_case(code)))
            && customer.is_none_or(|customer| of("customer").as_deref() == Some(customer))
            && coupon.is_none_or(|coupon| {
                space.value(Kind::PromotionCode, n).is_some_and(|value| value["promotion"]["coupon"] == coupon)
            })
    })
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let form = &call.form;
    let now = call.cause.now;
    let promotion = form.parts("promotion")?;
    promotion.only(&["coupon", "type"])?;
    if form.get("promotion").is_none() {
        return Err(missing_param("promotion"));
    }
    let coupon = require_text(&promotion, "coupon").map_err(|_| missing_param("promotion[coupon]"))?;
    usable_coupon(space, coupon, "promotion[coupon]", now)?;
    let customer = form.text("customer")?;
    if let Some(id) = customer.filter(|id| space.find_alive(Kind::Customer, id).is_none()) {
        return Err(no_such_param("customer", id, "customer"));
    }
    let expires = form.int("expires_at")?;
    if expires.is_some_and(|at| at <= now) {
        return Err(invalid_param("expires_at", "Timestamp must be in the future."));
    }
    let limits = form.parts("restrictions")?;
    limits.only(&["first_time_transaction", "minimum_amount", "minimum_amount_currency"])?;
    let (n, id) = space.reserve(Kind::PromotionCode);
    let drawn = Dice::of(hash_text(&id), 17, 1).letters(8).to_uppercase();
    let code = form.text("code")?.unwrap_or(&drawn).to_owned();
    refuse_taken(space, &code, customer)?;
    let fields = Fields::new()
        .text("id", &id)
        .text("code", &code)
        .int("created", now)
        .opt_text("customer", customer)
        .opt_int("expires_at", expires)
        .flag("livemode", space.live)
        .opt_int("max_redemptions", form.int("max_redemptions")?)
        .text("coupon", coupon)
        .flag("first_time_transaction", limits.flag("first_time_transaction")? == Some(true))
        .opt_int("minimum_amount", limits.int("minimum_amount")?)
        .opt_text("minimum_amount_currency", limits.text("minimum_amount_currency")?);
    let mut value = SHAPE.value(&fields);
    apply(form, FIELDS, &mut value)?;
    space.insert(Kind::PromotionCode, n, now, value.clone());
    space.emit(&call.cause, "promotion_code.created", (Kind::PromotionCode, value), None);
    Ok(call.show(space, Kind::PromotionCode, n))
}

/// A code may exist once among the active ones, whatever its case.
fn refuse_taken(space: &Space, code: &str, customer: Option<&str>) -> Result<(), ApiError> {
    let taken = space.made_with(Kind::PromotionCode, |value| {
        let same = value["code"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(code));
        same && value["active"] == true && (value["customer"].as_str() == customer || value["customer"].is_null())
    });
    if taken.is_empty() {
        return Ok(());
    }
    Err(invalid_param("code", format!("An active promotion code with `code: {code}` already exists.")))
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::PromotionCode)?;
    let mut value = space.value(Kind::PromotionCode, n).unwrap_or_default();
    let over = value["expires_at"].as_i64().is_some_and(|at| at <= call.cause.now) || used_up(&value);
    if over && call.form.flag("active")? == Some(true) {
        return Err(invalid_param("active", "A promotion code that has expired or is used up cannot be activated."));
    }
    apply(&call.form, FIELDS, &mut value)?;
    change(space, &call.cause, "promotion_code.updated", Kind::PromotionCode, n, value);
    Ok(call.show(space, Kind::PromotionCode, n))
}

/// The code that a person typed, if it is one that is active.
pub fn typed(space: &Space, code: &str) -> Option<Value> {
    let found = space.made_with(Kind::PromotionCode, |value| {
        value["active"] == true && value["code"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(code))
    });
    space.value(Kind::PromotionCode, *found.last()?)
}

/// Refuses a code that is switched off, over, for somebody else, or for first purchases only.
pub fn refuse_code(space: &Space, code: &Value, customer: &str, now: i64, param: &str) -> Result<(), ApiError> {
    if code["expires_at"].as_i64().is_some_and(|at| at <= now) || used_up(code) {
        return Err(invalid_param(param, "This promotion code has expired.").code("promotion_code_expired"));
    }
    if code["active"] != true {
        return Err(invalid_param(param, "This promotion code is inactive.").code("promotion_code_inactive"));
    }
    if code["customer"].as_str().is_some_and(|holder| holder != customer) {
        return Err(invalid_param(param, "This promotion code cannot be used by this customer.")
            .code("promotion_code_customer_mismatch"));
    }
    if code["restrictions"]["first_time_transaction"] == true && has_paid(space, customer) {
        return Err(invalid_param(
            param,
            "This promotion code cannot be redeemed because the associated customer has prior transactions.",
        )
        .code("customer_not_first_time"));
    }
    Ok(())
}

fn has_paid(space: &Space, customer: &str) -> bool {
    let Some(n) = space.find(Kind::Customer, customer) else {
        return false;
    };
    let charges = super::customer::of(space, Kind::Charge, n);
    charges.iter().any(|n| space.attribute(Kind::Charge, *n, "status").as_deref() == Some("succeeded"))
}

/// Refuses a sum below what the code is for.
pub fn refuse_small(code: &Value, amount: i64, currency: &str, param: &str) -> Result<(), ApiError> {
    let least = &code["restrictions"];
    let low = least["minimum_amount"].as_i64().is_some_and(|least| amount < least);
    let foreign = least["minimum_amount_currency"].as_str().is_some_and(|wanted| wanted != currency);
    if low || foreign {
        return Err(invalid_param(param, "This promotion code requires a higher minimum amount.")
            .code("promotion_code_minimum_amount"));
    }
    Ok(())
}
