//! Links to a new password, by the hash of their token. A system table.

use crate::{
    db::{Result, System},
    domain::ids::UserId,
};

/// Adds a link. `created` and `expires_at` in unix seconds.
pub async fn insert(
    tx: &mut impl System,
    token_hash: &str,
    user: &UserId,
    (created, expires_at): (i64, i64),
) -> Result<()> {
    tx.system("INSERT INTO password_resets (token_hash, user_id, created, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(token_hash)
        .bind(user)
        .bind(created)
        .bind(expires_at)
        .execute()
        .await?;
    Ok(())
}

/// Whose password a token may change at `now`.
pub async fn find(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<UserId>> {
    tx.system("SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_at > $2")
        .bind(token_hash)
        .bind(now)
        .fetch_optional_value()
        .await
}

/// Uses a token up: none when somebody did before.
pub async fn take(tx: &mut impl System, token_hash: &str, now: i64) -> Result<Option<UserId>> {
    tx.system("DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id")
        .bind(token_hash)
        .bind(now)
        .fetch_optional_value()
        .await
}

/// How many links a person asked for since `since`.
pub async fn count_since(tx: &mut impl System, user: &UserId, since: i64) -> Result<i64> {
    tx.system("SELECT COUNT(*) FROM password_resets WHERE user_id = $1 AND created > $2")
        .bind(user)
        .bind(since)
        .fetch_value()
        .await
}

/// Ends every link of a person.
pub async fn delete_of_user(tx: &mut impl System, user: &UserId) -> Result<()> {
    tx.system("DELETE FROM password_resets WHERE user_id = $1").bind(user).execute().await?;
    Ok(())
}

/// Forgets the links that have run out at `now`.
pub async fn delete_expired(tx: &mut impl System, now: i64) -> Result<u64> {
    tx.system("DELETE FROM password_resets WHERE expires_at <= $1").bind(now).execute().await
}

/// Forgets all of them.
pub async fn delete_all(tx: &mut impl System) -> Result<u64> {
    tx.system("DELETE FROM password_resets").execute().await
}
