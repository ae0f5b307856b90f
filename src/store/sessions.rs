//! Who is signed in where. A system table. The key is the SHA-256 of the cookie, so a leaked table opens nothing.

use crate::{
    db::{Result, System},
    domain::ids::UserId,
};

/// A new session.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// SHA-256 of the cookie's value, hex.
    pub id_hash: &'a str,
    /// The person's id, once somebody is signed in.
    pub user_id: Option<&'a str>,
    /// What tower-sessions keeps, JSON.
    pub data: &'a str,
    /// The browser's name for itself.
    pub user_agent: &'a str,
    /// The network that the person signed in from.
    pub address: &'a str,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds: the absolute end.
    pub expires: i64,
}

/// Adds a session; false when the id is taken.
pub async fn insert(tx: &mut impl System, session: &NewSession<'_>) -> Result<bool> {
    let added = tx
        .system(
            "INSERT INTO sessions (id_hash, user_id, data, user_agent, created, last_seen, expires, address)
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7) ON CONFLICT (id_hash) DO NOTHING",
        )
        .bind(session.id_hash)
        .bind(session.user_id)
        .bind(session.data)
        .bind(session.user_agent)
        .bind(session.created)
        .bind(session.expires)
        .bind(session.address)
        .execute()
        .await?;
    Ok(added == 1)
}

/// Changes the data of a session that still exists. Never adds one: a request that ends after the logout must not
/// bring the session back.
pub async fn update(tx: &mut impl System, id_hash: &str, data: &str) -> Result<()> {
    tx.system("UPDATE sessions SET data = $2 WHERE id_hash = $1").bind(id_hash).bind(data).execute().await?;
    Ok(())
}

/// Data and last use (unix seconds) of a session that is neither over nor idle since `idle_since`.
pub async fn load(tx: &mut impl System, id_hash: &str, now: i64, idle_since: i64) -> Result<Option<(String, i64)>> {
    tx.system("SELECT data, last_seen FROM sessions WHERE id_hash = $1 AND expires > $2 AND last_seen > $3")
        .bind(id_hash)
        .bind(now)
        .bind(idle_since)
        .fetch_optional()
        .await
}

/// Notes a use.
pub async fn touch(tx: &mut impl System, id_hash: &str, now: i64) -> Result<()> {
    tx.system("UPDATE sessions SET last_seen = $2 WHERE id_hash = $1 AND last_seen < $2")
        .bind(id_hash)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// A session as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// SHA-256 of the cookie's value, hex.
    pub id_hash: String,
    /// The browser's name for itself.
    pub user_agent: String,
    /// The network that the person signed in from.
    pub address: String,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds.
    pub last_seen: i64,
}

/// The sessions of a person that are neither over nor idle since `idle_since`, last used first.
pub async fn of_user(tx: &mut impl System, user: &UserId, now: i64, idle_since: i64) -> Result<Vec<Listed>> {
    tx.system(
        "SELECT id_hash, user_agent, address, created, last_seen FROM sessions
         WHERE user_id = $1 AND expires > $2 AND last_seen > $3 ORDER BY last_seen DESC, created DESC, id_hash",
    )
    .bind(user)
    .bind(now)
    .bind(idle_since)
    .fetch_all()
    .await
}

/// Ends a session of a person; false when there is none.
pub async fn delete_of_user(tx: &mut impl System, user: &UserId, id_hash: &str) -> Result<bool> {
    let ended = tx.system("DELETE FROM sessions WHERE user_id = $1 AND id_hash = $2").bind(user).bind(id_hash);
    Ok(ended.execute().await? == 1)
}

/// Ends every session of a person but one; answers how many.
pub async fn delete_others(tx: &mut impl System, user: &UserId, kept: &str) -> Result<u64> {
    let ended = tx.system("DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2").bind(user).bind(kept);
    ended.execute().await
}

/// Ends a session.
pub async fn delete(tx: &mut impl System, id_hash: &str) -> Result<()> {
    tx.system("DELETE FROM sessions WHERE id_hash = $1").bind(id_hash).execute().await?;
    Ok(())
}

/// Ends everybody's sessions; answers how many.
pub async fn delete_all(tx: &mut impl System) -> Result<u64> {
    tx.system("DELETE FROM sessions").execute().await
}

/// Removes sessions that are over, or idle since `idle_since`.
pub async fn delete_expired(tx: &mut impl System, now: i64, idle_since: i64) -> Result<u64> {
    tx.system("DELETE FROM sessions WHERE expires <= $1 OR last_seen <= $2").bind(now).bind(idle_since).execute().await
}
