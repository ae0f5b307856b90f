//! What people ask of the copy: start, pause, go on, try again what was refused, fetch events that were missed.

use serde_json::json;

use crate::{
    app::Scope,
    db,
    domain::job::JobKind,
    store::{connections, jobs, polls, reconciliations, sync_runs},
    vault::new_id,
};

/// Why a wish about a run is not granted. The text is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is no Stripe account to read from.
    #[error("No Stripe account is connected, so there is nothing to read from.")]
    NotConnected,
    /// Stripe refuses the key.
    #[error("Stripe refuses the key of this project. Replace it first.")]
    KeyRejected,
    /// A run is under way.
    #[error("An import is running or paused already.")]
    UnderWay,
    /// Somebody else was faster, or the run came to its end.
    #[error("The import is not in that state any more.")]
    Changed,
    /// A full comparison is under way.
    #[error("Everything is being compared already.")]
    Comparing,
    /// None is under way.
    #[error("Nothing is being compared any more.")]
    NotComparing,
    /// Everything was read.
    #[error("No object type was refused or failed in the last import.")]
    NothingToRetry,
}

/// Why a use case of this module fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state does not allow it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Scope {
    /// Starts a full copy. Harmless over an existing mirror: newest wins.
    pub async fn start_backfill(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.check_connection(&mut tx).await?;
        let run = new_id();
        if !sync_runs::start(&mut tx, &self.project, &run, &self.by.actor, self.now()).await? {
            return Err(Unfit::UnderWay.into());
        }
        self.finish(tx, "backfill.started", run.as_str()).await
    }

    /// Asks for a look at Stripe's own list of events now, with everything that Stripe could not deliver in the last thirty days.
    pub async fn fetch_missed_events(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.check_connection(&mut tx).await?;
        polls::wish(&mut tx, &self.project).await?;
        jobs::wake(&mut tx, JobKind::Poll, &self.tenant, &self.project, self.now()).await?;
        self.finish(tx, "event.fetch_asked", self.project.as_str()).await
    }

    /// Compares every object with Stripe. A nightly sample that is running gives way.
    pub async fn start_comparison(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.check_connection(&mut tx).await?;
        let run = new_id();
        let wanted = (&run, reconciliations::Scope::Full);
        if !reconciliations::start(&mut tx, &self.project, wanted, &self.by.actor, self.now()).await? {
            return Err(Unfit::Comparing.into());
        }
        self.finish(tx, "mirror.comparison_started", run.as_str()).await
    }

    /// Ends the running comparison; what it has mended stays.
    pub async fn stop_comparison(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        if !reconciliations::stop(&mut tx, &self.project, self.now()).await? {
            return Err(Unfit::NotComparing.into());
        }
        self.finish(tx, "mirror.comparison_stopped", self.project.as_str()).await
    }

    /// Pauses the running copy; what it has stored stays.
    pub async fn pause_backfill(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        if !sync_runs::pause(&mut tx, &self.project, self.now()).await? {
            return Err(Unfit::Changed.into());
        }
        self.finish(tx, "backfill.paused", self.project.as_str()).await
    }

    /// Lets the paused copy go on where it stopped.
    pub async fn resume_backfill(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.check_connection(&mut tx).await?;
        if !sync_runs::resume(&mut tx, &self.project, self.now()).await? {
            return Err(Unfit::Changed.into());
        }
        self.finish(tx, "backfill.resumed", self.project.as_str()).await
    }

    /// Reads again what the last copy could not: types that were refused or failed. The others are left alone.
    pub async fn retry_failed_types(&self) -> Result<(), Error> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.check_connection(&mut tx).await?;
        let last = sync_runs::list(&mut tx, &self.project, 1).await?.into_iter().next();
        let last = last.ok_or(Unfit::NothingToRetry)?;
        if last.state == "running" {
            return Err(Unfit::UnderWay.into());
        }
        if sync_runs::retry_types(&mut tx, &self.project, &last.id).await? == 0 {
            return Err(Unfit::NothingToRetry.into());
        }
        sync_runs::reopen(&mut tx, &self.project, &last.id, self.now()).await?;
        self.finish(tx, "backfill.types_retried", last.id.as_str()).await
    }

    async fn check_connection(&self, tx: &mut db::Tx) -> Result<(), Error> {
        let connection = connections::find(tx, &self.project).await?;
        match connection.as_ref().map(|connection| connection.state.as_str()) {
            Some(connections::state::CONNECTED) => Ok(()),
            Some(connections::state::KEY_REJECTED) => Err(Unfit::KeyRejected.into()),
            _ => Err(Unfit::NotConnected.into()),
        }
    }

    async fn finish(&self, mut tx: db::Tx, action: &str, target: &str) -> Result<(), Error> {
        self.audit(&mut tx, action, target, &json!({})).await?;
        tx.commit().await?;
        self.app.wake.notify_one();
        Ok(())
    }
}
