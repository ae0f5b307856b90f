//! Forgets what is over: sessions, visits to the portal, failed logins, turns at Stripe. Each is refused by itself once its time
//! has come; this keeps the tables small in an installation that nobody logs in to. And notes in the log, where the database's owner
//! cannot reach it, how far each audit log has come.
//!
//! A job like any other, so of several processes one does it, and when that one dies another takes it over with its lease.

use crate::{
    accounts::{sessions::IDLE, throttle},
    app::{App, Stopped},
    db,
    domain::job::{JobKind, no_project, no_tenant},
    store::{audit_log, jobs, login_failures, portal_sessions, sessions, stripe_turns, tenants},
};

/// Seconds between two sweeps.
const EVERY: i64 = 600;
/// Seconds between two notes of the audit logs' heads.
const ANCHOR_EVERY: i64 = 3_600;

/// Puts the job into the queue, or wakes it: a start sweeps at once.
pub(super) async fn schedule(app: App) {
    let scheduled = async {
        let mut tx = app.db.system_write_relaxed().await?;
        jobs::wake(&mut tx, JobKind::Sweep, &no_tenant(), &no_project(), app.clock.now()).await?;
        tx.commit().await
    };
    match scheduled.await {
        Ok(()) => app.wake.notify_one(),
        Err(error) => tracing::warn!(%error, "the sweep could not be scheduled; the next start does it"),
    }
}

/// Sweeps. Answers when the next one is due, unix seconds.
pub(super) async fn run(app: &App) -> Result<i64, Stopped> {
    let now = app.clock.now();
    let mut tx = app.db.system_write_relaxed().await?;
    sessions::delete_expired(&mut tx, now, now - IDLE).await?;
    portal_sessions::delete_expired(&mut tx, now).await?;
    login_failures::delete_before(&mut tx, now - throttle::MEMORY).await?;
    stripe_turns::prune(&mut tx).await?;
    tx.commit().await?;
    if app.noted_heads.is_due(now, ANCHOR_EVERY) {
        note_heads(app).await?;
    }
    Ok(now + EVERY)
}

/// One line for each audit log that has grown since the last note. `billfold audit verify --head` takes what stands there.
async fn note_heads(app: &App) -> db::Result<()> {
    let mut tx = app.db.system_read().await?;
    let tenants = tenants::all(&mut tx).await?;
    drop(tx);
    for tenant in tenants {
        let mut tx = app.db.read(&tenant).await?;
        let head = audit_log::head(&mut tx).await?;
        if app.noted_heads.is_news(&tenant, head.seq) && !head.mac.is_empty() {
            tracing::info!(tenant.id = %tenant, audit.head = format!("{}:{}", head.seq, head.mac), "the newest entry of an audit log");
        }
    }
    Ok(())
}
