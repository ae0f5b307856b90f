//! How tenants stand with whoever runs the installation: state, plan, who pays, and what is used. System tables, but for the use.

use crate::{
    db::{Result, System, Tx},
    domain::{
        ids::{PlanId, ProjectId, TenantId},
        plan::{TenantState, Usage},
    },
};

/// How a tenant stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// The tenant.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// Unix seconds.
    pub created: i64,
    /// Its plan.
    pub plan_id: PlanId,
    /// As stored, see [`Standing::state`].
    state: String,
    /// Unix seconds: since when.
    pub state_since: i64,
    /// [`by::OPERATOR`] or [`by::BILLING`]; empty before anybody decided.
    pub state_by: String,
    /// Why, for the tenant's people.
    pub state_note: String,
    /// Unix seconds: a late payer is suspended then, an ending tenant erased.
    pub due_at: Option<i64>,
    /// Our id of the customer that pays for the tenant, in the operator's project.
    pub payer_id: Option<String>,
}

/// Who decided.
pub mod by {
    /// An operator, by hand.
    pub const OPERATOR: &str = "operator";
    /// The tenant's subscription.
    pub const BILLING: &str = "billing";
}

impl Standing {
    /// The state. One that a newer version wrote is taken for suspended: what is unknown is not acted upon.
    pub fn state(&self) -> TenantState {
        TenantState::parse(&self.state).unwrap_or(TenantState::Suspended)
    }
}

/// A change of state.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The new state.
    pub state: TenantState,
    /// Unix seconds: since when.
    pub since: i64,
    /// See [`by`].
    pub by: &'a str,
    /// Why, for the tenant's people.
    pub note: &'a str,
    /// Unix seconds: when it changes by itself.
    pub due_at: Option<i64>,
}

const COLUMNS: &str =
    "SELECT id, name, created, plan_id, state, state_since, state_by, state_note, due_at, payer_id FROM tenants";

/// How one tenant stands.
pub async fn find(tx: &mut impl System, tenant: &TenantId) -> Result<Option<Standing>> {
    tx.system(format!("{COLUMNS} WHERE id = $1")).bind(tenant).fetch_optional().await
}

/// Tenants whose name contains `words`, newest first, `limit` at most, after the one that was shown last.
pub async fn list(tx: &mut impl System, words: &str, after: Option<(i64, &str)>, limit: i64) -> Result<Vec<Standing>> {
    let pattern = format!("%{}%", words.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let mut query = tx.system(format!("{COLUMNS} WHERE lower(name) LIKE $1 ESCAPE '\\'")).bind(&pattern);
    if let Some((created, id)) = after {
        query = query.push(" AND (created, id) < (").push_bind(created).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY created DESC, id DESC LIMIT ").push_bind(limit).fetch_all().await
}

/// How many tenants are in each state, as stored.
pub async fn states(tx: &mut impl System) -> Result<Vec<(String, i64)>> {
    tx.system("SELECT state, COUNT(*) FROM tenants GROUP BY state ORDER BY state").fetch_all().await
}

/// How many tenants have each plan.
pub async fn of_plans(tx: &mut impl System) -> Result<Vec<(PlanId, i64)>> {
    tx.system("SELECT plan_id, COUNT(*) FROM tenants GROUP BY plan_id").fetch_all().await
}

/// Changes a tenant's state.
pub async fn set_state(tx: &mut impl System, tenant: &TenantId, change: &Change<'_>) -> Result<()> {
    tx.system(
        "UPDATE tenants SET state = $2, state_since = $3, state_by = $4, state_note = $5, due_at = $6 WHERE id = $1",
    )
    .bind(tenant)
    .bind(change.state.as_str())
    .bind(change.since)
    .bind(change.by)
    .bind(change.note)
    .bind(change.due_at)
    .execute()
    .await?;
    Ok(())
}

/// Gives a tenant another plan.
pub async fn set_plan(tx: &mut impl System, tenant: &TenantId, plan: &PlanId) -> Result<()> {
    tx.system("UPDATE tenants SET plan_id = $2 WHERE id = $1").bind(tenant).bind(plan).execute().await?;
    Ok(())
}

/// Says which customer of the operator's project pays for a tenant; one pays for one tenant at most, a second is a conflict.
pub async fn set_payer(tx: &mut impl System, tenant: &TenantId, payer: Option<&str>) -> Result<()> {
    tx.system("UPDATE tenants SET payer_id = $2 WHERE id = $1").bind(tenant).bind(payer).execute().await?;
    Ok(())
}

/// Says which customer pays for a tenant that has none yet; answers whether it had none.
pub async fn set_first_payer(tx: &mut impl System, tenant: &TenantId, payer: &str) -> Result<bool> {
    let set = tx.system("UPDATE tenants SET payer_id = $2 WHERE id = $1 AND payer_id IS NULL").bind(tenant).bind(payer);
    Ok(set.execute().await? == 1)
}

/// A tenant that somebody should pay for, and one subscription of its payer.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Paying {
    /// The tenant.
    #[sqlx(flatten)]
    pub standing: Standing,
    /// Stripe's word for the subscription; none without one.
    pub status: Option<String>,
    /// Our id of its first price.
    pub price_id: Option<String>,
}

/// Every tenant with a payer, once per subscription of that payer, newest subscription first. `tx` is the operator's own tenant's,
/// `project` the one that bills.
pub async fn paying(tx: &mut Tx, project: &ProjectId) -> Result<Vec<Paying>> {
    tx.query(
        "SELECT t.id, t.name, t.created, t.plan_id, t.state, t.state_since, t.state_by, t.state_note, t.due_at, t.payer_id,
                s.status, s.price_id
         FROM tenants t LEFT JOIN subscriptions s ON s.tenant_id = $1 AND s.project_id = $2 AND s.customer_id = t.payer_id
         WHERE t.payer_id IS NOT NULL ORDER BY t.id, s.created DESC, s.id DESC",
    )
    .bind(project)
    .fetch_all()
    .await
}

/// What a tenant uses; `month` is the unix second at which this month began.
pub async fn usage(tx: &mut Tx, month: i64) -> Result<Usage> {
    let (api_calls, seats, invited, projects, customers): (i64, i64, i64, i64, i64) = tx
        .query(
            "SELECT COALESCE((SELECT calls FROM api_usage WHERE tenant_id = $1 AND month = $2), 0),
                    (SELECT COUNT(*) FROM members WHERE tenant_id = $1),
                    (SELECT COUNT(*) FROM invitations WHERE tenant_id = $1),
                    (SELECT COUNT(*) FROM projects WHERE tenant_id = $1),
                    CAST(COALESCE((SELECT SUM(n) FROM counts WHERE tenant_id = $1 AND kind = 'customer' AND status <> 'deleted'), 0) AS BIGINT)",
        )
        .bind(month)
        .fetch_one()
        .await?;
    Ok(Usage { api_calls, seats: seats + invited, projects, customers })
}

/// Adds to the calls of a month.
pub async fn count_calls(tx: &mut Tx, month: i64, calls: i64) -> Result<()> {
    tx.query(
        "INSERT INTO api_usage (tenant_id, month, calls) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, month) DO UPDATE SET calls = api_usage.calls + excluded.calls",
    )
    .bind(month)
    .bind(calls)
    .execute()
    .await?;
    Ok(())
}

/// How much of a tenant there is, and how it gets on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Load {
    /// Mirrored objects of all kinds.
    pub objects: i64,
    /// Unix seconds: when Stripe was last heard of.
    pub last_event_at: Option<i64>,
    /// Events that wait to be applied or tried again.
    pub waiting: i64,
    /// Events that were given up.
    pub dead: i64,
}

/// How much of the transaction's tenant there is.
pub async fn load(tx: &mut Tx) -> Result<Load> {
    tx.query(
        "SELECT CAST(COALESCE((SELECT SUM(n) FROM counts WHERE tenant_id = $1 AND kind <> 'event'), 0) AS BIGINT) AS objects,
                (SELECT MAX(last_event_at) FROM connections WHERE tenant_id = $1) AS last_event_at,
                (SELECT COUNT(*) FROM inbox WHERE tenant_id = $1 AND state <> 'dead') AS waiting,
                (SELECT COUNT(*) FROM inbox WHERE tenant_id = $1 AND state = 'dead') AS dead",
    )
    .fetch_one()
    .await
}
