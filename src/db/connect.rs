//! Opening a database from its connection string, and a connection of Postgres's pool while somebody has it.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool, Postgres, SqlSafeStr as _,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    runtime::Handle,
    time::{error::Elapsed, timeout},
};

use super::{
    Db, Writer, care,
    checkpoint::{Checkpoints, LOG_PAGES},
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
/// An answer of Postgres is waited for so many times as long as a connection: a minute, and no statement of ours takes that long. What
/// may take longer, such as a migration, has a connection of the pool itself.
const ANSWER: u32 = 12;
/// What the words about a `DATABASE_URL` that cannot be used begin with.
const SETTING: &str = "DATABASE_URL ";

/// What ends the transaction of a peer that is gone without a word, so that its locks do not stay for the hours that a system waits by
/// itself. Set after connecting, because poolers refuse it before; older servers do not know all of it.
const END_WITH_ITS_PEER: &str = "
SELECT set_config(name, value, false)
FROM (VALUES
  ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
  ('tcp_user_timeout', '30s'), ('idle_in_transaction_session_timeout', '60s')) AS wanted (name, value)
WHERE current_setting(name, true) IS NOT NULL";

impl Error {
    /// Whether `DATABASE_URL` itself is what is wrong, so that another try with the same one ends in the same way.
    pub fn blames_settings(&self) -> bool {
        matches!(self, Self::Refused(told) if told.starts_with(SETTING))
    }
}

pub(super) fn unreadable(error: &sqlx::Error) -> Error {
    Error::Refused(format!("{SETTING}cannot be read: {error}"))
}

impl Db {
    /// Opens the database, makes the SQLite file when there is none, and applies nothing.
    pub async fn connect(options: &Options) -> Result<Self> {
        Self::connect_within(options, ACQUIRE).await
    }

    /// The same with another patience with Postgres: how long a connection is waited for. An answer is waited for twelve times as long.
    pub async fn connect_within(options: &Options, patience: Duration) -> Result<Self> {
        let url = options.url.as_str();
        // Once per process, and large: whoever starts something need not carry it.
        if url.starts_with("sqlite:") {
            Box::pin(Self::connect_sqlite(url, options.connections)).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Box::pin(Self::connect_postgres(url, options.connections, patience)).await
        } else {
            Err(Error::Refused(format!("{SETTING}must begin with sqlite:// or postgres://")))
        }
    }

    async fn connect_sqlite(url: &str, readers: u32) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url).map_err(|error| unreadable(&error))?;
        let left_open = care::log_bytes(options.get_filename()) > 0;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged webhook survives a power cut; group commit pays for the sync.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("secure_delete", "on")
            .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
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

    async fn connect_postgres(url: &str, connections: u32, patience: Duration) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| unreadable(&error))?
            .application_name("billfold")
            // A plan made while the tables were empty would be kept while they grow. What the planner needs to know of a table's
            // size it reads each time. Pages come from memory or a solid-state disk: a look-up by key costs no more than a neighbour.
            // Nothing here runs for long enough to be worth a compiler, or other processes, whose start takes longer than the statement.
            .options([
                ("plan_cache_mode", "force_custom_plan"),
                ("random_page_cost", "1.1"),
                ("jit", "off"),
                ("max_parallel_workers_per_gather", "0"),
            ])
            .statement_cache_capacity(512)
            .log_statements(tracing::log::LevelFilter::Trace);
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(patience)
            .after_connect(|conn, _| Box::pin(async move { end_with_its_peer(conn).await }))
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }
}

/// A server that will not have it can be worked with all the same.
async fn end_with_its_peer(conn: &mut PgConnection) -> sqlx::Result<()> {
    match conn.execute(END_WITH_ITS_PEER).await {
        Err(sqlx::Error::Database(error)) => {
            tracing::warn!(%error, "Postgres will not end the transactions of a process that is gone without a word");
            Ok(())
        }
        done => done.map(drop),
    }
}

/// A connection of Postgres's pool while somebody has it.
///
/// A server that vanishes sends nothing, not even a refusal, and sqlx waits for it: in a statement, and when it looks at a connection that
/// is given back, which then never comes back into the pool. So every answer is waited for so long and no longer, and a connection
/// without one is closed at once and without a word, which makes room for another.
pub(super) struct Lent {
    conn: Option<PoolConnection<Postgres>>,
    limit: Duration,
    begun: bool,
}

impl Lent {
    /// Takes one from the pool.
    pub(super) async fn take(pool: &PgPool) -> Result<Self> {
        let limit = pool.options().get_acquire_timeout() * ANSWER;
        Ok(Self { conn: Some(pool.acquire().await?), limit, begun: false })
    }

    /// Takes one and begins a transaction on it, which ends with [`Lent::commit`] or is rolled back.
    pub(super) async fn begin(pool: PgPool, statements: String) -> Result<Self> {
        let mut lent = Self::take(&pool).await?;
        // Before it is so: a caller that goes away in the middle of BEGIN must not leave an open transaction to whoever is next, whose
        // writes would vanish with it (sqlx #4385).
        lent.begun = true;
        lent.run(statements).await?;
        Ok(lent)
    }

    /// Makes durable what was done since [`Lent::begin`]. Whether it is, nobody knows where this answers [`Error::Unavailable`].
    pub(super) async fn commit(&mut self) -> Result<()> {
        self.run("COMMIT".to_owned()).await?;
        self.begun = false;
        Ok(())
    }

    /// The connection, and how long its answer may be waited for. What comes of it is told to [`Lent::heard`].
    pub(super) fn ask(&mut self) -> Result<(&mut PgConnection, Duration)> {
        let limit = self.limit;
        match &mut self.conn {
            Some(conn) => Ok((conn, limit)),
            None => Err(silent(limit)),
        }
    }

    /// The answer; where none came, the connection is closed.
    pub(super) fn heard<T>(&mut self, answer: Result<sqlx::Result<T>, Elapsed>) -> Result<T> {
        if let Ok(answer) = answer {
            return Ok(answer?);
        }
        drop(self.conn.take().map(PoolConnection::detach));
        Err(silent(self.limit))
    }

    /// Statements without values, in one round trip.
    async fn run(&mut self, statements: String) -> Result<()> {
        let (conn, limit) = self.ask()?;
        let answer = timeout(limit, conn.execute(AssertSqlSafe(statements).into_sql_str())).await;
        self.heard(answer).map(drop)
    }
}

fn silent(limit: Duration) -> Error {
    Error::Unavailable(format!("Postgres did not answer within {limit:?}"))
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(give_back(conn, self.begun, self.limit))),
            Err(_) => drop(conn.detach()), // the program ends
        }
    }
}

/// Gives a connection back to its pool: without a transaction, and with nothing under way.
async fn give_back(mut conn: PoolConnection<Postgres>, begun: bool, limit: Duration) {
    if begun && !matches!(timeout(limit, conn.execute("ROLLBACK")).await, Ok(Ok(_))) {
        drop(conn.detach());
        return;
    }
    // What sqlx does with one that is dropped, which waits for an answer as well; given up, it closes the connection.
    let _ = timeout(limit, conn.return_to_pool()).await;
}
