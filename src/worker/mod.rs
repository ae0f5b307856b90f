//! Runs jobs: claim → run → rest, retry, or give up. Any process may run any job; a lease and a fence keep two from
//! running one.

mod care;
mod measure;
mod run;
mod sweep;
mod tenancy;

use std::{sync::Arc, time::Duration};

pub use measure::measure;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    app::App,
    db::{self, Engine},
    domain::job::Reach,
    store::jobs::{self, Claim, Ending},
    vault,
};

/// A job whose process has not been heard of for this long is taken over. Seconds.
pub const LEASE: i64 = 30;
/// How often a running job is heard of.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a worker without work waits, when nobody wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// How often a worker looks that does not take everything, and is woken for nothing.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker that was woken for nothing looks away: in a flood every commit wakes one, and the job that it is for is in
/// another's hands already.
const PAUSE: Duration = Duration::from_millis(25);
/// How long a stopping process waits for the work in hand before it gives the leases back.
const DRAIN: Duration = Duration::from_secs(10);

/// The workers of this process.
pub struct Workers {
    app: App,
    owner: Arc<str>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts `app.config.workers` workers.
    pub fn start(app: &App) -> Self {
        let (stop, stopping) = watch::channel(false);
        let owner: Arc<str> = vault::new_token()[..16].into();
        let mut tasks = JoinSet::new();
        let workers = app.config.workers as usize;
        for worker in 0..workers {
            let reach = Reach::of_worker(worker, workers);
            tasks.spawn(work(app.clone(), (owner.clone(), reach), stopping.clone()));
        }
        tasks.spawn(care::look_after(app.clone(), stopping.clone()));
        tasks.spawn(measure::keep_measuring(app.clone(), stopping));
        tasks.spawn(sweep::schedule(app.clone()));
        Self { app: app.clone(), owner, stop, tasks }
    }

    /// SQLite is for one process, and this one starts: whatever an earlier one held when it was killed is free at once, instead of
    /// after the rest of its lease. On Postgres others may be at work.
    pub async fn take_over(app: &App) -> db::Result<()> {
        if app.db.engine() == Engine::Sqlite {
            let mut tx = app.db.system_write().await?;
            jobs::release_of_all(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Finishes the work in hand, or breaks it off after ten seconds, and gives every lease back, so that another process
    /// goes on at once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let drained = tokio::time::timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            self.tasks.shutdown().await;
        }
        if let Err(error) = self.release().await {
            tracing::warn!(error = %error, "the leases could not be given back; they run out by themselves");
        }
    }

    async fn release(&self) -> db::Result<()> {
        let mut tx = self.app.db.system_write().await?;
        jobs::release_all(&mut tx, &self.owner).await?;
        tx.commit().await
    }
}

async fn work(app: App, (owner, reach): (Arc<str>, Reach), mut stopping: watch::Receiver<bool>) {
    // Whoever takes everything is woken; the others look from time to time, and so are nobody's delay.
    let (wakes, idle) = if reach == Reach::Everything { (true, IDLE) } else { (false, LOOK) };
    while !*stopping.borrow() {
        let woken = app.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable(); // a wake between the look at the queue and the wait is not lost
        match run_next(&app, (&owner, reach), &mut stopping).await {
            Ok(true) => continue,
            Ok(false) => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                app.troubles.note_write(false);
                tracing::warn!(error = %error, "the queue cannot be read");
            }
        }
        tokio::select! {
            () = &mut woken, if wakes => {}
            () = tokio::time::sleep(idle) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Claims and runs one job. Answers whether there was one. Tests step through the queue with it.
pub async fn run_one(app: &App) -> db::Result<bool> {
    let (_keep, mut stopping) = watch::channel(false);
    run_next(app, ("step", Reach::Everything), &mut stopping).await
}

async fn run_next(app: &App, (owner, reach): (&str, Reach), stopping: &mut watch::Receiver<bool>) -> db::Result<bool> {
    let Some(claim) = claim(app, owner, reach).await? else { return Ok(false) };
    app.wake.notify_one(); // where one job was due another may be: the next idle worker looks
    let Some(ending) = run_claimed(app, &claim, stopping).await else { return Ok(true) };
    let mut tx = app.db.system_write_relaxed().await?;
    jobs::finish(&mut tx, &claim, app.clock.now(), &ending).await?;
    tx.commit().await?;
    app.troubles.note_write(true);
    Ok(true)
}

async fn claim(app: &App, owner: &str, reach: Reach) -> db::Result<Option<Claim>> {
    let now = app.clock.now();
    let mut tx = app.db.system_read().await?;
    if !jobs::any_due(&mut tx, reach, now).await? {
        return Ok(None);
    }
    drop(tx);
    let mut tx = app.db.system_write_relaxed().await?;
    let claim = jobs::claim(&mut tx, (owner, reach), now, now + LEASE).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Runs a job in a task of its own, so that a panic ends the job and not the worker, and keeps its lease alive. `None`: the
/// lease is lost or given back, so there is nothing to finish.
async fn run_claimed(app: &App, claim: &Claim, stopping: &mut watch::Receiver<bool>) -> Option<Ending> {
    let mut job = tokio::spawn(run::run(app.clone(), claim.clone(), stopping.clone()));
    let mut heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        tokio::select! {
            ended = &mut job => {
                return ended.unwrap_or_else(|panic| Some(run::after_panic(app, claim, &panic)));
            }
            _ = heartbeat.tick() => {
                if let Err(db::Error::LeaseLost) = hold(app, claim).await {
                    job.abort();
                    return None;
                }
            }
        }
    }
}

async fn hold(app: &App, claim: &Claim) -> db::Result<()> {
    let mut tx = app.db.system_write_relaxed().await?;
    jobs::hold(&mut tx, claim, app.clock.now() + LEASE).await?;
    tx.commit().await
}
