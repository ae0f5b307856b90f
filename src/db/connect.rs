//! Opening a database from its connection string.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Db, Writer, care,
    checkpoint::Checkpoints,
    error::{Error, Result},
    files,
};

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Most connections: the Postgres pool, or SQLite's readers.
    pub connections: u32,
}

/// Waiting longer for a connection than this is an outage, not a queue.
const ACQUIRE: Duration = Duration::from_secs(5);

impl Db {
    /// Opens the database, makes the SQLite file when there is none, and applies nothing.
    pub async fn connect(options: &Options) -> Result<Self> {
        let url = options.url.as_str();
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(url, options.connections).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::connect_postgres(url, options.connections).await
        } else {
            Err(Error::Refused("DATABASE_URL must begin with sqlite:// or postgres://".to_owned()))
        }
    }

    async fn connect_sqlite(url: &str, readers: u32) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?;
        let left_open = care::log_bytes(options.get_filename()) > 0;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged webhook survives a power cut; group commit pays for the sync.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("secure_delete", "on")
            // Pages that many transactions change are copied into the file once: a checkpoint per 32 MB of log.
            .pragma("wal_autocheckpoint", "8192")
            .pragma("journal_size_limit", "67108864")
            .pragma("cache_size", "-16384")
            .pragma("fullfsync", "on")
            // What a statement of many rows would need to take itself back is kept in memory, not in a file per transaction.
            .pragma("temp_store", "memory")
            // The rows of a batch come over in one go: by default the worker waits for its reader after every fifty.
            .row_buffer_size(1024)
            .statement_cache_capacity(512)
            .log_statements(tracing::log::LevelFilter::Trace);
        let file = options.get_filename();
        if !file.to_string_lossy().starts_with("file:") {
            // A new database is its owner's alone, and so are the files that SQLite puts beside it. One that is there keeps its mode,
            // and what hinders a new one SQLite tells in a moment.
            let _ = files::make_private(file);
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false) // a file does not hang up
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await?;
        let checkpoints = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options.clone());
        // Each reader has a cache of its own, and there are many; beyond it, the system's cache of the file is as good.
        let reading = options.read_only(true).pragma("cache_size", "-4096");
        let readers = SqlitePoolOptions::new()
            .max_connections(readers.max(1))
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(reading);
        Ok(Self::Sqlite { readers, writer: Writer::new(writer, Checkpoints::start(checkpoints), left_open) })
    }

    async fn connect_postgres(url: &str, connections: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("billfold")
            // A plan made while the tables were empty would be kept while they grow. What the planner needs to know of a table's
            // size it reads each time. Pages come from memory or a solid-state disk: a look-up by key costs no more than a neighbour.
            .options([("plan_cache_mode", "force_custom_plan"), ("random_page_cost", "1.1")])
            .statement_cache_capacity(512)
            .log_statements(tracing::log::LevelFilter::Trace);
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }
}
