//! The end of a comparison: its sum, and the alarm when it found more than it may.

use serde_json::json;

use super::{Comparison, Halt, NIGHTLY};
use crate::{
    app::{By, Scope as Acting},
    store::{
        connections, jobs,
        reconciliations::{self, TypeResult},
    },
};

impl Comparison<'_> {
    /// Marks the comparison as done. More differences than `drift_alarm` raise the alarm, which a full comparison without them ends.
    pub(super) async fn finish(&self, types: &[TypeResult]) -> Result<(), Halt> {
        let (project, now) = (&self.claim.project_id, self.app.clock.now());
        let found: i64 = types.iter().map(TypeResult::found).sum();
        let alarming = found > i64::from(self.app.config.drift_alarm);
        let clean = self.run.is_full() && types.iter().all(|of_type| of_type.result == "ok");
        let mut tx = self.app.db.write_relaxed(&self.claim.tenant_id).await?;
        if !reconciliations::finish(&mut tx, project, &self.run.id, now).await? {
            return Err(Halt::Ended);
        }
        if alarming {
            connections::set_drift(&mut tx, project, Some(now)).await?;
            let found: serde_json::Map<_, _> = types
                .iter()
                .filter(|of_type| of_type.found() > 0)
                .map(|of| {
                    let counts = json!({ "differed": of.differed, "missing": of.missing, "gone": of.gone, "repaired": of.repaired, "fields": of.fields() });
                    (of.kind.clone(), counts)
                })
                .collect();
            let acting = Acting {
                app: self.app.clone(),
                tenant: self.claim.tenant_id.clone(),
                project: project.clone(),
                by: By::part(NIGHTLY),
            };
            acting.audit(&mut tx, "mirror.drift_found", self.run.id.as_str(), &json!({ "found": found })).await?;
        } else if clean {
            connections::set_drift(&mut tx, project, None).await?;
        }
        jobs::hold(&mut tx, self.claim, now + self.lease_seconds).await?;
        tx.commit().await?;
        if alarming {
            metrics::counter!("billfold_drift_alarms_total").increment(1);
        }
        let compared: i64 = types.iter().map(|of_type| of_type.compared).sum();
        tracing::info!(
            tenant.id = %self.claim.tenant_id, project.id = %project, run.id = %self.run.id, compared, found,
            "the mirror was compared with Stripe"
        );
        metrics::counter!("billfold_drift_objects_total").increment(found.unsigned_abs());
        Ok(())
    }
}
