//! The two migrators: one folder per engine, the same steps.

use sqlx::migrate::Migrator;

use super::{Db, error::Result};

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

impl Db {
    /// Applies what is missing. Safe to run again, and on Postgres by several processes at once (advisory lock).
    pub async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite { writer, .. } => SQLITE.run(writer.pool()).await?,
            Self::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(())
    }
}
