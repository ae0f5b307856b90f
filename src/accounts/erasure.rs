//! The end of a tenant: its data key is destroyed first, so that nothing sealed opens any more, then its rows go, a part at a time.
//! It may be broken off anywhere and goes on where it was.

use serde_json::json;

use super::{Result, operators::note};
use crate::{
    app::{App, By},
    domain::{ids::TenantId, plan::TenantState},
    store::{
        erasure, jobs,
        standings::{self, Change, by},
        tenants,
    },
};

/// Rows of a table per transaction: the other tenants do not notice.
const PART: i64 = 2_000;

/// Where a deletion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It was called off, or there is no such tenant.
    No,
    /// At this unix second.
    At(i64),
    /// Now.
    Now,
}

/// Whether a tenant is to be erased.
pub async fn due(app: &App, tenant: &TenantId) -> Result<Due> {
    let mut tx = app.db.system_read().await?;
    let Some(standing) = standings::find(&mut tx, tenant).await? else { return Ok(Due::No) };
    Ok(match (standing.state(), standing.due_at) {
        (TenantState::Ending, Some(at)) if at > app.clock.now() => Due::At(at),
        (TenantState::Ending | TenantState::Erasing, _) => Due::Now,
        _ => Due::No,
    })
}

/// Erases a tenant for good.
pub async fn erase(app: &App, tenant: &TenantId) -> Result<()> {
    destroy_key(app, tenant).await?;
    // a delivery that was under way may have left something behind the first pass
    while remove_all(app, tenant).await? > 0 {}
    let mut tx = app.db.write(tenant).await?;
    note(app, &mut tx, &By::part("erasure"), ("tenant.erased", tenant.as_str()), &json!({})).await?;
    jobs::remove_all(&mut tx, tenant).await?;
    tenants::remove(&mut tx, tenant).await?;
    tx.commit().await?;
    app.standings.forget(tenant).await;
    Ok(())
}

/// One pass over the tables; answers how many rows went.
async fn remove_all(app: &App, tenant: &TenantId) -> Result<u64> {
    let mut all = 0;
    for table in erasure::TABLES {
        loop {
            let mut tx = app.db.write_relaxed(tenant).await?;
            let removed = erasure::remove(&mut tx, table, PART).await?;
            tx.commit().await?;
            all += removed;
            if removed == 0 {
                break;
            }
        }
    }
    Ok(all)
}

async fn destroy_key(app: &App, tenant: &TenantId) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    let change =
        Change { state: TenantState::Erasing, since: app.clock.now(), by: by::OPERATOR, note: "", due_at: None };
    standings::set_state(&mut tx, tenant, &change).await?;
    tenants::destroy_data_key(&mut tx, tenant).await?;
    tx.commit().await?;
    app.standings.forget(tenant).await;
    Ok(())
}
