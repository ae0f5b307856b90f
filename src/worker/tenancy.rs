//! The jobs about tenants as a whole: who has paid, and who is to be erased.

use crate::{
    accounts::{self, erasure, standings},
    app::{App, By, Scope, Stopped},
    db,
    domain::job::{JobKind, NEVER},
    store::{
        connections, instance,
        jobs::{self, Claim},
        projects,
    },
};

/// Who acts, in the audit log.
const ACTOR: &str = "erasure";

/// After something of Stripe's was mirrored: where that may be a tenant's payment, the standings are worked out again.
pub(super) async fn follow_payments(app: &App, claim: &Claim) -> db::Result<()> {
    let mut tx = app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    drop(tx);
    if business.billing() != Some((&claim.tenant_id, &claim.project_id)) {
        return Ok(());
    }
    let mut tx = app.db.system_write_relaxed().await?;
    jobs::wake(&mut tx, JobKind::Standings, &claim.tenant_id, &claim.project_id, app.clock.now()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(())
}

/// Lets payments decide; the next run is when the next tenant's days of grace are over.
pub(super) async fn run_standings(app: &App) -> Result<i64, Stopped> {
    Ok(standings::settle(app).await.map_err(stopped)?.unwrap_or(NEVER))
}

/// Erases the tenant, when it is time.
pub(super) async fn run_erase(app: &App, claim: &Claim) -> Result<i64, Stopped> {
    match erasure::due(app, &claim.tenant_id).await.map_err(stopped)? {
        erasure::Due::No => return Ok(NEVER),
        erasure::Due::At(at) => return Ok(at),
        erasure::Due::Now => {}
    }
    disconnect_all(app, claim).await?;
    erasure::erase(app, &claim.tenant_id).await.map_err(stopped)?;
    tracing::info!(tenant.id = %claim.tenant_id, "a tenant was erased");
    Ok(NEVER)
}

/// Takes billfold's endpoints away at Stripe while the keys still open. One that stays does no harm: its deliveries get 404.
async fn disconnect_all(app: &App, claim: &Claim) -> db::Result<()> {
    let mut tx = app.db.read(&claim.tenant_id).await?;
    let projects = projects::list(&mut tx).await?;
    drop(tx);
    let live = |state: Option<&str>| state.is_some_and(|state| state != connections::state::DISCONNECTED);
    for project in projects.into_iter().filter(|project| live(project.connection_state.as_deref())) {
        let scope = Scope {
            app: app.clone(),
            tenant: claim.tenant_id.clone(),
            project: project.id.clone(),
            by: By::part(ACTOR),
        };
        if let Err(error) = scope.disconnect(&project.name, &project.name).await {
            tracing::warn!(project.id = %project.id, %error, "a project of a tenant that ends could not be disconnected");
        }
    }
    Ok(())
}

fn stopped(error: accounts::Error) -> Stopped {
    match error {
        accounts::Error::Db(error) => Stopped::Db(error),
        other => Stopped::Db(db::Error::Refused(other.to_string())),
    }
}
