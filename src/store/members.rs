//! Who belongs to which tenant, in which role. A system table.

use crate::{
    db::{Result, System},
    domain::ids::{TenantId, UserId},
};

/// A tenant of a person.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Membership {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The role's stored name, see [`crate::domain::role::Role::parse`].
    pub role: String,
    /// Whether the tenant asks its people for a second factor.
    pub requires_two_factor: bool,
}

/// Somebody in a tenant, as its people see them.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    /// The person.
    pub user_id: UserId,
    /// The e-mail address.
    pub email: String,
    /// What the person is called; may be empty.
    pub name: String,
    /// The role's stored name.
    pub role: String,
    /// Unix seconds: since when the person belongs to the tenant.
    pub created: i64,
    /// Unix seconds: since when the person may not come in, to this tenant or to any.
    pub disabled_at: Option<i64>,
    /// Unix seconds.
    pub last_login_at: Option<i64>,
    /// Unix seconds: since when a second factor is asked for.
    pub two_factor_at: Option<i64>,
}

const MEMBER: &str = "SELECT m.user_id, u.email, u.name, m.role, m.created,
    COALESCE(m.disabled_at, u.disabled_at) AS disabled_at, u.last_login_at, u.two_factor_at
    FROM members m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1";

/// Everybody in a tenant, by e-mail address.
pub async fn list(tx: &mut impl System, tenant: &TenantId) -> Result<Vec<Member>> {
    tx.system(format!("{MEMBER} ORDER BY u.email")).bind(tenant).fetch_all().await
}

/// One member of a tenant.
pub async fn find(tx: &mut impl System, tenant: &TenantId, user: &UserId) -> Result<Option<Member>> {
    tx.system(format!("{MEMBER} AND m.user_id = $2")).bind(tenant).bind(user).fetch_optional().await
}

/// The member of a tenant with this normalised e-mail address.
pub async fn by_email(tx: &mut impl System, tenant: &TenantId, email: &str) -> Result<Option<Member>> {
    tx.system(format!("{MEMBER} AND u.email = $2")).bind(tenant).bind(email).fetch_optional().await
}

/// How many owners could act for a tenant now. Ask it after [`super::tenants::lock`] when the answer decides about a change.
pub async fn count_owners(tx: &mut impl System, tenant: &TenantId) -> Result<i64> {
    tx.system(
        "SELECT COUNT(*) FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.tenant_id = $1 AND m.role = 'owner' AND m.disabled_at IS NULL AND u.disabled_at IS NULL",
    )
    .bind(tenant)
    .fetch_value()
    .await
}

/// Gives a member another role. `role` is a stored name.
pub async fn set_role(tx: &mut impl System, tenant: &TenantId, user: &UserId, role: &str) -> Result<()> {
    tx.system("UPDATE members SET role = $3 WHERE tenant_id = $1 AND user_id = $2")
        .bind(tenant)
        .bind(user)
        .bind(role)
        .execute()
        .await?;
    Ok(())
}

/// Shuts a member out of a tenant since `at` (unix seconds), or lets the member in again.
pub async fn set_disabled(tx: &mut impl System, tenant: &TenantId, user: &UserId, at: Option<i64>) -> Result<()> {
    tx.system("UPDATE members SET disabled_at = $3 WHERE tenant_id = $1 AND user_id = $2")
        .bind(tenant)
        .bind(user)
        .bind(at)
        .execute()
        .await?;
    Ok(())
}

/// Takes a person out of a tenant.
pub async fn remove(tx: &mut impl System, tenant: &TenantId, user: &UserId) -> Result<()> {
    tx.system("DELETE FROM members WHERE tenant_id = $1 AND user_id = $2").bind(tenant).bind(user).execute().await?;
    Ok(())
}

/// Makes a person a member, unless the person is one already; answers whether it did.
pub async fn join(tx: &mut impl System, tenant: &TenantId, user: &UserId, role: &str, created: i64) -> Result<bool> {
    let added = tx
        .system(
            "INSERT INTO members (tenant_id, user_id, role, created) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, user_id) DO NOTHING",
        )
        .bind(tenant)
        .bind(user)
        .bind(role)
        .bind(created)
        .execute()
        .await?;
    Ok(added == 1)
}

/// Makes a person a member. `role` is a stored name; `created` in unix seconds.
pub async fn insert(tx: &mut impl System, tenant: &TenantId, user: &UserId, role: &str, created: i64) -> Result<()> {
    tx.system("INSERT INTO members (tenant_id, user_id, role, created) VALUES ($1, $2, $3, $4)")
        .bind(tenant)
        .bind(user)
        .bind(role)
        .bind(created)
        .execute()
        .await?;
    Ok(())
}

/// The e-mail addresses of those who answer for a tenant: its owners, and one member more. Nobody who is disabled.
pub async fn to_tell(tx: &mut impl System, tenant: &TenantId, also: &str) -> Result<Vec<String>> {
    tx.system(
        "SELECT u.email FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.tenant_id = $1 AND m.disabled_at IS NULL AND u.disabled_at IS NULL AND (m.role = 'owner' OR u.id = $2) ORDER BY u.email",
    )
    .bind(tenant)
    .bind(also)
    .fetch_values()
    .await
}

/// Every tenant that a person may enter, by name.
pub async fn of_user(tx: &mut impl System, user: &UserId) -> Result<Vec<Membership>> {
    tx.system(
        "SELECT m.tenant_id, t.name AS tenant_name, m.role, t.requires_two_factor FROM members m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.user_id = $1 AND m.disabled_at IS NULL AND t.sealed_data_key <> '' ORDER BY t.name, t.id",
    )
    .bind(user)
    .fetch_all()
    .await
}
