//! Tells the metrics how the queue stands. Every process does so for itself: a look costs one read of a small table, and a figure is
//! never one that a process which is no more has left behind.

use std::time::Duration;

use tokio::sync::watch;

use crate::{app::App, db, domain::job::JobKind, store::jobs};

/// Between two looks.
const LOOK: Duration = Duration::from_mins(1);

/// Looks until the process stops.
pub(super) async fn keep_measuring(app: App, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        tokio::select! {
            looked = measure(&app) => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "the queue could not be measured; the metrics show it as it was");
                }
            }
            _ = stopping.changed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.changed() => return,
        }
    }
}

/// Looks once. Tests step with it.
pub async fn measure(app: &App) -> db::Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.system_read().await?;
    let waiting = jobs::waiting(&mut tx, now).await?;
    let failing = jobs::failing(&mut tx).await?;
    drop(tx);
    metrics::gauge!("billfold_jobs_due").set(waiting.jobs as f64);
    let since = waiting.since.unwrap_or(now);
    metrics::gauge!("billfold_jobs_oldest_due_seconds").set(now.saturating_sub(since) as f64);
    // Every kind, so that one which fails no longer goes back to zero.
    for kind in JobKind::ALL {
        let jobs = failing.iter().find(|(failing, _)| failing == kind.as_str()).map_or(0, |(_, jobs)| *jobs);
        metrics::gauge!("billfold_jobs_failing", "kind" => kind.as_str()).set(jobs as f64);
    }
    Ok(())
}
