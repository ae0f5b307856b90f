//! Events can be listed for thirty days, each in the version of its creation.

use crate::standin::errors::{ApiError, invalid_param, no_such};
use crate::standin::events::{Event, KEPT};
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Route, get, list};
use crate::standin::space::Space;

/// Routes of events.
pub const ROUTES: &[Route] = &[
    list("/v1/events", "rak_event_read", &["created", "delivery_success", "type", "types"], index),
    get("/v1/events/{id}", "rak_event_read", show),
];

fn show(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let event = space
        .event(&call.id)
        .filter(|event| event.created > call.cause.now - KEPT)
        .ok_or_else(|| no_such("event", &call.id))?;
    Ok(event.render(space, event.version))
}

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(&call.form, "event", |id| space.event(id).map(|event| (event.created, event.n)))?;
    let one = call.form.text("type")?;
    let many = call.form.texts("types")?;
    if one.is_some() && !many.is_empty() {
        return Err(invalid_param("types", "You may only specify one of these parameters: type, types."));
    }
    let success = call.form.flag("delivery_success")?;
    let wanted = |event: &Event| {
        let pending = event.pending.load(std::sync::atomic::Ordering::Relaxed) > 0;
        event.created > call.cause.now - KEPT
            && one.is_none_or(|one| matches_type(event.kind, one))
            && (many.is_empty() || many.iter().any(|one| matches_type(event.kind, one)))
            && success.is_none_or(|success| success != pending)
    };
    if page.keys.start >= page.keys.end {
        return Ok(body_of(&[], false, "/v1/events"));
    }
    let mut events = space.events.range(page.keys.clone());
    let ascending = page.ascending;
    let in_order = std::iter::from_fn(|| if ascending { events.next() } else { events.next_back() });
    let (numbers, more) = page.take(in_order.filter(|(_, event)| wanted(event)).map(|(key, _)| *key));
    let rendered: Vec<Vec<u8>> = numbers
        .iter()
        .filter_map(|n| space.event(&space.ids.id(crate::standin::kind::Kind::Event, *n)))
        .map(|event| event.render(space, event.version))
        .collect();
    Ok(body_of(&rendered, more, "/v1/events"))
}

/// `customer.*` matches every event of customers.
fn matches_type(kind: &str, wanted: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(prefix) => kind.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
        None => kind == wanted,
    }
}
