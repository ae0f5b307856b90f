//! Compares the mirror with Stripe and mends it: every night the newest objects of each type and some that chance picks, and everything
//! when somebody asks. It takes a part of the account's rate alone, so that people and imports go first.
//!
//! What differs is read once more before it counts, and an event that came meanwhile wins: a comparison finds what neither a delivery
//! nor Stripe's list of events has told. Reading order: here (what is compared when), `full` and `sample` (which objects), `judge`
//! (what becomes of those that look different), `finish` (the sum, and the alarm).

mod finish;
mod full;
mod judge;
pub mod report;
mod sample;

use crate::{
    app::{App, Stopped},
    db::Tx,
    domain::{
        job::{JobKind, next_night},
        kind::Kind,
    },
    store::{
        jobs::{self, Claim},
        polls,
        reconciliations::{self, Run, Scope, TypeResult},
        sync_runs, webhook_events,
    },
    stripe::{self, Client},
    vault::new_id,
};

/// The actor of what happens by night.
const NIGHTLY: &str = "reconcile";
/// A night has its sample unless a comparison has started within so many seconds.
const RECENT: i64 = 20 * 3_600;
/// How long an import, or a look at Stripe's list of events, is waited for at a time. Seconds.
const IMPORT: i64 = 60;
/// See [`IMPORT`].
const LOOK: i64 = 3;

/// A comparison that is under way.
struct Comparison<'a> {
    app: &'a App,
    client: Client,
    claim: &'a Claim,
    lease_seconds: i64,
    run: Run,
}

/// Why a type is not compared further.
enum Halt {
    /// Somebody has stopped the comparison.
    Ended,
    /// It cannot go on now.
    Stopped(Stopped),
}

impl<E: Into<Stopped>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Stopped(error.into())
    }
}

/// Goes on with the project's comparison, or begins the one of the night. Answers when the job is due next, unix seconds.
///
/// # Errors
/// Stripe cannot be asked, or refuses the key: what was compared stays, and the rest follows.
pub async fn run(app: &App, client: &Client, claim: &Claim, lease_seconds: i64) -> Result<i64, Stopped> {
    let project = &claim.project_id;
    let tonight = next_night(project, app.clock.now());
    let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
    let now = app.clock.now();
    // What an import has not read yet would look as if it were missing.
    if sync_runs::current(&mut tx, project).await?.is_some() {
        return Ok(now + IMPORT);
    }
    let run = match reconciliations::current(&mut tx, project).await? {
        Some(run) => Some(run),
        None => begin_sample(app, &mut tx, claim, now).await?,
    };
    let Some(run) = run else { return Ok(tonight) };
    let ready = events_are_fetched(&mut tx, claim, &run, now).await?;
    jobs::hold(&mut tx, claim, now + lease_seconds).await?;
    tx.commit().await?;
    if !ready {
        app.wake.notify_one();
        return Ok(now + LOOK);
    }
    let comparison = Comparison { app, client: client.sparing(), claim, lease_seconds, run };
    match comparison.all().await {
        Ok(()) | Err(Halt::Ended) => Ok(tonight),
        Err(Halt::Stopped(error)) => Err(error),
    }
}

async fn begin_sample(app: &App, tx: &mut Tx, claim: &Claim, now: i64) -> Result<Option<Run>, Stopped> {
    let project = &claim.project_id;
    let last = reconciliations::last_started(tx, project).await?;
    if app.config.reconcile_sample == 0 || last.is_some_and(|last| now - last < RECENT) {
        return Ok(None);
    }
    reconciliations::start(tx, project, (&new_id(), Scope::Sample), NIGHTLY, now).await?;
    Ok(reconciliations::current(tx, project).await?)
}

/// Lets Stripe's list of events be looked at first: what it tells is late, not lost. Answers whether that was done since the comparison
/// began, or cannot be.
async fn events_are_fetched(tx: &mut Tx, claim: &Claim, run: &Run, now: i64) -> Result<bool, Stopped> {
    let poll = polls::find(tx, &claim.project_id).await?.unwrap_or_default();
    if poll.polled_at.is_some_and(|at| at >= run.started_at) {
        return Ok(true);
    }
    let polling = jobs::of_project(tx, &claim.tenant_id, &claim.project_id).await?;
    if !polling.iter().any(|job| job.kind == JobKind::Poll.as_str()) {
        return Ok(true);
    }
    jobs::wake(tx, JobKind::Poll, &claim.tenant_id, &claim.project_id, now).await?;
    Ok(false)
}

impl Comparison<'_> {
    async fn all(&self) -> Result<(), Halt> {
        let mut tx = self.app.db.read(&self.claim.tenant_id).await?;
        let types = reconciliations::types(&mut tx, &self.claim.project_id, [&self.run.id]).await?;
        let applied = webhook_events::last_applied(&mut tx, &self.claim.project_id).await?;
        drop(tx);
        let mut types: Vec<TypeResult> = types.into_iter().map(|(_, of_type)| of_type).collect();
        types.sort_by_key(|of_type| Kind::parse(&of_type.kind));
        for of_type in &mut types {
            let Some(kind) = Kind::parse(&of_type.kind).filter(|_| of_type.result == "waiting") else { continue };
            of_type.event_at = applied.iter().find(|(named, _)| *named == of_type.kind).map(|(_, at)| *at);
            let compared = if self.run.is_full() {
                self.compare_all(kind, of_type).await
            } else {
                self.compare_sample(kind, of_type).await
            };
            let (result, reason) = match compared {
                Ok(()) => ("ok", None),
                Err(Halt::Stopped(Stopped::Stripe(error))) => match error {
                    error @ stripe::Error::Refused { .. } => ("refused", Some(error.to_string())),
                    error if error.is_key_rejected() || error.is_transient() => return Err(error.into()),
                    error => ("failed", Some(error.to_string())),
                },
                Err(halt) => return Err(halt),
            };
            result.clone_into(&mut of_type.result);
            of_type.reason = reason;
            of_type.finished_at = Some(self.app.clock.now());
            self.save(of_type).await?;
        }
        self.finish(&types).await
    }

    /// Commits how far a type is, while the comparison and the claim stand.
    async fn save(&self, of_type: &TypeResult) -> Result<(), Halt> {
        let tx = self.app.db.write_relaxed(&self.claim.tenant_id).await?;
        self.save_with(tx, of_type).await
    }

    /// The same in a transaction that has changed something already.
    async fn save_with(&self, mut tx: Tx, of_type: &TypeResult) -> Result<(), Halt> {
        let project = &self.claim.project_id;
        if !reconciliations::is_running(&mut tx, project, &self.run.id).await? {
            return Err(Halt::Ended);
        }
        reconciliations::save(&mut tx, project, &self.run.id, of_type).await?;
        jobs::hold(&mut tx, self.claim, self.app.clock.now() + self.lease_seconds).await?;
        tx.commit().await?;
        Ok(())
    }
}
