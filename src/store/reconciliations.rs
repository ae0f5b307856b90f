//! Comparisons of the mirror with Stripe, with what each found of every type.

use std::collections::BTreeMap;

use crate::{
    db::{Result, Tx},
    domain::{
        ids::{ProjectId, RunId},
        job::JobKind,
        kind::Kind,
    },
    store::jobs,
};

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The newest objects of each type, and some that chance picks.
    Sample,
    /// Every object.
    Full,
}

impl Scope {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Full => "full",
        }
    }
}

/// A comparison.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// See [`Scope`].
    pub scope: String,
    /// `running`, `done` or `stopped`.
    pub state: String,
    /// A user's id, or the part of billfold that started it.
    pub started_by: String,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds.
    pub finished_at: Option<i64>,
}

impl Run {
    /// Whether every object is compared.
    pub fn is_full(&self) -> bool {
        self.scope == Scope::Full.as_str()
    }
}

/// One type of a comparison.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TypeResult {
    /// See [`Kind`].
    pub kind: String,
    /// `waiting`, `ok`, `refused` or `failed`.
    pub result: String,
    /// Why it was refused or failed, in plain words.
    pub reason: Option<String>,
    /// Objects that were compared.
    pub compared: i64,
    /// Those that were here and other than at Stripe.
    pub differed: i64,
    /// Those that were at Stripe and not here.
    pub missing: i64,
    /// Those that were here and are no longer at Stripe.
    pub gone: i64,
    /// How many of all these are mended.
    pub repaired: i64,
    /// JSON: in which field how many objects differed; see [`TypeResult::fields`].
    #[sqlx(rename = "fields")]
    pub fields_json: String,
    /// Unix seconds: an event of this type was last applied, as far as was looked.
    pub event_at: Option<i64>,
    /// The last Stripe id of the last compared page.
    pub cursor: Option<String>,
    /// `created` of that object.
    pub position: Option<i64>,
    /// Unix seconds.
    pub finished_at: Option<i64>,
}

impl TypeResult {
    /// In which field how many objects differed.
    pub fn fields(&self) -> BTreeMap<String, i64> {
        serde_json::from_str(&self.fields_json).unwrap_or_default()
    }

    /// Counts an object that differed in these fields.
    pub fn count_fields(&mut self, differing: &[String]) {
        let mut fields = self.fields();
        for field in differing {
            *fields.entry(field.clone()).or_default() += 1;
        }
        self.fields_json = serde_json::to_string(&fields).unwrap_or_default();
    }

    /// How many objects were not as Stripe has them.
    pub fn found(&self) -> i64 {
        self.differed + self.missing + self.gone
    }
}

const RUN: &str = "SELECT id, scope, state, started_by, started_at, finished_at FROM reconciliations WHERE tenant_id = $1 AND project_id = $2";

/// Starts a comparison and wakes the job that does it, unless one of this scope or a full one is running. A running sample gives way
/// to a full one.
pub async fn start(
    tx: &mut Tx,
    project: &ProjectId,
    (run, scope): (&RunId, Scope),
    started_by: &str,
    now: i64,
) -> Result<bool> {
    match current(tx, project).await? {
        Some(running) if running.is_full() || scope == Scope::Sample => return Ok(false),
        Some(_) => {
            stop(tx, project, now).await?;
        }
        None => {}
    }
    tx.query(
        "INSERT INTO reconciliations (tenant_id, project_id, id, scope, state, started_by, started_at)
         VALUES ($1, $2, $3, $4, 'running', $5, $6)",
    )
    .bind(project)
    .bind(run)
    .bind(scope.as_str())
    .bind(started_by)
    .bind(now)
    .execute()
    .await?;
    for kind in Kind::ALL {
        tx.query(
            "INSERT INTO reconciliation_types (tenant_id, project_id, run_id, kind, result, compared, differed, missing, gone, repaired, fields)
             VALUES ($1, $2, $3, $4, 'waiting', 0, 0, 0, 0, 0, '{}')",
        )
        .bind(project)
        .bind(run)
        .bind(kind.as_str())
        .execute()
        .await?;
    }
    let tenant = tx.tenant().clone();
    jobs::wake(tx, JobKind::Reconcile, &tenant, project, now).await?;
    Ok(true)
}

/// The one that is running, if any.
pub async fn current(tx: &mut Tx, project: &ProjectId) -> Result<Option<Run>> {
    tx.query(RUN)
        .push(" AND state = 'running' ORDER BY started_at DESC, id DESC LIMIT 1")
        .bind(project)
        .fetch_optional()
        .await
}

/// Whether a comparison is still running; a person may have stopped it.
pub async fn is_running(tx: &mut Tx, project: &ProjectId, run: &RunId) -> Result<bool> {
    let found = tx
        .query(
            "SELECT 1 FROM reconciliations WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state = 'running'",
        )
        .bind(project)
        .bind(run)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(found.is_some())
}

/// The newest ones. One that is running comes first, whatever started in the same second.
pub async fn list(tx: &mut Tx, project: &ProjectId, limit: i64) -> Result<Vec<Run>> {
    tx.query(RUN)
        .push(" ORDER BY CASE WHEN finished_at IS NULL THEN 0 ELSE 1 END, started_at DESC, id DESC LIMIT $3")
        .bind(project)
        .bind(limit)
        .fetch_all()
        .await
}

/// The types of some comparisons, each with its run.
pub async fn types<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    runs: impl IntoIterator<Item = &'a RunId>,
) -> Result<Vec<(RunId, TypeResult)>> {
    #[derive(sqlx::FromRow)]
    struct OfRun {
        run_id: RunId,
        #[sqlx(flatten)]
        result: TypeResult,
    }
    let rows: Vec<OfRun> = tx
        .query(
            "SELECT run_id, kind, result, reason, compared, differed, missing, gone, repaired, fields, event_at, cursor, position, finished_at
             FROM reconciliation_types WHERE tenant_id = $1 AND project_id = $2 AND run_id",
        )
        .bind(project)
        .push_in(runs)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.run_id, row.result)).collect())
}

/// Writes how far a type is.
pub async fn save(tx: &mut Tx, project: &ProjectId, run: &RunId, of: &TypeResult) -> Result<()> {
    tx.query(
        "UPDATE reconciliation_types SET result = $5, reason = $6, compared = $7, differed = $8, missing = $9, gone = $10, repaired = $11,
           fields = $12, event_at = $13, cursor = $14, position = $15, finished_at = $16
         WHERE tenant_id = $1 AND project_id = $2 AND run_id = $3 AND kind = $4",
    )
    .bind(project)
    .bind(run)
    .bind(&of.kind)
    .bind(&of.result)
    .bind(of.reason.as_deref())
    .bind(of.compared)
    .bind(of.differed)
    .bind(of.missing)
    .bind(of.gone)
    .bind(of.repaired)
    .bind(&of.fields_json)
    .bind(of.event_at)
    .bind(of.cursor.as_deref())
    .bind(of.position)
    .bind(of.finished_at)
    .execute()
    .await?;
    Ok(())
}

const END: &str = "UPDATE reconciliations SET state = $3, finished_at = $4 WHERE tenant_id = $1 AND project_id = $2 AND state = 'running'";

/// Marks one as done. Answers whether it was running still.
pub async fn finish(tx: &mut Tx, project: &ProjectId, run: &RunId, now: i64) -> Result<bool> {
    let ended = tx.query(END).bind(project).bind("done").bind(now).push(" AND id = ").push_bind(run).execute().await?;
    Ok(ended > 0)
}

/// Ends the running one without finishing it. What it has mended stays. Answers whether there was one.
pub async fn stop(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<bool> {
    Ok(tx.query(END).bind(project).bind("stopped").bind(now).execute().await? > 0)
}

/// When the newest comparison started, unix seconds.
pub async fn last_started(tx: &mut Tx, project: &ProjectId) -> Result<Option<i64>> {
    tx.query("SELECT MAX(started_at) FROM reconciliations WHERE tenant_id = $1 AND project_id = $2")
        .bind(project)
        .fetch_value()
        .await
}
