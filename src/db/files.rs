//! A SQLite database as a file: copied while it is written to, looked at before it is trusted, and put into the place of another.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    Db, Options,
    error::{Error, Result},
};

impl Options {
    /// The file of a SQLite database; none of Postgres.
    pub fn file(&self) -> Result<Option<PathBuf>> {
        if !self.url.starts_with("sqlite:") {
            return Ok(None);
        }
        Ok(Some(SqliteConnectOptions::from_str(&self.url)?.get_filename().to_owned()))
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
        sqlx::query("VACUUM INTO $1").bind(file.display().to_string()).execute(writer.pool()).await?;
        Ok(())
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
///
/// # Errors
/// [`Error::Unavailable`] while somebody has.
pub async fn close_log(file: &Path) -> Result<()> {
    let mut conn = open(file).await?;
    // SQLite leaves the log only when this connection is the only one.
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut conn).await?;
    conn.close().await?;
    if mode.eq_ignore_ascii_case("delete") {
        Ok(())
    } else {
        Err(Error::Unavailable("somebody else has it open".to_owned()))
    }
}

async fn open(file: &Path) -> Result<SqliteConnection> {
    Ok(SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).create_if_missing(false)).await?)
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

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a finished file its name, for good.
pub fn put(new: &Path, place: &Path) -> io::Result<()> {
    std::fs::File::open(new)?.sync_all()?;
    std::fs::rename(new, place)?;
    std::fs::File::open(folder(place))?.sync_all()
}

/// Puts `new` into the place of `old`, which is kept as `aside` if there is one. All are closed, without a log beside them.
pub fn replace(new: &Path, old: &Path, aside: &Path) -> io::Result<()> {
    if old.exists() && std::fs::hard_link(old, aside).is_err() {
        std::fs::rename(old, aside)?; // a file system without hard links
    }
    put(new, old)
}
