//! Coupons, and what makes one usable.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::discount::Wanted;
use super::promotion_code::refuse_code;
use super::{change, deleted};
use crate::standin::dice::{Dice, hash_text};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/coupon.json")));

const FIELDS: &[Field] = &[("metadata", Sort::Metadata), ("name", Sort::Text)];
const CREATABLE: &[&str] = &[
    "amount_off",
    "applies_to",
    "currency",
    "duration",
    "duration_in_months",
    "id",
    "max_redemptions",
    "metadata",
    "name",
    "percent_off",
    "redeem_by",
];

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/coupons", "rak_coupon_read", &["created"], |call, space| {
        call.list(space, Kind::Coupon, "/v1/coupons", |_| true)
    }),
    get("/v1/coupons/{id}", "rak_coupon_read", |call, space| call.read(space, Kind::Coupon)),
    post("/v1/coupons", "rak_coupon_write", CREATABLE, create),
    post("/v1/coupons/{id}", "rak_coupon_write", &["metadata", "name"], update),
    delete("/v1/coupons/{id}", "rak_coupon_write", &[], remove),
];

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let form = &call.form;
    let value = read(space, form, call.cause.now)?;
    let (n, reserved) = space.reserve(Kind::Coupon);
    let id = match form.text("id")?.filter(|id| !id.is_empty()) {
        Some(id) if space.find_alive(Kind::Coupon, id).is_some() => {
            return Err(ApiError::invalid(400, "Coupon already exists.").code("resource_already_exists").param("id"));
        }
        Some(id) => id.to_owned(),
        None => Dice::of(hash_text(&reserved), 17, 0).letters(8),
    };
    let mut coupon = value;
    coupon["id"] = id.into();
    apply(form, FIELDS, &mut coupon)?;
    space.insert(Kind::Coupon, n, call.cause.now, coupon.clone());
    space.emit(&call.cause, "coupon.created", (Kind::Coupon, coupon), None);
    Ok(call.show(space, Kind::Coupon, n))
}

fn read(space: &Space, form: &Form, now: i64) -> Result<Value, ApiError> {
    let (amount, currency) = (form.int("amount_off")?, form.text("currency")?);
    let percent = percent(form)?;
    match (amount, percent) {
        (None, None) => return Err(missing_param("percent_off")),
        (Some(_), Some(_)) => {
            return Err(invalid_param(
                "amount_off",
                "You may only specify one of these parameters: amount_off, percent_off.",
            ));
        }
        (Some(amount), None) if amount < 1 => {
            return Err(invalid_param("amount_off", "Invalid positive integer").code("parameter_invalid_integer"));
        }
        (Some(_), None) if currency.is_none() => return Err(missing_param("currency")),
        _ => {}
    }
    let duration = form.word("duration", &["forever", "once", "repeating"])?.unwrap_or("once");
    let months = form.int("duration_in_months")?;
    if (duration == "repeating") != months.is_some() {
        return Err(invalid_param(
            "duration_in_months",
            "You must pass duration_in_months if and only if duration is repeating.",
        ));
    }
    if form.int("redeem_by")?.is_some_and(|at| at <= now) {
        return Err(invalid_param("redeem_by", "Timestamp must be in the future."));
    }
    let fields = Fields::new()
        .opt_int("amount_off", amount)
        .int("created", now)
        .opt_text("currency", currency.filter(|_| amount.is_some()))
        .text("duration", duration)
        .opt_int("duration_in_months", months)
        .flag("livemode", space.live)
        .opt_int("max_redemptions", form.int("max_redemptions")?)
        .opt_int("redeem_by", form.int("redeem_by")?)
        .with("percent_off", |out| out.extend_from_slice(json!(percent).to_string().as_bytes()));
    let mut coupon = SHAPE.value(&fields);
    let products = form.parts("applies_to")?.texts("products")?;
    if let Some(id) = products.iter().find(|id| space.find_alive(Kind::Product, id).is_none()) {
        return Err(no_such_param("product", id, "applies_to[products]"));
    }
    if !products.is_empty() {
        coupon["applies_to"] = json!({"products": products});
    }
    Ok(coupon)
}

fn percent(form: &Form) -> Result<Option<f64>, ApiError> {
    let Some(text) = form.text("percent_off")? else {
        return Ok(None);
    };
    match text.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Some(percent)),
        _ => Err(invalid_param("percent_off", format!("Invalid decimal: {text}; must be above 0 and at most 100"))),
    }
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Coupon)?;
    let mut coupon = space.value(Kind::Coupon, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut coupon)?;
    change(space, &call.cause, "coupon.updated", Kind::Coupon, n, coupon);
    Ok(call.show(space, Kind::Coupon, n))
}

/// A deleted coupon cannot be given any more; what was given stays.
fn remove(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Coupon)?;
    let last = space.remove(Kind::Coupon, n).ok_or_else(|| no_such("coupon", &call.id))?;
    space.gone_coupons.insert(call.id.clone(), last.clone());
    space.emit(&call.cause, "coupon.deleted", (Kind::Coupon, last), None);
    Ok(deleted(Kind::Coupon, &call.id))
}

/// The number of a coupon that may be given now.
pub fn usable_coupon(space: &Space, id: &str, param: &str, now: i64) -> Result<u64, ApiError> {
    let n = space.find_alive(Kind::Coupon, id).ok_or_else(|| no_such_param("coupon", id, param))?;
    let coupon = space.value(Kind::Coupon, n).unwrap_or_default();
    let late = coupon["redeem_by"].as_i64().is_some_and(|until| until <= now);
    if late {
        return Err(invalid_param(param, format!("Coupon expired: {id}")).code("coupon_expired"));
    }
    if used_up(&coupon) {
        return Err(
            invalid_param(param, format!("Coupon {id} is used up and cannot be applied.")).code("coupon_expired")
        );
    }
    Ok(n)
}

/// Whether as many have been given as may be.
pub fn used_up(value: &Value) -> bool {
    let given = value["times_redeemed"].as_i64().unwrap_or(0);
    value["max_redemptions"].as_i64().is_some_and(|most| given >= most)
}

/// What a promotion code takes off, if this customer may use it now.
pub fn usable_code(space: &Space, id: &str, param: &str, customer: &str, now: i64) -> Result<Wanted, ApiError> {
    let missing = || no_such_param(Kind::PromotionCode.spoken(), id, param);
    let n = space.find_alive(Kind::PromotionCode, id).ok_or_else(missing)?;
    let code = space.value(Kind::PromotionCode, n).unwrap_or_default();
    refuse_code(space, &code, customer, now, param)?;
    let coupon = code["promotion"]["coupon"].as_str().unwrap_or_default();
    Ok(Wanted { coupon: usable_coupon(space, coupon, param, now)?, code: Some(n), keeps: None })
}

/// Counts a redemption of the coupon, and of the code it was reached by.
pub fn redeem(space: &mut Space, cause: &Cause, one: &Wanted) {
    count(space, cause, Kind::Coupon, one.coupon);
    if let Some(code) = one.code {
        count(space, cause, Kind::PromotionCode, code);
    }
}

fn count(space: &mut Space, cause: &Cause, kind: Kind, n: u64) {
    let Some(mut value) = space.value(kind, n) else {
        return;
    };
    value["times_redeemed"] = (value["times_redeemed"].as_i64().unwrap_or(0) + 1).into();
    let done = used_up(&value);
    let event = if kind == Kind::Coupon {
        value["valid"] = (!done).into();
        "coupon.updated"
    } else {
        value["active"] = (value["active"] == true && !done).into();
        "promotion_code.updated"
    };
    change(space, cause, event, kind, n, value);
}

impl Space {
    /// A coupon that was given, even when it has been deleted since.
    pub fn kept_coupon(&self, id: &str) -> Option<Value> {
        let alive = self.find_alive(Kind::Coupon, id).and_then(|n| self.value(Kind::Coupon, n));
        alive.or_else(|| self.gone_coupons.get(id).cloned())
    }
}
