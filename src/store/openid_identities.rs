//! Who people are at the operator's identity provider. A system table: looked up before anybody is known.

use crate::{
    db::{Result, System},
    domain::ids::UserId,
};

/// A person's account at the provider.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OpenidIdentity {
    /// The provider, as it names itself.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// Who it is here.
    pub user_id: UserId,
    /// The e-mail address there when it was linked; empty when it was not told.
    pub email: String,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds.
    pub last_used_at: Option<i64>,
}

const COLUMNS: &str = "issuer, subject, user_id, email, created, last_used_at";

/// Links an account; one that is linked already, or a second one of a person, is a conflict.
pub async fn insert(tx: &mut impl System, new: &OpenidIdentity) -> Result<()> {
    tx.system(format!("INSERT INTO openid_identities ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)"))
        .bind(&new.issuer)
        .bind(&new.subject)
        .bind(&new.user_id)
        .bind(&new.email)
        .bind(new.created)
        .bind(new.last_used_at)
        .execute()
        .await?;
    Ok(())
}

/// The account of a person at a provider.
pub async fn of_user(tx: &mut impl System, user: &UserId, issuer: &str) -> Result<Option<OpenidIdentity>> {
    let text = format!("SELECT {COLUMNS} FROM openid_identities WHERE user_id = $1 AND issuer = $2");
    tx.system(text).bind(user).bind(issuer).fetch_optional().await
}

/// Whose account it is.
pub async fn find(tx: &mut impl System, issuer: &str, subject: &str) -> Result<Option<OpenidIdentity>> {
    let text = format!("SELECT {COLUMNS} FROM openid_identities WHERE issuer = $1 AND subject = $2");
    tx.system(text).bind(issuer).bind(subject).fetch_optional().await
}

/// Notes a use at `at` (unix seconds).
pub async fn note_use(tx: &mut impl System, issuer: &str, subject: &str, at: i64) -> Result<()> {
    let text = "UPDATE openid_identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2";
    tx.system(text).bind(issuer).bind(subject).bind(at).execute().await?;
    Ok(())
}

/// Forgets a person's account at a provider; false when there is none.
pub async fn remove(tx: &mut impl System, user: &UserId, issuer: &str) -> Result<bool> {
    let removed = tx.system("DELETE FROM openid_identities WHERE user_id = $1 AND issuer = $2").bind(user).bind(issuer);
    Ok(removed.execute().await? == 1)
}
