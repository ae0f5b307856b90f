//! After the database was put back from a backup: what was true then and may not be true any more is ended, looked at again, or
//! copied anew from Stripe.

use serde_json::json;

use super::Result;
use crate::{
    app::{App, By, audit::Note},
    db::Tx,
    domain::{
        ids::{ProjectId, TenantId},
        job::JobKind,
    },
    store::{
        connections::{self, Connection},
        invitations, jobs, outbox, password_resets, portal_links, portal_sessions, projects, sessions, sync_runs,
        tenants,
    },
    vault::new_id,
};

/// Who acts, in the audit log.
const ACTOR: &str = "restore";

/// What was ended, and what is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Sessions of people and visits to the portal that were ended.
    pub sessions: u64,
    /// Invitations, portal links and links to a new password that were withdrawn.
    pub links: u64,
    /// Writes that waited for Stripe.
    pub writes: u64,
    /// Connections that are copied anew.
    pub connections: u64,
}

/// Settles everything. Nobody else may work with the database meanwhile.
///
/// A link works once, and the backup cannot know whether it was used since. A write that waited may have been sent since: billfold asks
/// Stripe under its key, or looks, before it does anything. Doing this twice does no harm.
pub async fn settle(app: &App) -> Result<Settled> {
    let now = app.clock.now();
    let mut tx = app.db.system_write().await?;
    let mut settled = Settled {
        sessions: sessions::delete_all(&mut tx).await? + portal_sessions::delete_all(&mut tx).await?,
        links: invitations::remove_all(&mut tx).await?
            + portal_links::revoke_everywhere(&mut tx, now).await?
            + password_resets::delete_all(&mut tx).await?,
        ..Settled::default()
    };
    jobs::release_of_all(&mut tx).await?;
    let all = tenants::all(&mut tx).await?;
    tx.commit().await?;
    for tenant in all {
        let (writes, connections) = settle_tenant(app, &tenant, now).await?;
        settled.writes += writes;
        settled.connections += connections;
    }
    Ok(settled)
}

async fn settle_tenant(app: &App, tenant: &TenantId, now: i64) -> Result<(u64, u64)> {
    let (mut writes, mut copied) = (0, 0);
    let mut tx = app.db.write(tenant).await?;
    for project in projects::list(&mut tx).await? {
        let waiting = outbox::mark_restored(&mut tx, &project.id, now).await?;
        writes += waiting;
        let connection = connections::find(&mut tx, &project.id).await?.filter(Connection::is_live);
        if connection.is_some() {
            copy_anew(&mut tx, &project.id, now).await?;
            copied += 1;
        }
    }
    let detail = json!({ "writes": writes, "connections": copied });
    let note = Note { project: None, action: "database.restored", target: tenant.as_str(), detail: &detail };
    app.audit(&mut tx, &By::part(ACTOR), note).await?;
    tx.commit().await?;
    Ok((writes, copied))
}

/// Everything that keeps the mirror exact runs at once, beginning with a copy of the whole account.
async fn copy_anew(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<()> {
    sync_runs::stop(tx, project, now).await?;
    sync_runs::start(tx, project, &new_id(), ACTOR, now).await?;
    let tenant = tx.tenant().clone();
    for kind in JobKind::BY_KEY {
        jobs::wake(tx, kind, &tenant, project, now).await?;
    }
    Ok(())
}
