//! The businesses. A system table: it holds no customer data.

use crate::{
    db::{Result, System},
    domain::{ids::TenantId, sealed::SealedDataKey},
};

/// Adds a tenant with its sealed data key and the plan that new tenants have. `created` in unix seconds.
pub async fn insert(tx: &mut impl System, id: &TenantId, name: &str, key: &SealedDataKey, created: i64) -> Result<()> {
    tx.system(
        "INSERT INTO tenants (id, name, sealed_data_key, data_key_version, created, plan_id)
         SELECT $1, $2, $3, $4, $5, default_plan_id FROM instance WHERE id = 1",
    )
    .bind(id)
    .bind(name)
    .bind(&key.sealed_data_key)
    .bind(key.data_key_version)
    .bind(created)
    .execute()
    .await?;
    Ok(())
}

/// The oldest tenant of this name.
pub async fn by_name(tx: &mut impl System, name: &str) -> Result<Option<TenantId>> {
    tx.system("SELECT id FROM tenants WHERE name = $1 ORDER BY created, id LIMIT 1")
        .bind(name)
        .fetch_optional_value()
        .await
}

/// The tenant's data key, sealed.
pub async fn data_key(tx: &mut impl System, id: &TenantId) -> Result<Option<SealedDataKey>> {
    tx.system("SELECT sealed_data_key, data_key_version FROM tenants WHERE id = $1").bind(id).fetch_optional().await
}

/// Every tenant that is not being erased, oldest first: for the worker, key rotation and the self-test.
pub async fn all(tx: &mut impl System) -> Result<Vec<TenantId>> {
    tx.system("SELECT id FROM tenants WHERE sealed_data_key <> '' ORDER BY created, id").fetch_values().await
}

/// A tenant's sealed data key with its owner.
#[derive(sqlx::FromRow)]
pub struct OwnedDataKey {
    /// The tenant.
    pub id: TenantId,
    /// Its data key.
    #[sqlx(flatten)]
    pub key: SealedDataKey,
}

/// Every tenant's data key, sealed: for the self-test at start.
pub async fn data_keys(tx: &mut impl System) -> Result<Vec<OwnedDataKey>> {
    tx.system(
        "SELECT id, sealed_data_key, data_key_version FROM tenants WHERE sealed_data_key <> '' ORDER BY created, id",
    )
    .fetch_all()
    .await
}

/// The data keys that do not begin with `prefix`, oldest tenant first: what a change of the master key has still to do.
pub async fn data_keys_other_than(tx: &mut impl System, prefix: &str, limit: i64) -> Result<Vec<OwnedDataKey>> {
    tx.system("SELECT id, sealed_data_key, data_key_version FROM tenants WHERE sealed_data_key <> '' AND substr(sealed_data_key, 1, CAST($1 AS INTEGER)) <> $2 ORDER BY created, id LIMIT $3")
        .bind(i64::try_from(prefix.len()).unwrap_or(i64::MAX))
        .bind(prefix)
        .bind(limit)
        .fetch_all()
        .await
}

/// Puts another sealed form of the same data key in the place of the one that was read; answers whether that was still there.
pub async fn replace_data_key(
    tx: &mut impl System,
    id: &TenantId,
    read: &SealedDataKey,
    resealed: &SealedDataKey,
) -> Result<bool> {
    let changed = tx
        .system("UPDATE tenants SET sealed_data_key = $3 WHERE id = $1 AND sealed_data_key = $2")
        .bind(id)
        .bind(&read.sealed_data_key)
        .bind(&resealed.sealed_data_key)
        .execute()
        .await?;
    Ok(changed > 0)
}

/// What a tenant is called.
pub async fn name(tx: &mut impl System, id: &TenantId) -> Result<Option<String>> {
    tx.system("SELECT name FROM tenants WHERE id = $1").bind(id).fetch_optional_value().await
}

/// Every tenant that is not being erased, with its name, oldest first.
pub async fn names(tx: &mut impl System) -> Result<Vec<(TenantId, String)>> {
    tx.system("SELECT id, name FROM tenants WHERE sealed_data_key <> '' ORDER BY created, id").fetch_all().await
}

/// Lets one change of a tenant's people or settings at a time decide; the others wait until its transaction ends.
pub async fn lock(tx: &mut impl System, id: &TenantId) -> Result<()> {
    let lock = tx.engine().for_update();
    tx.system(format!("SELECT id FROM tenants WHERE id = $1{lock}")).bind(id).fetch_optional_value::<String>().await?;
    Ok(())
}

/// Whether the tenant asks its people for a second factor.
pub async fn requires_two_factor(tx: &mut impl System, id: &TenantId) -> Result<bool> {
    let found = tx.system("SELECT requires_two_factor FROM tenants WHERE id = $1").bind(id);
    Ok(found.fetch_optional_value().await?.unwrap_or(false))
}

/// Decides whether the tenant asks its people for a second factor.
pub async fn require_two_factor(tx: &mut impl System, id: &TenantId, required: bool) -> Result<()> {
    tx.system("UPDATE tenants SET requires_two_factor = $2 WHERE id = $1").bind(id).bind(required).execute().await?;
    Ok(())
}

/// Destroys a tenant's data key: what it sealed opens for nobody any more, in no backup that lacks the key either.
pub async fn destroy_data_key(tx: &mut impl System, id: &TenantId) -> Result<()> {
    tx.system("UPDATE tenants SET sealed_data_key = '' WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Removes a tenant whose rows are gone.
pub async fn remove(tx: &mut impl System, id: &TenantId) -> Result<()> {
    tx.system("DELETE FROM tenants WHERE id = $1").bind(id).execute().await?;
    Ok(())
}
