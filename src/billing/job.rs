//! Finishes writes that were stored and not ended: the answer was lost, the process died, Stripe was away.

use super::{Error, judge, judge::Ending, record};
use crate::{
    app::{App, By, Scope, Stopped},
    store::{jobs::Claim, outbox},
    stripe::Client,
};

/// Writes per batch.
const BATCH: i64 = 16;
/// Seconds for which an ended write is kept: a click that comes later is a new one.
const KEPT: i64 = 30 * 86_400;

/// Takes the next writes up, one after the other, in the order in which they were asked for. Answers how many; 0 means that
/// nothing is due.
pub async fn run_batch(app: &App, client: &Client, claim: &Claim, lease_seconds: i64) -> Result<usize, Stopped> {
    let (tenant, project) = (&claim.tenant_id, &claim.project_id);
    let mut tx = app.db.read(tenant).await?;
    let due = outbox::due(&mut tx, project, app.clock.now(), BATCH).await?;
    drop(tx);
    let taken = due.len();
    for mut entry in due {
        let scope = Scope {
            app: app.clone(),
            tenant: tenant.clone(),
            project: project.clone(),
            by: By { actor: entry.actor.clone(), address: String::new(), request_id: entry.request_id.clone() },
        };
        let ending = judge::send(&scope, client, &mut entry).await;
        let rejected = match &ending {
            Ending::Open(error) if error.is_key_rejected() => Some(error.clone()),
            _ => None,
        };
        let hold = (claim, app.clock.now() + lease_seconds);
        match record::end(&scope, &entry, ending, Some(hold)).await {
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(Error::Database(error)) => return Err(error.into()),
            Err(other) => return Err(Stopped::NoKey(other.to_string())),
        }
        if let Some(error) = rejected {
            return Err(error.into());
        }
    }
    Ok(taken)
}

/// Removes what ended long ago.
pub async fn prune(app: &App, claim: &Claim) -> Result<(), Stopped> {
    let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
    outbox::prune(&mut tx, &claim.project_id, app.clock.now() - KEPT).await?;
    Ok(tx.commit().await?)
}
