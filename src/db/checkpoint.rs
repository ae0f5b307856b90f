//! Copies SQLite's write-ahead log into the file beside the writer, so that no commit has to.
//!
//! By itself SQLite copies the log in the commit that makes it longer than `wal_autocheckpoint`: thousands of pages and two disk syncs for
//! which every delivery of that moment waits. Here a connection of its own copies what has come since the last time, as a `PASSIVE`
//! checkpoint, which waits for nobody and nobody for it. The writer is left with the last few pages when its log begins anew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::SqlitePool;
use tokio_util::task::AbortOnDropHandle;

/// Between two looks at how much was written.
const PAUSE: Duration = Duration::from_millis(50);
/// Transactions that are worth two disk syncs; what a quiet hour leaves, the writer copies by itself.
const ENOUGH: u64 = 16;

/// The task that copies, as long as anybody has a clone of it.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    begun: Arc<AtomicU64>,
    pool: SqlitePool,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Checkpoints {
    /// Starts it over a pool of one connection.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let begun = Arc::<AtomicU64>::default();
        let task = tokio::spawn(copy(pool.clone(), begun.clone()));
        Self { begun, pool, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// One more transaction writes.
    pub(super) fn note(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends with the checkpoint that is under way.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn copy(pool: SqlitePool, begun: Arc<AtomicU64>) {
    let mut copied = 0;
    while !pool.is_closed() {
        tokio::time::sleep(PAUSE).await;
        let now = begun.load(Ordering::Relaxed);
        if now - copied < ENOUGH {
            continue;
        }
        copied = now;
        // What hinders it (a full disk, a file that is gone) hinders the writer too, which is asked for answers.
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&pool).await {
            tracing::debug!(%error, "the log was not copied");
        }
    }
}
