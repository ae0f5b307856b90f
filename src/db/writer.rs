//! SQLite's one writer connection, and what its next commit waits for.

use sqlx::{Sqlite, SqlitePool, Transaction};

use super::checkpoint::Checkpoints;

/// What a commit outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A power cut.
    Disk,
    /// The end of the process.
    Process,
}

impl Durability {
    /// Begins a transaction. The setting stands in the same text, so that nobody's falls between another's and its BEGIN, and
    /// `IMMEDIATE` takes SQLite's lock at once, so that a transaction never fails half-way.
    const fn begin(self) -> &'static str {
        match self {
            Self::Disk => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Self::Process => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        }
    }
}

/// The single writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    pool: SqlitePool,
    checkpoints: Checkpoints,
    left_open: bool,
}

impl Writer {
    /// `pool` has one connection; `left_open`: see [`super::Db::was_left_open`].
    pub(super) fn new(pool: SqlitePool, checkpoints: Checkpoints, left_open: bool) -> Self {
        Self { pool, checkpoints, left_open }
    }

    /// See [`super::Db::was_left_open`].
    pub(super) fn was_left_open(&self) -> bool {
        self.left_open
    }

    /// Begins a transaction whose commit waits for as much as `durability` says.
    pub(super) async fn begin(&self, durability: Durability) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.checkpoints.note();
        match self.pool.begin_with(durability.begin()).await {
            // When a disk is full, SQLite rolls back by itself and sqlx, which counts open transactions, is left one too
            // high: that connection would refuse every later BEGIN. A new one does not.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.pool.acquire().await?.close().await?;
                self.pool.begin_with(durability.begin()).await
            }
            begun => begun,
        }
    }

    /// Closes it, and so folds the log into the file: the writer is the last to leave.
    pub(super) async fn close(&self) {
        self.checkpoints.close().await;
        self.pool.close().await;
    }

    /// A connection outside any transaction of ours, for start-up checks and migrations.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}
