//! What happened to an object: the webhook events that concern it.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// An event as a timeline shows it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Event {
    /// Stripe's `evt_…`.
    pub id: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Unix seconds: when it happened at Stripe.
    pub created: i64,
    /// Such as `customer.updated`.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// Stripe's object name; may be empty.
    pub object_kind: String,
    /// Stripe's id; may be empty.
    pub object_id: String,
    /// Our id of the customer concerned, else of the object; may be empty.
    pub subject_id: String,
    /// `received`, `done`, `ignored`, `failed`, `dead` or `quarantined`.
    pub status: String,
}

const COLUMNS: &str = "SELECT id, arrival, created, type, object_kind, object_id, subject_id, status FROM webhook_events \
    WHERE tenant_id = $1 AND project_id = $2";

/// The newest events of a project.
pub async fn newest(tx: &mut Tx, project: &ProjectId, limit: i64) -> Result<Vec<Event>> {
    tx.query(COLUMNS).bind(project).push(" ORDER BY arrival DESC LIMIT ").push_bind(limit).fetch_all().await
}

/// The newest events that concern a subject: a customer with everything of theirs, or an object without a customer.
pub async fn of_subject(tx: &mut Tx, project: &ProjectId, subject: &str, limit: i64) -> Result<Vec<Event>> {
    tx.query(COLUMNS)
        .bind(project)
        .push(" AND subject_id = ")
        .push_bind(subject)
        .push(" ORDER BY arrival DESC LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// The newest events about one object (Stripe's id), among those of its subject.
pub async fn of_object(
    tx: &mut Tx,
    project: &ProjectId,
    subject: &str,
    object: &str,
    limit: i64,
) -> Result<Vec<Event>> {
    tx.query(COLUMNS)
        .bind(project)
        .push(" AND subject_id = ")
        .push_bind(subject)
        .push(" AND object_id = ")
        .push_bind(object)
        .push(" ORDER BY arrival DESC LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// An event about an object, with its body.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Told {
    /// Stripe's `evt_…`.
    pub id: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Unix seconds: when it happened at Stripe.
    pub created: i64,
    /// Such as `customer.updated`.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// `received`, `done`, `ignored`, `failed`, `dead` or `quarantined`.
    pub status: String,
    /// See [`crate::domain::event::Outcome`].
    pub outcome: Option<String>,
    /// Whether billfold fetched it from Stripe's list.
    pub fetched: bool,
    /// The body as it arrived.
    pub payload: String,
}

/// The newest events about one object (Stripe's id), among those of its subject, with their bodies.
pub async fn told(tx: &mut Tx, project: &ProjectId, subject: &str, object: &str, limit: i64) -> Result<Vec<Told>> {
    tx.query(
        "SELECT w.id, w.arrival, w.created, w.type, w.status, w.outcome, w.fetched, p.payload FROM webhook_events w
         JOIN event_payloads p ON p.tenant_id = w.tenant_id AND p.project_id = w.project_id AND p.event_id = w.id
         WHERE w.tenant_id = $1 AND w.project_id = $2 AND w.subject_id = $3 AND w.object_id = $4
         ORDER BY w.arrival DESC LIMIT $5",
    )
    .bind(project)
    .bind(subject)
    .bind(object)
    .bind(limit)
    .fetch_all()
    .await
}

/// Whether an event is known, by Stripe's id.
pub async fn is_known(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<bool> {
    let found: Option<i64> = tx
        .query("SELECT arrival FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(id)
        .fetch_optional_value()
        .await?;
    Ok(found.is_some())
}
