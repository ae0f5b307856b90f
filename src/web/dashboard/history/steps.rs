//! The steps by which an object became what it is.

use serde_json::Value;

use super::place::Place;
use crate::domain::changes::{self, Change};
use crate::domain::drift;
use crate::domain::event::{Envelope, Outcome};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::objects::Object;
use crate::store::mirror::compare::Standing;
use crate::store::object_versions::Kept;
use crate::store::timeline::{COUNTED, Told};
use crate::web::dashboard::timeline::sentence;

/// Something that told of the object.
pub(super) struct Step {
    /// Where it stands among the others.
    pub(super) place: Place,
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
    /// Whether the object can have had no state before that was shown here.
    pub(super) first: bool,
    /// What it changed; none where nothing tells what was before.
    pub(super) changes: Option<Vec<Change>>,
}

/// Says of each step, newest first, what it changed. `before`: the state before the oldest.
pub(super) fn compare(steps: &mut [Step], before: Option<&str>) {
    let read = |state: &str| serde_json::from_str::<Value>(state).ok();
    let mut before = before.and_then(read);
    for step in steps.iter_mut().rev() {
        let Some(state) = step.state.as_deref().and_then(read) else { continue };
        if let Some(before) = before.as_ref().filter(|_| !step.deleted) {
            step.changes = Some(changes::between(before, &state));
        }
        before = Some(state);
    }
}

/// Whether a row holds something else than a state.
pub(super) fn differs(kind: Kind, project: &ProjectId, row: &Standing, state: &str) -> bool {
    let read = |raw: &str| Object::read(kind, project, raw).ok();
    let both = read(&row.raw).zip(read(state));
    both.is_none_or(|(row, state)| !drift::fields(&row, &state).is_empty())
}

pub(super) fn told(event: Told, row: &Standing) -> Step {
    let outcome = event.outcome.as_deref().and_then(Outcome::parse);
    let counted = outcome.is_some_and(|outcome| COUNTED.contains(&outcome));
    let object = Envelope::parse(&event.payload)
        .ok()
        .and_then(|envelope| envelope.data_object().map(|raw| raw.get().to_owned()));
    let came = if event.fetched { "Fetched from Stripe's list of events." } else { "Delivered by Stripe." };
    let became = outcome.map_or("It was not applied.", Outcome::sentence);
    Step {
        place: Place::of_event(event.created, event.arrival, event.id.clone()),
        title: sentence(&event.event_type),
        why: format!("{came} {became}"),
        changes: changes::of_event(&event.payload),
        counted,
        state: object.filter(|_| counted),
        deleted: outcome == Some(Outcome::Deleted),
        first: event.event_type.ends_with(".created") || event.created <= row.created,
        event: event.id,
    }
}

pub(super) fn answered(Kept { no, version }: Kept) -> Step {
    let (title, why) = match version.source.as_str() {
        "comparison" => {
            ("Mended by a comparison", "The copy was not what Stripe has, so Stripe's state took its place.")
        }
        "change" => ("Changed from here", "Stripe's answer to a change that was made in billfold."),
        "import" => {
            ("Read by an import", "An import found it other than it was here, so Stripe's state took its place.")
        }
        _ => ("Read again", "An event could not tell all, so Stripe was asked, whose answer counts."),
    };
    Step {
        place: Place::of_version(version.version_at, version.written_at, no),
        title: if version.deleted { "Found to be gone at Stripe".to_owned() } else { title.to_owned() },
        why: why.to_owned(),
        event: String::new(),
        counted: true,
        deleted: version.deleted,
        state: Some(version.raw),
        first: false,
        changes: None,
    }
}

/// What only the row tells of.
pub(super) fn imported(row: &Standing) -> Step {
    Step {
        place: Place::of_row(row.version_at),
        title: "Read by an import".to_owned(),
        why: "An import copied the object as Stripe had it then.".to_owned(),
        event: String::new(),
        counted: true,
        deleted: false,
        state: Some(row.raw.clone()),
        first: true,
        changes: None,
    }
}
