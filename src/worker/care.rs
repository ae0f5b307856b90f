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
/// Seconds from a start to the first look for damage: soon enough for a process that is started anew every day, and not beside all that
/// a start has to do.
const FIRST_READ: i64 = 3_600;
/// Seconds between two looks for damage.
const READ_EVERY: i64 = 86_400;
/// Bytes. A log is folded into the file at 32 MB; only a reader that stays can make it this long.
const LONG: u64 = 256 << 20;

/// Looks until the process stops. Looks for damage at once where the process before was killed.
pub(super) async fn look_after(app: App, mut stopping: watch::Receiver<bool>) {
    if app.db.engine() == Engine::Postgres {
        return;
    }
    let mut readings = Readings::after_start(app.clock.now(), app.db.was_left_open());
    while !*stopping.borrow() {
        look_at_log(&app);
        if readings.are_due(app.clock.now()) {
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

/// When the file is read through.
struct Readings {
    next: i64,
}

impl Readings {
    fn after_start(now: i64, left_open: bool) -> Self {
        Self { next: if left_open { now } else { now + FIRST_READ } }
    }

    /// Whether it is time for one; the next is then a day away.
    fn are_due(&mut self, now: i64) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + READ_EVERY;
        }
        due
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

#[cfg(test)]
mod tests {
    use super::Readings;
    use crate::clock::Clock;

    /// The hours after a start in which the file is read, of the first three days.
    fn hours(left_open: bool) -> Vec<i64> {
        let clock = Clock::manual(1_000);
        let mut readings = Readings::after_start(clock.now(), left_open);
        let mut read = Vec::new();
        for hour in 0..72 {
            if readings.are_due(clock.now()) {
                read.push(hour);
            }
            clock.advance(3_600);
        }
        read
    }

    #[test]
    fn the_file_is_read_an_hour_after_a_start_and_then_daily() {
        assert_eq!(hours(false), [1, 25, 49]);
        assert_eq!(hours(true), [0, 24, 48], "at once where the process before was killed");
    }
}
