//! The last refused deliveries of a project, so that a tenant sees why nothing arrives.

use crate::{
    db::{Result, Tx},
    domain::ids::{ProjectId, RefusalId},
};

/// How many are kept per project.
const KEPT: i64 = 100;

/// A refused delivery.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Refusal {
    /// Its id.
    pub id: RefusalId,
    /// Unix seconds.
    pub at: i64,
    /// The code that was answered, such as `signature_invalid`.
    pub reason: String,
    /// The sender's address.
    pub remote: String,
    /// Size of the body.
    pub bytes: i64,
}

/// Keeps a refusal and drops what is older than the last hundred.
pub async fn insert(tx: &mut Tx, project: &ProjectId, refusal: &Refusal) -> Result<()> {
    tx.query("INSERT INTO webhook_refusals (tenant_id, project_id, id, at, reason, remote, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(project)
        .bind(&refusal.id)
        .bind(refusal.at)
        .bind(&refusal.reason)
        .bind(&refusal.remote)
        .bind(refusal.bytes)
        .execute()
        .await?;
    tx.query(
        "DELETE FROM webhook_refusals WHERE tenant_id = $1 AND project_id = $2 AND id NOT IN (
           SELECT id FROM webhook_refusals WHERE tenant_id = $1 AND project_id = $2 ORDER BY at DESC, id DESC LIMIT $3)",
    )
    .bind(project)
    .bind(KEPT)
    .execute()
    .await?;
    Ok(())
}

/// The last refusals, newest first.
pub async fn list(tx: &mut Tx, project: &ProjectId) -> Result<Vec<Refusal>> {
    tx.query("SELECT id, at, reason, remote, bytes FROM webhook_refusals WHERE tenant_id = $1 AND project_id = $2 ORDER BY at DESC, id DESC LIMIT $3")
        .bind(project)
        .bind(KEPT)
        .fetch_all()
        .await
}
