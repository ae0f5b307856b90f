//! Events that are not finished: small rows that come and go, so that a finished event costs one cheap update.

use std::collections::{HashMap, HashSet};

use crate::{
    db::{Bulk, Result, Tx},
    domain::{event::EventStatus, ids::ProjectId},
};

/// Before every arrival.
pub const BEGINNING: i64 = i64::MIN;

/// An event to be applied.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Stripe's `evt_…`.
    pub event_id: String,
    /// `received` or `failed`.
    pub state: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Unix seconds.
    pub created: i64,
    /// Tries so far.
    pub attempts: i64,
    /// The event's type.
    pub event_type: String,
    /// Stripe's name of its object, or empty.
    pub object_kind: String,
    /// Stripe's id of its object, or empty.
    pub object_id: String,
    /// The event as it arrived.
    pub payload: String,
}

/// A new row: state, arrival, event id and next try.
pub struct NewEntry<'a> {
    /// Where it stands.
    pub state: EventStatus,
    /// Unix microseconds.
    pub arrival: i64,
    /// Stripe's `evt_…`.
    pub event_id: &'a str,
    /// Unix seconds.
    pub next_at: i64,
}

/// Adds entries.
pub async fn insert(tx: &mut Tx, project: &ProjectId, entries: &[NewEntry<'_>]) -> Result<()> {
    const INSERT: Bulk = Bulk {
        insert: "INSERT INTO inbox (tenant_id, project_id, state, arrival, event_id, next_at)",
        columns: 4,
        suffix: "", // an event that is new has no entry
    };
    INSERT
        .execute(tx, project.as_str(), entries, |query, entry| {
            query.bind(entry.state.as_str()).bind(entry.arrival).bind(entry.event_id).bind(entry.next_at)
        })
        .await?;
    Ok(())
}

/// The next events to apply, in order of arrival: fresh ones that arrived after `after` (unix microseconds) first, then failed ones
/// whose time has come. Whoever has just finished what came before passes over it: Postgres keeps finished entries for a while, and
/// would look at each again.
///
/// Read by their keys in three steps: of a join, Postgres has to guess how many rows a queue that fills and empties holds.
pub async fn next(tx: &mut Tx, project: &ProjectId, now: i64, after: i64, limit: i64) -> Result<Vec<Pending>> {
    const QUEUED: &str = "SELECT event_id, state, arrival FROM inbox
         WHERE tenant_id = $1 AND project_id = $2 AND state = $3 AND next_at <= $4 AND arrival > $5 ORDER BY arrival LIMIT $6";
    let mut queued: Vec<(String, String, i64)> = Vec::new();
    for (state, after) in [(EventStatus::Received, after), (EventStatus::Failed, BEGINNING)] {
        let room = limit - i64::try_from(queued.len()).unwrap_or(limit);
        if room > 0 {
            let more: Vec<(String, String, i64)> = tx
                .query(QUEUED)
                .bind(project)
                .bind(state.as_str())
                .bind(now)
                .bind(after)
                .bind(room)
                .fetch_all()
                .await?;
            queued.extend(more);
        }
    }
    if queued.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || queued.iter().map(|(id, ..)| id.as_str());
    let events: Vec<Known> = tx
        .query("SELECT id, created, attempts, type, object_kind, object_id FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id")
        .bind(project)
        .push_in(ids())
        .fetch_all()
        .await?;
    let payloads: Vec<(String, String)> = tx
        .query("SELECT event_id, payload FROM event_payloads WHERE tenant_id = $1 AND project_id = $2 AND event_id")
        .bind(project)
        .push_in(ids())
        .fetch_all()
        .await?;
    let mut events: HashMap<String, Known> = events.into_iter().map(|event| (event.id.clone(), event)).collect();
    let mut payloads: HashMap<String, String> = payloads.into_iter().collect();
    let pending = queued.into_iter().filter_map(|(event_id, state, arrival)| {
        let event = events.remove(&event_id)?;
        let payload = payloads.remove(&event_id)?;
        let Known { created, attempts, event_type, object_kind, object_id, .. } = event;
        Some(Pending { event_id, state, arrival, created, attempts, event_type, object_kind, object_id, payload })
    });
    Ok(pending.collect())
}

/// What applying needs of an event, beside its body.
#[derive(sqlx::FromRow)]
struct Known {
    id: String,
    created: i64,
    attempts: i64,
    #[sqlx(rename = "type")]
    event_type: String,
    object_kind: String,
    object_id: String,
}

/// Takes finished events out; answers how many were still there in the state in which they were read.
pub async fn remove(tx: &mut Tx, project: &ProjectId, finished: &[&Pending]) -> Result<u64> {
    let mut removed = 0;
    for state in [EventStatus::Received, EventStatus::Failed] {
        let of_state: Vec<&&Pending> = finished.iter().filter(|event| event.state == state.as_str()).collect();
        let arrivals = || of_state.iter().map(|event| event.arrival);
        let (Some(first), Some(last)) = (arrivals().min(), arrivals().max()) else { continue };
        // Between two arrivals, so that only the batch's own stretch of the queue is read.
        removed += tx
            .query("DELETE FROM inbox WHERE tenant_id = $1 AND project_id = $2 AND state = $3 AND arrival BETWEEN $4 AND $5 AND event_id")
            .bind(project)
            .bind(state.as_str())
            .bind(first)
            .bind(last)
            .push_in(of_state.iter().map(|event| event.event_id.as_str()))
            .execute()
            .await?;
    }
    Ok(removed)
}

/// When the next failed event is due, unix seconds.
pub async fn next_due(tx: &mut Tx, project: &ProjectId) -> Result<Option<i64>> {
    tx.query(
        "SELECT MIN(next_at) FROM inbox WHERE tenant_id = $1 AND project_id = $2 AND state IN ('received', 'failed')",
    )
    .bind(project)
    .fetch_value()
    .await
}

/// How many events stand in each state.
pub async fn counts(tx: &mut Tx, project: &ProjectId) -> Result<Vec<(String, i64)>> {
    tx.query("SELECT state, COUNT(*) FROM inbox WHERE tenant_id = $1 AND project_id = $2 GROUP BY state ORDER BY state")
        .bind(project)
        .fetch_all()
        .await
}

/// How many events stand in a state, counted up to `most`: a page must not pay for a burst.
pub async fn count_up_to(tx: &mut Tx, project: &ProjectId, state: EventStatus, most: i64) -> Result<i64> {
    tx.query("SELECT COUNT(*) FROM (SELECT 1 AS one FROM inbox WHERE tenant_id = $1 AND project_id = $2 AND state = $3 LIMIT $4) AS counted")
        .bind(project)
        .bind(state.as_str())
        .bind(most)
        .fetch_value()
        .await
}

/// Those of some objects of Stripe's of which an event waits to be applied.
pub async fn waiting_for(
    tx: &mut Tx,
    project: &ProjectId,
    stripe_ids: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>> {
    let waiting: Vec<String> = tx
        .query(
            "SELECT w.object_id FROM inbox i JOIN webhook_events w ON w.tenant_id = i.tenant_id AND w.project_id = i.project_id AND w.id = i.event_id
             WHERE i.tenant_id = $1 AND i.project_id = $2 AND i.state IN ('received', 'failed') AND w.object_id",
        )
        .bind(project)
        .push_in(stripe_ids)
        .fetch_values()
        .await?;
    Ok(waiting.into_iter().collect())
}

/// When an event that waits is tried next, unix seconds. `arrival` in unix microseconds.
pub async fn next_try(
    tx: &mut Tx,
    project: &ProjectId,
    state: EventStatus,
    arrival: i64,
    event_id: &str,
) -> Result<Option<i64>> {
    tx.query("SELECT next_at FROM inbox WHERE tenant_id = $1 AND project_id = $2 AND state = $3 AND arrival = $4 AND event_id = $5")
        .bind(project)
        .bind(state.as_str())
        .bind(arrival)
        .bind(event_id)
        .fetch_optional_value()
        .await
}

/// Puts one dead or failed event back to the start; answers whether there was one.
pub async fn requeue(tx: &mut Tx, project: &ProjectId, event_id: &str, now: i64) -> Result<bool> {
    let moved = tx
        .query("UPDATE inbox SET state = 'received', next_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND state IN ('dead', 'failed') AND event_id = $4")
        .bind(project)
        .bind(now)
        .bind(event_id)
        .execute()
        .await?;
    Ok(moved > 0)
}

/// Puts every dead and failed event back to the start; answers how many.
pub async fn requeue_all(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<u64> {
    tx.query("UPDATE inbox SET state = 'received', next_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND state IN ('dead', 'failed')")
        .bind(project)
        .bind(now)
        .execute()
        .await
}

/// Moves an event that failed to its next state.
pub async fn set_state(
    tx: &mut Tx,
    project: &ProjectId,
    event: &Pending,
    state: EventStatus,
    next_at: i64,
) -> Result<()> {
    tx.query("UPDATE inbox SET state = $3, next_at = $4 WHERE tenant_id = $1 AND project_id = $2 AND state = $5 AND arrival = $6 AND event_id = $7")
        .bind(project)
        .bind(state.as_str())
        .bind(next_at)
        .bind(&event.state)
        .bind(event.arrival)
        .bind(&event.event_id)
        .execute()
        .await?;
    Ok(())
}

/// How many dead events each project of the tenant has.
pub async fn dead_by_project(tx: &mut Tx) -> Result<Vec<(ProjectId, i64)>> {
    tx.query(
        "SELECT project_id, COUNT(*) FROM inbox WHERE tenant_id = $1 AND state = 'dead' GROUP BY project_id ORDER BY project_id",
    )
    .fetch_all()
    .await
}
