//! States that Stripe was asked for: applied like any other, and kept beside the row when they change it, so that its history can tell
//! where each state came from. Events are kept anyway.

use std::collections::{BTreeMap, HashMap};

use super::{Change, Rows, load, settle};
use crate::{
    db::{Result, Tx},
    domain::{drift, event::Outcome, ids::ProjectId, kind::Kind, objects::Object},
    store::{
        mirror::{
            self,
            compare::{self, Standing},
        },
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
    /// The account is copied. What an import brings is its own trace, so only what it overwrites with something else is kept, and a
    /// first import costs nothing more.
    Import,
}

impl Asked {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAgain => "read_again",
            Self::Comparison => "comparison",
            Self::Change => "change",
            Self::Import => "import",
        }
    }
}

/// [`super::apply`] for answers of Stripe's.
pub async fn apply_told(
    tx: &mut Tx,
    project: &ProjectId,
    changes: &[Change],
    asked: Asked,
    now: i64,
) -> Result<Vec<Outcome>> {
    mirror::lock(tx, project).await?;
    let rows = load(tx, project, changes).await?;
    let mut before = standing(tx, project, &rows).await?;
    let outcomes = settle(tx, project, changes, rows, now).await?;
    for (change, outcome) in changes.iter().zip(&outcomes) {
        let Some(object) = change.object().filter(|_| matches!(outcome, Outcome::Applied | Outcome::Deleted)) else {
            continue;
        };
        let row = before.get_mut(&object.kind).and_then(|rows| rows.get_mut(&object.id));
        if row.is_none() && asked == Asked::Import {
            continue;
        }
        if let Some(version) = version(project, change, object, row.as_deref(), asked, now) {
            object_versions::insert(tx, project, &object.id, &version).await?;
            // Pages that overlap may bring an object twice.
            if let Some(row) = row {
                (row.raw, row.version_at, row.deleted) = (version.raw, version.version_at, version.deleted);
            }
        }
    }
    Ok(outcomes)
}

/// What stands here of the objects, by kind and our id. Only rows that are known to be there are read.
async fn standing(
    tx: &mut Tx,
    project: &ProjectId,
    rows: &Rows<'_>,
) -> Result<BTreeMap<Kind, HashMap<String, Standing>>> {
    let mut ids: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
    for ((kind, id), _) in rows.iter().filter(|(_, row)| row.known.is_some()) {
        ids.entry(*kind).or_default().push(id);
    }
    let mut standing = BTreeMap::new();
    for (kind, ids) in ids {
        let rows = compare::of_ids(tx, project, kind, ids).await?;
        standing.insert(kind, rows.into_iter().map(|row| (row.id.clone(), row)).collect());
    }
    Ok(standing)
}

/// What is to be kept of an answer; nothing when the row held the same.
fn version(
    project: &ProjectId,
    change: &Change,
    object: &Object,
    row: Option<&Standing>,
    asked: Asked,
    now: i64,
) -> Option<Version> {
    let deleted = matches!(change, Change::Gone { .. });
    let read_alike = |row: &Standing| {
        Object::read(object.kind, project, &row.raw).is_ok_and(|here| drift::fields(&here, object).is_empty())
    };
    let same = row.is_some_and(|row| !deleted && !row.deleted && (row.raw == object.raw || read_alike(row)));
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
