//! Meters: what is counted, and the summaries of what was reported.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::change;
use super::usage::aggregate;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::fields::{Field, Sort, apply, require_int, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a meter.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/meter.json")));

const FIELDS: &[Field] = &[("display_name", Sort::Name)];
const READ: &str = "rak_billing_meter_read";
const WRITE: &str = "rak_billing_meter_write";
const CREATABLE: &[&str] =
    &["customer_mapping", "default_aggregation", "display_name", "event_name", "event_time_window", "value_settings"];
const URL: &str = "/v1/billing/meters";

/// The rows.
pub const ROUTES: &[Route] = &[
    list(URL, READ, &["status"], index),
    get("/v1/billing/meters/{id}", READ, |call, space| call.read(space, Kind::Meter)),
    post(URL, WRITE, CREATABLE, create),
    post("/v1/billing/meters/{id}", WRITE, &["display_name"], update),
    post("/v1/billing/meters/{id}/deactivate", WRITE, &[], |call, space| switch(call, space, false)),
    post("/v1/billing/meters/{id}/reactivate", WRITE, &[], |call, space| switch(call, space, true)),
    list(
        "/v1/billing/meters/{id}/event_summaries",
        READ,
        &["customer", "end_time", "start_time", "value_grouping_window"],
        summaries,
    ),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let status = call.form.word("status", &["active", "inactive"])?;
    call.list(space, Kind::Meter, URL, |n| {
        status.is_none() || space.attribute(Kind::Meter, n, "status").as_deref() == status
    })
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let form = &call.form;
    let display = require_text(form, "display_name")?;
    let event = require_text(form, "event_name")?;
    if event.len() > 100 {
        return Err(invalid_param("event_name", "Invalid string: must be at most 100 characters."));
    }
    let aggregation = form.parts("default_aggregation")?;
    aggregation.only(&["formula"])?;
    let formula = aggregation
        .word("formula", &["count", "last", "sum"])?
        .ok_or_else(|| missing_param("default_aggregation[formula]"))?;
    if active_named(space, event).is_some() {
        return Err(invalid_param(
            "event_name",
            format!("There is already an active meter with the event name '{event}'."),
        )
        .code("resource_already_exists"));
    }
    let mapping = form.parts("customer_mapping")?;
    mapping.only(&["event_payload_key", "type"])?;
    let settings = form.parts("value_settings")?;
    settings.only(&["event_payload_key"])?;
    let (n, id) = space.reserve(Kind::Meter);
    let id = if space.live { id } else { id.replacen("mtr_", "mtr_test_", 1) };
    let fields = Fields::new()
        .text("id", &id)
        .int("created", call.cause.now)
        .text("customer_key", mapping.text("event_payload_key")?.unwrap_or("stripe_customer_id"))
        .text("formula", formula)
        .text("display_name", display)
        .text("event_name", event)
        .opt_text("event_time_window", form.word("event_time_window", &["day", "hour"])?)
        .flag("livemode", space.live)
        .text("value_key", settings.text("event_payload_key")?.unwrap_or("value"));
    let meter = SHAPE.value(&fields);
    space.insert(Kind::Meter, n, call.cause.now, meter.clone());
    space.emit(&call.cause, "billing.meter.created", (Kind::Meter, meter), None);
    Ok(call.show(space, Kind::Meter, n))
}

/// The active meter that counts events of that name.
pub fn active_named(space: &Space, event: &str) -> Option<Value> {
    let found = space.made_with(Kind::Meter, |meter| meter["event_name"] == event && meter["status"] == "active");
    space.value(Kind::Meter, *found.first()?)
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Meter)?;
    let mut meter = space.value(Kind::Meter, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut meter)?;
    meter["updated"] = call.cause.now.into();
    change(space, &call.cause, "billing.meter.updated", Kind::Meter, n, meter);
    Ok(call.show(space, Kind::Meter, n))
}

fn switch(call: &Call, space: &mut Space, on: bool) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Meter)?;
    let mut meter = space.value(Kind::Meter, n).unwrap_or_default();
    if (meter["status"] == "active") == on {
        let state = if on { "active" } else { "inactive" };
        return Err(ApiError::invalid(400, format!("The meter is already {state}.")));
    }
    if on && active_named(space, meter["event_name"].as_str().unwrap_or_default()).is_some() {
        return Err(ApiError::invalid(400, "There is already an active meter with this event name."));
    }
    meter["status"] = if on { "active" } else { "inactive" }.into();
    meter["status_transitions"]["deactivated_at"] = if on { Value::Null } else { call.cause.now.into() };
    meter["updated"] = call.cause.now.into();
    let event = if on { "billing.meter.reactivated" } else { "billing.meter.deactivated" };
    change(space, &call.cause, event, Kind::Meter, n, meter);
    Ok(call.show(space, Kind::Meter, n))
}

/// What a customer used, as one sum or by the hour or day; newest first.
fn summaries(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    call.number(space, Kind::Meter)?;
    let customer = require_text(&call.form, "customer")?;
    if space.find_alive(Kind::Customer, customer).is_none() {
        return Err(no_such_param("customer", customer, "customer"));
    }
    let (start, end) = window(&call.form)?;
    let step = match call.form.word("value_grouping_window", &["day", "hour"])? {
        Some("day") => 86_400,
        Some(_) => 3600,
        None => end - start,
    };
    if start % step.clamp(1, 86_400) != 0 && step != end - start {
        return Err(invalid_param("start_time", "start_time must be aligned with the value grouping window."));
    }
    let mut rows: Vec<(i64, Value)> = Vec::new();
    let mut from = start;
    while from < end {
        let to = (from + step).min(end);
        let sum = aggregate(space, &call.id, customer, from, to);
        if sum != 0.0 || step == end - start {
            rows.push((from, summary(space, &call.id, (from, to), sum)));
        }
        from = to;
    }
    let key = |row: &(i64, Value)| (row.0, 0);
    let page =
        Page::read(&call.form, "billing.meter_event_summary", |id| rows.iter().find(|row| row.1["id"] == id).map(key))?;
    let mut kept: Vec<&(i64, Value)> = rows.iter().filter(|row| page.keys.contains(&key(row))).collect();
    if !page.ascending {
        kept.reverse();
    }
    let more = kept.len() > page.limit;
    kept.truncate(page.limit);
    if page.ascending {
        kept.reverse();
    }
    let shown: Vec<Vec<u8>> = kept.into_iter().map(|row| row.1.to_string().into_bytes()).collect();
    Ok(body_of(&shown, more, &format!("{URL}/{}/event_summaries", call.id)))
}

/// Both ends are given and lie on whole minutes.
fn window(form: &Form) -> Result<(i64, i64), ApiError> {
    let (start, end) = (require_int(form, "start_time")?, require_int(form, "end_time")?);
    for (name, at) in [("start_time", start), ("end_time", end)] {
        if at % 60 != 0 {
            return Err(invalid_param(name, format!("{name} must be aligned with minute boundaries.")));
        }
    }
    if start >= end {
        return Err(invalid_param("end_time", "end_time must be after start_time."));
    }
    Ok((start, end))
}

fn summary(space: &Space, meter: &str, (start, end): (i64, i64), sum: f64) -> Value {
    let n = start.unsigned_abs() ^ (end - start).unsigned_abs().rotate_left(32);
    json!({
        "id": space.ids.id(Kind::MeterSummary, n), "object": "billing.meter_event_summary", "aggregated_value": sum,
        "end_time": end, "livemode": space.live, "meter": meter, "start_time": start,
    })
}
