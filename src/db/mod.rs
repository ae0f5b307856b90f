//! The two engines behind one door. Knows no table.
//!
//! [`Db::read`] and [`Db::write`] are the only ways to a tenant's rows; [`Db::system_read`] and [`Db::system_write`]
//! reach the system tables. SQLite has one writer connection and a pool of readers; Postgres has one pool.

mod bulk;
mod care;
pub mod check;
mod checkpoint;
mod connect;
pub mod dialect;
mod error;
pub mod files;
mod migrate;
pub mod page;
mod query;
mod role;
mod tx;
mod value;
mod writer;

use sqlx::{PgPool, SqlitePool};

pub use bulk::{Bulk, Values};
pub use connect::Options;
pub use error::{Error, Result};
pub use query::{Query, Row};
pub use tx::{System, SystemTx, Tx};
pub use value::{Bind, Cell};
pub use writer::Writer;

use crate::domain::ids::TenantId;
use connect::Lent;
use query::Conn;
use tx::Inner;
use writer::Durability;

/// Which engine is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite: the default, a file beside the program.
    Sqlite,
    /// PostgreSQL with row-level security.
    Postgres,
}

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    /// One writer, several readers, one file.
    Sqlite {
        /// Read-only connections.
        readers: SqlitePool,
        /// The single writer.
        writer: Writer,
    },
    /// One pool for both.
    Postgres(PgPool),
}

impl Db {
    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// A transaction that reads one tenant's rows: one consistent picture until it ends.
    pub async fn read(&self, tenant: &TenantId) -> Result<Tx> {
        Ok(Tx::new(self.begin(Access::Read, tenant.as_str()).await?, tenant))
    }

    /// A transaction that changes one tenant's rows.
    pub async fn write(&self, tenant: &TenantId) -> Result<Tx> {
        Ok(Tx::new(self.begin(Access::Write, tenant.as_str()).await?, tenant))
    }

    /// A transaction that changes one tenant's rows and may be undone by a power cut, together with every later one that is
    /// relaxed: for work that is then simply done again, such as applying an event that is in the inbox. A process that
    /// is killed loses nothing. It does not wait for the disk.
    pub async fn write_relaxed(&self, tenant: &TenantId) -> Result<Tx> {
        Ok(Tx::new(self.begin(Access::Relaxed, tenant.as_str()).await?, tenant))
    }

    /// A transaction that reads system tables.
    pub async fn system_read(&self) -> Result<SystemTx> {
        Ok(SystemTx::new(self.begin(Access::Read, "").await?))
    }

    /// A transaction that changes system tables.
    pub async fn system_write(&self) -> Result<SystemTx> {
        Ok(SystemTx::new(self.begin(Access::Write, "").await?))
    }

    /// [`Db::write_relaxed`] for system tables.
    pub async fn system_write_relaxed(&self) -> Result<SystemTx> {
        Ok(SystemTx::new(self.begin(Access::Relaxed, "").await?))
    }

    /// Answers when the database can be worked with: when a row is read, of the file itself on SQLite, and from a Postgres that takes writes.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Self::Sqlite { readers, .. } => {
                let mut conn = readers.acquire().await?;
                // What the connection keeps in memory is no news of the file.
                Query::new(Conn::Sqlite(&mut conn), "PRAGMA shrink_memory").execute().await?;
                self.read_a_row(Conn::Sqlite(&mut conn)).await
            }
            Self::Postgres(pool) => {
                let mut lent = Lent::take(pool).await?;
                let read_only = "SELECT current_setting('transaction_read_only')";
                let read_only: String = Query::new(Conn::Postgres(&mut lent), read_only).fetch_value().await?;
                if read_only == "on" {
                    return Err(Error::Unavailable(
                        "Postgres takes no writes: a standby, or set to read only".to_owned(),
                    ));
                }
                self.read_a_row(Conn::Postgres(&mut lent)).await
            }
        }
    }

    /// Any row: which migration was the last. Before the first one there is none.
    async fn read_a_row(&self, mut conn: Conn<'_>) -> Result<()> {
        let found: Option<i64> =
            Query::new(conn.again(), self.engine().finds_migrations()).fetch_optional_value().await?;
        if found.is_some() {
            let last = "SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1";
            Query::new(conn, last).fetch_optional_value::<i64>().await?;
        }
        Ok(())
    }

    /// Closes every connection; SQLite also folds its write-ahead log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// Begins a transaction that sees one tenant's rows; those of none when `tenant` is empty.
    async fn begin(&self, access: Access, tenant: &str) -> Result<Inner> {
        match self {
            // The deferred BEGIN of a reader takes no lock; a writer takes its lock at once, so it never fails half-way.
            Self::Sqlite { readers, writer } => Ok(Inner::Sqlite(match access {
                Access::Read => readers.begin().await?,
                Access::Write => writer.begin(Durability::Disk).await?,
                Access::Relaxed => writer.begin(Durability::Process).await?,
            })),
            Self::Postgres(pool) => {
                // In a task of its own: what it holds meanwhile is then no part of every handler's future.
                let begun = tokio::spawn(Lent::begin(pool.clone(), begin_postgres(access, tenant)?));
                Ok(Inner::Postgres(begun.await??))
            }
        }
    }
}

/// Everything that a transaction begins with, in one round trip. Statements sent together take no bound values, so an id that
/// is anything but plain letters has no business here.
fn begin_postgres(access: Access, tenant: &str) -> Result<String> {
    if !tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Error::Refused("the tenant's id is not one of ours".to_owned()));
    }
    let relaxed = if let Access::Relaxed = access { "; SET LOCAL synchronous_commit = off" } else { "" };
    Ok(format!("BEGIN{relaxed}; SET LOCAL app.tenant_id = '{tenant}'; SET LOCAL ROLE billfold_app"))
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
    Relaxed,
}

#[cfg(test)]
mod tests {
    use super::{Access, begin_postgres};

    #[test]
    fn nothing_but_a_plain_id_becomes_part_of_a_statement() {
        assert!(
            begin_postgres(Access::Read, "ten_abc234").is_ok_and(|sql| sql.contains("app.tenant_id = 'ten_abc234'"))
        );
        for odd in ["'", "ten_1'; DROP TABLE customers; --", "a\\b", "a b"] {
            assert!(begin_postgres(Access::Read, odd).is_err(), "{odd}");
        }
    }
}
