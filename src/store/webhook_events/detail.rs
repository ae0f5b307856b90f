//! One event with everything known about it.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// An event as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Event {
    /// Stripe's `evt_…`; made from the body when that names none.
    pub id: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Such as `customer.updated`; may be empty.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// The version of the payload.
    pub api_version: Option<String>,
    /// Unix seconds.
    pub created: i64,
    /// Stripe's object name; may be empty.
    pub object_kind: String,
    /// Stripe's id; may be empty.
    pub object_id: String,
    /// Our id of the customer concerned, else of the object; may be empty.
    pub subject_id: String,
    /// See [`crate::domain::event::EventStatus`].
    pub status: String,
    /// See [`crate::domain::event::Outcome`].
    pub outcome: Option<String>,
    /// The last failure, or why it is quarantined, in plain words.
    pub cause: Option<String>,
    /// Tries since it was received or put back.
    pub attempts: i64,
    /// Unix seconds.
    pub finished_at: Option<i64>,
    /// Whether billfold fetched it from Stripe's list, because no delivery had brought it.
    pub fetched: bool,
    /// The body as it arrived.
    pub payload: String,
}

/// The event with this id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<Option<Event>> {
    tx.query(
        "SELECT id, arrival, type, api_version, created, object_kind, object_id, subject_id, status, outcome, cause,
                attempts, finished_at, fetched, (SELECT p.payload FROM event_payloads p
                  WHERE p.tenant_id = $1 AND p.project_id = $2 AND p.event_id = $3) AS payload
         FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id = $3",
    )
    .bind(project)
    .bind(id)
    .fetch_optional()
    .await
}
