//! The second factors of people, and their recovery codes. System tables: asked for before a tenant is known.

use crate::{
    db::{Result, System},
    domain::ids::UserId,
};

/// A person's second factor.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SecondFactor {
    /// What codes are computed from, sealed.
    pub sealed_secret: String,
    /// The version of the secret.
    pub version: i64,
    /// The step of the last code that was taken.
    pub last_step: i64,
    /// Unix seconds; none until the app has shown its first code.
    pub confirmed_at: Option<i64>,
}

/// A person's second factor, confirmed or not.
pub async fn find(tx: &mut impl System, user: &UserId) -> Result<Option<SecondFactor>> {
    tx.system("SELECT sealed_secret, version, last_step, confirmed_at FROM second_factors WHERE user_id = $1")
        .bind(user)
        .fetch_optional()
        .await
}

/// Puts a new secret in place of one that was never confirmed; false when there is a confirmed one.
pub async fn begin(tx: &mut impl System, user: &UserId, (sealed, version): (&str, i64), now: i64) -> Result<bool> {
    let changed = tx
        .system(
            "INSERT INTO second_factors (user_id, sealed_secret, version, last_step, created) VALUES ($1, $2, $3, 0, $4)
             ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, version = excluded.version,
               last_step = 0, created = excluded.created
             WHERE second_factors.confirmed_at IS NULL",
        )
        .bind(user)
        .bind(sealed)
        .bind(version)
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Takes the code of a step; false when that code, or a later one, was taken before.
pub async fn take_step(tx: &mut impl System, user: &UserId, step: i64) -> Result<bool> {
    let taken = tx
        .system("UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2")
        .bind(user)
        .bind(step)
        .execute()
        .await?;
    Ok(taken == 1)
}

/// Makes the second factor count from `now` on; false when it did before.
pub async fn confirm(tx: &mut impl System, user: &UserId, now: i64) -> Result<bool> {
    let confirmed = tx
        .system("UPDATE second_factors SET confirmed_at = $2 WHERE user_id = $1 AND confirmed_at IS NULL")
        .bind(user)
        .bind(now)
        .execute()
        .await?;
    tx.system("UPDATE users SET two_factor_at = $2 WHERE id = $1").bind(user).bind(now).execute().await?;
    Ok(confirmed == 1)
}

/// Forgets the second factor and every recovery code; false when there was none.
pub async fn remove(tx: &mut impl System, user: &UserId) -> Result<bool> {
    tx.system("DELETE FROM recovery_codes WHERE user_id = $1").bind(user).execute().await?;
    tx.system("DELETE FROM second_factors WHERE user_id = $1").bind(user).execute().await?;
    let off = tx.system("UPDATE users SET two_factor_at = NULL WHERE id = $1 AND two_factor_at IS NOT NULL").bind(user);
    Ok(off.execute().await? == 1)
}

/// Puts new recovery codes in place of all before.
pub async fn replace_codes(tx: &mut impl System, user: &UserId, hashes: &[String]) -> Result<()> {
    tx.system("DELETE FROM recovery_codes WHERE user_id = $1").bind(user).execute().await?;
    for hash in hashes {
        tx.system("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)")
            .bind(user)
            .bind(hash)
            .execute()
            .await?;
    }
    Ok(())
}

/// Uses a recovery code up; false when there is no such one.
pub async fn take_code(tx: &mut impl System, user: &UserId, hash: &str) -> Result<bool> {
    let taken = tx.system("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2").bind(user).bind(hash);
    Ok(taken.execute().await? == 1)
}

/// How many recovery codes are left.
pub async fn count_codes(tx: &mut impl System, user: &UserId) -> Result<i64> {
    tx.system("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1").bind(user).fetch_value().await
}
