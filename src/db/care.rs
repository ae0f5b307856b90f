//! What a SQLite file needs somebody to look after: damage, and how long its write-ahead log is. Postgres looks after itself.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection as _};

use super::{Db, error::Result, files::unhurried};

/// Tables that have pages of their own: virtual ones have not.
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name";

impl Db {
    /// Bytes of the write-ahead log, as the file system has it; none on Postgres.
    pub fn log_bytes(&self) -> Option<u64> {
        let Self::Sqlite { writer, .. } = self else { return None };
        let file = writer.pool().connect_options().get_filename().to_owned();
        Some(log_bytes(&file))
    }

    /// Whether whoever had the database before did not close it: was killed, or is still there.
    pub fn was_left_open(&self) -> bool {
        match self {
            Self::Sqlite { writer, .. } => writer.was_left_open(),
            Self::Postgres(_) => false,
        }
    }

    /// Reads all of the tables and their indexes, and answers what is damaged, in SQLite's words; nothing on Postgres. Takes seconds per
    /// gigabyte, on a connection of its own. Table by table: a reader that stays for all of them would hold up the log.
    pub async fn damage(&self) -> Result<Vec<String>> {
        let Self::Sqlite { readers, .. } = self else { return Ok(Vec::new()) };
        let begun = async {
            let mut conn = unhurried(readers).await?;
            let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut conn).await?;
            Ok((conn, tables))
        };
        let (mut conn, tables) = match begun.await {
            Ok(begun) => begun,
            Err(error) => return damage_in(error).map(|found| vec![found]),
        };
        let mut found = Vec::new();
        for table in tables {
            let check = format!("PRAGMA quick_check('{}')", table.replace('\'', "''"));
            match sqlx::query_scalar::<_, String>(AssertSqlSafe(check)).fetch_all(&mut conn).await {
                Ok(lines) => found.extend(lines.into_iter().filter(|line| line != "ok")),
                Err(error) => found.push(damage_in(error)?),
            }
        }
        // What was found is told even where this fails.
        conn.close().await.unwrap_or_else(|error| tracing::warn!(%error, "the look for damage was not ended in order"));
        Ok(found)
    }
}

/// What SQLite says when it meets damage where it did not look for it. Any other error is one.
fn damage_in(error: sqlx::Error) -> Result<String> {
    match &error {
        // SQLITE_CORRUPT and SQLITE_NOTADB with their variants, sqlite.org/rescode.html
        sqlx::Error::Database(told)
            if told
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 11 | 26)) =>
        {
            Ok(told.message().to_owned())
        }
        _ => Err(error.into()),
    }
}

/// Bytes of the log beside a SQLite file; 0 when there is none.
pub(super) fn log_bytes(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |log| log.len())
}
