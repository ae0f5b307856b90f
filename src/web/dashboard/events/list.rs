//! The list of events.

use askama::Template;
use axum::response::Response;

use super::State;
use super::filter::Params;
use super::health::Health;
use super::live::Live;
use super::subjects::{Customer, Named, Object, Subjects};
use crate::domain::event::EventStatus;
use crate::domain::ids::{ProjectId, path_segment};
use crate::domain::money::grouped;
use crate::domain::role::Role;
use crate::store::webhook_events::{detail, list};
use crate::stripe::events::SUBSCRIBED;
use crate::web::access::Viewer;
use crate::web::dashboard::list::Tab;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Rows per page.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "events/index.html", blocks = ["list"])]
struct EventsPage {
    shell: Shell,
    params: Params,
    live: Live,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// `1–50 of 1,204`
    shown: String,
    first: String,
    next: String,
    /// How many events it looked at, when it ended for that reason; empty when it did not.
    looked_at: String,
    types: &'static [&'static str],
    may_requeue: bool,
    /// How many events a person has just put back.
    requeued: Option<u64>,
}

impl EventsPage {
    fn health(&self) -> &Health {
        &self.live.health
    }
}

struct Row {
    href: String,
    event: list::Listed,
    state: State,
    object: Option<Object>,
    customer: Option<Customer>,
    /// Unix seconds.
    received: i64,
}

/// The tabs behind "All", in the order of what wants attention least.
const TABS: [EventStatus; 6] = [
    EventStatus::Done,
    EventStatus::Ignored,
    EventStatus::Received,
    EventStatus::Failed,
    EventStatus::Dead,
    EventStatus::Quarantined,
];

pub(super) async fn index(viewer: Viewer, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let (project, shell) = (&viewer.project.id, viewer.shell(Nav::Events));
    let params = params.cleaned();
    let mut tx = viewer.read().await?;
    if is_event_id(&params.q) && detail::find(&mut tx, project, &params.q).await?.is_some() {
        return Ok(wanted.redirect(&shell.url(format!("events/{}", params.q))));
    }
    let filter = params.filter(&mut tx, project).await?;
    let after = params.cursor();
    let found = list::page(&mut tx, project, &filter, after.as_ref(), ROWS).await?;
    let health = Health::load(&mut tx, project).await?;
    let live = Live::new(&mut tx, &shell, project, &params, health).await?;
    let subjects = Subjects::load(&mut tx, project, found.rows.iter().map(named)).await?;
    drop(tx);

    let path = shell.url("events");
    let (from, to) = (params.skipped() + 1, params.skipped() + i64::try_from(found.rows.len()).unwrap_or(0));
    let next = found
        .next
        .as_ref()
        .map(|cursor| params.with(|params| (params.after, params.at) = (cursor.encode(), to.to_string())).href(&path));
    let page = EventsPage {
        tabs: tabs(&params, &live.health, &path),
        shown: shown(&params, &live.health, (from, to), found.next.is_some()),
        first: if params.after.is_empty() { String::new() } else { params.with(|_| ()).href(&path) },
        next: next.unwrap_or_default(),
        looked_at: if found.cut { grouped(list::LOOKED_AT) } else { String::new() },
        types: SUBSCRIBED,
        may_requeue: shell.may(Role::Member) && live.health.has_failed(),
        requeued: params.requeued.parse().ok(),
        rows: found.rows.into_iter().map(|event| row(&shell, project, &subjects, event)).collect(),
        shell,
        params,
        live,
    };
    wanted.respond(&page, &page.as_list())
}

/// Whether a search means an event: Stripe's ids, and those made for bodies without one.
fn is_event_id(q: &str) -> bool {
    (q.starts_with("evt_") || q.starts_with("unreadable_"))
        && q.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn named(event: &list::Listed) -> Named<'_> {
    Named { kind: &event.object_kind, id: &event.object_id, subject: &event.subject_id }
}

fn row(shell: &Shell, project: &ProjectId, subjects: &Subjects, event: list::Listed) -> Row {
    Row {
        href: shell.url(format!("events/{}", path_segment(&event.id))),
        state: State::of_stored(&event.status),
        object: subjects.object(shell, project, named(&event)),
        customer: subjects.customer(shell, named(&event)),
        received: event.arrival.div_euclid(1_000_000),
        event,
    }
}

fn tabs(params: &Params, health: &Health, path: &str) -> Vec<Tab> {
    let tab = |label: &str, status: &str, count| Tab {
        label: label.to_owned(),
        count,
        href: params.with(|params| status.clone_into(&mut params.status)).href(path),
        active: params.status == status,
    };
    let mut tabs = vec![tab("All", "", grouped(health.total()))];
    tabs.extend(TABS.map(|status| tab(State::of(status).label, status.as_str(), health.shown(status))));
    tabs
}

fn shown(params: &Params, health: &Health, (from, to): (i64, i64), more: bool) -> String {
    if to < from {
        return "No events here".to_owned();
    }
    let range = format!("{}–{}", grouped(from), grouped(to));
    let total = match EventStatus::parse(&params.status) {
        _ if params.is_narrowed() => return if more { range } else { format!("{range} of {}", grouped(to)) },
        Some(status) => health.shown(status),
        None => grouped(health.total().max(to)),
    };
    format!("{range} of {total}")
}
