//! A database per test: empty, migrated, and gone when the test ends.

use billfold::db::{Db, Options};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use super::postgres::Clone;

pub use billfold::db::Engine;

/// A migrated database that belongs to one test alone.
pub struct TestDatabase {
    /// As `DATABASE_URL` would name it.
    pub url: String,
    /// Which engine it is.
    pub engine: Engine,
    _holder: Holder,
}

/// What is removed with the database.
enum Holder {
    /// Whoever made its folder removes it.
    Nothing,
    Folder(#[expect(dead_code, reason = "held for its drop")] tempfile::TempDir),
    Clone(#[expect(dead_code, reason = "held for its drop")] Clone),
}

impl TestDatabase {
    /// Makes one. On SQLite a file in a folder of its own, on Postgres a clone of the migrated template.
    pub async fn create(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("billfold.db").display());
                let made = Self { url, engine, _holder: Holder::Folder(folder) };
                let db = made.open().await;
                db.migrate().await.unwrap();
                db.close().await;
                made
            }
            Engine::Postgres => {
                let clone = Clone::create().await;
                Self { url: clone.url.clone(), engine, _holder: Holder::Clone(clone) }
            }
        }
    }

    /// Makes one whose file, or tablespace, is in `folder`.
    pub async fn create_in(engine: Engine, folder: &std::path::Path) -> Self {
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", folder.join("billfold.db").display());
                let made = Self { url, engine, _holder: Holder::Nothing };
                let db = made.open().await;
                db.migrate().await.unwrap();
                db.close().await;
                made
            }
            Engine::Postgres => {
                let clone = Clone::create_in(folder).await;
                Self { url: clone.url.clone(), engine, _holder: Holder::Clone(clone) }
            }
        }
    }

    /// Makes one without any table.
    pub async fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("billfold.db").display());
                Self { url, engine, _holder: Holder::Folder(folder) }
            }
            Engine::Postgres => {
                let clone = Clone::empty().await;
                Self { url: clone.url.clone(), engine, _holder: Holder::Clone(clone) }
            }
        }
    }

    /// Opens it with a small pool.
    pub async fn open(&self) -> Db {
        Db::connect(&Options { url: self.url.clone(), connections: 6 }).await.unwrap()
    }

    /// Runs statements as the owner of the database, as a migration does.
    pub async fn run_as_owner(&self, statements: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match self.engine {
            Engine::Sqlite => {
                let pool = SqlitePool::connect(&self.url).await.unwrap();
                statements.execute(&pool).await.unwrap();
                pool.close().await;
            }
            Engine::Postgres => {
                let pool = PgPool::connect(&self.url).await.unwrap();
                statements.execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }

    /// The file, on SQLite.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.url.strip_prefix("sqlite://").map(std::path::Path::new)
    }
}
