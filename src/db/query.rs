//! One SQL text for both engines: the only place with a two-armed match over them.
//!
//! A query is written once with `$1…$n`, values are bound in order, rows decode through `sqlx::FromRow`.
//! Optional filters are appended with [`Query::push`] and [`Query::push_bind`], so that the planner sees only
//! the conditions that apply.

use std::fmt::Write as _;

use sqlx::{
    AssertSqlSafe, FromRow, SqliteConnection,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::time::timeout;

use super::{
    connect::Lent,
    error::{Error, Result},
    value::{Array, Bind, Cell},
};

/// A connection, mostly inside a transaction.
pub(super) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut Lent),
}

impl Conn<'_> {
    /// The same for one query, before another.
    pub(super) fn again(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(lent) => Conn::Postgres(lent),
        }
    }
}

enum Args {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

/// A row that decodes from both engines. Implemented by `#[derive(sqlx::FromRow)]` and by tuples.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

/// A query being put together. Runs by one of the `fetch_*` methods or [`Query::execute`].
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<'c> {
    conn: Conn<'c>,
    sql: String,
    args: Args,
    bound: usize,
    failed: Option<BoxDynError>,
}

impl<'c> Query<'c> {
    pub(super) fn new(conn: Conn<'c>, sql: impl Into<String>) -> Self {
        let args = match &conn {
            Conn::Sqlite(_) => Args::Sqlite(SqliteArguments::default()),
            Conn::Postgres(_) => Args::Postgres(PgArguments::default()),
        };
        Self { conn, sql: sql.into(), args, bound: 0, failed: None }
    }

    /// Binds the next `$n`.
    pub fn bind<'v>(mut self, value: impl Bind<'v>) -> Self {
        self.add(value);
        self
    }

    /// Appends SQL text. Only literals of ours and whitelisted column names belong here, never input.
    pub fn push(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends the next placeholder and binds its value.
    pub fn push_bind<'v>(mut self, value: impl Bind<'v>) -> Self {
        self.add(value);
        let _ = write!(self.sql, "${}", self.bound);
        self
    }

    /// Appends `IN ($n, $n+1, …)` with its values, as `= ANY($n)` on Postgres. An empty list matches nothing. On SQLite the last value
    /// is repeated up to a power of two, so that lists of all lengths share a few prepared statements.
    pub fn push_in<'v, T: Cell<'v> + Copy>(self, values: impl IntoIterator<Item = T>) -> Self {
        match self.args {
            Args::Sqlite(_) => self.push_list(values),
            Args::Postgres(_) => self.push_any(values),
        }
    }

    fn push_any<'v, T: Cell<'v>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        let mut array = Array::of::<T>();
        for value in values {
            let pushed = array.push(value);
            self.note(pushed);
        }
        self = self.push(" = ANY(").push_array(array);
        self.push(")")
    }

    /// Appends the next placeholder and binds an array, for Postgres.
    pub(super) fn push_array(mut self, array: Array) -> Self {
        use sqlx::Arguments as _;
        let added = match &mut self.args {
            Args::Sqlite(_) => Err("SQLite has no arrays".into()),
            Args::Postgres(args) => args.add(array),
        };
        self.note(added);
        self.bound += 1;
        let _ = write!(self.sql, "${}", self.bound);
        self
    }

    fn push_list<'v, T: Bind<'v> + Copy>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.sql.push_str(" IN (");
        let (mut length, mut last) = (0_usize, None);
        for value in values {
            self = self.push_listed(length, value);
            (length, last) = (length + 1, Some(value));
        }
        match last {
            None => self.sql.push_str("NULL"),
            Some(last) => {
                for position in length..length.next_power_of_two() {
                    self = self.push_listed(position, last);
                }
            }
        }
        self.sql.push(')');
        self
    }

    fn push_listed<'v>(mut self, position: usize, value: impl Bind<'v>) -> Self {
        if position > 0 {
            self.sql.push(',');
        }
        self.push_bind(value)
    }

    fn add<'v>(&mut self, value: impl Bind<'v>) {
        use sqlx::Arguments as _;
        let added = match &mut self.args {
            Args::Sqlite(args) => args.add(value),
            Args::Postgres(args) => args.add(value),
        };
        self.bound += 1;
        self.note(added);
    }

    /// Keeps the first failure of a value for whoever runs the query.
    pub(super) fn note(&mut self, bound: Result<(), BoxDynError>) {
        if let Err(error) = bound {
            self.failed.get_or_insert(error);
        }
    }

    fn check(&mut self) -> Result<()> {
        debug_assert_eq!(placeholders(&self.sql), self.bound, "placeholders and bound values differ in: {}", self.sql);
        match self.failed.take() {
            Some(error) => Err(Error::Fault(sqlx::Error::Encode(error))),
            None => Ok(()),
        }
    }

    /// All rows.
    pub async fn fetch_all<T: Row>(mut self) -> Result<Vec<T>> {
        self.check()?;
        Ok(match (self.conn, self.args) {
            (Conn::Sqlite(conn), Args::Sqlite(args)) => {
                sqlx::query_as_with(AssertSqlSafe(self.sql), args).fetch_all(conn).await?
            }
            (Conn::Postgres(lent), Args::Postgres(args)) => {
                let (conn, limit) = lent.ask()?;
                let asked = sqlx::query_as_with(AssertSqlSafe(self.sql), args).fetch_all(conn);
                let answer = timeout(limit, asked).await;
                lent.heard(answer)?
            }
            _ => return Err(mixed_engines()),
        })
    }

    /// The first row, if any.
    pub async fn fetch_optional<T: Row>(mut self) -> Result<Option<T>> {
        self.check()?;
        Ok(match (self.conn, self.args) {
            (Conn::Sqlite(conn), Args::Sqlite(args)) => {
                sqlx::query_as_with(AssertSqlSafe(self.sql), args).fetch_optional(conn).await?
            }
            (Conn::Postgres(lent), Args::Postgres(args)) => {
                let (conn, limit) = lent.ask()?;
                let asked = sqlx::query_as_with(AssertSqlSafe(self.sql), args).fetch_optional(conn);
                let answer = timeout(limit, asked).await;
                lent.heard(answer)?
            }
            _ => return Err(mixed_engines()),
        })
    }

    /// The one row a query must answer, such as an aggregate.
    pub async fn fetch_one<T: Row>(self) -> Result<T> {
        self.fetch_optional().await?.ok_or(Error::Fault(sqlx::Error::RowNotFound))
    }

    /// The single column of the one row.
    pub async fn fetch_value<T>(self) -> Result<T>
    where
        (T,): Row,
    {
        self.fetch_one::<(T,)>().await.map(|(value,)| value)
    }

    /// The single column of the first row, if any.
    pub async fn fetch_optional_value<T>(self) -> Result<Option<T>>
    where
        (T,): Row,
    {
        Ok(self.fetch_optional::<(T,)>().await?.map(|(value,)| value))
    }

    /// The single column of all rows.
    pub async fn fetch_values<T>(self) -> Result<Vec<T>>
    where
        (T,): Row,
    {
        Ok(self.fetch_all::<(T,)>().await?.into_iter().map(|(value,)| value).collect())
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn execute(mut self) -> Result<u64> {
        self.check()?;
        Ok(match (self.conn, self.args) {
            (Conn::Sqlite(conn), Args::Sqlite(args)) => {
                sqlx::query_with(AssertSqlSafe(self.sql), args).execute(conn).await?.rows_affected()
            }
            (Conn::Postgres(lent), Args::Postgres(args)) => {
                let (conn, limit) = lent.ask()?;
                let asked = sqlx::query_with(AssertSqlSafe(self.sql), args).execute(conn);
                let answer = timeout(limit, asked).await;
                lent.heard(answer)?.rows_affected()
            }
            _ => return Err(mixed_engines()),
        })
    }
}

fn mixed_engines() -> Error {
    Error::Fault(sqlx::Error::Configuration("arguments of one engine, connection of the other".into()))
}

/// How many values a query text takes: its highest `$n`, or its `?`s. Our texts have neither inside string literals.
fn placeholders(sql: &str) -> usize {
    let numbered = sql.split('$').skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    });
    numbered.max().unwrap_or_else(|| sql.matches('?').count())
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn counts_the_values_that_a_text_takes() {
        assert_eq!(placeholders("SELECT 1"), 0);
        assert_eq!(placeholders("a = $2 AND b = $10 OR c = $1"), 10);
        assert_eq!(placeholders("VALUES (?,?),(?,?)"), 4);
    }
}
