//! The writer: takes the pages that wait, and commits them with their cursors in one transaction.

use std::time::Duration;

use tokio::sync::mpsc;

use super::{Message, TypeEnd};
use crate::{
    app::{App, Stopped},
    db::Tx,
    mirror::{self, Asked},
    store::{
        jobs::{self, Claim},
        sync_runs::{self, Run},
    },
    stripe,
};

/// Pages in one commit.
const GROUP: usize = 16;
/// How often the run's state and lease are looked after while no page comes.
const IDLE: Duration = Duration::from_secs(2);

/// Writes until the readers are done, the run is paused or stopped, or a reader halts it.
pub(super) async fn write_all(
    app: &App,
    claim: &Claim,
    run: &Run,
    mut messages: mpsc::Receiver<Message>,
    lease_seconds: i64,
) -> Result<(), Stopped> {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let received = match tokio::time::timeout(IDLE, messages.recv_many(&mut group, GROUP)).await {
            Ok(0) => break,
            Ok(received) => received,
            Err(_) => 0,
        };
        let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
        if !sync_runs::is_in_state(&mut tx, &claim.project_id, &run.id, "running").await? {
            return Ok(());
        }
        let halted = write_group(app, &mut tx, claim, run, group.drain(..received)).await?;
        jobs::hold(&mut tx, claim, app.clock.now() + lease_seconds).await?;
        fail::fail_point!("backfill.before_commit");
        tx.commit().await?;
        fail::fail_point!("backfill.committed");
        if let Some(error) = halted {
            return Err(Stopped::Stripe(error));
        }
    }
    let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
    if !sync_runs::is_in_state(&mut tx, &claim.project_id, &run.id, "running").await? {
        return Ok(()); // stopped at the last moment: another one may be running
    }
    sync_runs::finish(&mut tx, &claim.project_id, app.clock.now()).await?;
    jobs::hold(&mut tx, claim, app.clock.now() + lease_seconds).await?;
    tx.commit().await?;
    tracing::info!(tenant.id = %claim.tenant_id, project.id = %claim.project_id, run.id = %run.id, "backfill finished");
    Ok(())
}

async fn write_group(
    app: &App,
    tx: &mut Tx,
    claim: &Claim,
    run: &Run,
    group: impl Iterator<Item = Message>,
) -> Result<Option<stripe::Error>, Stopped> {
    let (project, now) = (&claim.project_id, app.clock.now());
    // The pages' objects are written together, because many rows in one statement cost far less than a few in each of many.
    let (mut changes, mut read) = (Vec::new(), Vec::new());
    let (mut ended, mut halted) = (Vec::new(), None);
    for message in group {
        match message {
            Message::Planned(kind, ranges, page) => {
                sync_runs::plan(tx, project, &run.id, kind, &ranges, now).await?;
                read.extend(ranges.into_iter().next().map(|first| (first, page.len())));
                changes.extend(page);
            }
            Message::Page(range, page) => {
                read.push((range, page.len()));
                changes.extend(page);
            }
            Message::Ended(kind, end) => ended.push((kind, end)),
            Message::Halt(error) => halted = Some(error),
        }
    }
    mirror::apply_told(tx, project, &changes, Asked::Import, now).await?;
    for (range, objects) in read {
        sync_runs::advance(tx, project, &run.id, &range, i64::try_from(objects).unwrap_or(i64::MAX)).await?;
    }
    metrics::counter!("billfold_backfill_objects_total").increment(changes.len() as u64);
    for (kind, end) in ended {
        let (result, reason) = match &end {
            TypeEnd::Finished { any: true } => ("ok", None),
            TypeEnd::Finished { any: false } => ("empty", None),
            TypeEnd::Refused(reason) => ("refused", Some(reason.as_str())),
            TypeEnd::Failed(reason) => ("failed", Some(reason.as_str())),
        };
        sync_runs::end_type(tx, project, &run.id, kind, (result, reason), now).await?;
    }
    Ok(halted)
}
