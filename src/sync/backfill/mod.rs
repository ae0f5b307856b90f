//! The first full copy: newest first, in parallel slices of time, inside the account's token bucket.
//!
//! Readers fetch pages and hand them to one writer; each page commits together with its range's cursor, so a kill at any
//! instant costs at most the pages in flight. Nothing is collected in memory: the channel between them is short.

mod plan;
pub mod progress;
mod read;
mod write;

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    app::{App, Stopped},
    domain::kind::Kind,
    mirror::Change,
    store::{
        jobs::Claim,
        sync_runs::{self, Range, Run, TypeProgress},
    },
    stripe::{self, Patience},
};

/// Pages that wait for the writer.
const WAITING_PAGES: usize = 16;
/// Pages that are being asked for at once; the token bucket sets the pace below that.
const CALLS_AT_ONCE: usize = 8;

/// Runs in a row that nonsense may end before the type that it is about counts as failed and the others go on without it.
const UNREADABLE_RUNS: i64 = 6;

/// What readers tell the writer, in order within each range.
enum Message {
    /// A type was cut into ranges, after its first page was read; both commit together, or a kill between them would lose the page.
    Planned(Kind, Vec<Range>, Vec<Change>),
    /// A page was read; the range stands behind it.
    Page(Range, Vec<Change>),
    /// A type came to an end.
    Ended(Kind, TypeEnd),
    /// The whole run must stop: the key is rejected, or Stripe is out of reach for now.
    Halt(stripe::Error),
}

/// How a type ended.
#[derive(Clone, Debug)]
enum TypeEnd {
    Finished { any: bool },
    Refused(String),
    Failed(String),
}

/// Runs or resumes the project's backfill until it is done, paused, stopped, or cannot go on.
pub async fn run(app: &App, client: &stripe::Client, claim: &Claim, lease_seconds: i64) -> Result<(), Stopped> {
    let (tenant, project) = (&claim.tenant_id, &claim.project_id);
    let mut tx = app.db.read(tenant).await?;
    let Some(run) = sync_runs::current(&mut tx, project).await?.filter(|run| run.state == "running") else {
        return Ok(());
    };
    let types = sync_runs::types(&mut tx, project, &run.id).await?;
    let ranges = sync_runs::ranges(&mut tx, project, &run.id).await?;
    drop(tx);

    let (pages, messages) = mpsc::channel(WAITING_PAGES);
    let mut readers = start_readers(client, claim, &run, types, &ranges, &pages);
    drop(pages);
    let written = write::write_all(app, claim, &run, messages, lease_seconds).await;
    readers.shutdown().await;
    written
}

fn start_readers(
    client: &stripe::Client,
    claim: &Claim,
    run: &Run,
    types: Vec<TypeProgress>,
    ranges: &[Range],
    pages: &mpsc::Sender<Message>,
) -> JoinSet<()> {
    let calls = Arc::new(Semaphore::new(CALLS_AT_ONCE));
    let mut readers = JoinSet::new();
    for progress in types {
        let Some(kind) = Kind::parse(&progress.kind) else { continue };
        if !matches!(progress.result.as_str(), "waiting" | "running") {
            continue;
        }
        let reader = read::Reader {
            client: client.with_patience(Patience::IMPORT),
            project: claim.project_id.clone(),
            kind,
            now: run.started_at,
            may_be_passing: claim.attempts < UNREADABLE_RUNS,
            calls: calls.clone(),
            pages: pages.clone(),
        };
        let known: Vec<Range> = ranges.iter().filter(|range| range.kind == progress.kind).cloned().collect();
        readers.spawn(reader.read_type(known, progress.fetched > 0));
    }
    readers
}
