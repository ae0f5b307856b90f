//! How far a project's events were fetched from Stripe's own list, and what the last look at it brought.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// Values of `polls.outcome`.
pub mod outcome {
    /// Everything since the cursor is here.
    pub const OK: &str = "ok";
    /// The key may not list events.
    pub const REFUSED: &str = "refused";
    /// Stripe could not be asked; it is tried again.
    pub const FAILED: &str = "failed";
}

/// Where a project's polling stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Poll {
    /// Unix seconds by Stripe's clock: what was made before is here. None before the first look.
    pub cursor: Option<i64>,
    /// Unix seconds: the look under way began.
    pub started_at: Option<i64>,
    /// Unix seconds: the last look, or try, ended.
    pub polled_at: Option<i64>,
    /// How it ended, see [`outcome`].
    pub outcome: Option<String>,
    /// Why it was not ok, in plain words.
    pub cause: Option<String>,
    /// Events that the last look brought and no delivery had.
    pub brought: i64,
    /// The same, of all looks.
    pub total: i64,
    /// Unix seconds: a look last brought an event whose delivery was overdue.
    pub late_at: Option<i64>,
    /// Unix seconds: more time was missing than Stripe keeps, so that everything is read again.
    pub gap_at: Option<i64>,
    /// How often a person asked for a look.
    pub wishes: i64,
    /// How many of these wishes were fulfilled.
    pub answered: i64,
}

impl Poll {
    /// Whether a person waits for a look.
    pub fn is_wished(&self) -> bool {
        self.wishes > self.answered
    }
}

/// Begins a look, or goes on with one that was interrupted.
pub async fn begin(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<Poll> {
    tx.query(
        "INSERT INTO polls (tenant_id, project_id, started_at, brought, total, wishes, answered) VALUES ($1, $2, $3, 0, 0, 0, 0)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET started_at = COALESCE(polls.started_at, excluded.started_at),
           brought = CASE WHEN polls.started_at IS NULL THEN 0 ELSE polls.brought END
         RETURNING cursor, started_at, polled_at, outcome, cause, brought, total, late_at, gap_at, wishes, answered",
    )
    .bind(project)
    .bind(now)
    .fetch_one()
    .await
}

/// Where it stands; none before the first look.
pub async fn find(tx: &mut Tx, project: &ProjectId) -> Result<Option<Poll>> {
    tx.query(
        "SELECT cursor, started_at, polled_at, outcome, cause, brought, total, late_at, gap_at, wishes, answered
         FROM polls WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .fetch_optional()
    .await
}

/// Counts events that a look has brought, in the transaction that stores them. `late_at`: one of them was overdue.
pub async fn add(tx: &mut Tx, project: &ProjectId, brought: i64, late_at: Option<i64>) -> Result<()> {
    tx.query(
        "UPDATE polls SET brought = brought + $3, total = total + $3, late_at = COALESCE($4, late_at)
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .bind(brought)
    .bind(late_at)
    .execute()
    .await?;
    Ok(())
}

/// Moves the cursor forward. What lies before it must be stored by then.
pub async fn advance(tx: &mut Tx, project: &ProjectId, cursor: i64) -> Result<()> {
    tx.query(
        "UPDATE polls SET cursor = $3 WHERE tenant_id = $1 AND project_id = $2 AND (cursor IS NULL OR cursor < $3)",
    )
    .bind(project)
    .bind(cursor)
    .execute()
    .await?;
    Ok(())
}

/// Notes that more time is missing than Stripe keeps. The caller sees to it that everything is read again.
pub async fn note_gap(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<()> {
    tx.query("UPDATE polls SET gap_at = $3 WHERE tenant_id = $1 AND project_id = $2")
        .bind(project)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Ends a look that has seen everything. `wishes`: those that it has fulfilled, as it found them when it began.
pub async fn finish(tx: &mut Tx, project: &ProjectId, wishes: i64, now: i64) -> Result<()> {
    tx.query(
        "UPDATE polls SET started_at = NULL, polled_at = $3, outcome = 'ok', cause = NULL, answered = $4
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .bind(now)
    .bind(wishes)
    .execute()
    .await?;
    Ok(())
}

/// Notes why a look ended early. After a refusal nothing is under way any more, and wishes count as answered by it.
pub async fn fail(tx: &mut Tx, project: &ProjectId, (outcome, cause): (&str, &str), now: i64) -> Result<()> {
    tx.query(
        "UPDATE polls SET polled_at = $3, outcome = $4, cause = $5,
           started_at = CASE WHEN $4 = 'refused' THEN NULL ELSE started_at END,
           answered = CASE WHEN $4 = 'refused' THEN wishes ELSE answered END
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .bind(now)
    .bind(outcome)
    .bind(cause)
    .execute()
    .await?;
    Ok(())
}

/// Records that a person asks for a look.
pub async fn wish(tx: &mut Tx, project: &ProjectId) -> Result<()> {
    tx.query(
        "INSERT INTO polls (tenant_id, project_id, brought, total, wishes, answered) VALUES ($1, $2, 0, 0, 1, 0)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET wishes = polls.wishes + 1",
    )
    .bind(project)
    .execute()
    .await?;
    Ok(())
}

/// Forgets everything, when the account is disconnected: a new connection reads the whole account anyway.
pub async fn remove(tx: &mut Tx, project: &ProjectId) -> Result<()> {
    tx.query("DELETE FROM polls WHERE tenant_id = $1 AND project_id = $2").bind(project).execute().await?;
    Ok(())
}
