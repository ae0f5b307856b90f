//! Who is asked to join a tenant. A system table: an invitation is looked up by the hash of its token before the tenant is
//! known. One that was accepted or withdrawn is gone; the audit log remembers it.

use crate::{
    db::{Result, System},
    domain::ids::{InvitationId, TenantId, UserId},
};

/// An invitation that waits.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Invitation {
    /// Our id.
    pub id: InvitationId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The normalised e-mail address that may accept.
    pub email: String,
    /// The role's stored name.
    pub role: String,
    /// Unix seconds.
    pub created: i64,
    /// The user who invited.
    pub created_by: UserId,
    /// Unix seconds.
    pub expires_at: i64,
}

const COLUMNS: &str = "id, tenant_id, email, role, created, created_by, expires_at";

/// Adds an invitation; a second one for the same address and tenant is a conflict.
pub async fn insert(tx: &mut impl System, new: &Invitation, token_hash: &str) -> Result<()> {
    tx.system(format!("INSERT INTO invitations ({COLUMNS}, token_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"))
        .bind(&new.id)
        .bind(&new.tenant_id)
        .bind(&new.email)
        .bind(&new.role)
        .bind(new.created)
        .bind(&new.created_by)
        .bind(new.expires_at)
        .bind(token_hash)
        .execute()
        .await?;
    Ok(())
}

/// The invitations of a tenant, newest first; those that have run out included.
pub async fn list(tx: &mut impl System, tenant: &TenantId) -> Result<Vec<Invitation>> {
    let text = format!("SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 ORDER BY created DESC, id DESC");
    tx.system(text).bind(tenant).fetch_all().await
}

/// The invitation for an address.
pub async fn by_email(tx: &mut impl System, tenant: &TenantId, email: &str) -> Result<Option<Invitation>> {
    let text = format!("SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 AND email = $2");
    tx.system(text).bind(tenant).bind(email).fetch_optional().await
}

/// The invitation that a token opens at `now` (unix seconds).
pub async fn by_token(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<Invitation>> {
    let text = format!("SELECT {COLUMNS} FROM invitations WHERE token_hash = $1 AND expires_at > $2");
    tx.system(text).bind(token_hash).bind(now).fetch_optional().await
}

/// Uses up the invitation that a token opens at `now`: none when somebody did before.
pub async fn take(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<Invitation>> {
    let text = format!("DELETE FROM invitations WHERE token_hash = $1 AND expires_at > $2 RETURNING {COLUMNS}");
    tx.system(text).bind(token_hash).bind(now).fetch_optional().await
}

/// Gives an invitation a new token, so that the link before opens nothing; none when there is no such invitation.
pub async fn renew(
    tx: &mut impl System,
    tenant: &TenantId,
    id: &InvitationId,
    (token_hash, expires_at): (&str, i64),
) -> Result<Option<Invitation>> {
    tx.system(format!(
        "UPDATE invitations SET token_hash = $3, expires_at = $4 WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
    ))
    .bind(tenant)
    .bind(id)
    .bind(token_hash)
    .bind(expires_at)
    .fetch_optional()
    .await
}

/// Withdraws an invitation; none when there is no such one.
pub async fn remove(tx: &mut impl System, tenant: &TenantId, id: &InvitationId) -> Result<Option<Invitation>> {
    let text = format!("DELETE FROM invitations WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}");
    tx.system(text).bind(tenant).bind(id).fetch_optional().await
}

/// Withdraws all of them; answers how many.
pub async fn remove_all(tx: &mut impl System) -> Result<u64> {
    tx.system("DELETE FROM invitations").execute().await
}
