//! Items of subscriptions, which live inside them.

use crate::standin::errors::{ApiError, missing_param, no_such};
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Route, get, list};
use crate::standin::seed::subscription::ITEM_SLOTS;
use crate::standin::space::Space;

/// Routes of subscription items.
pub const ROUTES: &[Route] = &[
    list("/v1/subscription_items", "rak_subscription_read", &["subscription"], index),
    get("/v1/subscription_items/{id}", "rak_subscription_read", show),
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
    let missing = || no_such("subscription_item", &call.id);
    let n = space.ids.number(Kind::SubscriptionItem, &call.id).ok_or_else(missing)?;
    let subscription = space.item_owner.get(&n).copied().unwrap_or(n / ITEM_SLOTS);
    let value = space.value(Kind::Subscription, subscription).ok_or_else(missing)?;
    let items = value["items"]["data"].as_array().ok_or_else(missing)?;
    let item = items.iter().find(|item| item["id"] == call.id).ok_or_else(missing)?;
    Ok(call.show_value(space, Kind::SubscriptionItem, item.clone()))
}
