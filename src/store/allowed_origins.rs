//! Where a project lets people be sent after Checkout or the portal.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// An allowed origin.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AllowedOrigin {
    /// Scheme, host and port, such as `https://shop.example`.
    pub origin: String,
    /// Unix seconds.
    pub created: i64,
    /// A user's id.
    pub created_by: String,
}

/// The origins of a project, in the order of the alphabet.
pub async fn list(tx: &mut Tx, project: &ProjectId) -> Result<Vec<AllowedOrigin>> {
    tx.query("SELECT origin, created, created_by FROM allowed_origins WHERE tenant_id = $1 AND project_id = $2 ORDER BY origin")
        .bind(project)
        .fetch_all()
        .await
}

/// Adds an origin; answers whether it is new.
pub async fn insert(tx: &mut Tx, project: &ProjectId, added: &AllowedOrigin) -> Result<bool> {
    let inserted = tx
        .query(
            "INSERT INTO allowed_origins (tenant_id, project_id, origin, created, created_by) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, project_id, origin) DO NOTHING",
        )
        .bind(project)
        .bind(&added.origin)
        .bind(added.created)
        .bind(&added.created_by)
        .execute()
        .await?;
    Ok(inserted == 1)
}

/// Removes an origin; answers whether it was there.
pub async fn delete(tx: &mut Tx, project: &ProjectId, origin: &str) -> Result<bool> {
    let deleted = tx
        .query("DELETE FROM allowed_origins WHERE tenant_id = $1 AND project_id = $2 AND origin = $3")
        .bind(project)
        .bind(origin)
        .execute()
        .await?;
    Ok(deleted == 1)
}
