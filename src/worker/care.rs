//! Looks after the file of a SQLite database: how long its write-ahead log is, and whether anything in it is damaged. One process has
//! the file, so this is no job. What it finds is for whoever runs billfold: in the log and in the metrics.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    app::App,
    db::{self, Engine},
};

/// Between two looks at the log's length.
const LOOK: Duration = Duration::from_mins(1);
/// Seconds between two looks for damage.
const READ_EVERY: i64 = 86_400;
/// Bytes. A log is folded into the file at 32 MB; only a reader that stays can make it this long.
const LONG: u64 = 256 << 20;

/// Looks until the process stops. Looks for damage at once where the process before was killed.
pub(super) async fn look_after(app: App, mut stopping: watch::Receiver<bool>) {
    if app.db.engine() == Engine::Postgres {
        return;
    }
    let mut next_read = app.clock.now() + if app.db.was_left_open() { 0 } else { READ_EVERY };
    while !*stopping.borrow() {
        look_at_log(&app);
        if app.clock.now() >= next_read {
            next_read = app.clock.now() + READ_EVERY;
            tokio::select! {
                read = look_for_damage(&app) => {
                    if let Err(error) = read {
                        tracing::warn!(%error, "the database could not be looked through for damage");
                    }
                }
                _ = stopping.changed() => return,
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.changed() => return,
        }
    }
}

fn look_at_log(app: &App) {
    let bytes = app.db.log_bytes().unwrap_or_default();
    metrics::gauge!("billfold_database_log_bytes").set(bytes as f64);
    if bytes > LONG {
        tracing::warn!(
            megabytes = bytes >> 20,
            "SQLite's write-ahead log is long: somebody keeps reading an old state"
        );
    }
}

async fn look_for_damage(app: &App) -> db::Result<()> {
    let found = app.db.damage().await?;
    metrics::gauge!("billfold_database_damages").set(found.len() as f64);
    for damage in found.iter().take(10) {
        tracing::error!(damage, "the database is damaged: put a backup back");
    }
    if found.is_empty() {
        tracing::info!("the database was read through and is sound");
    }
    Ok(())
}
