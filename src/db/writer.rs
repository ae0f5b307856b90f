//! SQLite's one writer connection, and what its next commit waits for.

use std::sync::Arc;

use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::Mutex;

/// What a commit outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A power cut.
    Disk,
    /// The end of the process.
    Process,
}

/// Takes SQLite's lock at once, so that a transaction never fails half-way.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The single writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    pool: SqlitePool,
    /// What the connection is set to; `None` while that is not certain. Held from the setting to the BEGIN, so that nobody's
    /// setting falls between another's.
    set: Arc<Mutex<Option<Durability>>>,
}

impl Writer {
    /// `pool` has one connection, which opens as [`Durability::Disk`].
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool, set: Arc::default() }
    }

    /// Begins a transaction whose commit waits for as much as `durability` says.
    pub(super) async fn begin(&self, durability: Durability) -> sqlx::Result<Transaction<'static, Sqlite>> {
        let mut set = self.set.lock().await;
        if *set != Some(durability) {
            *set = None; // whoever goes away in the middle leaves it so
            let pragma = match durability {
                Durability::Disk => "PRAGMA synchronous = FULL",
                Durability::Process => "PRAGMA synchronous = NORMAL",
            };
            sqlx::query(pragma).execute(&self.pool).await?;
            *set = Some(durability);
        }
        match self.pool.begin_with(BEGIN).await {
            // When a disk is full, SQLite rolls back by itself and sqlx, which counts open transactions, is left one too
            // high: that connection would refuse every later BEGIN. A new one does not, and it waits for the disk.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.pool.acquire().await?.close().await?;
                self.pool.begin_with(BEGIN).await
            }
            begun => begun,
        }
    }

    /// A connection outside any transaction of ours, for start-up checks and migrations.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}
