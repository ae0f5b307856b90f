//! Events as they arrived and what became of them: writing here, reading in [`list`] and [`detail`].

pub mod detail;
pub mod list;

use std::collections::HashSet;

use crate::{
    db::{Bulk, Result, Tx},
    domain::{
        event::{EventStatus, Outcome},
        ids::ProjectId,
    },
};

/// An event to be stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Stripe's `evt_…`.
    pub id: String,
    /// Unix microseconds.
    pub arrival: i64,
    /// Such as `customer.updated`.
    pub event_type: String,
    /// The version of the payload.
    pub api_version: Option<String>,
    /// Unix seconds.
    pub created: i64,
    /// Stripe's object name, or empty.
    pub object_kind: String,
    /// Stripe's id, or empty.
    pub object_id: String,
    /// Our id of the row whose timeline shows it, or empty.
    pub subject_id: String,
    /// `received` or `quarantined`.
    pub status: EventStatus,
    /// Why it is quarantined.
    pub cause: Option<String>,
    /// The body as it arrived.
    pub payload: String,
}

/// Stores events that are not here yet; answers those that were new. The unique key is what makes a repeated delivery harmless.
pub async fn insert_new<'e>(tx: &mut Tx, project: &ProjectId, events: &[&'e NewEvent]) -> Result<Vec<&'e NewEvent>> {
    const INSERT: Bulk = Bulk {
        insert: "INSERT INTO webhook_events (tenant_id, project_id, id, arrival, type, api_version, created, object_kind, object_id, subject_id, status, cause, attempts)",
        columns: 11,
        suffix: "ON CONFLICT (tenant_id, project_id, id) DO NOTHING RETURNING id",
    };
    const PAYLOADS: Bulk = Bulk {
        insert: "INSERT INTO event_payloads (tenant_id, project_id, event_id, payload)",
        columns: 2,
        suffix: "",
    };
    let inserted: Vec<(String,)> = INSERT
        .fetch_all(tx, project.as_str(), events, |query, event| {
            query
                .bind(&event.id)
                .bind(event.arrival)
                .bind(&event.event_type)
                .bind(event.api_version.as_deref())
                .bind(event.created)
                .bind(&event.object_kind)
                .bind(&event.object_id)
                .bind(&event.subject_id)
                .bind(event.status.as_str())
                .bind(event.cause.as_deref())
                .bind(0_i64)
        })
        .await?;
    let mut inserted: HashSet<String> = inserted.into_iter().map(|(id,)| id).collect();
    // Of an event that is there twice, the first was inserted.
    let new: Vec<&NewEvent> = events.iter().copied().filter(|event| inserted.remove(&event.id)).collect();
    PAYLOADS.execute(tx, project.as_str(), &new, |query, event| query.bind(&event.id).bind(&event.payload)).await?;
    Ok(new)
}

/// Marks events that were just stored as fetched by billfold itself. Apart from storing them, so that deliveries do not pay for it.
pub async fn mark_fetched(tx: &mut Tx, project: &ProjectId, ids: impl IntoIterator<Item = &str>) -> Result<()> {
    tx.query("UPDATE webhook_events SET fetched = $3 WHERE tenant_id = $1 AND project_id = $2 AND id")
        .bind(project)
        .bind(true)
        .push_in(ids)
        .execute()
        .await?;
    Ok(())
}

/// Marks events as finished with one outcome.
pub async fn finish(tx: &mut Tx, project: &ProjectId, outcome: Outcome, ids: &[&str], now: i64) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let or_fail = tx.engine().or_fail();
    tx.query(format!("UPDATE{or_fail} webhook_events SET status = $3, outcome = $4, finished_at = $5, cause = NULL, attempts = attempts + 1 WHERE tenant_id = $1 AND project_id = $2 AND id"))
        .bind(project)
        .bind(outcome.status().as_str())
        .bind(outcome.as_str())
        .bind(now)
        .push_in(ids.iter().copied())
        .execute()
        .await?;
    Ok(())
}

/// Records a failed try.
pub async fn fail(tx: &mut Tx, project: &ProjectId, id: &str, status: EventStatus, cause: &str) -> Result<()> {
    tx.query("UPDATE webhook_events SET status = $3, cause = $4, attempts = attempts + 1 WHERE tenant_id = $1 AND project_id = $2 AND id = $5")
        .bind(project)
        .bind(status.as_str())
        .bind(cause)
        .bind(id)
        .execute()
        .await?;
    Ok(())
}

/// Shows requeued events as received again, with a fresh count of tries. With an id only that one.
pub async fn requeue(tx: &mut Tx, project: &ProjectId, id: Option<&str>) -> Result<u64> {
    let mut query = tx
        .query("UPDATE webhook_events SET status = 'received', attempts = 0 WHERE tenant_id = $1 AND project_id = $2 AND status IN ('dead', 'failed')")
        .bind(project);
    query = match id {
        Some(id) => query.push(" AND id = ").push_bind(id),
        // The inbox knows them without a walk over every event.
        None => query.push(
            " AND id IN (SELECT event_id FROM inbox WHERE tenant_id = $1 AND project_id = $2 AND state IN ('dead', 'failed'))",
        ),
    };
    query.execute().await
}

/// Those of some events that have arrived, whatever became of them.
pub async fn known(tx: &mut Tx, project: &ProjectId, ids: impl IntoIterator<Item = &str>) -> Result<Vec<String>> {
    tx.query("SELECT id FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id")
        .bind(project)
        .push_in(ids)
        .fetch_values()
        .await
}

/// When an event about each type of object was last applied, unix seconds; among the newest events, so that it costs the same at any
/// number of them.
pub async fn last_applied(tx: &mut Tx, project: &ProjectId) -> Result<Vec<(String, i64)>> {
    tx.query(
        "SELECT object_kind, MAX(finished_at) FROM (SELECT object_kind, finished_at, status FROM webhook_events
           WHERE tenant_id = $1 AND project_id = $2 ORDER BY arrival DESC LIMIT $3) AS e
         WHERE status = 'done' AND finished_at IS NOT NULL GROUP BY object_kind",
    )
    .bind(project)
    .bind(list::LOOKED_AT)
    .fetch_all()
    .await
}

/// Whether an event was given up.
pub async fn is_dead(tx: &mut Tx, project: &ProjectId, id: &str) -> Result<bool> {
    let dead = tx
        .query("SELECT 1 FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND status = 'dead'")
        .bind(project)
        .bind(id)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(dead.is_some())
}
