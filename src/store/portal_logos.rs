//! The logos of portals. A system table: a logo is public, and its address is its hash.

use crate::{
    db::{Result, System},
    domain::ids::{ProjectId, TenantId},
};

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Logo {
    /// Such as `image/png`.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Replaces a project's logo. `hash` is the SHA-256 of its bytes, hex.
pub async fn put(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    hash: &str,
    logo: &Logo,
) -> Result<()> {
    tx.system(
        "INSERT INTO portal_logos (tenant_id, project_id, hash, media_type, bytes) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET hash = excluded.hash, media_type = excluded.media_type,
           bytes = excluded.bytes",
    )
    .bind(tenant)
    .bind(project)
    .bind(hash)
    .bind(&logo.media_type)
    .bind(&logo.bytes)
    .execute()
    .await?;
    Ok(())
}

/// Removes a project's logo; answers whether there was one.
pub async fn delete(tx: &mut impl System, (tenant, project): (&TenantId, &ProjectId)) -> Result<bool> {
    let deleted = tx
        .system("DELETE FROM portal_logos WHERE tenant_id = $1 AND project_id = $2")
        .bind(tenant)
        .bind(project)
        .execute()
        .await?;
    Ok(deleted == 1)
}

/// The hash of a project's logo.
pub async fn hash_of(tx: &mut impl System, (tenant, project): (&TenantId, &ProjectId)) -> Result<Option<String>> {
    tx.system("SELECT hash FROM portal_logos WHERE tenant_id = $1 AND project_id = $2")
        .bind(tenant)
        .bind(project)
        .fetch_optional_value()
        .await
}

/// The logo with a hash.
pub async fn by_hash(tx: &mut impl System, hash: &str) -> Result<Option<Logo>> {
    tx.system("SELECT media_type, bytes FROM portal_logos WHERE hash = $1 LIMIT 1").bind(hash).fetch_optional().await
}
