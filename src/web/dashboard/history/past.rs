//! An object's past, read where it is kept: in the events, in the states that Stripe was asked for, and in the row itself.

use super::place::Place;
use super::steps::{self, Step};
use crate::db::{Result, Tx};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::held::Held;
use crate::store::mirror::compare::Standing;
use crate::store::object_versions;
use crate::store::timeline::{self, About, Which};

/// The past of one object.
pub(super) struct Past<'a> {
    project: &'a ProjectId,
    row: &'a Standing,
    about: About<'a>,
    /// Whether the row holds what nothing else tells of. Of the first import of an object there is no other trace, because a copy of
    /// everything would be kept twice.
    row_tells: bool,
}

/// A page of steps.
pub(super) struct Page {
    /// Newest first.
    pub(super) steps: Vec<Step>,
    /// Whether there are older ones.
    pub(super) more: bool,
}

/// Where what is kept begins.
pub(super) struct Beginning {
    /// Unix seconds: the oldest state is of then.
    pub(super) at: i64,
    /// Whether the state of the first import may have been there before.
    pub(super) overwritten: bool,
}

impl<'a> Past<'a> {
    pub(super) async fn of(
        tx: &mut Tx,
        project: &'a ProjectId,
        kind: Kind,
        row: &'a Standing,
        held: &'a Held,
    ) -> Result<Self> {
        let subjects = [held.customer_id.as_deref().unwrap_or(&row.id), &row.id];
        let about = About { subjects, object: &row.stripe_id };
        let mut past = Self { project, row, about, row_tells: false };
        let told = past.last(tx, &Place::END).await?.and_then(|step| step.state);
        past.row_tells = !row.deleted && told.is_none_or(|told| steps::differs(kind, project, row, &told));
        Ok(past)
    }

    /// The newest steps before a place.
    pub(super) async fn page(&self, tx: &mut Tx, before: &Place, limit: usize) -> Result<Page> {
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let mut steps = self.read(tx, Which::All, before, wanted).await?;
        let more = steps.len() > limit;
        steps.truncate(limit);
        // What the oldest of them changed shows in the state before it.
        let state = match steps.last().filter(|_| more) {
            Some(oldest) => self.last(tx, &oldest.place).await?.and_then(|step| step.state),
            None => None,
        };
        steps::compare(&mut steps, state.as_deref());
        Ok(Page { steps, more })
    }

    /// The last step before a place that counted.
    pub(super) async fn last(&self, tx: &mut Tx, before: &Place) -> Result<Option<Step>> {
        Ok(self.read(tx, Which::Counted, before, 1).await?.into_iter().next())
    }

    /// Where what is kept begins; none when nothing is kept.
    pub(super) async fn begins(&self, tx: &mut Tx) -> Result<Option<Beginning>> {
        let event = timeline::begins(tx, self.project, self.about).await?;
        let version = object_versions::begins(tx, self.project, &self.row.id).await?;
        let row = self.row_tells.then_some(self.row.version_at);
        let overwritten = event.is_some() || version.is_some();
        Ok([event, version, row].into_iter().flatten().min().map(|at| Beginning { at, overwritten }))
    }

    /// Newest first; at least the first `limit` of them, if there are as many.
    async fn read(&self, tx: &mut Tx, which: Which, before: &Place, limit: i64) -> Result<Vec<Step>> {
        let events = timeline::told(tx, self.project, self.about, which, before.events(), limit).await?;
        let versions = object_versions::before(tx, self.project, &self.row.id, before.versions(), limit).await?;
        let row = self.row_tells.then(|| steps::imported(self.row)).filter(|step| step.place < *before);
        let told = events.into_iter().map(|event| steps::told(event, self.row));
        let mut steps: Vec<Step> = told.chain(versions.into_iter().map(steps::answered)).chain(row).collect();
        steps.sort_unstable_by(|a, b| b.place.cmp(&a.place));
        Ok(steps)
    }
}
