//! What becomes of objects that look different: each is read singly, compared once more with its row as it stands by then, and mended.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use super::{Comparison, Halt};
use crate::{
    domain::{drift, event::Outcome, kind::Kind, objects::Object},
    mirror::{self, Asked, Change},
    store::{
        inbox,
        mirror::compare::{self, Standing},
        reconciliations::TypeResult,
    },
    stripe,
};

/// Objects that are judged in one transaction.
const BATCH: usize = 50;
/// Calls at once; the spare part of the account's token bucket sets the pace.
const AT_ONCE: usize = 4;
/// The event of an object made so many seconds ago may still be on its way.
const ON_ITS_WAY: i64 = 120;

/// An object that may not be here as Stripe has it.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) id: String,
    pub(super) stripe_id: String,
    /// The row's `version_at` when it was compared; none when there was no row.
    pub(super) seen: Option<i64>,
}

/// How far a type is once a page's suspects are judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    /// Stripe's id and second of the page's last object; none where there is no page behind.
    pub(super) last: Option<(String, i64)>,
    /// Objects that were compared.
    pub(super) compared: usize,
}

impl Reached {
    fn note(&self, of_type: &mut TypeResult) {
        if let Some((cursor, position)) = &self.last {
            of_type.cursor = Some(cursor.clone());
            of_type.position = Some(*position);
        }
        of_type.compared += i64::try_from(self.compared).unwrap_or(0);
    }
}

/// What an object turns out to be.
enum Verdict {
    /// As Stripe has it, or nobody's business.
    Same,
    /// Other than at Stripe, in these fields.
    Differs(Vec<String>),
    /// At Stripe and not here.
    Missing,
    /// Here and no longer at Stripe.
    Gone,
    /// New at Stripe; its event is on its way.
    New,
}

impl Comparison<'_> {
    /// Judges suspects, mends what is to be mended, and saves how far the type is: with the last of them, so that whoever goes on
    /// after an interruption judges the rest.
    pub(super) async fn judge(
        &self,
        kind: Kind,
        suspects: &[Suspect],
        reached: &Reached,
        of_type: &mut TypeResult,
    ) -> Result<(), Halt> {
        let mut rest = suspects;
        while rest.len() > BATCH {
            let (batch, behind) = rest.split_at(BATCH);
            self.mend(kind, batch, None, of_type).await?;
            rest = behind;
        }
        self.mend(kind, rest, Some(reached), of_type).await
    }

    async fn fetch(&self, kind: Kind, suspects: &[Suspect]) -> Result<HashMap<String, Change>, stripe::Error> {
        let (client, project) = (&self.client, &self.claim.project_id);
        let answers: Vec<Result<(String, Change), stripe::Error>> = stream::iter(suspects.to_vec())
            .map(|suspect| async move {
                let change = mirror::read_object(client, project, (kind, &suspect.stripe_id), suspect.seen).await?;
                Ok((suspect.id, change))
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        answers.into_iter().collect()
    }

    async fn mend(
        &self,
        kind: Kind,
        suspects: &[Suspect],
        reached: Option<&Reached>,
        of_type: &mut TypeResult,
    ) -> Result<(), Halt> {
        let mut judged = of_type.clone();
        if let Some(reached) = reached {
            reached.note(&mut judged);
        }
        if suspects.is_empty() {
            self.save(&judged).await?;
            *of_type = judged;
            return Ok(());
        }
        let mut answers = self.fetch(kind, suspects).await?;
        let (project, now) = (&self.claim.project_id, self.app.clock.now());
        let mut tx = self.app.db.write_relaxed(&self.claim.tenant_id).await?;
        crate::store::mirror::lock(&mut tx, project).await?;
        let ids = suspects.iter().map(|suspect| suspect.id.as_str());
        let rows = compare::of_ids(&mut tx, project, kind, ids).await?;
        let rows: HashMap<String, Standing> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let waiting = inbox::waiting_for(&mut tx, project, suspects.iter().map(|one| one.stripe_id.as_str())).await?;
        let mut changes = Vec::new();
        for suspect in suspects {
            let Some(change) = answers.remove(&suspect.id) else { continue };
            let row = rows.get(&suspect.id);
            // An event that came meanwhile wins, and one that waits will tell.
            if row.map(|row| row.version_at) != suspect.seen || waiting.contains(&suspect.stripe_id) {
                continue;
            }
            match verdict(&change, row, kind, self) {
                Verdict::Same => continue,
                Verdict::Differs(fields) => {
                    judged.differed += 1;
                    judged.count_fields(&fields);
                }
                Verdict::Missing => judged.missing += 1,
                Verdict::Gone => judged.gone += 1,
                Verdict::New => {}
            }
            changes.push(change);
        }
        let outcomes = mirror::apply_told(&mut tx, project, &changes, Asked::Comparison, now).await?;
        let mended = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Applied | Outcome::Deleted)).count();
        judged.repaired = (judged.repaired + i64::try_from(mended).unwrap_or(0)).min(judged.found());
        self.save_with(tx, &judged).await?;
        *of_type = judged;
        Ok(())
    }
}

fn verdict(change: &Change, row: Option<&Standing>, kind: Kind, of: &Comparison<'_>) -> Verdict {
    let Some(object) = change.object() else { return Verdict::Same };
    let Some(row) = row else {
        return match change {
            Change::Gone { .. } | Change::ReadAgain(..) | Change::ReadPart(..) => Verdict::Same,
            Change::State(..) if object.created + ON_ITS_WAY > of.app.clock.now() => Verdict::New,
            Change::State(..) => Verdict::Missing,
        };
    };
    match change {
        Change::Gone { .. } if row.deleted => Verdict::Same,
        Change::Gone { .. } => Verdict::Gone,
        // Deletion is final at Stripe: an old answer, or one of a copy that lags.
        _ if row.deleted => Verdict::Same,
        _ => match Object::read(kind, &of.claim.project_id, &row.raw).map(|here| drift::fields(&here, object)) {
            Ok(fields) if fields.is_empty() => Verdict::Same,
            Ok(fields) => Verdict::Differs(fields),
            Err(_) => Verdict::Differs(vec!["id".to_owned()]),
        },
    }
}
