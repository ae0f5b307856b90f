//! The key doctor: is everything between this project and its Stripe account as it should be? One harmless call for each thing
//! that billfold needs there, every night, after a new key, and when somebody presses the button. What came out is stored, so
//! that the page about it is fast and says how old it is.
//!
//! Reading order: [`Report`] (what is found out), `look` (the questions), then here: asking and storing.

mod look;
mod report;

use serde_json::json;

pub use report::{Endpoint, EndpointState, Owed, Report, Verdict};

use super::{
    Error, Result, Scope,
    check::{from_text, to_text},
    endpoint::NOT_CONNECTED,
    key_was_rejected, to_the_end,
};
use crate::{
    app::{App, By, ConnectionError, Stopped},
    db::Tx,
    domain::{
        ids::{ProjectId, TenantId},
        job::next_night,
    },
    store::{
        connections::{self, Connection, state},
        doctor_reports::{self, Stored},
        jobs::{self, Claim},
    },
    stripe::{Client, Patience},
};

/// The actor of what is done by night.
const NIGHTLY: &str = "key doctor";

/// A report as it stands in the database.
#[derive(Clone, Debug)]
pub struct Made {
    /// Unix seconds.
    pub at: i64,
    /// Who asked for it, as the audit log names actors.
    pub by: String,
    /// What was found out.
    pub report: Report,
}

impl Made {
    /// Whether nobody asked for it but the night.
    pub fn is_nightly(&self) -> bool {
        self.by == NIGHTLY
    }
}

/// The last report about a connection. None when there was none since it was made, or since its key was replaced.
pub async fn last(tx: &mut Tx, project: &ProjectId, connection: &Connection) -> crate::db::Result<Option<Made>> {
    let stored = doctor_reports::find(tx, project).await?;
    let current = stored.filter(|stored| stored.credential_version == connection.credential_version);
    // What an older version has written and this one cannot read counts as no report.
    Ok(current.and_then(|Stored { made_at, made_by, report, .. }| {
        Some(Made { at: made_at, by: made_by, report: serde_json::from_str(&report).ok()? })
    }))
}

impl Scope {
    /// Looks now, for a person who waits.
    ///
    /// # Errors
    /// Nothing is connected, or Stripe cannot be asked at all: then the last report stays. That Stripe refuses the key is no error
    /// but a report.
    pub async fn examine(self) -> Result<Verdict> {
        to_the_end(async move {
            let (connection, client) = self.patient().await?;
            let client = client.ok_or(Error::Conflict(NOT_CONNECTED))?.with_patience(Patience::INTERACTIVE);
            let report = self.look(&connection, &client).await?;
            let verdict = report.verdict();
            let mut tx = self.app.db.write(&self.tenant).await?;
            let paused = self.store(&mut tx, &connection, &report).await?;
            let detail = json!({ "verdict": verdict.as_str(), "missing": report.to_tick() });
            self.audit(&mut tx, "connection.examined", connection.id.as_str(), &detail).await?;
            tx.commit().await?;
            self.follow(&report, paused).await;
            Ok(verdict)
        })
        .await
    }

    async fn patient(&self) -> Result<(Connection, Option<Client>)> {
        let connection = self.connected().await?;
        let mut tx = self.app.db.read(&self.tenant).await?;
        let client = self.app.client_of(&mut tx, &self.project, &connection).await?;
        Ok((connection, client))
    }

    /// Stores what came out, with what follows from it for the connection: a refused key pauses it, and one that works again
    /// ends the pause. Nothing of it touches a key that was replaced meanwhile. Answers whether the connection is paused by that.
    async fn store(&self, tx: &mut Tx, connection: &Connection, report: &Report) -> Result<bool> {
        let now = self.now();
        let version = connection.credential_version;
        let stored = Stored {
            made_at: now,
            made_by: self.by.actor.clone(),
            credential_version: version,
            report: serde_json::to_string(report).unwrap_or_default(),
        };
        doctor_reports::put(tx, &self.project, &stored).await?;
        if !report.accepted {
            let cause = Error::KeyRejected.to_string();
            return Ok(connections::mark_key_rejected(tx, &self.project, version, &cause).await?);
        }
        let recorded = Connection {
            state: state::CONNECTED.to_owned(),
            permissions: to_text(&report.results()),
            checked_at: now,
            last_error: None,
            ..connection.clone()
        };
        connections::record_check(tx, &self.project, &recorded).await?;
        if connection.state == state::KEY_REJECTED {
            self.wake_jobs(tx, now).await?;
        }
        Ok(false)
    }

    /// What follows once the report is stored.
    async fn follow(&self, report: &Report, paused: bool) {
        if report.accepted {
            self.app.wake.notify_one();
        } else {
            key_was_rejected(&self.app, &self.tenant, &self.project, paused).await;
        }
    }
}

/// Looks by night, for a claimed job; answers when the job is due next. The work is stored only while the claim stands, so of
/// several processes one looks.
///
/// # Errors
/// Stripe cannot be asked at all: the job tries again until it can.
pub async fn by_night(app: &App, claim: &Claim, lease_seconds: i64) -> std::result::Result<i64, Stopped> {
    let (tenant, project): (&TenantId, &ProjectId) = (&claim.tenant_id, &claim.project_id);
    let next = next_night(project, app.clock.now());
    let scope = Scope { app: app.clone(), tenant: tenant.clone(), project: project.clone(), by: By::part(NIGHTLY) };
    let (connection, client) = match scope.patient().await {
        Ok((connection, Some(client))) if connection.state == state::CONNECTED => (connection, client),
        // Nothing is asked with a key that Stripe has refused; a new one brings the job back at once.
        Ok(_) | Err(Error::Conflict(_)) => return Ok(next),
        Err(error) => return Err(stopped(error)),
    };
    let report = scope.look(&connection, &client).await.map_err(stopped)?;
    let mut tx = app.db.write(tenant).await?;
    let paused = scope.store(&mut tx, &connection, &report).await.map_err(stopped)?;
    jobs::hold(&mut tx, claim, app.clock.now() + lease_seconds).await?;
    tx.commit().await?;
    scope.follow(&report, paused).await;
    Ok(next)
}

fn stopped(error: Error) -> Stopped {
    match error {
        Error::Database(error) | Error::Connection(ConnectionError::Database(error)) => Stopped::Db(error),
        Error::Connection(error) => Stopped::NoKey(error.to_string()),
        other => Stopped::Unanswered(other.to_string()),
    }
}

impl Report {
    /// Every permission, in the table's order.
    pub fn results(&self) -> Vec<super::check::PermissionResult> {
        from_text(&self.permissions)
    }
}
