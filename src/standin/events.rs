//! Events: what happened, kept for thirty days and sent to the endpoints that asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;
use serde_json::Value;

use super::deliveries::Job;
use super::diff::previous_attributes;
use super::kind::Kind;
use super::space::Space;
use super::versions::{Version, present};

/// How long events can be listed, in seconds.
pub const KEPT: i64 = 30 * 86_400;

/// Who caused a change.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// Unix seconds.
    pub now: i64,
    /// `req_…`; none when Stripe itself acted.
    pub request: Option<String>,
    /// The idempotency key of that request.
    pub idempotency_key: Option<String>,
}

impl Cause {
    /// The same moment, but Stripe itself acted.
    #[must_use]
    pub fn unasked(&self) -> Self {
        Self { now: self.now, ..Self::default() }
    }
}

/// One event, in the current shape of its object.
#[derive(Debug)]
pub struct Event {
    /// Its number.
    pub n: u64,
    /// `evt_…`
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    /// `customer.updated` and so on.
    pub kind: &'static str,
    /// The version it is listed in.
    pub version: Version,
    /// Deliveries that have not succeeded yet.
    pub pending: AtomicI64,
    object: (Kind, Value),
    before: Option<Value>,
    live: bool,
    request: Option<String>,
    idempotency_key: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    api_version: &'a str,
    created: i64,
    data: Data,
    livemode: bool,
    pending_webhooks: i64,
    request: Request<'a>,
    r#type: &'a str,
}

#[derive(Serialize)]
struct Data {
    object: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<Value>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: Option<&'a str>,
    idempotency_key: Option<&'a str>,
}

impl Event {
    /// The JSON of the event in `version`, indented as Stripe sends it.
    pub fn render(&self, space: &Space, version: Version) -> Vec<u8> {
        let (kind, object) = &self.object;
        let shown = present(space, *kind, object.clone(), version);
        let previous = self
            .before
            .as_ref()
            .map(|before| previous_attributes(&present(space, *kind, before.clone(), version), &shown));
        let body = Body {
            id: &self.id,
            object: "event",
            api_version: version.name(),
            created: self.created,
            data: Data { object: shown, previous_attributes: previous },
            livemode: self.live,
            pending_webhooks: self.pending.load(Ordering::Relaxed).max(0),
            request: Request { id: self.request.as_deref(), idempotency_key: self.idempotency_key.as_deref() },
            r#type: self.kind,
        };
        serde_json::to_vec_pretty(&body).unwrap_or_default()
    }
}

impl Space {
    /// Records an event and sends it to every enabled endpoint that wants its type.
    pub fn emit(&mut self, cause: &Cause, kind: &'static str, object: (Kind, Value), before: Option<Value>) {
        let (n, id) = self.reserve(Kind::Event);
        let endpoints = self.listening(kind);
        let event = Arc::new(Event {
            n,
            id,
            created: cause.now,
            kind,
            version: self.default_version,
            pending: AtomicI64::new(i64::try_from(endpoints.len()).unwrap_or(0)),
            object,
            before,
            live: self.live,
            request: cause.request.clone(),
            idempotency_key: cause.idempotency_key.clone(),
        });
        self.events.insert((event.created, n), Arc::clone(&event));
        self.event_times.insert(n, event.created);
        for endpoint in endpoints {
            self.dispatch(Job::new(self, Arc::clone(&event), endpoint));
        }
    }

    /// The enabled endpoints that want a type of event.
    pub fn listening(&self, kind: &str) -> Vec<u64> {
        self.made_with(Kind::WebhookEndpoint, |endpoint| {
            endpoint["status"] == "enabled"
                && endpoint["enabled_events"]
                    .as_array()
                    .is_some_and(|wanted| wanted.iter().any(|wanted| wanted == "*" || wanted == kind))
        })
    }

    /// The charge of an invoice, if a card was asked.
    pub fn charge_of_invoice(&self, invoice: u64) -> Option<u64> {
        self.charge_of.get(&invoice).copied().or_else(|| self.created(Kind::Charge, invoice).map(|_| invoice))
    }

    /// The event of that identifier.
    pub fn event(&self, id: &str) -> Option<&Arc<Event>> {
        let n = self.ids.number(Kind::Event, id)?;
        self.events.get(&(*self.event_times.get(&n)?, n))
    }
}
