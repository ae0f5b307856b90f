//! Forgets what is over: sessions, visits to the portal, failed logins. Each is refused by itself once its time has come; this
//! keeps the tables small in an installation that nobody logs in to.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    accounts::{sessions::IDLE, throttle},
    app::App,
    db,
    store::{login_failures, portal_sessions, sessions},
};

/// Between two sweeps.
const EVERY: Duration = Duration::from_mins(10);

pub(super) async fn run(app: App, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        if let Err(error) = sweep(&app).await {
            tracing::warn!(error = %error, "what is over could not be forgotten; it is tried again");
        }
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
