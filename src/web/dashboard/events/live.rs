//! The part of the list that keeps itself up to date: the health strip, and a pill that tells of new events without moving
//! the rows under somebody's eyes.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::filter::Params;
use super::health::Health;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::store::webhook_events::list;
use crate::web::access::Viewer;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html;
use crate::web::shell::{Nav, Shell};
use crate::web::ui::Now;

/// Seconds for which a page asks for news. Each question counts as a use of the session, so a forgotten tab must stop some
/// time or nobody would ever be signed out for idleness.
const WATCHED: i64 = 20 * 60;
/// New events are counted up to here.
const COUNTED: i64 = 99;

/// What `templates/events/_live.html` shows.
pub(super) struct Live {
    /// The numbers.
    pub(super) health: Health,
    /// Unix seconds.
    pub(super) now: Now,
    /// Where news are asked for; empty when they are not any more.
    pub(super) path: String,
    /// New events since the page was made; empty when there are none.
    pub(super) pill: String,
    /// The list with the new events.
    pub(super) href: String,
    /// The page has stopped asking.
    pub(super) stopped: bool,
}

/// What the fragment's address carries.
#[derive(Deserialize)]
pub(super) struct Since {
    /// Unix microseconds: events that arrived later are new.
    #[serde(default)]
    since: i64,
    /// Unix seconds: when the page was opened.
    #[serde(default)]
    opened: i64,
}

#[derive(Template)]
#[template(path = "events/_live.html")]
struct LiveFragment {
    live: Live,
}

impl Live {
    /// For a page that is made now. Only the beginning of a list looks out for news.
    pub(super) async fn new(
        tx: &mut Tx,
        shell: &Shell,
        project: &ProjectId,
        params: &Params,
        health: Health,
    ) -> Result<Self> {
        let since = list::newest_arrival(tx, project).await?.unwrap_or(0);
        let path = if params.after.is_empty() { path(shell, params, since, shell.now.at) } else { String::new() };
        let href = params.with(|_| ()).href(&shell.url("events"));
        Ok(Self { health, now: shell.now.clone(), path, pill: String::new(), href, stopped: false })
    }
}

fn path(shell: &Shell, params: &Params, since: i64, opened: i64) -> String {
    let path = params.with(|_| ()).href(&shell.url("events/live"));
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}since={since}&opened={opened}")
}

pub(super) async fn fragment(
    viewer: Viewer,
    Query(params): Query<Params>,
    Query(Since { since, opened }): Query<Since>,
) -> Result<Response> {
    let (project, shell) = (&viewer.project.id, viewer.shell(Nav::Events));
    let params = params.cleaned();
    let mut tx = viewer.read().await?;
    let filter = params.filter(&mut tx, project).await?;
    let new = list::count_since(&mut tx, project, &filter, since, COUNTED + 1).await?;
    let health = Health::load(&mut tx, project).await?;
    drop(tx);
    let stopped = shell.now.at.saturating_sub(opened) > WATCHED;
    let live = Live {
        health,
        now: shell.now.clone(),
        path: if stopped { String::new() } else { path(&shell, &params, since, opened) },
        pill: pill(new),
        href: params.with(|_| ()).href(&shell.url("events")),
        stopped,
    };
    html::page(&LiveFragment { live })
}

fn pill(new: i64) -> String {
    match new {
        0 => String::new(),
        1 => "1 new event".to_owned(),
        _ if new > COUNTED => format!("{COUNTED}+ new events"),
        _ => format!("{new} new events"),
    }
}
