//! Webhook endpoints; the signing secret is in the answer to their creation and nowhere else.

use std::sync::LazyLock;

use serde_json::Value;

use super::deleted;
use crate::standin::dice::{Dice, hash_text};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such};
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::{Secret, Space};
use crate::standin::versions::Version;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/webhook_endpoint.json")));

/// Stripe's limit per account and mode.
const MOST: usize = 16;

const FIELDS: &[Field] =
    &[("description", Sort::Text), ("enabled_events", Sort::Texts), ("metadata", Sort::Metadata), ("url", Sort::Name)];

/// Routes of webhook endpoints.
pub const ROUTES: &[Route] = &[
    list("/v1/webhook_endpoints", "rak_webhook_read", &[], index),
    get("/v1/webhook_endpoints/{id}", "rak_webhook_read", |call, space| call.read(space, Kind::WebhookEndpoint)),
    post(
        "/v1/webhook_endpoints",
        "rak_webhook_write",
        &["api_version", "connect", "description", "enabled_events", "metadata", "url"],
        create,
    ),
    post(
        "/v1/webhook_endpoints/{id}",
        "rak_webhook_write",
        &["description", "disabled", "enabled_events", "metadata", "url"],
        update,
    ),
    delete("/v1/webhook_endpoints/{id}", "rak_webhook_write", &[], remove),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    call.list(space, Kind::WebhookEndpoint, "/v1/webhook_endpoints", |_| true)
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let url = require_text(&call.form, "url")?;
    check_url(url, space.live)?;
    check_events(call)?;
    let version = match call.form.text("api_version")? {
        None => None,
        Some(name) => Some(
            Version::named(name)
                .ok_or_else(|| invalid_param("api_version", format!("Invalid Stripe API version: {name}")))?,
        ),
    };
    if space.made_with(Kind::WebhookEndpoint, |_| true).len() >= MOST {
        return Err(ApiError::invalid(400, format!("You have reached the maximum of {MOST} test webhook endpoints.")));
    }
    let (n, id) = space.reserve(Kind::WebhookEndpoint);
    let fields = Fields::new()
        .text("id", &id)
        .opt_text("api_version", version.map(Version::name))
        .int("created", call.cause.now)
        .raw("enabled_events", b"[]")
        .flag("livemode", space.live)
        .text("url", url);
    let mut endpoint = SHAPE.value(&fields);
    apply(&call.form, FIELDS, &mut endpoint)?;
    space.insert(Kind::WebhookEndpoint, n, call.cause.now, endpoint.clone());
    let value = new_secret(&id, 0);
    endpoint["secret"] = Value::from(value.clone());
    space.secrets.insert(n, vec![Secret { value, expires: None }]);
    Ok(endpoint.to_string().into_bytes())
}

/// A secret that belongs to an endpoint and its count of rolls.
pub fn new_secret(id: &str, roll: u64) -> String {
    format!("whsec_{}", Dice::of(hash_text(id), 21, roll).letters(32))
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::WebhookEndpoint)?;
    let mut endpoint = space.value(Kind::WebhookEndpoint, n).ok_or_else(|| no_such("webhook endpoint", &call.id))?;
    if let Some(url) = call.form.text("url")? {
        check_url(url, space.live)?;
    }
    if call.form.get("enabled_events").is_some() {
        check_events(call)?;
    }
    if let Some(disabled) = call.form.flag("disabled")? {
        endpoint["status"] = if disabled { "disabled" } else { "enabled" }.into();
    }
    apply(&call.form, FIELDS, &mut endpoint)?;
    space.replace(Kind::WebhookEndpoint, n, endpoint);
    Ok(call.show(space, Kind::WebhookEndpoint, n))
}

fn remove(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::WebhookEndpoint)?;
    space.remove(Kind::WebhookEndpoint, n);
    space.secrets.remove(&n);
    Ok(deleted(Kind::WebhookEndpoint, &call.id))
}

/// Live endpoints must be reached over TLS; an address without a scheme is none.
fn check_url(url: &str, live: bool) -> Result<(), ApiError> {
    if live
        && !url.starts_with("https://")
        && !url.starts_with("http://127.0.0.1")
        && !url.starts_with("http://localhost")
    {
        return Err(invalid_param("url", "Invalid URL: An https URL is required in live mode.").code("url_invalid"));
    }
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    Err(invalid_param("url", "Invalid URL: An explicit scheme (such as https) must be provided.").code("url_invalid"))
}

fn check_events(call: &Call) -> Result<(), ApiError> {
    let events = call.form.texts("enabled_events")?;
    if events.is_empty() {
        return Err(missing_param("enabled_events"));
    }
    match events.iter().find(|name| *name != "*" && !known_event(name)) {
        None => Ok(()),
        Some(name) => {
            Err(invalid_param("enabled_events", format!("Invalid enabled_events: {name} is not a type of event")))
        }
    }
}

/// Types are words of lower-case letters joined by dots.
fn known_event(name: &str) -> bool {
    name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_')
}
