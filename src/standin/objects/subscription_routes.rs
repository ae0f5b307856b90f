//! Routes of subscriptions, and what happens to them: created, changed, canceled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::billing_routes::bill;
use super::change;
use super::customer;
use super::price::PriceCard;
use super::subscription::{Facts, ItemFacts};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::{Form, Node};
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::space::Space;

const FILTERS: &[&str] = &["collection_method", "created", "customer", "price", "status"];
const CREATABLE: &[&str] = &[
    "cancel_at_period_end",
    "collection_method",
    "customer",
    "days_until_due",
    "description",
    "items",
    "metadata",
    "payment_behavior",
    "trial_end",
    "trial_period_days",
];
const SETTABLE: &[&str] = &[
    "cancel_at_period_end",
    "cancellation_details",
    "description",
    "items",
    "metadata",
    "pause_collection",
    "payment_behavior",
    "proration_behavior",
];
const CANCEL: &[&str] = &["cancellation_details", "invoice_now", "prorate"];
const FIELDS: &[Field] = &[("description", Sort::Text), ("metadata", Sort::Metadata)];
const STATUSES: [&str; 8] =
    ["active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused"];
/// Nothing can be changed after these.
const ENDED: [&str; 2] = ["canceled", "incomplete_expired"];
const DAY: i64 = 86_400;

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/subscriptions", "rak_subscription_read", FILTERS, index),
    get("/v1/subscriptions/{id}", "rak_subscription_read", |call, space| call.read(space, Kind::Subscription)),
    post("/v1/subscriptions", "rak_subscription_write", CREATABLE, create_route),
    post("/v1/subscriptions/{id}", "rak_subscription_write", SETTABLE, update_route),
    delete("/v1/subscriptions/{id}", "rak_subscription_write", CANCEL, cancel_route),
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

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Subscription)?;
    update(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Subscription, n))
}

fn cancel_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Subscription)?;
    cancel(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Subscription, n))
}

/// Makes a subscription, bills its first period, and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let customer = require_text(form, "customer")?;
    if space.find_alive(Kind::Customer, customer).is_none() {
        return Err(no_such_param("customer", customer, "customer"));
    }
    let trial_end = trial_end(form, cause.now)?;
    let start = cause.now;
    let (n, id) = space.reserve(Kind::Subscription);
    let items = items(space, n, form, |card| (start, trial_end.unwrap_or(start + card.period())))?;
    let Some(currency) = items.first().map(|item| item.price.currency.clone()) else {
        return Err(missing_param("items"));
    };
    let by_invoice = form.text("collection_method")? == Some("send_invoice");
    let waits = matches!(form.text("payment_behavior")?, Some("default_incomplete"));
    let facts = Facts {
        id,
        customer: customer.to_owned(),
        currency,
        created: start,
        status: match trial_end {
            Some(_) => "trialing",
            None if waits && !by_invoice => "incomplete",
            None => "active",
        },
        billing_cycle_anchor: trial_end.unwrap_or(start),
        cancel_at: None,
        cancel_at_period_end: false,
        canceled_at: None,
        cancel_reason: None,
        cancel_feedback: None,
        ended_at: None,
        days_until_due: if by_invoice { Some(form.int("days_until_due")?.unwrap_or(30)) } else { None },
        latest_invoice: None,
        live: space.live,
        metadata: b"{}".to_vec(),
        pause_collection: false,
        trial: trial_end.map(|end| (start, end)),
        items,
    };
    let mut subscription = facts.value();
    apply(form, FIELDS, &mut subscription)?;
    if form.flag("cancel_at_period_end")? == Some(true) {
        end_with_period(&mut subscription, cause.now);
    }
    space.insert(Kind::Subscription, n, cause.now, subscription.clone());
    let invoice = bill(space, cause, &subscription, "subscription_create")?;
    subscription["latest_invoice"] = invoice.into();
    space.replace(Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.created", (Kind::Subscription, subscription), None);
    Ok(n)
}

fn trial_end(form: &Form, now: i64) -> Result<Option<i64>, ApiError> {
    match (form.int("trial_period_days")?, form.int("trial_end")?) {
        (Some(days @ 1..=730), None) => Ok(Some(now + days * DAY)),
        (None, Some(end)) if end > now => Ok(Some(end)),
        (None, None) => Ok(None),
        _ => Err(invalid_param("trial_end", "Timestamp must be an integer Unix timestamp in the future")),
    }
}

/// The items a creation asks for.
fn items(
    space: &mut Space,
    subscription: u64,
    form: &Form,
    period: impl Fn(&PriceCard) -> (i64, i64),
) -> Result<Vec<ItemFacts>, ApiError> {
    let mut items = Vec::new();
    for (i, (_, node)) in form.parts("items")?.entries().iter().enumerate() {
        let Node::Parts(wanted) = node else {
            return Err(invalid_param("items", "Invalid array"));
        };
        wanted.only(&["price", "quantity", "metadata"])?;
        let price = card(space, wanted, &format!("items[{i}][price]"))?;
        let (item, id) = space.reserve(Kind::SubscriptionItem);
        space.item_owner.insert(item, subscription);
        let period = period(&price);
        items.push(ItemFacts {
            id,
            created: period.0,
            quantity: if price.metered { None } else { Some(wanted.int("quantity")?.unwrap_or(1)) },
            price: Arc::new(price),
            period,
        });
    }
    Ok(items)
}

fn card(space: &Space, wanted: &Form, param: &str) -> Result<PriceCard, ApiError> {
    let id = wanted.text("price")?.ok_or_else(|| missing_param(param))?;
    let price = space
        .find_alive(Kind::Price, id)
        .and_then(|n| space.value(Kind::Price, n))
        .ok_or_else(|| no_such_param("price", id, param))?;
    if price["type"] != "recurring" {
        return Err(invalid_param(
            param,
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
        ));
    }
    if price["active"] == false {
        return Err(invalid_param(param, "The price specified is inactive. This field only accepts active prices."));
    }
    Ok(PriceCard::of(&price))
}

/// Changes a subscription.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut subscription = running(space, n, frozen)?;
    apply(form, FIELDS, &mut subscription)?;
    match form.flag("cancel_at_period_end")? {
        Some(true) => end_with_period(&mut subscription, cause.now),
        Some(false) => {
            subscription["cancel_at_period_end"] = false.into();
            subscription["cancel_at"] = Value::Null;
            subscription["canceled_at"] = Value::Null;
            subscription["cancellation_details"]["reason"] = Value::Null;
        }
        None => {}
    }
    note_details(form, &mut subscription)?;
    if let Some(node) = form.get("pause_collection") {
        subscription["pause_collection"] = match node {
            Node::Parts(parts) => {
                json!({"behavior": require_text(parts, "behavior")?, "resumes_at": parts.int("resumes_at")?})
            }
            Node::Text(_) => Value::Null,
        };
    }
    change_items(space, cause, n, form, &mut subscription)?;
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription);
    Ok(())
}

fn end_with_period(subscription: &mut Value, now: i64) {
    subscription["cancel_at_period_end"] = true.into();
    subscription["cancel_at"] = subscription["items"]["data"][0]["current_period_end"].clone();
    subscription["canceled_at"] = now.into();
    subscription["cancellation_details"]["reason"] = "cancellation_requested".into();
}

fn note_details(form: &Form, subscription: &mut Value) -> Result<(), ApiError> {
    let details = form.parts("cancellation_details")?;
    details.only(&["comment", "feedback"])?;
    for name in ["comment", "feedback"] {
        if let Some(text) = details.text(name)? {
            subscription["cancellation_details"][name] = text.into();
        }
    }
    Ok(())
}

/// Items that name an `id` are changed or deleted; others are added.
fn change_items(
    space: &mut Space,
    cause: &Cause,
    n: u64,
    form: &Form,
    subscription: &mut Value,
) -> Result<(), ApiError> {
    let mut rows = subscription["items"]["data"].as_array().cloned().unwrap_or_default();
    let period = (
        rows.first().map(|row| row["current_period_start"].clone()),
        rows.first().map(|row| row["current_period_end"].clone()),
    );
    for (i, (_, node)) in form.parts("items")?.entries().iter().enumerate() {
        let Node::Parts(wanted) = node else {
            return Err(invalid_param("items", "Invalid array"));
        };
        wanted.only(&["id", "price", "quantity", "deleted"])?;
        let at = match wanted.text("id")? {
            Some(id) => Some(
                rows.iter()
                    .position(|row| row["id"] == id)
                    .ok_or_else(|| no_such_param("subscription_item", id, &format!("items[{i}][id]")))?,
            ),
            None => None,
        };
        if let (Some(at), Some(true)) = (at, wanted.flag("deleted")?) {
            rows.remove(at);
            continue;
        }
        let mut row = match at {
            Some(at) => rows[at].clone(),
            None => new_row(space, cause, n, wanted, i, &subscription["id"])?,
        };
        if at.is_some() && wanted.get("price").is_some() {
            let price = card(space, wanted, &format!("items[{i}][price]"))?;
            row["price"] = serde_json::from_slice(&price.price_json).unwrap_or_default();
            row["plan"] = serde_json::from_slice(&price.plan_json).unwrap_or_default();
        }
        if let Some(quantity) = wanted.int("quantity")? {
            row["quantity"] = quantity.into();
        }
        if let (None, (Some(start), Some(end))) = (at, &period) {
            row["current_period_start"] = start.clone();
            row["current_period_end"] = end.clone();
        }
        match at {
            Some(at) => rows[at] = row,
            None => rows.push(row),
        }
    }
    if rows.is_empty() {
        return Err(ApiError::invalid(400, "A subscription must have at least one active plan."));
    }
    subscription["items"]["data"] = rows.into();
    Ok(())
}

fn new_row(
    space: &mut Space,
    cause: &Cause,
    n: u64,
    wanted: &Form,
    i: usize,
    subscription: &Value,
) -> Result<Value, ApiError> {
    let price = card(space, wanted, &format!("items[{i}][price]"))?;
    let (item, id) = space.reserve(Kind::SubscriptionItem);
    space.item_owner.insert(item, n);
    let facts = ItemFacts {
        id,
        created: cause.now,
        quantity: (!price.metered).then_some(1),
        period: (cause.now, cause.now + price.period()),
        price: Arc::new(price),
    };
    let mut out = Vec::new();
    facts.write(subscription.as_str().unwrap_or_default(), &mut out);
    Ok(serde_json::from_slice(&out).unwrap_or_default())
}

/// Cancels a subscription at once.
pub fn cancel(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut subscription = running(space, n, |id| no_such("subscription", id))?;
    subscription["status"] = "canceled".into();
    subscription["canceled_at"] = cause.now.into();
    subscription["ended_at"] = cause.now.into();
    subscription["cancel_at_period_end"] = false.into();
    subscription["cancel_at"] = Value::Null;
    subscription["cancellation_details"]["reason"] = "cancellation_requested".into();
    note_details(form, &mut subscription)?;
    space.replace(Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.deleted", (Kind::Subscription, subscription), None);
    Ok(())
}

/// A subscription that has not ended, or the answer `ended` makes of its identifier.
fn running(space: &Space, n: u64, ended: fn(&str) -> ApiError) -> Result<Value, ApiError> {
    let id = space.ids.id(Kind::Subscription, n);
    let value = space.value(Kind::Subscription, n).ok_or_else(|| no_such("subscription", &id))?;
    if value["status"].as_str().is_some_and(|status| ENDED.contains(&status)) {
        return Err(ended(&id));
    }
    Ok(value)
}

fn frozen(_: &str) -> ApiError {
    ApiError::invalid(400, "A canceled subscription can only update its cancellation_details and metadata.")
}

/// Bills the next period of a subscription whose current one is over, or ends one that was to end with it.
pub fn renew(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let mut subscription = running(space, n, frozen)?;
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap_or(i64::MAX);
    if end > cause.now || !matches!(subscription["status"].as_str(), Some("active" | "trialing")) {
        return Ok(());
    }
    if subscription["cancel_at_period_end"] == true {
        return cancel(space, cause, n, &Form::default());
    }
    for item in subscription["items"]["data"].as_array_mut().into_iter().flatten() {
        let period = PriceCard::of(&item["price"]).period();
        item["current_period_start"] = end.into();
        item["current_period_end"] = (end + period).into();
    }
    subscription["status"] = "active".into();
    subscription["latest_invoice"] = bill(space, cause, &subscription, "subscription_cycle")?.into();
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription);
    Ok(())
}
