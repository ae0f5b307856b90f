//! Routes of subscriptions, and the parameters that creating and changing share.

use serde_json::Value;

use super::customer;
use super::subscription_life::{ENDED, cancel, pause, resume};
use super::subscription_new::create;
use super::subscription_update::update;
use crate::standin::errors::{ApiError, invalid_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::space::Space;

const FILTERS: &[&str] = &["collection_method", "created", "customer", "price", "status"];
const CREATABLE: &[&str] = &[
    "cancel_at",
    "cancel_at_period_end",
    "collection_method",
    "customer",
    "days_until_due",
    "default_payment_method",
    "description",
    "discounts",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "payment_settings",
    "proration_behavior",
    "trial_end",
    "trial_period_days",
    "trial_settings",
];
const SETTABLE: &[&str] = &[
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
    "discounts",
    "items",
    "metadata",
    "off_session",
    "pause_collection",
    "payment_behavior",
    "payment_settings",
    "proration_behavior",
    "proration_date",
    "trial_end",
];
const CANCEL: &[&str] = &["cancellation_details", "invoice_now", "prorate"];
const RESUME: &[&str] = &["billing_cycle_anchor", "payment_behavior", "proration_behavior", "proration_date"];
const FEEDBACK: &[&str] = &[
    "",
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
];
/// What is set as it comes.
pub const FIELDS: &[Field] = &[("description", Sort::Text), ("metadata", Sort::Metadata)];
const STATUSES: [&str; 8] =
    ["active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused"];

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/subscriptions", "rak_subscription_read", FILTERS, index),
    get("/v1/subscriptions/{id}", "rak_subscription_read", |call, space| call.read(space, Kind::Subscription)),
    post("/v1/subscriptions", "rak_subscription_write", CREATABLE, create_route),
    post("/v1/subscriptions/{id}", "rak_subscription_write", SETTABLE, |call, space| step(call, space, update)),
    delete("/v1/subscriptions/{id}", "rak_subscription_write", CANCEL, |call, space| step(call, space, cancel)),
    post("/v1/subscriptions/{id}/resume", "rak_subscription_write", RESUME, |call, space| step(call, space, resume)),
    post(
        "/v1/subscriptions/{id}/pause",
        "rak_subscription_write",
        &["bill_for", "invoicing_behavior", "type"],
        |call, space| step(call, space, pause),
    ),
];

/// Canceled subscriptions are left out unless they are asked for.
fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let url = "/v1/subscriptions";
    let status = call.form.text("status")?;
    if let Some(other) = status.filter(|status| !["all", "ended"].contains(status) && !STATUSES.contains(status)) {
        return Err(invalid_param("status", format!("Invalid status: {other}")));
    }
    let collection = call.form.text("collection_method")?;
    let price = call.form.text("price")?;
    let accept = |n: u64| {
        let of = |name| space.attribute(Kind::Subscription, n, name);
        let status_fits = match status {
            Some("all") => true,
            Some("ended") => of("status").is_some_and(|status| ENDED.contains(&status.as_str())),
            Some(status) => of("status").as_deref() == Some(status),
            None => of("status").as_deref() != Some("canceled"),
        };
        status_fits
            && collection.is_none_or(|wanted| of("collection_method").as_deref() == Some(wanted))
            && price.is_none_or(|wanted| has_price(space, n, wanted))
    };
    match call.param(space, Kind::Customer, "customer")? {
        Some(customer) => {
            call.list_of(space, Kind::Subscription, url, customer::of(space, Kind::Subscription, customer), accept)
        }
        None => call.list(space, Kind::Subscription, url, accept),
    }
}

fn has_price(space: &Space, n: u64, price: &str) -> bool {
    let value = space.value(Kind::Subscription, n).unwrap_or_default();
    let items = value["items"]["data"].as_array();
    items.is_some_and(|items| items.iter().any(|item| item["price"]["id"] == price))
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = create(space, &call.cause, &call.form)?;
    Ok(call.show(space, Kind::Subscription, n))
}

type Step = fn(&mut Space, &Cause, u64, &Form) -> Result<(), ApiError>;

fn step(call: &Call, space: &mut Space, step: Step) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Subscription)?;
    step(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Subscription, n))
}

/// `cancel_at_period_end` and `cancel_at`: when it ends by itself, or that it does not.
pub fn set_cancellation(form: &Form, subscription: &mut Value, now: i64) -> Result<(), ApiError> {
    let (at_end, at) = (form.flag("cancel_at_period_end")?, form.text("cancel_at")?);
    if at_end == Some(true) && at.is_some_and(|at| !at.is_empty()) {
        return Err(invalid_param(
            "cancel_at",
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
        ));
    }
    let ends = subscription["items"]["data"].as_array().into_iter().flatten();
    let ends: Vec<i64> = ends.filter_map(|row| row["current_period_end"].as_i64()).collect();
    let at = match at {
        None if at_end == Some(true) => ends.iter().max().copied(),
        None | Some("") if at.is_some() || at_end == Some(false) => {
            undo_cancellation(subscription);
            return Ok(());
        }
        None => return Ok(()),
        Some("min_period_end") => ends.iter().min().copied(),
        Some("max_period_end") => ends.iter().max().copied(),
        Some(_) => form.int("cancel_at")?,
    };
    if at.is_none_or(|at| at <= now) {
        return Err(invalid_param("cancel_at", "Timestamp must be in the future."));
    }
    subscription["cancel_at_period_end"] = (at_end == Some(true)).into();
    subscription["cancel_at"] = at.into();
    subscription["canceled_at"] = now.into();
    subscription["cancellation_details"]["reason"] = "cancellation_requested".into();
    Ok(())
}

/// `payment_settings[save_default_payment_method]`: whether the card that pays becomes the subscription's own.
pub fn set_payment_settings(form: &Form, subscription: &mut Value) -> Result<(), ApiError> {
    let settings = form.parts("payment_settings")?;
    settings.only(&["save_default_payment_method"])?;
    if let Some(word) = settings.word("save_default_payment_method", &["off", "on_subscription"])? {
        subscription["payment_settings"]["save_default_payment_method"] = word.into();
    }
    Ok(())
}

fn undo_cancellation(subscription: &mut Value) {
    subscription["cancel_at_period_end"] = false.into();
    subscription["cancel_at"] = Value::Null;
    subscription["canceled_at"] = Value::Null;
    for name in ["comment", "feedback", "reason"] {
        subscription["cancellation_details"][name] = Value::Null;
    }
}

/// `cancellation_details`: what the customer said.
pub fn note_details(form: &Form, subscription: &mut Value) -> Result<(), ApiError> {
    let details = form.parts("cancellation_details")?;
    details.only(&["comment", "feedback"])?;
    details.word("feedback", FEEDBACK)?;
    for name in ["comment", "feedback"] {
        if let Some(text) = details.text(name)? {
            subscription["cancellation_details"][name] = if text.is_empty() { Value::Null } else { text.into() };
        }
    }
    Ok(())
}
