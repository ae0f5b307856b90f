//! The keys of the REST API. A system table: a key is looked up by its hash before its tenant is known. Everything that a
//! person does with keys names the tenant and the project.

use crate::{
    db::{Result, System},
    domain::ids::{KeyId, ProjectId, TenantId},
};

/// A key as people see it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    /// Our id.
    pub id: KeyId,
    /// `bs_1a2b…c3d4`
    pub shown: String,
    /// What people call it.
    pub name: String,
    /// See [`crate::domain::api_key::ApiScopes::from_stored`].
    pub scopes: String,
    /// Unix seconds.
    pub created: i64,
    /// A user's id, or the name of the part of billfold that acted.
    pub created_by: String,
    /// The e-mail address of that user.
    pub created_by_email: Option<String>,
    /// Unix seconds: from here on it does not work.
    pub expires_at: i64,
    /// Unix seconds: ended by a person.
    pub revoked_at: Option<i64>,
    /// The key it was rolled from.
    pub replaces: Option<KeyId>,
    /// The key it was rolled to.
    pub replaced_by: Option<KeyId>,
    /// Unix seconds, to the minute.
    pub last_used_at: Option<i64>,
    /// The address that used it then.
    pub last_used_from: Option<String>,
}

impl ApiKey {
    /// Whether it works at `now` (unix seconds).
    pub fn works(&self, now: i64) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// What a request needs to know of its key.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Grant {
    /// Our id.
    pub id: KeyId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Which project's.
    pub project_id: ProjectId,
    /// As stored.
    pub scopes: String,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// Our id.
    pub id: &'a KeyId,
    /// SHA-256 of the key.
    pub hash: &'a str,
    /// Whose.
    pub tenant: &'a TenantId,
    /// Which project's.
    pub project: &'a ProjectId,
    /// `bs_1a2b…c3d4`
    pub shown: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// As stored.
    pub scopes: &'a str,
    /// Unix seconds.
    pub created: i64,
    /// A user's id, or the name of the part of billfold that acted.
    pub created_by: &'a str,
    /// Unix seconds.
    pub expires_at: i64,
    /// The key it is rolled from.
    pub replaces: Option<&'a KeyId>,
}

const SELECT: &str = "SELECT k.id, k.shown, k.name, k.scopes, k.created, k.created_by, u.email AS created_by_email, k.expires_at, \
    k.revoked_at, k.replaces, k.replaced_by, k.last_used_at, k.last_used_from \
    FROM api_keys k LEFT JOIN users u ON u.id = k.created_by WHERE k.tenant_id = $1 AND k.project_id = $2";

/// The key with this hash, unless it was revoked.
pub async fn by_hash(tx: &mut impl System, hash: &str) -> Result<Option<Grant>> {
    tx.system(
        "SELECT id, tenant_id, project_id, scopes, expires_at FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL",
    )
    .bind(hash)
    .fetch_optional()
    .await
}

/// The keys of a project, newest first: those that work, and those that ended after `since` (unix seconds).
pub async fn list(tx: &mut impl System, tenant: &TenantId, project: &ProjectId, since: i64) -> Result<Vec<ApiKey>> {
    tx.system(SELECT)
        .bind(tenant)
        .bind(project)
        .push(" AND k.expires_at > ")
        .push_bind(since)
        .push(" AND (k.revoked_at IS NULL OR k.revoked_at > ")
        .push_bind(since)
        .push(") ORDER BY k.created DESC, k.id DESC LIMIT 500")
        .fetch_all()
        .await
}

/// Ids, names and projects of a tenant's keys with these ids, ended ones too.
pub async fn names<'a>(
    tx: &mut impl System,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, String, String)>> {
    tx.system("SELECT id, name, project_id FROM api_keys WHERE tenant_id = $1 AND id")
        .bind(tenant)
        .push_in(ids)
        .fetch_all()
        .await
}

/// One key of a project.
pub async fn find(tx: &mut impl System, tenant: &TenantId, project: &ProjectId, id: &KeyId) -> Result<Option<ApiKey>> {
    tx.system(SELECT).bind(tenant).bind(project).push(" AND k.id = ").push_bind(id).fetch_optional().await
}

/// The project that a key of a tenant belongs to: for the command line, which names no project.
pub async fn project_of(tx: &mut impl System, id: &KeyId) -> Result<Option<(TenantId, ProjectId)>> {
    tx.system("SELECT tenant_id, project_id FROM api_keys WHERE id = $1").bind(id).fetch_optional().await
}

/// How many keys of a tenant work at `now` and were not rolled. Holds the tenant's row until the end of the transaction, so
/// that two at once cannot both be the last one.
pub async fn count_working(tx: &mut impl System, tenant: &TenantId, now: i64) -> Result<i64> {
    let lock = tx.engine().for_update();
    tx.system("SELECT id FROM tenants WHERE id = $1").bind(tenant).push(lock).fetch_optional_value::<String>().await?;
    tx.system(
        "SELECT COUNT(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND replaced_by IS NULL",
    )
    .bind(tenant)
    .bind(now)
    .fetch_value()
    .await
}

/// Adds a key.
pub async fn insert(tx: &mut impl System, key: &NewKey<'_>) -> Result<()> {
    tx.system(
        "INSERT INTO api_keys (id, key_hash, tenant_id, project_id, shown, name, scopes, created, created_by, expires_at, replaces)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(key.id)
    .bind(key.hash)
    .bind(key.tenant)
    .bind(key.project)
    .bind(key.shown)
    .bind(key.name)
    .bind(key.scopes)
    .bind(key.created)
    .bind(key.created_by)
    .bind(key.expires_at)
    .bind(key.replaces)
    .execute()
    .await?;
    Ok(())
}

/// Ends a key that works. Answers its hash; none when it had ended.
pub async fn revoke(
    tx: &mut impl System,
    tenant: &TenantId,
    project: &ProjectId,
    id: &KeyId,
    now: i64,
) -> Result<Option<String>> {
    tx.system(
        "UPDATE api_keys SET revoked_at = $4
         WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND revoked_at IS NULL AND expires_at > $4 RETURNING key_hash",
    )
    .bind(tenant)
    .bind(project)
    .bind(id)
    .bind(now)
    .fetch_optional_value()
    .await
}

/// Notes the successor of a key that works and was not rolled before, and when it ends: never later than it would have.
/// Answers its hash; none when it was too late for that.
pub async fn replace(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    (old, new): (&KeyId, &KeyId),
    ends_at: i64,
    now: i64,
) -> Result<Option<String>> {
    tx.system(
        "UPDATE api_keys SET replaced_by = $4, expires_at = CASE WHEN expires_at < $5 THEN expires_at ELSE $5 END
         WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND revoked_at IS NULL AND expires_at > $6 AND replaced_by IS NULL
         RETURNING key_hash",
    )
    .bind(tenant)
    .bind(project)
    .bind(old)
    .bind(new)
    .bind(ends_at)
    .bind(now)
    .fetch_optional_value()
    .await
}

/// Notes a use, unless one was noted after `unless_since`. Times in unix seconds.
pub async fn touch(tx: &mut impl System, id: &KeyId, now: i64, from: &str, unless_since: i64) -> Result<()> {
    tx.system(
        "UPDATE api_keys SET last_used_at = $2, last_used_from = $3
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $4)",
    )
    .bind(id)
    .bind(now)
    .bind(from)
    .bind(unless_since)
    .execute()
    .await?;
    Ok(())
}
