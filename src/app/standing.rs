//! How a tenant stands, what its plan allows and what it uses: asked for by each request, so it is remembered for a moment.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use super::App;
use crate::{
    db,
    domain::{
        ids::TenantId,
        plan::{Closeness, Meter, Plan, Usage, closeness},
        time,
    },
    store::{plans, standings},
};

/// How long it is remembered: a payment counts within this time in every process.
const KEPT: Duration = Duration::from_secs(2);
/// Tenants remembered at once.
const MOST: u64 = 10_000;

/// A tenant as the checks of plan and state see it.
#[derive(Clone, Debug)]
pub struct TenantStanding {
    /// State, payer and name.
    pub standing: standings::Standing,
    /// What it may use.
    pub plan: Plan,
    /// What it uses.
    pub usage: Usage,
}

impl TenantStanding {
    /// How close the tenant is to a limit of its plan.
    pub fn closeness(&self, meter: Meter) -> Closeness {
        closeness(self.usage.of(meter), self.plan.limit(meter))
    }
}

/// The tenants that were asked for a moment ago. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Standings(Cache<TenantId, Arc<TenantStanding>>);

impl Default for Standings {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

impl Standings {
    /// Forgets a tenant's, because it changed.
    pub async fn forget(&self, tenant: &TenantId) {
        self.0.invalidate(tenant).await;
    }

    /// Forgets every tenant's, because a plan changed.
    pub fn forget_all(&self) {
        self.0.invalidate_all();
    }
}

impl App {
    /// How a tenant stands, up to two seconds ago; none when there is no such tenant.
    pub async fn standing(&self, tenant: &TenantId) -> db::Result<Option<Arc<TenantStanding>>> {
        if let Some(known) = self.standings.0.get(tenant).await {
            return Ok(Some(known));
        }
        let Some(read) = self.fresh_standing(tenant).await? else { return Ok(None) };
        let read = Arc::new(read);
        self.standings.0.insert(tenant.clone(), read.clone()).await;
        Ok(Some(read))
    }

    /// How a tenant stands at this moment.
    pub async fn fresh_standing(&self, tenant: &TenantId) -> db::Result<Option<TenantStanding>> {
        let mut tx = self.db.read(tenant).await?;
        let Some(standing) = standings::find(&mut tx, tenant).await? else { return Ok(None) };
        let plan = plans::find(&mut tx, &standing.plan_id).await?.unwrap_or_else(|| Plan::unlimited(&standing.plan_id));
        let usage = standings::usage(&mut tx, time::month_start(self.clock.now())).await?;
        Ok(Some(TenantStanding { standing, plan, usage }))
    }
}
