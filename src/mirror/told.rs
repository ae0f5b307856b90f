//! States that Stripe was asked for: applied like any other, and kept beside the row when they change it, so that its history can tell
//! where each state came from. Events are kept anyway.

use std::collections::HashMap;

use super::{Change, apply};
use crate::{
    db::{Result, Tx},
    domain::{drift, event::Outcome, ids::ProjectId, kind::Kind, objects::Object},
    store::{
        mirror::{self, compare},
        object_versions::{self, Version},
    },
};

/// Why Stripe was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An event could not tell all.
    ReadAgain,
    /// The mirror was compared.
    Comparison,
    /// It is the answer to a change of ours.
    Change,
}

impl Asked {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAgain => "read_again",
            Self::Comparison => "comparison",
            Self::Change => "change",
        }
    }
}

/// [`apply`] for answers of Stripe's.
pub async fn apply_told(
    tx: &mut Tx,
    project: &ProjectId,
    changes: &[Change],
    asked: Asked,
    now: i64,
) -> Result<Vec<Outcome>> {
    mirror::lock(tx, project).await?;
    let mut before: HashMap<(Kind, String), compare::Standing> = HashMap::new();
    for kind in Kind::ALL {
        let of_kind = changes.iter().filter_map(Change::object).filter(|object| object.kind == kind);
        let ids: Vec<&str> = of_kind.map(|object| object.id.as_str()).collect();
        if !ids.is_empty() {
            let rows = compare::of_ids(tx, project, kind, ids).await?;
            before.extend(rows.into_iter().map(|row| ((kind, row.id.clone()), row)));
        }
    }
    let outcomes = apply(tx, project, changes, now).await?;
    for (change, outcome) in changes.iter().zip(&outcomes) {
        if !matches!(outcome, Outcome::Applied | Outcome::Deleted) {
            continue;
        }
        let Some(object) = change.object() else { continue };
        let row = before.get(&(object.kind, object.id.clone()));
        if let Some(version) = version(project, change, object, row, asked, now) {
            object_versions::insert(tx, project, &object.id, &version).await?;
        }
    }
    Ok(outcomes)
}

/// What is to be kept of an answer; nothing when the row held the same.
fn version(
    project: &ProjectId,
    change: &Change,
    object: &Object,
    row: Option<&compare::Standing>,
    asked: Asked,
    now: i64,
) -> Option<Version> {
    let deleted = matches!(change, Change::Gone { .. });
    let same = row.is_some_and(|row| {
        let here = Object::read(object.kind, project, &row.raw);
        row.deleted == deleted && !deleted && here.is_ok_and(|here| drift::fields(&here, object).is_empty())
    });
    let version_at = match change {
        Change::State(_, super::Source::Fetch { as_of, .. }) => as_of - 1,
        Change::State(_, super::Source::Event(at)) | Change::Gone { at, .. } => *at,
        Change::ReadAgain(..) | Change::ReadPart(..) => return None,
    };
    (!same).then(|| Version {
        source: asked.as_str().to_owned(),
        version_at: row.map_or(version_at, |row| row.version_at.max(version_at)),
        written_at: now,
        deleted,
        raw: object.raw.clone(),
    })
}
