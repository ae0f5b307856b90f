//! The people who log in. A system table: reached before a tenant is known.

use crate::{
    db::{Result, System},
    domain::ids::UserId,
};

/// A person. `Debug` leaves the password hash out.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// Normalised: trimmed, lower case.
    pub email: String,
    /// What the person is called; may be empty.
    pub name: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
    /// Raised to end every session of the person.
    pub session_version: i64,
    /// Unix seconds; a disabled person cannot log in and loses every session.
    pub disabled_at: Option<i64>,
    /// Unix seconds: since when a second factor is asked for; none while it is not.
    pub two_factor_at: Option<i64>,
    /// How the person wants the pages.
    #[sqlx(flatten)]
    pub taste: Taste,
}

/// How a person wants the pages. The names are those of `domain::taste`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Taste {
    /// As the IANA database calls it.
    pub time_zone: String,
    /// How dates are written.
    pub locale: String,
    /// `auto`, `light` or `dark`.
    pub theme: String,
}

impl Default for Taste {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), locale: "en-GB".to_owned(), theme: "auto".to_owned() }
    }
}

impl User {
    /// A new person, with nothing decided yet.
    pub fn new(id: UserId, email: String, name: String, password_hash: String) -> Self {
        Self {
            id,
            email,
            name,
            password_hash,
            session_version: 1,
            disabled_at: None,
            two_factor_at: None,
            taste: Taste::default(),
        }
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT id, email, name, password_hash, session_version, disabled_at, two_factor_at, time_zone, locale, theme FROM users";

/// Adds a person; a known e-mail address is a conflict. `created` in unix seconds.
pub async fn insert(tx: &mut impl System, user: &User, created: i64) -> Result<()> {
    tx.system(
        "INSERT INTO users (id, email, name, password_hash, session_version, created, disabled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&user.id)
    .bind(&user.email)
    .bind(&user.name)
    .bind(&user.password_hash)
    .bind(user.session_version)
    .bind(created)
    .bind(user.disabled_at)
    .execute()
    .await?;
    Ok(())
}

/// The person with this normalised e-mail address.
pub async fn by_email(tx: &mut impl System, email: &str) -> Result<Option<User>> {
    tx.system(format!("{COLUMNS} WHERE email = $1")).bind(email).fetch_optional().await
}

/// The person with this id.
pub async fn by_id(tx: &mut impl System, id: &UserId) -> Result<Option<User>> {
    tx.system(format!("{COLUMNS} WHERE id = $1")).bind(id).fetch_optional().await
}

/// Whether anybody exists.
pub async fn any(tx: &mut impl System) -> Result<bool> {
    Ok(tx.system("SELECT 1 FROM users LIMIT 1").fetch_optional_value::<i32>().await?.is_some())
}

/// Replaces a password hash, unless it changed in between.
pub async fn replace_password_hash(tx: &mut impl System, user: &User, hash: &str) -> Result<bool> {
    let changed = tx
        .system("UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3")
        .bind(hash)
        .bind(&user.id)
        .bind(&user.password_hash)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Sets a new password and ends every session of the person.
pub async fn set_password(tx: &mut impl System, id: &UserId, hash: &str) -> Result<bool> {
    let changed = tx
        .system("UPDATE users SET password_hash = $1, session_version = session_version + 1 WHERE id = $2")
        .bind(hash)
        .bind(id)
        .execute()
        .await?;
    tx.system("DELETE FROM sessions WHERE user_id = $1").bind(id).execute().await?;
    Ok(changed == 1)
}

/// Stores what the person is called and wants.
pub async fn set_profile(tx: &mut impl System, id: &UserId, name: &str, taste: &Taste) -> Result<()> {
    tx.system("UPDATE users SET name = $2, time_zone = $3, locale = $4, theme = $5 WHERE id = $1")
        .bind(id)
        .bind(name)
        .bind(&taste.time_zone)
        .bind(&taste.locale)
        .bind(&taste.theme)
        .execute()
        .await?;
    Ok(())
}

/// Ends every session of the person, those that are being written at this moment included.
pub async fn end_sessions(tx: &mut impl System, id: &UserId) -> Result<()> {
    tx.system("UPDATE users SET session_version = session_version + 1 WHERE id = $1").bind(id).execute().await?;
    tx.system("DELETE FROM sessions WHERE user_id = $1").bind(id).execute().await?;
    Ok(())
}

/// Notes that the person came in. `at` in unix seconds.
pub async fn note_login(tx: &mut impl System, id: &UserId, at: i64) -> Result<()> {
    tx.system("UPDATE users SET last_login_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// What some people are called: id, e-mail address. An id of nobody is left out.
pub async fn emails<'a>(tx: &mut impl System, ids: impl IntoIterator<Item = &'a str>) -> Result<Vec<(String, String)>> {
    tx.system("SELECT id, email FROM users WHERE id").push_in(ids).fetch_all().await
}

/// Unix seconds: since when the person is an operator; none when not.
pub async fn operator_since(tx: &mut impl System, id: &UserId) -> Result<Option<i64>> {
    let found = tx.system("SELECT operator_since FROM users WHERE id = $1 AND disabled_at IS NULL").bind(id);
    Ok(found.fetch_optional_value::<Option<i64>>().await?.flatten())
}

/// Makes a person an operator since `at` (unix seconds), or no longer one.
pub async fn set_operator(tx: &mut impl System, id: &UserId, at: Option<i64>) -> Result<()> {
    tx.system("UPDATE users SET operator_since = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// The e-mail addresses of the operators, with since when (unix seconds).
pub async fn operators(tx: &mut impl System) -> Result<Vec<(String, i64)>> {
    tx.system("SELECT email, operator_since FROM users WHERE operator_since IS NOT NULL ORDER BY email")
        .fetch_all()
        .await
}
