//! One error for both engines: what callers can act on is a variant, the rest stays opaque.

use sqlx::error::ErrorKind;

/// What a database call can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique key already exists. Holds the constraint (Postgres) or `table.columns` (SQLite).
    #[error("already exists ({0})")]
    Conflict(String),
    /// The database cannot take the write now: locked, full, or not reachable. Trying again later may work.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database is set up in a way that would break a promise; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Work was done under a lease that another process has taken over since; nothing was written.
    #[error("the lease was taken over by another process")]
    LeaseLost,
    /// The work on a transaction panicked or did not end; nothing of it was written. Holds which.
    #[error("{0}")]
    GivenUp(&'static str),
    /// Anything else: a fault of ours or of the engine.
    #[error("database error: {0}")]
    Fault(sqlx::Error),
}

/// The result of a database call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => match inner.kind() {
                ErrorKind::UniqueViolation => {
                    Self::Conflict(inner.constraint().map_or_else(|| inner.message().to_owned(), ToOwned::to_owned))
                }
                _ if is_transient(inner.code().as_deref().unwrap_or_default()) => {
                    Self::Unavailable(inner.message().to_owned())
                }
                _ => Self::Fault(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            _ => Self::Fault(error),
        }
    }
}

/// SQLite: BUSY 5, LOCKED 6, IOERR 10, FULL 13 with their extended codes. Postgres: connection (08), resources (53),
/// operator intervention (57P), deadlock and serialization (40), lock not available (55P03), a transaction that stood still (25P03).
fn is_transient(code: &str) -> bool {
    if let Ok(number) = code.parse::<u32>()
        && code.len() < 5
    {
        return matches!(number & 0xff, 5 | 6 | 10 | 13);
    }
    ["08", "53", "57P", "40", "55P03", "25P03"].iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::is_transient;

    #[test]
    fn busy_and_full_are_transient_and_constraints_are_not() {
        for code in ["5", "517", "13", "08006", "57P01", "40P01", "53100", "25P03"] {
            assert!(is_transient(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", "42501", ""] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
