//! A few objects of a type: the newest page of Stripe's list, which also shows what is missing here, and some rows that chance picks.

use super::{
    Comparison, Halt,
    judge::{Reached, Suspect},
};
use crate::{
    domain::kind::Kind,
    store::{
        mirror::compare::{self, Standing},
        reconciliations::TypeResult,
    },
    stripe::list::ListParams,
    vault::new_token,
};

/// Objects of the newest page.
const NEWEST: u8 = 100;

impl Comparison<'_> {
    /// Compares a sample.
    pub(super) async fn compare_sample(&self, kind: Kind, of_type: &mut TypeResult) -> Result<(), Halt> {
        let params = ListParams { limit: NEWEST, ..ListParams::default() };
        let page = self.client.list(kind, &params).await?;
        let objects = self.read(kind, &page)?;
        let suspects = self.different(kind, &objects).await?;
        let reached = |compared| Reached { last: None, compared };
        self.judge(kind, &suspects, &reached(objects.len()), of_type).await?;

        let from = kind.derive_id(&self.claim.project_id, &new_token());
        let size = i64::from(self.app.config.reconcile_sample);
        let picked = self.pick(kind, &from, size).await?;
        self.judge(kind, &picked, &reached(picked.len()), of_type).await
    }

    /// So many objects from a point on that chance has picked, in the order of our ids, and from the beginning where they end.
    async fn pick(&self, kind: Kind, from: &str, size: i64) -> Result<Vec<Suspect>, Halt> {
        let project = &self.claim.project_id;
        let mut tx = self.app.db.read(&self.claim.tenant_id).await?;
        let mut rows = compare::from_id(&mut tx, project, kind, from, size).await?;
        let room = size - i64::try_from(rows.len()).unwrap_or(size);
        if room > 0 {
            let first = compare::from_id(&mut tx, project, kind, "", room).await?;
            rows.extend(first.into_iter().filter(|row| row.id.as_str() < from));
        }
        let suspect = |row: Standing| Suspect { id: row.id, stripe_id: row.stripe_id, seen: Some(row.version_at) };
        Ok(rows.into_iter().map(suspect).collect())
    }
}
