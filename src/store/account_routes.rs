//! Which project a Stripe account and mode belongs to: one at most. A system table, because the rule spans tenants.

use crate::{
    db::{Result, System},
    domain::ids::{ProjectId, TenantId},
};

/// The project that holds an account and mode.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Holder {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The project.
    pub project_id: ProjectId,
}

/// Claims an account and mode for a project. Answers whether the project holds it now: not when another one did before.
pub async fn claim(
    tx: &mut impl System,
    (account, livemode): (&str, bool),
    (tenant, project): (&TenantId, &ProjectId),
) -> Result<bool> {
    tx.system(
        "INSERT INTO account_routes (account_id, livemode, tenant_id, project_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, livemode) DO NOTHING",
    )
    .bind(account)
    .bind(livemode)
    .bind(tenant)
    .bind(project)
    .execute()
    .await?;
    let holder = find(tx, account, livemode).await?;
    Ok(holder.is_some_and(|holder| holder.tenant_id == *tenant && holder.project_id == *project))
}

/// Who holds an account and mode.
pub async fn find(tx: &mut impl System, account: &str, livemode: bool) -> Result<Option<Holder>> {
    tx.system("SELECT tenant_id, project_id FROM account_routes WHERE account_id = $1 AND livemode = $2")
        .bind(account)
        .bind(livemode)
        .fetch_optional()
        .await
}

/// Gives a project's account back, so that any project may connect it.
pub async fn release(tx: &mut impl System, tenant: &TenantId, project: &ProjectId) -> Result<()> {
    tx.system("DELETE FROM account_routes WHERE tenant_id = $1 AND project_id = $2")
        .bind(tenant)
        .bind(project)
        .execute()
        .await?;
    Ok(())
}
