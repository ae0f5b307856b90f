//! What each kind of job does, and what its failures mean.

use std::time::Duration;

use tokio::{sync::watch, task::JoinError};

use super::{LEASE, sweep, tenancy};
use crate::{
    app::{App, Stopped},
    billing,
    connect::{self, doctor},
    db,
    domain::{
        job::{JobKind, NEVER},
        retry,
    },
    store::{
        connections, inbox,
        jobs::{Claim, Ending},
        outbox, refetches,
    },
    stripe,
    sync::{apply, backfill, poll, reconcile, refetch},
};

/// Batches per claim: after that the next project has its turn.
const BATCHES: usize = 8;
/// A batch of so many events is part of a flood: the next one gathers for a moment, since a large batch costs far less per
/// event than a small one, and the deliveries have the writer to themselves meanwhile.
const FLOOD: usize = 8;
/// How long a batch gathers in a flood.
const GATHER: Duration = Duration::from_millis(10);
/// Deliveries go first: so long a batch waits for a moment in which none wants to the disk …
const PASS: Duration = Duration::from_millis(50);
/// … unless events have waited for longer than this to be applied. Microseconds.
const LATE: i64 = 2_000_000;

/// Runs a claimed job. `None`: the lease was taken over.
pub(super) async fn run(app: App, claim: Claim, stopping: watch::Receiver<bool>) -> Option<Ending> {
    let outcome = match JobKind::parse(&claim.kind) {
        Some(JobKind::Apply) => run_apply(&app, &claim, &stopping).await,
        Some(JobKind::Refetch) => run_refetch(&app, &claim, &stopping).await,
        Some(JobKind::Poll) => run_poll(&app, &claim, stopping).await,
        Some(JobKind::Backfill) => run_backfill(&app, &claim, stopping).await,
        Some(JobKind::Reconcile) => run_reconcile(&app, &claim, stopping).await,
        Some(JobKind::Outbox) => run_outbox(&app, &claim, &stopping).await,
        Some(JobKind::Doctor) => doctor::by_night(&app, &claim, LEASE).await,
        Some(JobKind::Standings) => tenancy::run_standings(&app).await,
        Some(JobKind::Erase) => tenancy::run_erase(&app, &claim).await,
        Some(JobKind::Sweep) => sweep::run(&app).await,
        None => Ok(NEVER), // never claimed: see `jobs::claim`
    };
    let outcome = match outcome {
        Ok(run_at) if mirrors(&claim) => {
            tenancy::follow_payments(&app, &claim).await.map(|()| run_at).map_err(Stopped::Db)
        }
        outcome => outcome,
    };
    match outcome {
        Ok(run_at) => Some(Ending::Rest(run_at)),
        Err(Stopped::Db(db::Error::LeaseLost)) => None,
        Err(error) => Some(fail(&claim, app.clock.now(), &error)),
    }
}

/// Whether the job writes what Stripe has told.
fn mirrors(claim: &Claim) -> bool {
    matches!(
        JobKind::parse(&claim.kind),
        Some(JobKind::Apply | JobKind::Refetch | JobKind::Backfill | JobKind::Reconcile)
    )
}

/// The ending of a job that panicked.
pub(super) fn after_panic(app: &App, claim: &Claim, panic: &JoinError) -> Ending {
    fail(claim, app.clock.now(), &panic)
}

fn fail(claim: &Claim, now: i64, error: &impl std::fmt::Display) -> Ending {
    tracing::warn!(
        job.kind = %claim.kind, tenant.id = %claim.tenant_id, project.id = %claim.project_id, error = %error,
        "a job failed and will run again"
    );
    Ending::Failed { run_at: now + retry::outage_delay(claim.attempts), error: error.to_string() }
}

/// When work goes on that is due next at some second: what is due already waits behind the jobs of others that are.
fn behind_others(app: &App, next_due: Option<i64>) -> i64 {
    next_due.map_or(NEVER, |at| at.max(app.clock.now()))
}

async fn run_apply(app: &App, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<i64, Stopped> {
    let mut after = inbox::BEGINNING;
    for _ in 0..BATCHES {
        let applied = apply::run_batch(app, claim, LEASE, after).await?;
        metrics::counter!("billfold_events_applied_total").increment(applied.events as u64);
        if applied.events == 0 {
            let mut tx = app.db.read(&claim.tenant_id).await?;
            return Ok(behind_others(app, inbox::next_due(&mut tx, &claim.project_id).await?));
        }
        if *stopping.borrow() {
            break;
        }
        after = applied.last_arrival;
        if (FLOOD..apply::BATCH).contains(&applied.events) {
            tokio::time::sleep(GATHER).await;
        }
        if applied.first_arrival + LATE > app.clock.micros() {
            app.deliveries.pass(PASS).await;
        }
    }
    Ok(app.clock.now())
}

async fn run_refetch(app: &App, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<i64, Stopped> {
    let Some((client, version)) = client(app, claim).await? else { return Ok(NEVER) };
    for _ in 0..BATCHES {
        let taken = refetch::run_batch(app, &client, claim, LEASE).await;
        if pause_if_rejected(app, claim, (&client, version), &taken).await? {
            return Ok(NEVER);
        }
        if taken? == 0 || *stopping.borrow() {
            break;
        }
    }
    let mut tx = app.db.read(&claim.tenant_id).await?;
    Ok(behind_others(app, refetches::next_due(&mut tx, &claim.project_id).await?))
}

async fn run_outbox(app: &App, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<i64, Stopped> {
    let Some((client, version)) = client(app, claim).await? else { return Ok(NEVER) };
    for _ in 0..BATCHES {
        let taken = billing::job::run_batch(app, &client, claim, LEASE).await;
        if pause_if_rejected(app, claim, (&client, version), &taken).await? {
            return Ok(NEVER);
        }
        if taken? == 0 || *stopping.borrow() {
            break;
        }
    }
    billing::job::prune(app, claim).await?;
    let mut tx = app.db.read(&claim.tenant_id).await?;
    Ok(behind_others(app, outbox::next_due(&mut tx, &claim.project_id).await?))
}

async fn run_backfill(app: &App, claim: &Claim, mut stopping: watch::Receiver<bool>) -> Result<i64, Stopped> {
    let Some((client, version)) = client(app, claim).await? else { return Ok(NEVER) };
    let ended = tokio::select! {
        ended = backfill::run(app, &client, claim, LEASE) => ended,
        // The pages in flight are read again by whoever goes on.
        _ = stopping.wait_for(|stop| *stop) => return Ok(app.clock.now()),
    };
    if pause_if_rejected(app, claim, (&client, version), &ended).await? {
        return Ok(NEVER);
    }
    ended.map(|()| NEVER)
}

async fn run_poll(app: &App, claim: &Claim, mut stopping: watch::Receiver<bool>) -> Result<i64, Stopped> {
    let Some((client, version)) = client(app, claim).await? else { return Ok(NEVER) };
    let ended = tokio::select! {
        ended = poll::run(app, &client, claim, LEASE) => ended,
        // What is not stored yet is read again by whoever goes on.
        _ = stopping.wait_for(|stop| *stop) => return Ok(app.clock.now()),
    };
    if pause_if_rejected(app, claim, (&client, version), &ended).await? {
        return Ok(NEVER);
    }
    ended
}

async fn run_reconcile(app: &App, claim: &Claim, mut stopping: watch::Receiver<bool>) -> Result<i64, Stopped> {
    let Some((client, version)) = client(app, claim).await? else { return Ok(NEVER) };
    let ended = tokio::select! {
        ended = reconcile::run(app, &client, claim, LEASE) => ended,
        // What is not saved yet is compared again by whoever goes on.
        _ = stopping.wait_for(|stop| *stop) => return Ok(app.clock.now()),
    };
    if pause_if_rejected(app, claim, (&client, version), &ended).await? {
        return Ok(NEVER);
    }
    ended
}

/// The client of the project's connection, with the version of its key. None while there is no key to work with: a new one
/// wakes the jobs.
async fn client(app: &App, claim: &Claim) -> Result<Option<(stripe::Client, i64)>, Stopped> {
    let mut tx = app.db.read(&claim.tenant_id).await?;
    let connection = connections::find(&mut tx, &claim.project_id).await?;
    let Some(connection) = connection.filter(|connection| connection.state == connections::state::CONNECTED) else {
        return Ok(None);
    };
    let client = app
        .client_of(&mut tx, &claim.project_id, &connection)
        .await
        .map_err(|error| Stopped::NoKey(error.to_string()))?;
    Ok(client.map(|client| (client, connection.credential_version)))
}

/// What follows from having asked Stripe, whatever it said. A key that it refuses pauses the connection; nothing is lost, and no try
/// is counted.
async fn pause_if_rejected<T>(
    app: &App,
    claim: &Claim,
    (client, credential_version): (&stripe::Client, i64),
    outcome: &Result<T, Stopped>,
) -> Result<bool, Stopped> {
    if let Some(ahead) = client.stripe_is_ahead() {
        metrics::gauge!("billfold_stripe_clock_offset_seconds").set(ahead as f64);
        app.troubles.note_clock(ahead);
    }
    let Err(Stopped::Stripe(error)) = outcome else { return Ok(false) };
    if !error.is_key_rejected() {
        return Ok(false);
    }
    let mut tx = app.db.write(&claim.tenant_id).await?;
    let cause = error.to_string();
    let paused = connections::mark_key_rejected(&mut tx, &claim.project_id, credential_version, &cause).await?;
    tx.commit().await?;
    connect::key_was_rejected(app, &claim.tenant_id, &claim.project_id, paused).await;
    Ok(true)
}
