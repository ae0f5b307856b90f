//! Refunds: money given back of a charge, in one piece or several.

use std::sync::LazyLock;

use serde_json::Value;

use super::change;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/refund.json")));

const FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];
const URL: &str = "/v1/refunds";

/// The rows; the permission is that of charges.
pub const ROUTES: &[Route] = &[
    list(URL, "rak_charge_read", &["charge", "created", "payment_intent"], index),
    list("/v1/charges/{id}/refunds", "rak_charge_read", &[], index_of_charge),
    get("/v1/refunds/{id}", "rak_charge_read", |call, space| call.read(space, Kind::Refund)),
    post(URL, "rak_charge_write", &["amount", "charge", "metadata", "payment_intent", "reason"], create),
    post("/v1/refunds/{id}", "rak_charge_write", &["metadata"], update),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let (charge, intent) = (call.form.text("charge")?, call.form.text("payment_intent")?);
    call.list(space, Kind::Refund, URL, |n| {
        let of = |name| space.attribute(Kind::Refund, n, name);
        charge.is_none_or(|id| of("charge").as_deref() == Some(id))
            && intent.is_none_or(|id| of("payment_intent").as_deref() == Some(id))
    })
}

fn index_of_charge(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    call.number(space, Kind::Charge)?;
    let url = format!("/v1/charges/{}/refunds", call.id);
    call.list(space, Kind::Refund, &url, |n| space.attribute(Kind::Refund, n, "charge").as_deref() == Some(&call.id))
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = charge_of(call, space)?;
    let mut charge = space.value(Kind::Charge, n).unwrap_or_default();
    let id = charge["id"].as_str().unwrap_or_default().to_owned();
    let left = refusable(&charge, &id)?;
    let amount = wanted(call, &charge, left)?;
    let reason = call.form.word("reason", REASONS)?;
    let (refund_n, refund_id) = space.reserve(Kind::Refund);
    let text = |name: &str| charge[name].as_str();
    let fields = Fields::new()
        .text("id", &refund_id)
        .int("amount", amount)
        .text("balance_transaction", &space.ids.id(Kind::BalanceTransaction, refund_n))
        .text("charge", &id)
        .int("created", call.cause.now)
        .opt_text("currency", text("currency"))
        .opt_text("customer", text("customer"))
        .opt_text("payment_intent", text("payment_intent"))
        .opt_text("payment_method", text("payment_method"))
        .opt_text("reason", reason);
    let mut refund = SHAPE.value(&fields);
    apply(&call.form, FIELDS, &mut refund)?;
    space.insert(Kind::Refund, refund_n, call.cause.now, refund.clone());
    let back = charge["amount_refunded"].as_i64().unwrap_or(0) + amount;
    charge["amount_refunded"] = back.into();
    charge["refunded"] = (amount == left).into();
    space.emit(&call.cause, "refund.created", (Kind::Refund, refund), None);
    change(space, &call.cause, "charge.refunded", Kind::Charge, n, charge);
    Ok(call.show(space, Kind::Refund, refund_n))
}

/// The charge that is named, or the one that paid the payment intent.
fn charge_of(call: &Call, space: &Space) -> Result<u64, ApiError> {
    match (call.form.text("charge")?, call.form.text("payment_intent")?) {
        (Some(id), None) => space.find_alive(Kind::Charge, id).ok_or_else(|| no_such_param("charge", id, "charge")),
        (None, Some(id)) => {
            let missing = || no_such_param("payment_intent", id, "payment_intent");
            let n = space.find(Kind::PaymentIntent, id).ok_or_else(missing)?;
            space.charge_of_invoice(n).ok_or_else(|| {
                invalid_param("payment_intent", "This PaymentIntent does not have a successful charge to refund.")
            })
        }
        (None, None) => Err(missing_param("charge")),
        (Some(_), Some(_)) => {
            Err(invalid_param("charge", "You may only specify one of these parameters: charge, payment_intent."))
        }
    }
}

/// What can still be given back.
fn refusable(charge: &Value, id: &str) -> Result<i64, ApiError> {
    let number = |name: &str| charge[name].as_i64().unwrap_or(0);
    if charge["status"] != "succeeded" {
        return Err(ApiError::invalid(400, format!("Charge {id} has not succeeded, so it cannot be refunded.")));
    }
    match number("amount") - number("amount_refunded") {
        0 => {
            Err(ApiError::invalid(400, format!("Charge {id} has already been refunded."))
                .code("charge_already_refunded"))
        }
        left => Ok(left),
    }
}

fn wanted(call: &Call, charge: &Value, left: i64) -> Result<i64, ApiError> {
    let Some(amount) = call.form.int("amount")? else {
        return Ok(left);
    };
    if amount < 1 {
        return Err(
            invalid_param("amount", "This value must be greater than or equal to 1.").code("parameter_invalid_integer")
        );
    }
    if amount > left {
        let currency = charge["currency"].as_str().unwrap_or_default();
        return Err(invalid_param(
            "amount",
            format!(
                "Refund amount ({amount} {currency}) is greater than unrefunded amount on charge ({left} {currency})"
            ),
        ));
    }
    Ok(amount)
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Refund)?;
    let mut refund = space.value(Kind::Refund, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut refund)?;
    change(space, &call.cause, "refund.updated", Kind::Refund, n, refund);
    Ok(call.show(space, Kind::Refund, n))
}
