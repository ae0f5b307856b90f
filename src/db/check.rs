//! What must be true of a database before billfold trusts it with anything. Runs at every start and in `billfold check`.

use sqlx::{PgConnection, Row as _, SqliteConnection};

use super::{
    Db,
    error::{Error, Result},
};

/// The oldest SQLite without the WAL-reset corruption bug.
const SQLITE_FLOOR: [u32; 3] = [3, 51, 3];

impl Db {
    /// Refuses a database that would break a promise: lost acknowledgements, or rows of another tenant in sight.
    pub async fn check(&self) -> Result<()> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut conn = writer.pool().acquire().await?;
                check_sqlite(&mut conn).await
            }
            Self::Postgres(pool) => {
                let mut conn = pool.acquire().await?;
                check_durability(&mut conn).await?;
                check_isolation(&mut conn).await
            }
        }
    }
}

async fn check_sqlite(conn: &mut SqliteConnection) -> Result<()> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *conn).await?;
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if numbers.as_slice() < SQLITE_FLOOR.as_slice() {
        return Err(Error::Refused(format!(
            "SQLite {version} can corrupt its write-ahead log; 3.51.3 or newer is needed"
        )));
    }
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *conn).await?;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *conn).await?;
    if synchronous < 2 || !journal.eq_ignore_ascii_case("wal") {
        return Err(Error::Refused(format!(
            "SQLite runs with synchronous={synchronous} and journal_mode={journal}; FULL and WAL are needed so that an acknowledged webhook survives a power cut"
        )));
    }
    Ok(())
}

async fn check_durability(conn: &mut PgConnection) -> Result<()> {
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut *conn).await?;
        if value == "off" {
            return Err(Error::Refused(format!(
                "Postgres runs with {setting}=off: an acknowledged webhook could be lost in a power cut. Turn it on"
            )));
        }
    }
    Ok(())
}

/// Writes a row as one tenant and looks for it as another, with the very statements a `Tx` uses, then rolls back.
async fn check_isolation(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("BEGIN").execute(&mut *conn).await?;
    let seen = probe(conn).await;
    sqlx::query("ROLLBACK").execute(&mut *conn).await?;
    match seen? {
        (1, 0, 0) => Ok(()),
        seen => Err(Error::Refused(format!(
            "row-level security does not hold: a transaction of one tenant sees another's rows {seen:?}. Check the policies and the role billfold_app"
        ))),
    }
}

/// How many of a tenant's rows are seen by the tenant itself, by another, and by none.
async fn probe(conn: &mut PgConnection) -> Result<(i64, i64, i64)> {
    let mut seen = [0_i64; 3];
    for (position, tenant) in ["ten_probe_a", "ten_probe_b", ""].into_iter().enumerate() {
        sqlx::query("SELECT set_config('app.tenant_id', $1, true), set_config('role', 'billfold_app', true)")
            .bind(tenant)
            .execute(&mut *conn)
            .await?;
        if position == 0 {
            sqlx::query(
                "INSERT INTO projects (tenant_id, id, name, created) VALUES ('ten_probe_a', 'prj_probe', 'probe', 0)",
            )
            .execute(&mut *conn)
            .await?;
        }
        seen[position] =
            sqlx::query("SELECT COUNT(*) FROM projects WHERE id = 'prj_probe'").fetch_one(&mut *conn).await?.get(0);
    }
    Ok((seen[0], seen[1], seen[2]))
}
