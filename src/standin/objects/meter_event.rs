//! Meter events: usage as it is reported, each once, and taken back within a day.

use serde_json::json;

use super::meter::active_named;
use super::usage::Usage;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::fields::require_text;
use crate::standin::form::{Form, Node};
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, post};
use crate::standin::space::Space;

const WRITE: &str = "rak_billing_meter_write";
const DAY: i64 = 86_400;
/// How old a report may be, and how far ahead of the clock.
const WINDOW: (i64, i64) = (35 * DAY, 300);
const LONGEST: usize = 100;

/// The rows.
pub const ROUTES: &[Route] = &[
    post("/v1/billing/meter_events", WRITE, &["event_name", "identifier", "payload", "timestamp"], create),
    post("/v1/billing/meter_event_adjustments", WRITE, &["cancel", "event_name", "type"], adjust),
];

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let form = &call.form;
    let now = call.cause.now;
    let name = require_text(form, "event_name")?;
    let payload = payload(form)?;
    let at = form.int("timestamp")?.unwrap_or(now);
    if at < now - WINDOW.0 {
        return Err(invalid_param("timestamp", "The timestamp is too far in the past; it may be 35 days old.")
            .code("timestamp_too_far_in_past"));
    }
    if at > now + WINDOW.1 {
        return Err(invalid_param("timestamp", "The timestamp is too far in the future; it may be 5 minutes ahead.")
            .code("timestamp_in_future"));
    }
    let identifier = match form.text("identifier")? {
        Some(text) if text.len() > LONGEST => {
            return Err(invalid_param("identifier", "Invalid string: must be at most 100 characters."));
        }
        Some(text) => text.to_owned(),
        None => space.reserve(Kind::MeterSummary).1,
    };
    space.reported.retain(|_, at| *at + DAY > now);
    if space.reported.contains_key(&identifier) {
        return Err(invalid_param("identifier", format!("An event already exists with identifier {identifier}."))
            .code("duplicate_meter_event"));
    }
    let meter = active_named(space, name).ok_or_else(|| {
        invalid_param("event_name", format!("No active meter found for event name '{name}'.")).code("no_meter")
    })?;
    let text = |name: &str| meter[name]["event_payload_key"].as_str().unwrap_or_default();
    let owner = field(&payload, text("customer_mapping"))?;
    if space.find_alive(Kind::Customer, owner).is_none() {
        let param = format!("payload[{}]", text("customer_mapping"));
        return Err(no_such_param("customer", owner, &param));
    }
    let value = match meter["default_aggregation"]["formula"].as_str() {
        Some("count") => 1.0,
        _ => number(&payload, text("value_settings"))?,
    };
    let id = meter["id"].as_str().unwrap_or_default().to_owned();
    let one = Usage { identifier: identifier.clone(), at, value };
    space.usage.entry((id, owner.to_owned())).or_default().push(one);
    space.reported.insert(identifier.clone(), now);
    let shown: serde_json::Map<_, _> = payload.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let event = json!({
        "object": "billing.meter_event", "created": now, "event_name": name, "identifier": identifier,
        "livemode": space.live, "payload": shown, "timestamp": at,
    });
    Ok(event.to_string().into_bytes())
}

type Payload = Vec<(String, String)>;

fn payload(form: &Form) -> Result<Payload, ApiError> {
    if form.get("payload").is_none() {
        return Err(missing_param("payload"));
    }
    let entries = form.parts("payload")?;
    let text = |(key, node): &(String, Node)| match node {
        Node::Text(text) => Ok((key.clone(), text.clone())),
        Node::Parts(_) => Err(invalid_param(&format!("payload[{key}]"), "Invalid string: {}")),
    };
    entries.entries().iter().map(text).collect()
}

fn field<'a>(payload: &'a Payload, key: &str) -> Result<&'a str, ApiError> {
    let found = payload.iter().find(|entry| entry.0 == key);
    found.map(|entry| entry.1.as_str()).ok_or_else(|| missing_param(&format!("payload[{key}]")))
}

fn number(payload: &Payload, key: &str) -> Result<f64, ApiError> {
    let text = field(payload, key)?;
    let wrong = || {
        invalid_param(&format!("payload[{key}]"), format!("Invalid number: {text}")).code("meter_event_invalid_value")
    };
    text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0).ok_or_else(wrong)
}

/// Takes one report back, within a day of making it.
fn adjust(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let name = require_text(&call.form, "event_name")?;
    call.form.word("type", &["cancel"])?.ok_or_else(|| missing_param("type"))?;
    let cancel = call.form.parts("cancel")?;
    cancel.only(&["identifier"])?;
    let identifier = require_text(&cancel, "identifier").map_err(|_| missing_param("cancel[identifier]"))?;
    let fresh = space.reported.get(identifier).is_some_and(|at| *at + DAY > call.cause.now);
    if !fresh {
        return Err(invalid_param(
            "cancel[identifier]",
            format!("No meter event with identifier {identifier} was reported within the last 24 hours."),
        )
        .code("resource_missing"));
    }
    for all in space.usage.values_mut() {
        all.retain(|one| one.identifier != identifier);
    }
    let answer = json!({
        "object": "billing.meter_event_adjustment", "cancel": {"identifier": identifier}, "event_name": name,
        "livemode": space.live, "status": "complete", "type": "cancel",
    });
    Ok(answer.to_string().into_bytes())
}
