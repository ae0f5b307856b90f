//! What happened to an object: the webhook events that concern it.

use crate::{
    db::{Query, Result, Tx},
    domain::{event::Outcome, ids::ProjectId},
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

/// An object, as the events about it name it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Our ids that its events stand under: its customer's and its own, for it may get its customer after its first events.
    pub subjects: [&'a str; 2],
    /// Stripe's id.
    pub object: &'a str,
}

/// Which of the events about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those whose state became the object's.
    Counted,
}

/// What became of the events whose state became the object's.
pub const COUNTED: [Outcome; 3] = [Outcome::Applied, Outcome::SameSecond, Outcome::Deleted];

impl Which {
    /// Adds what must hold of the events about an object, after other conditions.
    fn push<'q>(self, query: Query<'q>, about: About<'_>) -> Query<'q> {
        let query = query.push(" AND object_id = ").push_bind(about.object);
        let query = query.push(" AND subject_id").push_in(about.subjects);
        match self {
            Self::All => query,
            Self::Counted => query.push(" AND outcome").push_in(COUNTED.map(Outcome::as_str)),
        }
    }
}

/// The newest events about an object before (created, arrival, id), with their bodies, newest first by what they tell of. Events arrive in
/// another order than that of the index, so this looks at the small row of each event of the subject; bodies are read of the answer only.
pub async fn told(
    tx: &mut Tx,
    project: &ProjectId,
    about: About<'_>,
    which: Which,
    before: (i64, i64, &str),
    limit: i64,
) -> Result<Vec<Told>> {
    let query = tx
        .query(
            "SELECT w.id, w.arrival, w.created, w.type, w.status, w.outcome, w.fetched, p.payload FROM (
               SELECT tenant_id, project_id, id, arrival, created, type, status, outcome, fetched FROM webhook_events
               WHERE tenant_id = $1 AND project_id = $2 AND (created, arrival, id) < ($3, $4, $5)",
        )
        .bind(project)
        .bind(before.0)
        .bind(before.1)
        .bind(before.2);
    which
        .push(query, about)
        .push(" ORDER BY created DESC, arrival DESC, id DESC LIMIT ")
        .push_bind(limit)
        .push(
            ") AS w JOIN event_payloads p ON p.tenant_id = w.tenant_id AND p.project_id = w.project_id AND p.event_id = w.id
             ORDER BY w.created DESC, w.arrival DESC, w.id DESC",
        )
        .fetch_all()
        .await
}

/// The unix second of the oldest event that wrote an object.
pub async fn begins(tx: &mut Tx, project: &ProjectId, about: About<'_>) -> Result<Option<i64>> {
    let query =
        tx.query("SELECT MIN(created) FROM webhook_events WHERE tenant_id = $1 AND project_id = $2").bind(project);
    Which::Counted.push(query, about).fetch_value().await
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
