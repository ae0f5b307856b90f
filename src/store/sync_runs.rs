//! Runs of a backfill, with their types and ranges: everything that a resumed run and the progress page need.

use crate::{
    db::{Result, Tx},
    domain::{
        ids::{ProjectId, RunId},
        job::JobKind,
        kind::Kind,
    },
    store::jobs,
};

/// A run.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// `running`, `paused`, `done` or `stopped`.
    pub state: String,
    /// A user's id, or the part of billfold that started it.
    pub started_by: String,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds.
    pub finished_at: Option<i64>,
    /// Seconds spent running before the present stretch.
    pub active_seconds: i64,
    /// Unix seconds: start of the present stretch.
    pub resumed_at: Option<i64>,
}

impl Run {
    /// Seconds spent running until `now`.
    pub fn active_until(&self, now: i64) -> i64 {
        self.active_seconds + self.resumed_at.map_or(0, |since| (now - since).max(0))
    }
}

const RUN: &str = "SELECT id, state, started_by, started_at, finished_at, active_seconds, resumed_at FROM sync_runs WHERE tenant_id = $1 AND project_id = $2";

/// One object type of a run.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TypeProgress {
    /// See [`Kind`].
    pub kind: String,
    /// `waiting`, `running`, `ok`, `empty`, `refused` or `failed`.
    pub result: String,
    /// Why it was refused or failed, in plain words.
    pub reason: Option<String>,
    /// Objects stored by this run.
    pub fetched: i64,
    /// Unix seconds.
    pub started_at: Option<i64>,
    /// Unix seconds.
    pub finished_at: Option<i64>,
}

/// A slice of time of one object type, read newest first.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Range {
    /// See [`Kind`].
    pub kind: String,
    /// Counts from 0, newest first.
    pub range_no: i64,
    /// Unix seconds, inclusive; none: from the beginning.
    pub created_from: Option<i64>,
    /// Unix seconds, exclusive; none: until now.
    pub created_to: Option<i64>,
    /// The last Stripe id of the last stored page.
    pub cursor: Option<String>,
    /// `created` of that object.
    pub position: Option<i64>,
    /// Nothing left in it.
    pub finished: bool,
}

/// Starts a run, unless one is running or paused. Commits with the caller's transaction, together with the job.
pub async fn start(tx: &mut Tx, project: &ProjectId, run: &RunId, started_by: &str, now: i64) -> Result<bool> {
    if current(tx, project).await?.is_some() {
        return Ok(false);
    }
    tx.query(
        "INSERT INTO sync_runs (tenant_id, project_id, id, kind, state, started_by, started_at, active_seconds, resumed_at)
         VALUES ($1, $2, $3, 'backfill', 'running', $4, $5, 0, $5)",
    )
    .bind(project)
    .bind(run)
    .bind(started_by)
    .bind(now)
    .execute()
    .await?;
    for kind in Kind::ALL {
        tx.query("INSERT INTO sync_types (tenant_id, project_id, run_id, kind, result, fetched) VALUES ($1, $2, $3, $4, 'waiting', 0)")
            .bind(project)
            .bind(run)
            .bind(kind.as_str())
            .execute()
            .await?;
    }
    let tenant = tx.tenant().clone();
    jobs::wake(tx, JobKind::Backfill, &tenant, project, now).await?;
    Ok(true)
}

/// The run that is running or paused, if any.
pub async fn current(tx: &mut Tx, project: &ProjectId) -> Result<Option<Run>> {
    tx.query(RUN)
        .push(" AND state IN ('running', 'paused') ORDER BY started_at DESC, id DESC LIMIT 1")
        .bind(project)
        .fetch_optional()
        .await
}

/// The newest runs. One that is under way comes first, whatever started in the same second.
pub async fn list(tx: &mut Tx, project: &ProjectId, limit: i64) -> Result<Vec<Run>> {
    tx.query(RUN)
        .push(" ORDER BY CASE WHEN finished_at IS NULL THEN 0 ELSE 1 END, started_at DESC, id DESC LIMIT $3")
        .bind(project)
        .bind(limit)
        .fetch_all()
        .await
}

/// What a run brought: its id, the objects it stored, and how many types were refused or failed.
pub async fn totals<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    runs: impl IntoIterator<Item = &'a RunId>,
) -> Result<Vec<(RunId, i64, i64)>> {
    tx.query(
        "SELECT run_id, CAST(COALESCE(SUM(fetched), 0) AS BIGINT), COUNT(CASE WHEN result IN ('refused', 'failed') THEN 1 END)
         FROM sync_types WHERE tenant_id = $1 AND project_id = $2 AND run_id",
    )
    .bind(project)
    .push_in(runs)
    .push(" GROUP BY run_id")
    .fetch_all()
    .await
}

/// Whether a run is in this state.
pub async fn is_in_state(tx: &mut Tx, project: &ProjectId, run: &RunId, state: &str) -> Result<bool> {
    let found = tx
        .query("SELECT 1 FROM sync_runs WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state = $4")
        .bind(project)
        .bind(run)
        .bind(state)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(found.is_some())
}

/// Pauses a running run; its clock stands still. Answers whether there was one.
pub async fn pause(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<bool> {
    close_stretch(tx, project, "paused", "running", now).await
}

/// Ends a running or paused run without finishing it, as disconnecting does.
pub async fn stop(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<bool> {
    let running = close_stretch(tx, project, "stopped", "running", now).await?;
    let paused = close_stretch(tx, project, "stopped", "paused", now).await?;
    Ok(running || paused)
}

/// Marks a run as done.
pub async fn finish(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<bool> {
    close_stretch(tx, project, "done", "running", now).await
}

async fn close_stretch(tx: &mut Tx, project: &ProjectId, to: &str, from: &str, now: i64) -> Result<bool> {
    let finished_at = (to != "paused").then_some(now);
    let changed = tx
        .query(
            "UPDATE sync_runs SET state = $3, active_seconds = active_seconds + $4 - COALESCE(resumed_at, $4),
               resumed_at = NULL, finished_at = $5
             WHERE tenant_id = $1 AND project_id = $2 AND state = $6",
        )
        .bind(project)
        .bind(to)
        .bind(now)
        .bind(finished_at)
        .bind(from)
        .execute()
        .await?;
    Ok(changed > 0)
}

/// Lets a paused run go on. Answers whether there was one.
pub async fn resume(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<bool> {
    let changed = tx
        .query("UPDATE sync_runs SET state = 'running', resumed_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND state = 'paused'")
        .bind(project)
        .bind(now)
        .execute()
        .await?;
    if changed > 0 {
        let tenant = tx.tenant().clone();
        jobs::wake(tx, JobKind::Backfill, &tenant, project, now).await?;
    }
    Ok(changed > 0)
}

/// Opens a run again that is not running, because some of its types get another chance. Answers whether it was opened.
pub async fn reopen(tx: &mut Tx, project: &ProjectId, run: &RunId, now: i64) -> Result<bool> {
    let changed = tx
        .query("UPDATE sync_runs SET state = 'running', resumed_at = $4, finished_at = NULL WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state <> 'running'")
        .bind(project)
        .bind(run)
        .bind(now)
        .execute()
        .await?;
    if changed > 0 {
        let tenant = tx.tenant().clone();
        jobs::wake(tx, JobKind::Backfill, &tenant, project, now).await?;
    }
    Ok(changed > 0)
}

/// The types of a run, in the order people see them.
pub async fn types(tx: &mut Tx, project: &ProjectId, run: &RunId) -> Result<Vec<TypeProgress>> {
    let mut types: Vec<TypeProgress> = tx
        .query("SELECT kind, result, reason, fetched, started_at, finished_at FROM sync_types WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3")
        .bind(project)
        .bind(run)
        .fetch_all()
        .await?;
    types.sort_by_key(|progress| Kind::parse(&progress.kind));
    Ok(types)
}

/// The ranges of a run.
pub async fn ranges(tx: &mut Tx, project: &ProjectId, run: &RunId) -> Result<Vec<Range>> {
    tx.query("SELECT kind, range_no, created_from, created_to, cursor, position, finished FROM sync_ranges WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 ORDER BY kind, range_no")
        .bind(project)
        .bind(run)
        .fetch_all()
        .await
}

/// Adds the ranges of a type and marks it as running.
pub async fn plan(tx: &mut Tx, project: &ProjectId, run: &RunId, kind: Kind, ranges: &[Range], now: i64) -> Result<()> {
    for range in ranges {
        tx.query(
            "INSERT INTO sync_ranges (tenant_id, project_id, run_id, kind, range_no, created_from, created_to, cursor, position, finished)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(project)
        .bind(run)
        .bind(kind.as_str())
        .bind(range.range_no)
        .bind(range.created_from)
        .bind(range.created_to)
        .bind(range.cursor.as_deref())
        .bind(range.position)
        .bind(range.finished)
        .execute()
        .await?;
    }
    tx.query("UPDATE sync_types SET result = 'running', started_at = $5 WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND kind = $4 AND result = 'waiting'")
        .bind(project)
        .bind(run)
        .bind(kind.as_str())
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Moves a range's cursor behind a stored page; the caller's transaction holds the page too.
pub async fn advance(tx: &mut Tx, project: &ProjectId, run: &RunId, range: &Range, stored: i64) -> Result<()> {
    tx.query(
        "UPDATE sync_ranges SET cursor = $6, position = $7, finished = $8
         WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND kind = $4 AND range_no = $5",
    )
    .bind(project)
    .bind(run)
    .bind(&range.kind)
    .bind(range.range_no)
    .bind(range.cursor.as_deref())
    .bind(range.position)
    .bind(range.finished)
    .execute()
    .await?;
    tx.query("UPDATE sync_types SET fetched = fetched + $5 WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND kind = $4")
        .bind(project)
        .bind(run)
        .bind(&range.kind)
        .bind(stored)
        .execute()
        .await?;
    Ok(())
}

/// Ends a type with its result.
pub async fn end_type(
    tx: &mut Tx,
    project: &ProjectId,
    run: &RunId,
    kind: Kind,
    (result, reason): (&str, Option<&str>),
    now: i64,
) -> Result<()> {
    tx.query("UPDATE sync_types SET result = $5, reason = $6, finished_at = $7 WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND kind = $4")
        .bind(project)
        .bind(run)
        .bind(kind.as_str())
        .bind(result)
        .bind(reason)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Gives refused and failed types of a run another chance, for a person who has mended the cause.
pub async fn retry_types(tx: &mut Tx, project: &ProjectId, run: &RunId) -> Result<u64> {
    tx.query("UPDATE sync_types SET result = CASE WHEN started_at IS NULL THEN 'waiting' ELSE 'running' END, reason = NULL, finished_at = NULL WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND result IN ('refused', 'failed')")
        .bind(project)
        .bind(run)
        .execute()
        .await
}
