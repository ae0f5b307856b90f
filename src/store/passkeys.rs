//! The passkeys of people. A system table: looked up by the credential's id before anybody is known.

use crate::{
    db::{Result, System},
    domain::ids::{PasskeyId, UserId},
};

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Passkey {
    /// Our id.
    pub id: PasskeyId,
    /// Whose.
    pub user_id: UserId,
    /// As the authenticator names it, base64url.
    pub credential_id: String,
    /// The public half, base64url.
    pub public_key: String,
    /// Of the last use.
    pub counter: i64,
    /// What the person calls it.
    pub name: String,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds.
    pub last_used_at: Option<i64>,
}

const COLUMNS: &str = "id, user_id, credential_id, public_key, counter, name, created, last_used_at";

/// Adds a passkey; a known credential is a conflict.
pub async fn insert(tx: &mut impl System, new: &Passkey) -> Result<()> {
    tx.system(format!("INSERT INTO passkeys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"))
        .bind(&new.id)
        .bind(&new.user_id)
        .bind(&new.credential_id)
        .bind(&new.public_key)
        .bind(new.counter)
        .bind(&new.name)
        .bind(new.created)
        .bind(new.last_used_at)
        .execute()
        .await?;
    Ok(())
}

/// The passkeys of a person, oldest first.
pub async fn of_user(tx: &mut impl System, user: &UserId) -> Result<Vec<Passkey>> {
    let text = format!("SELECT {COLUMNS} FROM passkeys WHERE user_id = $1 ORDER BY created, id");
    tx.system(text).bind(user).fetch_all().await
}

/// The passkey that an authenticator names.
pub async fn by_credential(tx: &mut impl System, credential: &str) -> Result<Option<Passkey>> {
    let text = format!("SELECT {COLUMNS} FROM passkeys WHERE credential_id = $1");
    tx.system(text).bind(credential).fetch_optional().await
}

/// Notes a use, unless the counter shows that a copy was used since; answers whether it did.
pub async fn note_use(tx: &mut impl System, id: &PasskeyId, counter: i64, at: i64) -> Result<bool> {
    let noted = tx
        .system(
            "UPDATE passkeys SET counter = $2, last_used_at = $3
             WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))",
        )
        .bind(id)
        .bind(counter)
        .bind(at)
        .execute()
        .await?;
    Ok(noted == 1)
}

/// Gives a person's passkey another name; false when there is none.
pub async fn rename(tx: &mut impl System, user: &UserId, id: &PasskeyId, name: &str) -> Result<bool> {
    let renamed =
        tx.system("UPDATE passkeys SET name = $3 WHERE user_id = $1 AND id = $2").bind(user).bind(id).bind(name);
    Ok(renamed.execute().await? == 1)
}

/// Forgets a person's passkey; false when there is none.
pub async fn remove(tx: &mut impl System, user: &UserId, id: &PasskeyId) -> Result<bool> {
    let removed = tx.system("DELETE FROM passkeys WHERE user_id = $1 AND id = $2").bind(user).bind(id);
    Ok(removed.execute().await? == 1)
}
