//! Making a subscription and billing its first period.

use std::sync::Arc;

use serde_json::{Value, json};

use super::billing::{Bill, Then, bill, due_at_once, first_lines};
use super::collect;
use super::discount::{self, Owner, Wanted};
use super::payment_method::of_param;
use super::price::PriceCard;
use super::promotion_code::refuse_small;
use super::subscription::{Facts, ItemFacts};
use super::subscription_change::{card, quantity};
use super::subscription_routes::{FIELDS, set_cancellation, set_payment_settings};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

const ITEM_FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const DAY: i64 = 86_400;
/// How a first payment that fails is taken.
pub const BEHAVIORS: &[&str] =
    &["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"];

/// Makes a subscription, bills its first period, and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let customer = require_text(form, "customer")?;
    if space.find_alive(Kind::Customer, customer).is_none() {
        return Err(no_such_param("customer", customer, "customer"));
    }
    let (n, id) = space.reserve(Kind::Subscription);
    let wanted = discount::wanted(space, form, customer, cause.now)?;
    let mut subscription = read(space, cause, form, (n, &id))?;
    let lines = first_lines(space, &subscription);
    let first = due_at_once(space, &subscription, &lines, wanted.as_deref(), cause.now);
    refuse_small_codes(space, wanted.as_deref().unwrap_or_default(), &first)?;
    let (status, then) = first_status(space, form, &subscription, &first)?;
    if subscription["status"] != "trialing" {
        subscription["status"] = status.into();
    }
    if let Some(wanted) = wanted {
        let owner = Owner { customer, subscription: Some(&id), invoice: None };
        subscription["discounts"] = discount::grant(space, cause, &wanted, owner).into();
    }
    space.insert(Kind::Subscription, n, cause.now, subscription.clone());
    let period = (cause.now, cause.now);
    let what =
        Bill { subscription: &subscription, reason: "subscription_create", lines, period, proration_date: None, then };
    subscription["latest_invoice"] = bill(space, cause, what)?.into();
    discount::use_up(space, cause, &mut subscription);
    space.replace(Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.created", (Kind::Subscription, subscription), None);
    Ok(n)
}

/// The subscription as it begins, before anybody has paid.
fn read(space: &mut Space, cause: &Cause, form: &Form, (n, id): (u64, &str)) -> Result<Value, ApiError> {
    let start = cause.now;
    let trial_end = trial_end(form, start)?;
    let customer = require_text(form, "customer")?;
    let mut items = items(space, n, form, |card| (start, trial_end.unwrap_or(start + card.period())))?;
    let Some(currency) = items.first().map(|item| item.0.price.currency.clone()) else {
        return Err(missing_param("items"));
    };
    let by_invoice = form.word("collection_method", &["charge_automatically", "send_invoice"])? == Some("send_invoice");
    let metadata: Vec<Value> = items.iter_mut().map(|item| item.1.take()).collect();
    let facts = Facts {
        id: id.to_owned(),
        customer: customer.to_owned(),
        currency,
        created: start,
        status: if trial_end.is_some() { "trialing" } else { "active" },
        billing_cycle_anchor: trial_end.unwrap_or(start),
        cancel_at: None,
        cancel_at_period_end: false,
        canceled_at: None,
        cancel_reason: None,
        cancel_feedback: None,
        ended_at: None,
        days_until_due: if by_invoice { Some(form.int("days_until_due")?.unwrap_or(30)) } else { None },
        default_payment_method: of_param(space, cause, form, "default_payment_method", customer)?,
        latest_invoice: None,
        live: space.live,
        metadata: b"{}".to_vec(),
        pause_collection: false,
        trial: trial_end.map(|end| (start, end)),
        items: items.into_iter().map(|item| item.0).collect(),
    };
    let mut subscription = facts.value();
    for (at, metadata) in metadata.into_iter().enumerate() {
        subscription["items"]["data"][at]["metadata"] = metadata;
    }
    apply(form, FIELDS, &mut subscription)?;
    set_cancellation(form, &mut subscription, start)?;
    set_payment_settings(form, &mut subscription)?;
    if let Some(behavior) = missing_method_behavior(form)? {
        subscription["trial_settings"]["end_behavior"]["missing_payment_method"] = behavior.into();
    }
    Ok(subscription)
}

fn missing_method_behavior(form: &Form) -> Result<Option<String>, ApiError> {
    let end = form.parts("trial_settings")?.parts("end_behavior")?;
    Ok(end.word("missing_payment_method", &["cancel", "create_invoice", "pause"])?.map(str::to_owned))
}

fn trial_end(form: &Form, now: i64) -> Result<Option<i64>, ApiError> {
    if form.text("trial_end")? == Some("now") {
        return Ok(None);
    }
    match (form.int("trial_period_days")?, form.int("trial_end")?) {
        (Some(days @ 1..=730), None) => Ok(Some(now + days * DAY)),
        (None, Some(end)) if end > now => Ok(Some(end)),
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid_param("trial_period_days", "Invalid integer: must be between 1 and 730.")
            .code("parameter_invalid_integer")),
        (Some(_), Some(_)) => Err(invalid_param(
            "trial_end",
            "You may only specify one of these parameters: trial_end, trial_period_days.",
        )),
        _ => Err(invalid_param("trial_end", "Timestamp must be an integer Unix timestamp in the future.")),
    }
}

/// The items a creation asks for, with their metadata.
fn items(
    space: &mut Space,
    subscription: u64,
    form: &Form,
    period: impl Fn(&PriceCard) -> (i64, i64),
) -> Result<Vec<(ItemFacts, Value)>, ApiError> {
    let mut items: Vec<(ItemFacts, Value)> = Vec::new();
    for (i, wanted) in form.rows("items")?.iter().enumerate() {
        wanted.only(&["price", "quantity", "metadata"])?;
        let param = format!("items[{i}][price]");
        let price = card(space, wanted, &param)?;
        let quantity = quantity(wanted, &price, &format!("items[{i}][quantity]"))?;
        if items.iter().any(|item| item.0.price.id == price.id) {
            let message = format!("Cannot add multiple subscription items with the same plan: {}", price.id);
            return Err(invalid_param("items", message));
        }
        if let Some(first) = items.first().filter(|first| first.0.price.currency != price.currency) {
            let message = format!(
                "The price specified only supports `{}`. This doesn't match the expected currency: `{}`.",
                price.currency, first.0.price.currency
            );
            return Err(invalid_param(&param, message));
        }
        let (item, id) = space.reserve(Kind::SubscriptionItem);
        space.item_owner.insert(item, subscription);
        let mut holder = json!({"metadata": {}});
        apply(wanted, ITEM_FIELDS, &mut holder)?;
        let period = period(&price);
        let quantity = (!price.metered).then(|| quantity.unwrap_or(1));
        let facts = ItemFacts { id, created: period.0, quantity, price: Arc::new(price), period };
        items.push((facts, holder["metadata"].take()));
    }
    Ok(items)
}

/// Codes may ask for a least sum.
pub fn refuse_small_codes(space: &Space, wanted: &[Wanted], first: &Value) -> Result<(), ApiError> {
    let (sum, currency) = (first["subtotal"].as_i64().unwrap_or(0), first["currency"].as_str().unwrap_or_default());
    for (i, one) in wanted.iter().enumerate() {
        if let Some(code) = one.code.and_then(|n| space.value(Kind::PromotionCode, n)) {
            refuse_small(&code, sum, currency, &format!("discounts[{i}][promotion_code]"))?;
        }
    }
    Ok(())
}

/// The status after the first payment, known before it is tried; or the refusal of the whole request.
fn first_status(
    space: &Space,
    form: &Form,
    subscription: &Value,
    first: &Value,
) -> Result<(&'static str, Then), ApiError> {
    let behavior = form.word("payment_behavior", BEHAVIORS)?.unwrap_or("allow_incomplete");
    let by_card = subscription["collection_method"] == "charge_automatically";
    if !by_card || first["amount_due"].as_i64().unwrap_or(0) == 0 {
        return Ok(("active", Then::Collect));
    }
    if behavior == "default_incomplete" {
        return Ok(("incomplete", Then::Wait));
    }
    let own = subscription["default_payment_method"].as_str();
    let method = own
        .and_then(|id| space.find_alive(Kind::PaymentMethod, id))
        .or_else(|| collect::method_of_customer(space, first["customer"].as_str().unwrap_or_default()))
        .ok_or_else(collect::nothing_to_pay_with)?;
    match collect::refusal_of(space, method) {
        None => Ok(("active", Then::Collect)),
        Some(refusal) if behavior == "error_if_incomplete" => Err(refusal.error()),
        Some(_) => Ok(("incomplete", Then::Collect)),
    }
}
