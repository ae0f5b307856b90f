//! A SQLite database as a file: copied while it is written to, looked at before it is trusted, and put into the place of another.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use rustix::fs::FlockOperation;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions};

use super::{
    Db, Options,
    connect::unreadable,
    error::{Error, Result},
    migrate::NOTHING_THERE,
};
use crate::vault::folder;
pub use crate::vault::put;

/// What SQLite puts beside a database, and what belongs to no other.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why a database was not taken out of use.
#[derive(Debug, thiserror::Error)]
pub enum NotClosed {
    /// Whoever has it must stop first.
    #[error("somebody else has it open")]
    InUse,
    /// Nobody is known to have it, and it cannot be read.
    #[error("{0}")]
    Unreadable(Error),
}

impl Options {
    /// For whoever only looks: a SQLite database that is not there would be made by opening it.
    ///
    /// # Errors
    /// [`Error::Refused`] when its file is missing.
    pub fn expect_there(&self) -> Result<()> {
        match self.file()? {
            Some(file) if !file.exists() => Err(Error::Refused(format!("{}: {NOTHING_THERE}", file.display()))),
            _ => Ok(()),
        }
    }

    /// The file of a SQLite database; none of Postgres.
    pub fn file(&self) -> Result<Option<PathBuf>> {
        if !self.url.starts_with("sqlite:") {
            return Ok(None);
        }
        let options = SqliteConnectOptions::from_str(&self.url).map_err(|error| unreadable(&error))?;
        Ok(Some(options.get_filename().to_owned()))
    }

    /// As `DATABASE_URL` names a SQLite file.
    pub fn url_of(file: &Path) -> String {
        format!("sqlite://{}", file.display().to_string().replace('%', "%25").replace('?', "%3F"))
    }
}

impl Db {
    /// Writes everything, as it is at one moment, to an empty file. Others go on reading and writing meanwhile.
    ///
    /// # Errors
    /// [`Error::Refused`] on Postgres, whose own tools do that.
    pub async fn copy_into(&self, file: &Path) -> Result<()> {
        let Self::Sqlite { writer, .. } = self else {
            return Err(Error::Refused("Postgres is copied with pg_dump".to_owned()));
        };
        let mut conn = unhurried(writer.pool()).await?;
        sqlx::query("VACUUM INTO $1").bind(file.display().to_string()).execute(&mut conn).await?;
        Ok(conn.close().await?)
    }

    /// Whether whoever opened a Postgres database may read all of it, as a dump does: not whom the policies bind.
    pub async fn may_be_dumped(&self) -> Result<bool> {
        let Self::Postgres(pool) = self else { return Ok(true) };
        let powers = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
        Ok(sqlx::query_scalar(powers).fetch_one(pool).await?)
    }
}

/// Reads all of a SQLite file that nobody else uses, and refuses one that is damaged.
pub async fn verify(file: &Path) -> Result<()> {
    let mut conn = open(file).await?;
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut conn).await?;
    conn.close().await?;
    if found == ["ok"] { Ok(()) } else { Err(Error::Refused(format!("it is damaged: {}", found.join("; ")))) }
}

/// Makes sure that nobody else has a SQLite database open, and folds its write-ahead log into the file.
pub async fn close_log(file: &Path) -> Result<(), NotClosed> {
    match leave_log(file).await {
        Ok(mode) if mode.eq_ignore_ascii_case("delete") => Ok(()),
        Err(error) if !is_busy(&error) && !is_locked(file) => Err(NotClosed::Unreadable(error.into())),
        _ => Err(NotClosed::InUse),
    }
}

/// SQLite leaves the log only when this connection is the only one. Answers the mode that it is in then.
async fn leave_log(file: &Path) -> sqlx::Result<String> {
    let mut conn = open(file).await?;
    let mode = sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut conn).await;
    conn.close().await?;
    mode
}

/// `SQLITE_BUSY` and `SQLITE_LOCKED` with their variants, sqlite.org/rescode.html
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|told| told.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Whether another process holds a lock on a file that SQLite cannot read and so knows nothing about: each connection to a database with a
/// log keeps a shared one (`pager_unlock` of SQLite's `pager.c` leaves it). Closing the file again takes the lock of this process away.
fn is_locked(file: &Path) -> bool {
    let taken = |file| rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).is_err();
    OpenOptions::new().read(true).write(true).open(file).is_ok_and(taken)
}

async fn open(file: &Path) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new().filename(file).create_if_missing(false).disable_statement_logging().connect().await
}

/// A connection as those of the pool, but none of it: for what reads all of a file, whose seconds are nothing to warn of.
pub(super) async fn unhurried(pool: &SqlitePool) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::clone(&pool.connect_options()).disable_statement_logging().connect().await
}

/// The same path with something behind it.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// An empty file that nobody else may read.
pub fn make_private(file: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// What root has made for the place of `old` belongs to whom `old` belongs, or its folder where there is none: a service that is not root
/// has to open it.
pub fn give_to_owner(new: &Path, old: &Path) -> io::Result<()> {
    let owner = if old.exists() { old.metadata()? } else { folder(old).metadata()? };
    if new.metadata()?.uid() != 0 || owner.uid() == 0 {
        return Ok(());
    }
    chown(new, Some(owner.uid()), Some(owner.gid()))
}

/// Puts `new`, which is closed, into the place of `old`, which is kept as `aside` if there is one. Answers what is kept: more than one
/// file where the old one could not be closed, since what lies beside it belongs to it and would spoil the new one.
pub fn replace(new: &Path, old: &Path, aside: &Path) -> io::Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    if old.exists() {
        if std::fs::hard_link(old, aside).is_err() {
            std::fs::rename(old, aside)?; // a file system without hard links
        }
        kept.push(aside.to_owned());
    }
    for suffix in BESIDE {
        let (left, kept_as) = (beside(old, suffix), beside(aside, suffix));
        if left.exists() {
            std::fs::rename(&left, &kept_as)?;
            kept.push(kept_as);
        }
    }
    put(new, old)?;
    Ok(kept)
}
