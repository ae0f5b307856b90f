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
         WHERE m.tenant_id = $1 AND u.disabled_at IS NULL AND (m.role = 'owner' OR u.id = $2) ORDER BY u.email",
    )
    .bind(tenant)
    .bind(also)
    .fetch_values()
    .await
}

/// Every tenant of a person, by name.
pub async fn of_user(tx: &mut impl System, user: &UserId) -> Result<Vec<Membership>> {
    tx.system(
        "SELECT m.tenant_id, t.name AS tenant_name, m.role FROM members m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.user_id = $1 ORDER BY t.name, t.id",
    )
    .bind(user)
    .fetch_all()
    .await
}
