//! Copies SQLite's write-ahead log into the file beside the writer, so that no commit has to.
//!
//! By itself SQLite copies the log in the commit that makes it longer than `wal_autocheckpoint`: thousands of pages and two disk syncs for
//! which every delivery of that moment waits. Here a connection of its own copies what has come since the last time, as a `PASSIVE`
//! checkpoint, which waits for nobody and nobody for it. The writer is left with the last few pages when its log begins anew; so that they
//! are few, the copying hardly pauses when that is near.

use std::{sync::Arc, time::Duration};

use sqlx::SqlitePool;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Pages of log after which the writer copies what is left and begins anew: 32 MB, so that pages that many transactions change are
/// copied once.
pub(super) const LOG_PAGES: i64 = 8_192;
/// Pages of log after which the copying hardly pauses.
const NEARLY_FULL: i64 = LOG_PAGES / 4 * 3;

/// At least this long is waited between two copies.
const PAUSE: Duration = Duration::from_millis(50);
/// The same when the log is nearly full.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
/// Transactions that are worth two disk syncs, be they an import's large ones; what a quiet hour leaves, the writer copies by itself.
const ENOUGH: u64 = 4;

/// The task that copies, as long as anybody has a clone of it.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    begun: watch::Sender<u64>,
    pool: SqlitePool,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Checkpoints {
    /// Starts it over a pool of one connection.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let begun = watch::Sender::new(0);
        let task = tokio::spawn(copy(pool.clone(), begun.subscribe()));
        Self { begun, pool, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// One more transaction writes.
    pub(super) fn note(&self) {
        self.begun.send_modify(|begun| *begun += 1);
    }

    /// Ends with the checkpoint that is under way.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn copy(pool: SqlitePool, mut begun: watch::Receiver<u64>) {
    let (mut copied, mut pause) = (0, PAUSE);
    loop {
        tokio::time::sleep(pause).await;
        match begun.wait_for(|begun| *begun >= copied + ENOUGH).await {
            Ok(begun) => copied = *begun,
            Err(_) => return, // nobody writes any more
        }
        // What hinders it (a full disk, a file that is gone) hinders the writer too, which is asked for answers.
        let copying = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&pool);
        pause = match copying.await {
            Ok((_busy, log, _copied)) if NEARLY_FULL < log => SHORT_PAUSE,
            Ok::<(i64, i64, i64), _>(_) => PAUSE,
            Err(error) => {
                tracing::debug!(%error, "the log was not copied");
                PAUSE
            }
        };
    }
}
