//! Failed logins by account and by address, hashed. A system table, emptied of what is older than a day.

use crate::db::{Result, System};

/// What is remembered of one account or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Failures {
    /// Failures since `first_at`.
    pub failures: i64,
    /// Unix seconds.
    pub first_at: i64,
    /// Unix seconds: no try before.
    pub blocked_until: i64,
}

/// The failures of a subject.
pub async fn of(tx: &mut impl System, subject: &str) -> Result<Option<Failures>> {
    tx.system("SELECT failures, first_at, blocked_until FROM login_failures WHERE subject = $1")
        .bind(subject)
        .fetch_optional()
        .await
}

/// Replaces what is remembered of a subject.
pub async fn put(tx: &mut impl System, subject: &str, failures: &Failures) -> Result<()> {
    tx.system(
        "INSERT INTO login_failures (subject, failures, first_at, blocked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, first_at = excluded.first_at,
           blocked_until = excluded.blocked_until",
    )
    .bind(subject)
    .bind(failures.failures)
    .bind(failures.first_at)
    .bind(failures.blocked_until)
    .execute()
    .await?;
    Ok(())
}

/// Forgets a subject.
pub async fn clear(tx: &mut impl System, subject: &str) -> Result<()> {
    tx.system("DELETE FROM login_failures WHERE subject = $1").bind(subject).execute().await?;
    Ok(())
}

/// Forgets everything that began before `first_at`, so that the table cannot grow without bound.
pub async fn delete_before(tx: &mut impl System, first_at: i64) -> Result<u64> {
    tx.system("DELETE FROM login_failures WHERE first_at < $1").bind(first_at).execute().await
}
