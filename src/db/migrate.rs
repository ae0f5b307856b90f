//! The two migrators: one folder per engine, the same steps. `migrations/README.md` says what a migration may do.
//!
//! While processes are replaced one by one, an older one works on the schema of a newer one. It may, as long as what it does not
//! know was only added; a migration that takes something away says in `instance.contract_floor` who may still come.

use std::sync::LazyLock;

use sqlx::{
    Database, Pool,
    migrate::{Migrate, Migrator},
};

use super::{
    Db, Engine,
    error::{Error, Result},
    role,
};

static SQLITE: LazyLock<Migrator> = LazyLock::new(|| beside_newer(sqlx::migrate!("./migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| beside_newer(sqlx::migrate!("./migrations/postgres")));

/// Why there is nothing to look at.
pub(super) const NOTHING_THERE: &str =
    "there is no billfold in this database yet: `billfold migrate` or `billfold serve` makes one";

/// Leaves alone what a newer version has applied.
fn beside_newer(mut migrator: Migrator) -> Migrator {
    migrator.set_ignore_missing(true);
    migrator
}

impl Db {
    /// Applies what is missing. Safe to run again, and on Postgres by several processes at once (advisory lock).
    ///
    /// # Errors
    /// [`Error::Refused`] when a newer version has taken something away that this one needs, or the role of the connection string
    /// may not do its part.
    pub async fn migrate(&self) -> Result<()> {
        self.check_floor().await?;
        let applied = self.schema_version().await?.unwrap_or(0);
        match self {
            Self::Sqlite { writer, .. } => run(&SQLITE, writer.pool(), applied).await,
            Self::Postgres(pool) => {
                role::prepare(pool).await?;
                run(&POSTGRES, pool, applied).await
            }
        }
    }

    /// For whoever only looks: makes sure that there is a billfold, and nothing missing.
    ///
    /// # Errors
    /// [`Error::Refused`] when [`Db::migrate`] would change something, or refuse.
    pub async fn expect_migrated(&self) -> Result<()> {
        self.check_floor().await?;
        let needed = self.newest_known();
        match self.schema_version().await? {
            Some(version) if version >= needed => Ok(()),
            Some(version) => Err(Error::Refused(format!(
                "the database is of schema {version} and this billfold needs {needed}: `billfold migrate` brings it there, as does `billfold serve`"
            ))),
            None => Err(Error::Refused(NOTHING_THERE.to_owned())),
        }
    }

    /// The newest migration that was applied; none where billfold has never been.
    pub async fn schema_version(&self) -> Result<Option<i64>> {
        if self.number(self.engine().finds_migrations()).await?.is_none() {
            return Ok(None);
        }
        self.number("SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1").await
    }

    async fn check_floor(&self) -> Result<()> {
        let Some(version) = self.schema_version().await? else { return Ok(()) };
        // The migration that has brought the floor.
        if self.number("SELECT version FROM _sqlx_migrations WHERE version = 23").await?.is_none() {
            return Ok(());
        }
        let own = self.newest_known();
        let floor = self.number("SELECT contract_floor FROM instance WHERE id = 1").await?.unwrap_or(0);
        if floor > own {
            return Err(Error::Refused(format!(
                "a newer billfold has changed this database (schema {version}) so that programs of schema {floor} or later are needed; this one knows {own}. Start the newer one"
            )));
        }
        if version > own {
            tracing::info!(
                schema = version,
                known = own,
                "the database is of a newer billfold, which may run beside this one"
            );
        }
        Ok(())
    }

    /// The number that a query answers, if it answers any, past every role and policy of ours.
    async fn number(&self, sql: &'static str) -> Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite { writer, .. } => sqlx::query_scalar(sql).fetch_optional(writer.pool()).await?,
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_optional(pool).await?,
        })
    }

    fn newest_known(&self) -> i64 {
        let migrator = match self.engine() {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        };
        migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
    }
}

/// Applies what is missing, one by one, so that a test can end the process between two; the last run looks over all of them.
async fn run<D: Database>(migrator: &Migrator, pool: &Pool<D>, applied: i64) -> Result<()>
where
    D::Connection: Migrate,
{
    for missing in migrator.iter().filter(|migration| migration.version > applied) {
        migrator.run_to(missing.version, pool).await?;
        fail::fail_point!("migrate.between");
    }
    Ok(migrator.run(pool).await?)
}
