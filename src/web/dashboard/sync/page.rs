//! The page itself. While something is under way, its changing part asks for itself again every two seconds.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::polling::Polling;
use super::progress::Import;
use super::view::{HistoryRow, JobRow, Live, Notice, TypeRow};
use crate::db::Tx;
use crate::domain::job::JobKind;
use crate::store::connections::{self, state};
use crate::store::sync_runs::{self, Run};
use crate::store::{counts, jobs, outbox, polls, refetches, users, webhook_events};
use crate::web::access::Viewer;
use crate::web::dashboard::events::Health;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Runs in the history.
const RUNS: i64 = 10;
/// Seconds for which the page watches work that is not an import; see the events' page.
const WATCHED: i64 = 20 * 60;

#[derive(Template)]
#[template(path = "sync/index.html", blocks = ["live"])]
struct SyncPage {
    shell: Shell,
    notice: Option<Notice>,
    live: Live,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// What a person has just done.
    #[serde(default)]
    done: String,
    /// Unix seconds: when the page was opened, in the address that it asks again.
    opened: Option<i64>,
}

pub(super) async fn page(viewer: Viewer, wanted: Wanted, Query(parameters): Query<Parameters>) -> Result<Response> {
    let shell = viewer.shell(Nav::Sync);
    let mut live = load(&viewer, &shell).await?;
    let opened = parameters.opened.unwrap_or(shell.now.at);
    if live.is_importing() || (live.is_busy() && shell.now.at.saturating_sub(opened) < WATCHED) {
        live.path = shell.url(format!("sync?opened={opened}"));
    }
    let page = SyncPage { shell, notice: Notice::parse(&parameters.done), live };
    wanted.respond(&page, &page.as_live())
}

async fn load(viewer: &Viewer, shell: &Shell) -> Result<Live> {
    let (project, now) = (&viewer.project.id, shell.now.at);
    let mut tx = viewer.read().await?;
    let connection = connections::find(&mut tx, project).await?;
    let runs = sync_runs::list(&mut tx, project, RUNS).await?;
    let import = Import::load(&mut tx, project, now).await?;
    let counts = counts::all(&mut tx, project).await?;
    let health = Health::load(&mut tx, project).await?;
    let polling = Polling::new(polls::find(&mut tx, project).await?, now);
    let arrival = webhook_events::list::newest_arrival(&mut tx, project).await?;
    let refetches = refetches::count(&mut tx, project).await?;
    let writes = outbox::counts(&mut tx, project).await?;
    let writes_waiting = writes.into_iter().find(|(state, _)| state == outbox::state::WAITING).map_or(0, |(_, n)| n);
    let (tenant, mut job_rows) = (tx.tenant().clone(), Vec::new());
    for job in jobs::of_project(&mut tx, &tenant, project).await? {
        // The key doctor has a page of its own; it copies nothing.
        let kind = JobKind::parse(&job.kind).filter(|kind| kind.is_sync());
        job_rows.extend(kind.map(|kind| JobRow { kind, job }));
    }
    let history = history(&mut tx, viewer, &runs).await?;
    Ok(Live {
        path: String::new(),
        state: connection.map_or_else(|| state::DISCONNECTED.to_owned(), |connection| connection.state),
        types: TypeRow::all(shell, import.as_ref(), &counts),
        progress: import.map(|import| import.progress),
        health,
        last_event_at: arrival.map(|micros| micros.div_euclid(1_000_000)),
        polling,
        refetches,
        writes_waiting,
        jobs: job_rows,
        history,
    })
}

async fn history(tx: &mut Tx, viewer: &Viewer, runs: &[Run]) -> Result<Vec<HistoryRow>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let totals = sync_runs::totals(tx, &viewer.project.id, runs.iter().map(|run| &run.id)).await?;
    let totals: HashMap<_, _> = totals.into_iter().map(|(run, fetched, troubled)| (run, (fetched, troubled))).collect();
    let people = users::emails(tx, runs.iter().map(|run| run.started_by.as_str())).await?;
    let people: HashMap<String, String> = people.into_iter().collect();
    let row = |run: &Run| {
        let (fetched, troubled) = totals.get(&run.id).copied().unwrap_or_default();
        let started_by = people.get(&run.started_by).cloned().unwrap_or_else(|| "billfold".to_owned());
        HistoryRow::new(run, fetched, troubled, started_by, viewer.now())
    };
    Ok(runs.iter().map(row).collect())
}
