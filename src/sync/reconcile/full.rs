//! Every object of a type: Stripe's whole list, newest first, against the rows of the same time.

use std::collections::HashSet;

use super::{
    Comparison, Halt,
    judge::{Reached, Suspect},
};
use crate::{
    app::Stopped,
    domain::{drift, kind::Kind, objects::Object},
    store::{
        mirror::compare::{self, Here},
        reconciliations::TypeResult,
    },
    stripe::{
        self, Patience,
        list::{ListParams, Page},
    },
};

/// Objects per page: the most that Stripe gives.
const PAGE: u8 = 100;
/// Rows per read of those that a page covers.
const ROWS: i64 = 1_000;
/// Objects made in the last seconds before a list was asked for may not stand in it yet.
const FRESH: i64 = 60;

impl Comparison<'_> {
    /// Compares every object, from where an earlier stretch has stopped.
    pub(super) async fn compare_all(&self, kind: Kind, of_type: &mut TypeResult) -> Result<(), Halt> {
        let mut params = ListParams { limit: PAGE, starting_after: of_type.cursor.clone(), ..ListParams::default() };
        // What was made before this second, and stands in no page so far, must stand in the next.
        let mut before = of_type.position.map(|position| position + 1);
        let mut seen = HashSet::new();
        let client = self.client.with_patience(Patience::IMPORT);
        loop {
            let page = match client.list(kind, &params).await {
                Err(stripe::Error::Answered(answer))
                    if answer.param.as_deref() == Some("starting_after") && of_type.position.is_some() =>
                {
                    // The object at the cursor is gone; its second is read once more, which finds nothing new.
                    params.created_to = of_type.position.map(|position| position + 1);
                    params.starting_after = None;
                    continue;
                }
                page => page?,
            };
            let objects = self.read(kind, &page)?;
            let after = match objects.last() {
                Some(last) if page.has_more => last.created,
                _ => i64::MIN,
            };
            seen.extend(objects.iter().map(|object| object.id.clone()));
            let until = before.unwrap_or(page.as_of - FRESH);
            let mut suspects = self.different(kind, &objects).await?;
            suspects.extend(self.absent(kind, (after, until), &seen).await?);
            let last = objects.last().map(|last| (last.stripe_id.clone(), last.created));
            let reached = Reached { last, compared: objects.len() };
            self.judge(kind, &suspects, &reached, of_type).await?;
            if let Some((cursor, _)) = reached.last {
                params.starting_after = Some(cursor);
            }
            if !page.has_more {
                return Ok(());
            }
            // Objects of the page's last second may go on in the next one.
            seen = objects.into_iter().filter(|object| object.created == after).map(|object| object.id).collect();
            before = Some(after + 1);
        }
    }

    /// The objects of a page. Their sub-lists may be cut.
    pub(super) fn read(&self, kind: Kind, page: &Page) -> Result<Vec<Object>, Stopped> {
        let read = |raw: &str| Object::read(kind, &self.claim.project_id, raw);
        let objects: Result<Vec<Object>, _> = page.data.iter().map(|raw| read(raw.get())).collect();
        objects.map_err(|error| Stopped::Stripe(stripe::Error::Unreadable(error.to_string())))
    }

    /// Those of some of Stripe's objects that are not here as Stripe has them.
    pub(super) async fn different(&self, kind: Kind, objects: &[Object]) -> Result<Vec<Suspect>, Halt> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let project = &self.claim.project_id;
        let mut tx = self.app.db.read(&self.claim.tenant_id).await?;
        let rows = compare::of_ids(&mut tx, project, kind, objects.iter().map(|object| object.id.as_str())).await?;
        drop(tx);
        let rows: std::collections::HashMap<String, compare::Standing> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let suspect = |object: &Object| {
            let row = rows.get(&object.id);
            let same = row.is_some_and(|row| {
                let here = Object::read(kind, project, &row.raw);
                !row.deleted && here.is_ok_and(|here| drift::fields(&here, object).is_empty())
            });
            let seen = row.map(|row| row.version_at);
            (!same).then(|| Suspect { id: object.id.clone(), stripe_id: object.stripe_id.clone(), seen })
        };
        Ok(objects.iter().filter_map(suspect).collect())
    }

    /// The objects here that were made in a stretch of time of which Stripe's list was read, and that did not stand in it.
    async fn absent(
        &self,
        kind: Kind,
        (after, before): (i64, i64),
        seen: &HashSet<String>,
    ) -> Result<Vec<Suspect>, Halt> {
        let mut absent = Vec::new();
        let mut last: Option<Here> = None;
        loop {
            let mut tx = self.app.db.read(&self.claim.tenant_id).await?;
            let behind = last.as_ref().map(|last| (last.created, last.id.as_str()));
            let rows =
                compare::created_between(&mut tx, &self.claim.project_id, kind, (after, before), behind, ROWS).await?;
            drop(tx);
            let whole = i64::try_from(rows.len()).unwrap_or(ROWS) < ROWS;
            last = rows.last().cloned();
            let unseen = rows.into_iter().filter(|row| !seen.contains(&row.id));
            absent.extend(unseen.map(|row| Suspect {
                id: row.id,
                stripe_id: row.stripe_id,
                seen: Some(row.version_at),
            }));
            if whole {
                return Ok(absent);
            }
        }
    }
}
