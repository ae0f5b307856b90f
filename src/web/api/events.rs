//! Webhook events, and what became of them.

use axum::Json;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::{List, no_such_cursor};
use super::objects::{given, path_id};
use super::parameters::Asked;
use crate::db::Tx;
use crate::domain::event::EventStatus;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::held;
use crate::store::webhook_events::{detail, list as events};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// Something that happened at Stripe, as it was received.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// Stripe's id.
    #[schema(example = "evt_1NG8Du2eZvKYlo2CUI79vXWy")]
    id: String,
    /// Always `event`.
    #[schema(example = "event")]
    object: &'static str,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "customer.updated")]
    kind: String,
    /// When it was received, in unix seconds.
    received_at: i64,
    /// `received`, `done`, `ignored`, `failed`, `dead` or `quarantined`.
    #[schema(example = "done")]
    status: String,
    /// How it came: `delivered`, or `fetched` from Stripe's list because no delivery had brought it.
    #[schema(example = "delivered")]
    origin: &'static str,
    /// Stripe's name of what it is about.
    #[schema(example = "customer")]
    object_kind: Option<String>,
    /// Stripe's id of what it is about.
    object_id: Option<String>,
    /// Our id of the customer concerned, else of the object.
    subject: Option<String>,
    /// How often it was tried to apply it.
    attempts: i64,
    /// When Stripe made it, in unix seconds. This and what follows stands in a single event alone, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    /// The version of the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    /// What applying it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Why it failed or was quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// When that was settled, in unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<i64>,
    /// The event as Stripe sent it; missing when that was no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    payload: Option<Box<RawValue>>,
}

impl Event {
    fn listed(row: events::Listed) -> Self {
        Self {
            id: row.id,
            object: "event",
            kind: row.event_type,
            received_at: row.arrival.div_euclid(1_000_000),
            status: row.status,
            origin: origin(row.fetched),
            object_kind: given(row.object_kind),
            object_id: given(row.object_id),
            subject: given(row.subject_id),
            attempts: row.attempts,
            created: None,
            api_version: None,
            outcome: None,
            cause: None,
            finished_at: None,
            payload: None,
        }
    }

    fn whole(row: detail::Event) -> Self {
        Self {
            id: row.id,
            object: "event",
            kind: row.event_type,
            received_at: row.arrival.div_euclid(1_000_000),
            status: row.status,
            origin: origin(row.fetched),
            object_kind: given(row.object_kind),
            object_id: given(row.object_id),
            subject: given(row.subject_id),
            attempts: row.attempts,
            created: Some(row.created),
            api_version: row.api_version,
            outcome: row.outcome,
            cause: row.cause,
            finished_at: row.finished_at,
            payload: RawValue::from_string(row.payload).ok().filter(|payload| payload.get().starts_with('{')),
        }
    }
}

fn origin(fetched: bool) -> &'static str {
    if fetched { "fetched" } else { "delivered" }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Event>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let mut filter = events::Filter {
        status: asked.text("status").and_then(EventStatus::parse),
        event_type: asked.text("type").map(str::to_owned),
        subject: asked.text("customer").map(|id| Kind::Customer.resolve_id(project, id)),
        object: None,
    };
    if let Some(id) = asked.text("object_id") {
        filter.object = Some(stripe_id(&mut tx, project, id).await?);
    }
    let after = match asked.text("starting_after") {
        Some(id) => Some(events::place(&mut tx, project, id).await?.ok_or_else(no_such_cursor)?),
        None => None,
    };
    let found = events::page(&mut tx, project, &filter, after.as_ref(), asked.limit()).await?;
    let next = found.next.map(|cursor| cursor.1);
    Ok(Json(List::new(found.rows.into_iter().map(Event::listed).collect(), next)))
}

/// Stripe's id of an object, from either kind of id. One of ours that the mirror does not know stays as it is: no event has it.
async fn stripe_id(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<String> {
    for kind in Kind::ALL {
        if kind.resolve_id(project, id) == id
            && let Some(held) = held::of_kind(tx, project, kind, [id]).await?.pop()
        {
            return Ok(held.stripe_id);
        }
    }
    Ok(id.to_owned())
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<Event>> {
    let id = path_id(id)?;
    let mut tx = caller.read().await?;
    let row = detail::find(&mut tx, caller.project(), &id).await?.ok_or(Error::NotFound)?;
    Ok(Json(Event::whole(row)))
}
