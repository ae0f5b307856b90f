//! The states of an object, one after the other.

use serde_json::Value;

use crate::domain::changes::{self, Change};
use crate::domain::drift;
use crate::domain::event::{Envelope, Outcome};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::objects::Object;
use crate::store::mirror::compare::Standing;
use crate::store::object_versions::Version;
use crate::store::timeline::Told;
use crate::web::dashboard::timeline::sentence;

/// Something that told of the object.
pub(super) struct Step {
    /// Unix seconds: what it told was so then.
    pub(super) at: i64,
    /// What happened.
    pub(super) title: String,
    /// Where it came from, and what billfold made of it.
    pub(super) why: String,
    /// Stripe's `evt_…`; empty for an answer.
    pub(super) event: String,
    /// Whether it is part of what was shown.
    pub(super) counted: bool,
    /// The state that it brought, if it counted.
    pub(super) state: Option<String>,
    /// Whether the object was gone with it.
    pub(super) deleted: bool,
    /// What it changed; none where nothing tells what was before.
    pub(super) changes: Option<Vec<Change>>,
    /// Orders what is of one second: when it came here, in unix microseconds.
    came: i64,
}

/// Every step, newest first. Of what an import wrote there is no trace but the row itself: where it holds something else than the last
/// step, that is the newest one.
pub(super) fn of(
    kind: Kind,
    project: &ProjectId,
    row: &Standing,
    events: Vec<Told>,
    versions: Vec<Version>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = events.into_iter().map(told).chain(versions.into_iter().map(answered)).collect();
    steps.sort_by_key(|step| (step.at, step.came));
    let last = steps.iter().rev().find_map(|step| step.state.as_deref());
    let read = |raw: &str| Object::read(kind, project, raw).ok();
    let shown = last.and_then(read).zip(read(&row.raw));
    if shown.is_none_or(|(last, row)| !drift::fields(&row, &last).is_empty()) && !row.deleted {
        let step = imported(row);
        let place = steps.partition_point(|other| other.at <= step.at);
        steps.insert(place, step);
    }
    let mut before: Option<Value> = None;
    for step in &mut steps {
        let Some(state) = step.state.as_deref().and_then(|state| serde_json::from_str::<Value>(state).ok()) else {
            continue;
        };
        if let Some(before) = before.as_ref().filter(|_| !step.deleted) {
            step.changes = Some(changes::between(before, &state));
        }
        before = Some(state);
    }
    steps.reverse();
    steps
}

fn told(event: Told) -> Step {
    let outcome = event.outcome.as_deref().and_then(Outcome::parse);
    let brought = matches!(outcome, Some(Outcome::Applied | Outcome::SameSecond | Outcome::Deleted));
    let object = Envelope::parse(&event.payload)
        .ok()
        .and_then(|envelope| envelope.data_object().map(|raw| raw.get().to_owned()));
    let came = if event.fetched { "Fetched from Stripe's list of events." } else { "Delivered by Stripe." };
    let became = outcome.map_or("It was not applied.", Outcome::sentence);
    Step {
        at: event.created,
        title: sentence(&event.event_type),
        why: format!("{came} {became}"),
        changes: changes::of_event(&event.payload),
        event: event.id,
        counted: brought,
        state: object.filter(|_| brought),
        deleted: outcome == Some(Outcome::Deleted),
        came: event.arrival,
    }
}

fn answered(version: Version) -> Step {
    let (title, why) = match version.source.as_str() {
        "comparison" => {
            ("Mended by a comparison", "The copy was not what Stripe has, so Stripe's state took its place.")
        }
        "change" => ("Changed from here", "Stripe's answer to a change that was made in billfold."),
        _ => ("Read again", "An event could not tell all, so Stripe was asked, whose answer counts."),
    };
    Step {
        at: version.version_at,
        title: if version.deleted { "Found to be gone at Stripe".to_owned() } else { title.to_owned() },
        why: why.to_owned(),
        event: String::new(),
        counted: true,
        deleted: version.deleted,
        state: Some(version.raw),
        changes: None,
        came: version.written_at.saturating_mul(1_000_000),
    }
}

fn imported(row: &Standing) -> Step {
    Step {
        at: row.version_at,
        title: "Read by an import".to_owned(),
        why: "An import copied the object as Stripe had it then.".to_owned(),
        event: String::new(),
        counted: true,
        deleted: false,
        state: Some(row.raw.clone()),
        changes: None,
        came: i64::MAX,
    }
}
