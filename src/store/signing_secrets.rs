//! The secrets that Stripe signs a project's deliveries with, sealed. While one is rolled, the old and the new one are live.

use crate::{
    db::{Result, Tx},
    domain::ids::{ProjectId, SecretId},
};

/// A sealed signing secret.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SigningSecret {
    /// Our id.
    pub id: SecretId,
    /// The secret, sealed for `signing_secrets.<id>` and this version.
    pub sealed: String,
    /// Part of what the seal is bound to.
    pub version: i64,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds from which it no longer counts; `None`: until it is removed.
    pub expires_at: Option<i64>,
}

/// What a secret's seal is bound to, see [`crate::vault::Place`].
pub fn field(id: &SecretId) -> String {
    format!("signing_secrets.{id}")
}

/// Adds a secret.
pub async fn insert(tx: &mut Tx, project: &ProjectId, secret: &SigningSecret) -> Result<()> {
    tx.query(
        "INSERT INTO signing_secrets (tenant_id, project_id, id, sealed, version, created, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(project)
    .bind(&secret.id)
    .bind(&secret.sealed)
    .bind(secret.version)
    .bind(secret.created)
    .bind(secret.expires_at)
    .execute()
    .await?;
    Ok(())
}

/// The secrets that count at `now`, newest first.
pub async fn live(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<Vec<SigningSecret>> {
    tx.query(
        "SELECT id, sealed, version, created, expires_at FROM signing_secrets
         WHERE tenant_id = $1 AND project_id = $2 AND (expires_at IS NULL OR expires_at > $3)
         ORDER BY created DESC, id DESC",
    )
    .bind(project)
    .bind(now)
    .fetch_all()
    .await
}

/// Lets every secret that has no end yet count until `expires_at`, unix seconds.
pub async fn expire_all(tx: &mut Tx, project: &ProjectId, expires_at: i64) -> Result<()> {
    tx.query(
        "UPDATE signing_secrets SET expires_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND expires_at IS NULL",
    )
    .bind(project)
    .bind(expires_at)
    .execute()
    .await?;
    Ok(())
}

/// Removes one secret. Answers whether it was there.
pub async fn delete(tx: &mut Tx, project: &ProjectId, id: &SecretId) -> Result<bool> {
    let removed = tx
        .query("DELETE FROM signing_secrets WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(project)
        .bind(id)
        .execute()
        .await?;
    Ok(removed == 1)
}

/// Removes every secret of the project.
pub async fn delete_all(tx: &mut Tx, project: &ProjectId) -> Result<()> {
    tx.query("DELETE FROM signing_secrets WHERE tenant_id = $1 AND project_id = $2").bind(project).execute().await?;
    Ok(())
}
