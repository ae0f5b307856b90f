//! The proof of freshness: how each type of object compares with Stripe, and the buttons that compare everything or stop that.

use std::borrow::Borrow;
use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::actions::{Pressed, answer_at};
use super::view::Notice;
use crate::domain::money::grouped;
use crate::domain::{status, time};
use crate::store::connections::{self, state};
use crate::store::{sync_runs, users};
use crate::sync::reconcile::report::{Compared, Freshness, OfType};
use crate::web::access::{Member, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Comparisons in the history.
const SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "sync/freshness.html", blocks = ["live"])]
struct FreshnessPage {
    shell: Shell,
    notice: Option<Notice>,
    /// Where the changing part asks for itself again; empty while nothing is compared.
    path: String,
    connected: bool,
    /// Whether an import, running or paused, is waited for.
    importing: bool,
    /// Unix seconds: more differed than may.
    drift_at: Option<i64>,
    freshness: Freshness,
    history: Vec<HistoryRow>,
}

/// A comparison of the past, or the present one.
struct HistoryRow {
    of: Compared,
    by: String,
    took: String,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// What a person has just done.
    #[serde(default)]
    done: String,
}

pub(super) async fn page(viewer: Viewer, wanted: Wanted, Query(parameters): Query<Parameters>) -> Result<Response> {
    let shell = viewer.shell(Nav::Sync);
    let (project, now) = (&viewer.project.id, shell.now.at);
    let mut tx = viewer.read().await?;
    let connection = connections::find(&mut tx, project).await?;
    let import = sync_runs::current(&mut tx, project).await?;
    let freshness = Freshness::load(&mut tx, project, now).await?;
    let actors = freshness.runs.iter().map(|compared| compared.run.started_by.as_str());
    let people = if freshness.runs.is_empty() { Vec::new() } else { users::emails(&mut tx, actors).await? };
    drop(tx);
    let people: HashMap<String, String> = people.into_iter().collect();
    let row = |of: &Compared| HistoryRow {
        by: people.get(&of.run.started_by).cloned().unwrap_or_else(|| "billfold".to_owned()),
        took: time::span((of.run.finished_at.unwrap_or(now) - of.run.started_at).max(1)),
        of: of.clone(),
    };
    let page = FreshnessPage {
        notice: Notice::parse(&parameters.done),
        path: freshness.running().map(|_| shell.url("sync/freshness")).unwrap_or_default(),
        connected: connection.as_ref().is_some_and(|connection| connection.state == state::CONNECTED),
        importing: import.is_some(),
        drift_at: connection.and_then(|connection| connection.drift_at),
        history: freshness.runs.iter().take(SHOWN).map(row).collect(),
        freshness,
        shell,
    };
    wanted.respond(&page, &page.as_live())
}

pub(super) async fn start(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).start_comparison().await;
    answer_at(&member, "sync/freshness", wanted, outcome, Notice::Comparing)
}

pub(super) async fn stop(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).stop_comparison().await;
    answer_at(&member, "sync/freshness", wanted, outcome, Notice::ComparisonStopped)
}

impl FreshnessPage {
    /// Tone, icon and words of the sentence above everything.
    fn sum(&self) -> (&'static str, &'static str, String) {
        if !self.connected {
            return ("", "plug-connected-x", "Nothing is compared while Stripe cannot be asked.".to_owned());
        }
        if self.drift_at.is_some() {
            let text = "A comparison found more differences than it should. They were mended, but something keeps changes from arriving: look at the key doctor. A full comparison without differences ends this notice.";
            return ("red", "alert-circle", text.to_owned());
        }
        let Some(last) = self.freshness.last() else {
            return (
                "",
                "info-circle",
                "Nothing was compared yet. A sample of each type is compared every night.".to_owned(),
            );
        };
        let what = if last.run.is_full() { "Every object was compared" } else { "A sample was compared" };
        let compared = grouped(last.compared);
        match (last.found, last.troubled) {
            (0, 0) => ("green", "circle-check", format!("{what}, {compared} in all: each is here as Stripe has it.")),
            (0, _) => (
                "",
                "alert-circle",
                format!("{what}, {compared} in all, without a difference; not every type could be read."),
            ),
            (found, _) => {
                let mended = if last.repaired == found {
                    "all of them are mended".to_owned()
                } else {
                    format!("{} of them are mended", grouped(last.repaired))
                };
                ("", "info-circle", format!("{what}: of {compared} objects {} differed, and {mended}.", grouped(found)))
            }
        }
    }

    /// 0 to 100; how far a running full comparison is.
    fn percent(&self) -> i64 {
        let here: i64 = self.freshness.types.iter().map(|of| of.here).sum();
        let compared = self.freshness.running().map_or(0, |running| running.compared);
        (compared * 100 / here.max(1)).min(99)
    }

    fn count(n: impl Borrow<i64>) -> String {
        grouped(*n.borrow())
    }

    fn name(of: &OfType) -> String {
        status::words(of.kind.plural())
    }

    /// `name in 3, email in 1`
    fn fields(of: &OfType) -> String {
        let fields: Vec<String> = of.fields.iter().map(|(field, n)| format!("{field} in {}", grouped(*n))).collect();
        fields.join(", ")
    }

    /// What was not as Stripe has it, in words.
    fn differences(of: &OfType) -> String {
        let parts = [(of.differed, "differed"), (of.missing, "missing"), (of.gone, "gone at Stripe")];
        let said: Vec<String> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", grouped(n))).collect();
        if said.is_empty() { "none".to_owned() } else { said.join(", ") }
    }
}
