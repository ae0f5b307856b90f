//! The queue: at most one job of each kind per project. System table, ids only.
//!
//! A process claims the kinds that it knows: beside a newer version, whose kinds are more, it leaves those to that one.
//!
//! A claim takes a lease and raises the fence; work commits only while its fence stands, so a frozen process that wakes up
//! late changes nothing. A wish for a run during a run raises `wakes`, so it is not lost when the run ends.

use std::sync::LazyLock;

use crate::{
    db::{Error, Result, System, SystemTx},
    domain::{
        ids::{ProjectId, TenantId},
        job::{JobKind, Reach},
    },
};

/// The condition on the kinds that this version can run, and a worker of this reach takes.
fn known(reach: Reach) -> &'static str {
    static KNOWN: LazyLock<[String; Reach::ALL.len()]> = LazyLock::new(|| {
        Reach::ALL.map(|reach| {
            let kinds = JobKind::ALL.iter().filter(|kind| reach.takes(**kind));
            let kinds: Vec<String> = kinds.map(|kind| format!("'{}'", kind.as_str())).collect();
            format!("kind IN ({})", kinds.join(", "))
        })
    });
    &KNOWN[reach as usize]
}

/// A job in hand.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Claim {
    /// What to do, see [`JobKind`].
    pub kind: String,
    /// For whom.
    pub tenant_id: TenantId,
    /// For which project.
    pub project_id: ProjectId,
    /// Proves that this claim is the latest.
    pub fence: i64,
    /// How often a run was wished for, when it was claimed.
    pub wakes: i64,
    /// Failures in a row.
    pub attempts: i64,
}

/// Asks for a run at `run_at` (unix seconds), or earlier if one is due earlier.
pub async fn wake(
    tx: &mut impl System,
    kind: JobKind,
    tenant: &TenantId,
    project: &ProjectId,
    run_at: i64,
) -> Result<()> {
    tx.system(
        "INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
         VALUES ($1, $2, $3, $4, 1, 0, 0, '', 0)
         ON CONFLICT (kind, tenant_id, project_id) DO UPDATE SET wakes = jobs.wakes + 1,
           run_at = CASE WHEN jobs.run_at > excluded.run_at THEN excluded.run_at ELSE jobs.run_at END",
    )
    .bind(kind.as_str())
    .bind(tenant)
    .bind(project)
    .bind(run_at)
    .execute()
    .await?;
    Ok(())
}

/// Whether any job is due for a worker of this reach; a cheap read before [`claim`] takes the writer.
pub async fn any_due(tx: &mut SystemTx, reach: Reach, now: i64) -> Result<bool> {
    let due = tx
        .query(format!("SELECT 1 FROM jobs WHERE run_at <= $1 AND lease_until <= $1 AND {} LIMIT 1", known(reach)))
        .bind(now)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(due.is_some())
}

/// The jobs that are due and that no process has taken yet.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Waiting {
    /// How many.
    pub jobs: i64,
    /// Unix seconds: since when the first of them is due; none without any.
    pub since: Option<i64>,
}

/// How much work waits for a process that knows its kind.
pub async fn waiting(tx: &mut impl System, now: i64) -> Result<Waiting> {
    tx.system("SELECT COUNT(*) AS jobs, MIN(run_at) AS since FROM jobs WHERE run_at <= $1 AND lease_until <= $1 AND ")
        .push(known(Reach::Everything))
        .bind(now)
        .fetch_one()
        .await
}

/// How many jobs of each kind failed when they ran last; kinds without any are left out.
pub async fn failing(tx: &mut impl System) -> Result<Vec<(String, i64)>> {
    tx.system("SELECT kind, COUNT(*) FROM jobs WHERE attempts > 0 GROUP BY kind").fetch_all().await
}

/// Takes the job within reach that has been due longest, if any. One job per claim: no tenant waits behind another's batch.
pub async fn claim(
    tx: &mut SystemTx,
    (owner, reach): (&str, Reach),
    now: i64,
    lease_until: i64,
) -> Result<Option<Claim>> {
    let skip_locked = tx.engine().skip_locked();
    tx.query(
        "UPDATE jobs SET lease_until = $1, leased_by = $2, fence = fence + 1
         WHERE (kind, tenant_id, project_id) IN (
           SELECT kind, tenant_id, project_id FROM jobs WHERE run_at <= $3 AND lease_until <= $3 AND ",
    )
    .push(known(reach))
    .push(" ORDER BY run_at, fence LIMIT 1")
    .push(skip_locked)
    .push(") RETURNING kind, tenant_id, project_id, fence, wakes, attempts")
    .bind(lease_until)
    .bind(owner)
    .bind(now)
    .fetch_optional()
    .await
}

/// Extends the lease; as the last statement before a commit it proves that the claim still stands.
pub async fn hold(tx: &mut impl System, claim: &Claim, lease_until: i64) -> Result<()> {
    let held = tx
        .system(
            "UPDATE jobs SET lease_until = $1 WHERE kind = $2 AND tenant_id = $3 AND project_id = $4 AND fence = $5",
        )
        .bind(lease_until)
        .bind(&claim.kind)
        .bind(&claim.tenant_id)
        .bind(&claim.project_id)
        .bind(claim.fence)
        .execute()
        .await?;
    if held == 1 { Ok(()) } else { Err(Error::LeaseLost) }
}

/// What became of a run.
#[derive(Clone, Debug)]
pub enum Ending {
    /// Nothing left; runs again when woken, or at this unix second.
    Rest(i64),
    /// It failed; runs again at this unix second.
    Failed {
        /// Unix seconds.
        run_at: i64,
        /// In plain words, without secrets.
        error: String,
    },
}

/// Gives the lease back. A wish that came during the run brings the job back at once.
pub async fn finish(tx: &mut impl System, claim: &Claim, now: i64, ending: &Ending) -> Result<()> {
    let (run_at, attempts, error) = match ending {
        Ending::Rest(run_at) => (*run_at, 0, None),
        Ending::Failed { run_at, error } => (*run_at, claim.attempts + 1, Some(error)),
    };
    tx.system(
        "UPDATE jobs SET lease_until = 0, leased_by = '', attempts = $1, last_error = $2,
           run_at = CASE WHEN wakes = $3 OR $1 > 0 THEN $4 ELSE $5 END
         WHERE kind = $6 AND tenant_id = $7 AND project_id = $8 AND fence = $9",
    )
    .bind(attempts)
    .bind(error)
    .bind(claim.wakes)
    .bind(run_at)
    .bind(now)
    .bind(&claim.kind)
    .bind(&claim.tenant_id)
    .bind(&claim.project_id)
    .bind(claim.fence)
    .execute()
    .await?;
    Ok(())
}

/// Gives back every lease of a process that stops, so that another goes on at once.
pub async fn release_all(tx: &mut SystemTx, owner: &str) -> Result<u64> {
    tx.query("UPDATE jobs SET lease_until = 0, leased_by = '', fence = fence + 1 WHERE leased_by = $1")
        .bind(owner)
        .execute()
        .await
}

/// Gives back every lease, whoever holds it.
pub async fn release_of_all(tx: &mut SystemTx) -> Result<u64> {
    tx.query("UPDATE jobs SET lease_until = 0, leased_by = '', fence = fence + 1 WHERE lease_until > 0").execute().await
}

/// Whether a process works on anything at this moment.
pub async fn any_leased(tx: &mut impl System, now: i64) -> Result<bool> {
    let leased = tx.system("SELECT 1 FROM jobs WHERE lease_until > $1 LIMIT 1").bind(now);
    Ok(leased.fetch_optional_value::<i32>().await?.is_some())
}

/// Removes a project's jobs, when it is disconnected.
pub async fn remove(tx: &mut impl System, tenant: &TenantId, project: &ProjectId) -> Result<()> {
    tx.system("DELETE FROM jobs WHERE tenant_id = $1 AND project_id = $2").bind(tenant).bind(project).execute().await?;
    Ok(())
}

/// A job as people see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct JobState {
    /// See [`JobKind`].
    pub kind: String,
    /// Unix seconds of the next run.
    pub run_at: i64,
    /// Failures in a row.
    pub attempts: i64,
    /// Why the last run failed.
    pub last_error: Option<String>,
}

/// A project's jobs.
pub async fn of_project(tx: &mut impl System, tenant: &TenantId, project: &ProjectId) -> Result<Vec<JobState>> {
    tx.system(
        "SELECT kind, run_at, attempts, last_error FROM jobs WHERE tenant_id = $1 AND project_id = $2 ORDER BY kind",
    )
    .bind(tenant)
    .bind(project)
    .fetch_all()
    .await
}

/// Forgets the jobs of a tenant that is no more.
pub async fn remove_all(tx: &mut impl System, tenant: &TenantId) -> Result<()> {
    tx.system("DELETE FROM jobs WHERE tenant_id = $1").bind(tenant).execute().await?;
    Ok(())
}

/// A job as the operator sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Queued {
    /// See [`JobKind`].
    pub kind: String,
    /// For whom.
    pub tenant_id: TenantId,
    /// For which project.
    pub project_id: ProjectId,
    /// Unix seconds of the next run.
    pub run_at: i64,
    /// Unix seconds: a process works on it until then.
    pub lease_until: i64,
    /// Failures in a row.
    pub attempts: i64,
    /// Why the last run failed.
    pub last_error: Option<String>,
}

/// The jobs of all tenants: those that failed first, then those that are due longest; the sleeping ones last.
pub async fn newsworthy(tx: &mut impl System, limit: i64) -> Result<Vec<Queued>> {
    tx.system(
        "SELECT kind, tenant_id, project_id, run_at, lease_until, attempts, last_error FROM jobs
         ORDER BY CASE WHEN attempts > 0 THEN 0 ELSE 1 END, run_at, tenant_id, project_id, kind LIMIT $1",
    )
    .bind(limit)
    .fetch_all()
    .await
}
