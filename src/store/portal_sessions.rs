//! Visits to the customer portal. A system table: the key is the SHA-256 of the cookie, so a leaked table opens nothing.

use super::portal_links::Link;
use crate::db::{Result, System};

/// Adds a visit that the link with `token_hash` opened, from `now` to `expires` (unix seconds).
pub async fn insert(tx: &mut impl System, id_hash: &str, token_hash: &str, (now, expires): (i64, i64)) -> Result<()> {
    tx.system("INSERT INTO portal_sessions (id_hash, token_hash, created, expires) VALUES ($1, $2, $3, $4)")
        .bind(id_hash)
        .bind(token_hash)
        .bind(now)
        .bind(expires)
        .execute()
        .await?;
    Ok(())
}

/// The link whose visit this is, as long as neither is over.
pub async fn find(tx: &mut impl System, id_hash: &str, now: i64) -> Result<Option<Link>> {
    tx.system(
        "SELECT l.id, l.tenant_id, l.project_id, l.customer_id, l.email_hash, l.actions, l.flow, l.return_url, s.expires
         FROM portal_sessions s JOIN portal_links l ON l.token_hash = s.token_hash
         WHERE s.id_hash = $1 AND s.expires > $2 AND l.revoked_at IS NULL",
    )
    .bind(id_hash)
    .bind(now)
    .fetch_optional()
    .await
}

/// Remembers the Checkout session (Stripe's id) in which the visitor types a card in; none forgets it.
pub async fn set_checkout(tx: &mut impl System, id_hash: &str, checkout: Option<&str>) -> Result<()> {
    tx.system("UPDATE portal_sessions SET checkout_id = $2 WHERE id_hash = $1")
        .bind(id_hash)
        .bind(checkout)
        .execute()
        .await?;
    Ok(())
}

/// The Checkout session that a visitor was sent to.
pub async fn checkout(tx: &mut impl System, id_hash: &str) -> Result<Option<String>> {
    let found = tx
        .system("SELECT checkout_id FROM portal_sessions WHERE id_hash = $1 AND checkout_id IS NOT NULL")
        .bind(id_hash)
        .fetch_optional_value()
        .await?;
    Ok(found)
}

/// Ends a visit.
pub async fn delete(tx: &mut impl System, id_hash: &str) -> Result<()> {
    tx.system("DELETE FROM portal_sessions WHERE id_hash = $1").bind(id_hash).execute().await?;
    Ok(())
}

/// Ends every visit.
pub async fn delete_all(tx: &mut impl System) -> Result<u64> {
    tx.system("DELETE FROM portal_sessions").execute().await
}

/// Forgets visits that are over.
pub async fn delete_expired(tx: &mut impl System, now: i64) -> Result<u64> {
    tx.system("DELETE FROM portal_sessions WHERE expires <= $1").bind(now).execute().await
}
