//! Items of subscriptions, which live inside them: changing one is changing its subscription.

use serde_json::Value;

use super::deleted;
use super::subscription_update::update;
use crate::standin::errors::{ApiError, missing_param, no_such};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::seed::subscription::ITEM_SLOTS;
use crate::standin::space::Space;

const ROW: &[&str] = &["metadata", "price", "quantity"];
const HOW: &[&str] = &["payment_behavior", "proration_behavior", "proration_date"];
const CREATABLE: &[&str] =
    &["metadata", "payment_behavior", "price", "proration_behavior", "proration_date", "quantity", "subscription"];
const SETTABLE: &[&str] =
    &["metadata", "off_session", "payment_behavior", "price", "proration_behavior", "proration_date", "quantity"];
const DELETABLE: &[&str] = &["clear_usage", "payment_behavior", "proration_behavior", "proration_date"];

/// Routes of subscription items.
pub const ROUTES: &[Route] = &[
    list("/v1/subscription_items", "rak_subscription_read", &["subscription"], index),
    get("/v1/subscription_items/{id}", "rak_subscription_read", show),
    post("/v1/subscription_items", "rak_subscription_write", CREATABLE, create_route),
    post("/v1/subscription_items/{id}", "rak_subscription_write", SETTABLE, update_route),
    delete("/v1/subscription_items/{id}", "rak_subscription_write", DELETABLE, delete_route),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let subscription =
        call.param(space, Kind::Subscription, "subscription")?.ok_or_else(|| missing_param("subscription"))?;
    rows(call, space, (Kind::Subscription, subscription), "items", Kind::SubscriptionItem, "/v1/subscription_items")
}

/// A page of the rows of a sub-list, in the order of the object they live in.
pub fn rows(
    call: &Call,
    space: &Space,
    parent: (Kind, u64),
    field: &str,
    kind: Kind,
    url: &str,
) -> Result<Vec<u8>, ApiError> {
    let value = space.value(parent.0, parent.1).unwrap_or_default();
    let rows = value[field]["data"].as_array().cloned().unwrap_or_default();
    // Earlier rows come first, so their keys are higher.
    let key = |at: usize| (0, (rows.len() - at) as u64);
    let page = Page::read(&call.form, kind.name(), |id| rows.iter().position(|row| row["id"] == id).map(key))?;
    let (numbers, more) = page.sort_and_take((0..rows.len()).map(key).collect());
    let shown: Vec<Vec<u8>> = numbers
        .into_iter()
        .filter_map(|n| rows.get(rows.len() - usize::try_from(n).ok()?))
        .map(|row| call.show_value(space, kind, row.clone()))
        .collect();
    Ok(body_of(&shown, more, url))
}

fn show(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let (_, item) = found(call, space)?;
    Ok(call.show_value(space, Kind::SubscriptionItem, item))
}

/// The number of the subscription that holds the item in the path, and the item.
fn found(call: &Call, space: &Space) -> Result<(u64, Value), ApiError> {
    let missing = || no_such("subscription_item", &call.id);
    let n = space.ids.number(Kind::SubscriptionItem, &call.id).ok_or_else(missing)?;
    let owner = space.item_owner.get(&n).copied().unwrap_or(n / ITEM_SLOTS);
    let value = space.value(Kind::Subscription, owner).ok_or_else(missing)?;
    let items = value["items"]["data"].as_array().ok_or_else(missing)?;
    let item = items.iter().find(|item| item["id"] == call.id).ok_or_else(missing)?;
    Ok((owner, item.clone()))
}

/// The change of one row as a change of its subscription.
fn as_update(call: &Call, more: &[(&str, &str)]) -> Result<Form, ApiError> {
    let mut row = Form::from_pairs(more)?;
    row.extend(call.form.keeping(ROW));
    let mut form = call.form.keeping(HOW);
    form.extend(Form::wrapped(&["items", "0"], row));
    Ok(form)
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let owner = call.param(space, Kind::Subscription, "subscription")?.ok_or_else(|| missing_param("subscription"))?;
    if call.form.get("price").is_none() {
        return Err(missing_param("price"));
    }
    update(space, &call.cause, owner, &as_update(call, &[])?)?;
    let value = space.value(Kind::Subscription, owner).unwrap_or_default();
    let last = value["items"]["data"].as_array().and_then(|items| items.last().cloned()).unwrap_or_default();
    Ok(call.show_value(space, Kind::SubscriptionItem, last))
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let (owner, _) = found(call, space)?;
    update(space, &call.cause, owner, &as_update(call, &[("id", &call.id)])?)?;
    show(call, space)
}

fn delete_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let (owner, _) = found(call, space)?;
    update(space, &call.cause, owner, &as_update(call, &[("id", &call.id), ("deleted", "true")])?)?;
    Ok(deleted(Kind::SubscriptionItem, &call.id))
}
