//! One event: what it said, what it changed or why it was ignored, every failed try.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::State;
use super::subjects::{Customer, Named, Object, Subjects};
use crate::db::Tx;
use crate::domain::changes::{self, Change};
use crate::domain::event::{EventStatus, Outcome};
use crate::domain::ids::{ProjectId, path_segment};
use crate::domain::role::Role;
use crate::domain::{raw, retry};
use crate::store::event_attempts::{self, Attempt};
use crate::store::webhook_events::detail::{self, Event};
use crate::store::{connections, inbox};
use crate::web::access::Viewer;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Bytes of a payload that the page shows; the download has it whole.
const SHOWN: usize = 256 * 1024;

#[derive(Deserialize)]
pub(super) struct EventPath {
    event: String,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// How many events a person has just put back: 0 or 1.
    #[serde(default)]
    requeued: String,
}

#[derive(Template)]
#[template(path = "events/detail.html")]
struct EventPage {
    shell: Shell,
    /// Its own address.
    path: String,
    state: State,
    /// What it did, or why it did nothing; empty while it waits.
    sentence: &'static str,
    /// What the event says it changed.
    changes: Option<Vec<Change>>,
    attempts: Vec<Attempt>,
    /// Unix seconds of the next try.
    next_try: Option<i64>,
    tries: usize,
    object: Option<Object>,
    customer: Option<Customer>,
    version: Version,
    payload: String,
    payload_cut: bool,
    /// Unix seconds.
    received: i64,
    status: EventStatus,
    event: Event,
    may_requeue: bool,
    requeued: Option<u8>,
}

impl EventPage {
    /// The heading; an unreadable body has no type.
    fn title(&self) -> &str {
        if self.event.event_type.is_empty() { "Unreadable event" } else { &self.event.event_type }
    }

    fn is_quarantined(&self) -> bool {
        self.status == EventStatus::Quarantined
    }

    /// Why it is not applied, when it is not.
    fn trouble(&self) -> Option<&str> {
        let troubled = matches!(self.status, EventStatus::Failed | EventStatus::Dead | EventStatus::Quarantined);
        self.event.cause.as_deref().filter(|_| troubled)
    }
}

/// The version a payload is rendered in, beside the one that the endpoint is pinned to.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    Unknown,
    Pinned(String),
    Other { own: String, pinned: String },
}

impl Version {
    fn new(own: Option<&str>, pinned: Option<String>) -> Self {
        match (own, pinned) {
            (None, _) => Self::Unknown,
            (Some(own), Some(pinned)) if own != pinned => Self::Other { own: own.to_owned(), pinned },
            (Some(own), _) => Self::Pinned(own.to_owned()),
        }
    }
}

pub(super) async fn page(
    viewer: Viewer,
    Path(EventPath { event }): Path<EventPath>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    let mut tx = viewer.read().await?;
    let event = detail::find(&mut tx, &viewer.project.id, &event).await?.ok_or(Error::NotFound)?;
    let mut page = load(&mut tx, viewer.shell(Nav::Events), &viewer.project.id, event).await?;
    page.requeued = parameters.requeued.parse().ok();
    html::page(&page)
}

async fn load(tx: &mut Tx, shell: Shell, project: &ProjectId, event: Event) -> Result<EventPage> {
    let status = EventStatus::parse(&event.status).ok_or_else(|| Error::internal("an event has an unknown status"))?;
    let named = Named { kind: &event.object_kind, id: &event.object_id, subject: &event.subject_id };
    let subjects = Subjects::load(tx, project, [named]).await?;
    let pinned = connections::find(tx, project).await?.map(|connection| connection.api_version);
    let next_try = match status {
        EventStatus::Failed => inbox::next_try(tx, project, status, event.arrival, &event.id).await?,
        _ => None,
    };
    let (payload, payload_cut) = shown(&event.payload);
    let may_requeue = shell.may(Role::Member) && matches!(status, EventStatus::Failed | EventStatus::Dead);
    Ok(EventPage {
        state: State::of(status),
        sentence: event.outcome.as_deref().and_then(Outcome::parse).map_or("", Outcome::sentence),
        changes: changes::of_event(&event.payload),
        attempts: event_attempts::of_event(tx, project, &event.id).await?,
        next_try,
        tries: retry::EVENT_TRIES,
        object: subjects.object(&shell, project, named),
        customer: subjects.customer(&shell, named),
        version: Version::new(event.api_version.as_deref(), pinned),
        payload,
        payload_cut,
        received: event.arrival.div_euclid(1_000_000),
        status,
        may_requeue,
        requeued: None,
        path: shell.url(format!("events/{}", path_segment(&event.id))),
        shell,
        event,
    })
}

/// The payload with one value per line, and whether it is cut. What is no JSON is shown as it came.
fn shown(payload: &str) -> (String, bool) {
    let readable = serde_json::from_str::<&RawValue>(payload).is_ok();
    let mut text = if readable { raw::pretty(payload) } else { payload.to_owned() };
    let cut = text.len() > SHOWN;
    if cut {
        text.truncate(text.floor_char_boundary(SHOWN));
    }
    (text, cut)
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, Version, shown};

    #[test]
    fn a_version_is_compared_with_the_pinned_one() {
        let pinned = || Some("2026-10-29.dahlia".to_owned());
        assert_eq!(Version::new(None, pinned()), Version::Unknown);
        assert_eq!(Version::new(Some("2026-10-29.dahlia"), pinned()), Version::Pinned("2026-10-29.dahlia".into()));
        assert!(matches!(Version::new(Some("2020-08-27"), pinned()), Version::Other { .. }));
    }

    #[test]
    fn a_long_payload_is_cut_between_letters() {
        let (text, cut) = shown(&"ü".repeat(SHOWN));
        assert!(cut && text.len() <= SHOWN && text.chars().all(|letter| letter == 'ü'));
        assert_eq!(shown("not json {"), ("not json {".to_owned(), false));
    }
}
