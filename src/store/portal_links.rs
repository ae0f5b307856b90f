//! Links to the customer portal. A system table: a link is looked up by the hash of its token before the tenant is known.

use crate::{
    db::{Result, System},
    domain::ids::{PortalLinkId, ProjectId, TenantId},
};

/// A new link.
#[derive(Clone, Debug)]
pub struct NewLink<'a> {
    /// SHA-256 of the token, hex.
    pub token_hash: &'a str,
    /// Our id.
    pub id: &'a PortalLinkId,
    /// Whose project.
    pub place: (&'a TenantId, &'a ProjectId),
    /// Our id of the customer.
    pub customer_id: &'a str,
    /// SHA-256 of the customer's e-mail address, hex.
    pub email_hash: &'a str,
    /// As `domain::portal::Permit::join` gives them.
    pub actions: &'a str,
    /// As `domain::portal::Flow::as_str` gives it.
    pub flow: &'a str,
    /// Where the portal's way back leads.
    pub return_url: Option<&'a str>,
    /// Unix seconds.
    pub created: i64,
    /// As the actor in the audit log.
    pub created_by: &'a str,
    /// Unix seconds.
    pub expires: i64,
}

/// A link as whoever holds its token may use it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    /// Our id.
    pub id: PortalLinkId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The project.
    pub project_id: ProjectId,
    /// Our id of the customer.
    pub customer_id: String,
    /// SHA-256 of the customer's e-mail address when the link was made, hex.
    pub email_hash: String,
    /// As `domain::portal::Permit::split` reads them.
    pub actions: String,
    /// As `domain::portal::Flow::parse` reads it.
    pub flow: String,
    /// Where the portal's way back leads.
    pub return_url: Option<String>,
    /// Unix seconds: the end of what was looked up, a link's or a visit's.
    pub expires: i64,
}

/// A link as staff see it: everything but the way in.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Our id.
    pub id: PortalLinkId,
    /// Our id of the customer.
    pub customer_id: String,
    /// As `domain::portal::Permit::split` reads them.
    pub actions: String,
    /// As `domain::portal::Flow::parse` reads it.
    pub flow: String,
    /// Where the portal's way back leads.
    pub return_url: Option<String>,
    /// Unix seconds.
    pub created: i64,
    /// As the actor in the audit log.
    pub created_by: String,
    /// That person's e-mail address, if it was a person.
    pub created_by_email: Option<String>,
    /// Unix seconds.
    pub expires: i64,
    /// Unix seconds.
    pub used_at: Option<i64>,
    /// The address it was used from.
    pub used_ip: Option<String>,
    /// The browser's name for itself.
    pub used_agent: Option<String>,
    /// Unix seconds.
    pub revoked_at: Option<i64>,
}

/// Who uses a link.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    /// Unix seconds.
    pub at: i64,
    /// The client's address.
    pub ip: &'a str,
    /// The browser's name for itself.
    pub agent: &'a str,
}

/// Adds a link.
pub async fn insert(tx: &mut impl System, link: &NewLink<'_>) -> Result<()> {
    tx.system(
        "INSERT INTO portal_links (token_hash, id, tenant_id, project_id, customer_id, email_hash, actions, flow,
           return_url, created, created_by, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(link.token_hash)
    .bind(link.id)
    .bind(link.place.0)
    .bind(link.place.1)
    .bind(link.customer_id)
    .bind(link.email_hash)
    .bind(link.actions)
    .bind(link.flow)
    .bind(link.return_url)
    .bind(link.created)
    .bind(link.created_by)
    .bind(link.expires)
    .execute()
    .await?;
    Ok(())
}

/// Ends every link that could still be used; answers how many.
pub async fn revoke_everywhere(tx: &mut impl System, now: i64) -> Result<u64> {
    tx.system("UPDATE portal_links SET revoked_at = $1 WHERE used_at IS NULL AND revoked_at IS NULL AND expires > $1")
        .bind(now)
        .execute()
        .await
}

/// The link with this token, if it can still be used at `now`.
pub async fn usable(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<Link>> {
    tx.system(
        "SELECT id, tenant_id, project_id, customer_id, email_hash, actions, flow, return_url, expires FROM portal_links
         WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires > $2",
    )
    .bind(token_hash)
    .bind(now)
    .fetch_optional()
    .await
}

/// Uses the link up. Answers whether it was this call that did: of two at once, one.
pub async fn consume(tx: &mut impl System, token_hash: &str, by: Use<'_>) -> Result<bool> {
    let used = tx
        .system(
            "UPDATE portal_links SET used_at = $2, used_ip = $3, used_agent = $4
             WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires > $2",
        )
        .bind(token_hash)
        .bind(by.at)
        .bind(by.ip)
        .bind(by.agent)
        .execute()
        .await?;
    Ok(used == 1)
}

/// Ends a link, and with it the visit that it opened. Answers whether there was one that was not ended yet.
pub async fn revoke(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    id: &PortalLinkId,
    now: i64,
) -> Result<bool> {
    let revoked = tx
        .system(
            "UPDATE portal_links SET revoked_at = $4
             WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND revoked_at IS NULL",
        )
        .bind(tenant)
        .bind(project)
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(revoked == 1)
}

/// Ends every link of a project, and the visits that they opened.
pub async fn revoke_all(tx: &mut impl System, (tenant, project): (&TenantId, &ProjectId), now: i64) -> Result<()> {
    tx.system(
        "UPDATE portal_links SET revoked_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND revoked_at IS NULL",
    )
    .bind(tenant)
    .bind(project)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Whether there is such a link.
pub async fn exists(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    id: &PortalLinkId,
) -> Result<bool> {
    let found = tx
        .system("SELECT 1 FROM portal_links WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
        .bind(tenant)
        .bind(project)
        .bind(id)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(found.is_some())
}

/// How many links a project made since `since` (unix seconds).
pub async fn made_since(tx: &mut impl System, (tenant, project): (&TenantId, &ProjectId), since: i64) -> Result<i64> {
    tx.system("SELECT COUNT(*) FROM portal_links WHERE tenant_id = $1 AND project_id = $2 AND created >= $3")
        .bind(tenant)
        .bind(project)
        .bind(since)
        .fetch_value()
        .await
}

const LISTED: &str = "SELECT l.id, l.customer_id, l.actions, l.flow, l.return_url, l.created, l.created_by, \
    u.email AS created_by_email, l.expires, l.used_at, l.used_ip, l.used_agent, l.revoked_at \
    FROM portal_links l LEFT JOIN users u ON u.id = l.created_by WHERE l.tenant_id = $1 AND l.project_id = $2";

/// One link of a project.
pub async fn find(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    id: &PortalLinkId,
) -> Result<Option<Listed>> {
    tx.system(LISTED).bind(tenant).bind(project).push(" AND l.id = ").push_bind(id).fetch_optional().await
}

/// The newest links of a project, or of one of its customers (our id), `limit` at most.
pub async fn list(
    tx: &mut impl System,
    place: (&TenantId, &ProjectId),
    customer: Option<&str>,
    limit: i64,
) -> Result<Vec<Listed>> {
    page(tx, place, (customer, None), limit).await
}

/// As [`list`], behind the link that was made at a second with an id.
pub async fn page(
    tx: &mut impl System,
    (tenant, project): (&TenantId, &ProjectId),
    (customer, after): (Option<&str>, Option<&(i64, PortalLinkId)>),
    limit: i64,
) -> Result<Vec<Listed>> {
    let mut query = tx.system(LISTED).bind(tenant).bind(project);
    if let Some(customer) = customer {
        query = query.push(" AND l.customer_id = ").push_bind(customer);
    }
    if let Some((created, id)) = after {
        query = query.push(" AND (l.created, l.id) < (").push_bind(*created).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY l.created DESC, l.id DESC LIMIT ").push_bind(limit).fetch_all().await
}

/// Forgets links that were made before `before` (unix seconds).
pub async fn prune(tx: &mut impl System, before: i64) -> Result<u64> {
    tx.system("DELETE FROM portal_links WHERE created < $1").bind(before).execute().await
}
