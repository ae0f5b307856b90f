//! What was asked of Stripe: what is under way, what Stripe refused, what is done.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use crate::db::page::{Cursor, Key};
use crate::domain::kind::Kind;
use crate::domain::money::grouped;
use crate::domain::status;
use crate::store::outbox::{self, Listed, state};
use crate::web::access::Viewer;
use crate::web::dashboard::actors::Actors;
use crate::web::dashboard::list::Tab;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Rows per page.
const ROWS: usize = 50;
/// The states to choose from, with what they are called.
const STATES: [(&str, &str); 4] =
    [("", "All"), (state::WAITING, "Under way"), (state::REFUSED, "Refused"), (state::DONE, "Done")];

#[derive(Template)]
#[template(path = "sync/writes.html", blocks = ["list"])]
struct WritesPage {
    shell: Shell,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    shown: String,
    first: String,
    next: String,
    /// The chosen state in words; empty for all.
    chosen: &'static str,
}

/// A write in the list.
struct Row {
    write: Listed,
    /// What is done, in words.
    what: String,
    /// Stripe's id of the object, once there is one.
    object: Option<String>,
    /// Its page, if it has one here.
    path: Option<String>,
    who: String,
    /// The page of who asked, if there is one.
    by: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
}

pub(super) async fn page(viewer: Viewer, wanted: Wanted, Query(parameters): Query<Parameters>) -> Result<Response> {
    let (shell, project) = (viewer.shell(Nav::Sync), &viewer.project.id);
    let (chosen, label) = STATES.into_iter().find(|(state, _)| *state == parameters.state).unwrap_or(STATES[0]);
    let after =
        Cursor::decode(&parameters.after).filter(|Cursor(key, id)| matches!(key, Key::Int(_)) && !id.contains('\0'));
    let mut tx = viewer.read().await?;
    let wanted_state = Some(chosen).filter(|state| !state.is_empty());
    let found = outbox::page(&mut tx, project, wanted_state, after.as_ref(), ROWS).await?;
    let counts: HashMap<String, i64> = outbox::counts(&mut tx, project).await?.into_iter().collect();
    let actors = Actors::load(&mut tx, found.rows.iter().map(|row| row.actor.as_str())).await?;
    drop(tx);
    let home = shell.url("sync/writes");
    let list = if chosen.is_empty() { home.clone() } else { format!("{home}?state={chosen}") };
    let more = if chosen.is_empty() { "?" } else { "&" };
    let total = |state: &str| match state {
        "" => counts.values().sum(),
        state => counts.get(state).copied().unwrap_or(0),
    };
    let page = WritesPage {
        tabs: STATES
            .into_iter()
            .map(|(state, label)| Tab {
                label: label.to_owned(),
                count: grouped(total(state)),
                href: if state.is_empty() { home.clone() } else { format!("{home}?state={state}") },
                active: state == chosen,
            })
            .collect(),
        shown: format!("{} of {}", found.rows.len(), grouped(total(chosen))),
        next: found.next.map(|next| format!("{list}{more}after={}", next.encode())).unwrap_or_default(),
        first: after.map(|_| list).unwrap_or_default(),
        rows: found.rows.into_iter().map(|write| Row::new(write, &viewer, &shell, &actors)).collect(),
        chosen: if chosen.is_empty() { "" } else { label },
        shell,
    };
    wanted.respond(&page, &page.as_list())
}

impl Row {
    fn new(write: Listed, viewer: &Viewer, shell: &Shell, actors: &Actors) -> Self {
        let object = write.object_id.clone().or_else(|| Some(write.target.clone())).filter(|id| !id.is_empty());
        let with_page =
            |kind: &Kind| matches!(kind, Kind::Customer | Kind::Product | Kind::Subscription | Kind::Invoice);
        let path = Kind::parse(&write.kind)
            .filter(with_page)
            .zip(object.as_deref())
            .map(|(kind, id)| shell.url(format!("{}/{}", kind.plural(), kind.derive_id(&viewer.project.id, id))));
        let (who, by) = actors.name(&write.actor, Some(viewer.project.id.as_str()), shell);
        Self { what: status::words(&write.action), object, path, who, by, write }
    }
}
