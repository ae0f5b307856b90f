//! Which project a webhook URL belongs to. A system table: it is read before the tenant is known.

use crate::{
    db::{Result, System},
    domain::ids::{ProjectId, TenantId},
};

/// Where a token leads.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Route {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The project.
    pub project_id: ProjectId,
}

/// Adds the route of a token, given by its hash. `now` in unix seconds.
pub async fn insert(
    tx: &mut impl System,
    token_hash: &str,
    (tenant, project): (&TenantId, &ProjectId),
    now: i64,
) -> Result<()> {
    tx.system("INSERT INTO webhook_routes (token_hash, tenant_id, project_id, created) VALUES ($1, $2, $3, $4)")
        .bind(token_hash)
        .bind(tenant)
        .bind(project)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Lets a token lead nowhere from `expires_at` on, unix seconds.
pub async fn expire(tx: &mut impl System, token_hash: &str, expires_at: i64) -> Result<()> {
    tx.system("UPDATE webhook_routes SET expires_at = $2 WHERE token_hash = $1")
        .bind(token_hash)
        .bind(expires_at)
        .execute()
        .await?;
    Ok(())
}

/// Makes one token lead to a project for good, and the others that do so far only until `expires_at`, unix seconds.
pub async fn expire_others(
    tx: &mut impl System,
    token_hash: &str,
    (tenant, project): (&TenantId, &ProjectId),
    expires_at: i64,
) -> Result<()> {
    tx.system(
        "UPDATE webhook_routes SET expires_at = CASE WHEN token_hash = $1 THEN NULL ELSE CAST($4 AS BIGINT) END
         WHERE tenant_id = $2 AND project_id = $3 AND (token_hash = $1 OR expires_at IS NULL)",
    )
    .bind(token_hash)
    .bind(tenant)
    .bind(project)
    .bind(expires_at)
    .execute()
    .await?;
    Ok(())
}

/// Where a token leads at `now`.
pub async fn find(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<Route>> {
    tx.system(
        "SELECT tenant_id, project_id FROM webhook_routes
         WHERE token_hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(token_hash)
    .bind(now)
    .fetch_optional()
    .await
}

/// Removes every route of a project: its URLs answer 404 from then on.
pub async fn delete_all(tx: &mut impl System, tenant: &TenantId, project: &ProjectId) -> Result<()> {
    tx.system("DELETE FROM webhook_routes WHERE tenant_id = $1 AND project_id = $2")
        .bind(tenant)
        .bind(project)
        .execute()
        .await?;
    Ok(())
}
