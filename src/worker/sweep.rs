//! Forgets what is over: sessions, visits to the portal, failed logins. Each is refused by itself once its time has come; this
//! keeps the tables small in an installation that nobody logs in to. And notes in the log, where the database's owner cannot
//! reach it, how far each audit log has come.

use std::{collections::HashMap, time::Duration};

use tokio::sync::watch;

use crate::{
    accounts::{sessions::IDLE, throttle},
    app::App,
    db,
    domain::ids::TenantId,
    store::{audit_log, login_failures, portal_sessions, sessions, tenants},
};

/// Between two sweeps.
const EVERY: Duration = Duration::from_mins(10);

/// Sweeps between two notes of the audit logs' heads: one an hour.
const ANCHOR_EVERY: u32 = 6;

pub(super) async fn run(app: App, mut stopping: watch::Receiver<bool>) {
    let (mut sweeps, mut noted) = (0_u32, HashMap::new());
    while !*stopping.borrow() {
        if let Err(error) = sweep(&app).await {
            tracing::warn!(error = %error, "what is over could not be forgotten; it is tried again");
        }
        if sweeps.is_multiple_of(ANCHOR_EVERY)
            && let Err(error) = note_heads(&app, &mut noted).await
        {
            tracing::warn!(error = %error, "the heads of the audit logs could not be noted");
        }
        sweeps = sweeps.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

async fn sweep(app: &App) -> db::Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.system_write_relaxed().await?;
    sessions::delete_expired(&mut tx, now, now - IDLE).await?;
    portal_sessions::delete_expired(&mut tx, now).await?;
    login_failures::delete_before(&mut tx, now - throttle::MEMORY).await?;
    tx.commit().await
}

/// One line for each audit log that has grown since the last note. `billfold audit verify --head` takes what stands there.
async fn note_heads(app: &App, noted: &mut HashMap<TenantId, i64>) -> db::Result<()> {
    let mut tx = app.db.system_read().await?;
    let tenants = tenants::all(&mut tx).await?;
    drop(tx);
    for tenant in tenants {
        let mut tx = app.db.read(&tenant).await?;
        let head = audit_log::head(&mut tx).await?;
        if noted.insert(tenant.clone(), head.seq) != Some(head.seq) && !head.mac.is_empty() {
            tracing::info!(tenant.id = %tenant, audit.head = format!("{}:{}", head.seq, head.mac), "the newest entry of an audit log");
        }
    }
    Ok(())
}
