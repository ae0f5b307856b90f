//! Many rows in one statement, the fastest way in: `INSERT … VALUES (…),(…) …` on SQLite; on Postgres `INSERT … SELECT … FROM unnest(…)`
//! with an array for each column.

use std::sync::Arc;

use super::{
    Engine,
    error::Result,
    query::{Query, Row},
    tx::Tx,
    value::{Array, Cell},
};

/// The shape of a bulk insert. Tenant and project are bound for the caller, so a row binds only its own columns.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// `INSERT INTO t (tenant_id, project_id, a, b)`
    pub insert: &'static str,
    /// How many columns each row binds, without tenant and project.
    pub columns: usize,
    /// `ON CONFLICT … RETURNING …`, or nothing. Without placeholders.
    pub suffix: &'static str,
}

/// Rows per statement. On SQLite any number up to [`FEW`], then powers of two, so that there are few statements and few texts of them
/// to be kept prepared.
const MOST_ROWS: usize = 256;
const FEW: usize = 16;
/// SQLite takes 32,766 values in one statement.
const MOST_VALUES: usize = 32_000;

/// Where the values of one row after another are bound.
#[must_use = "bound values go nowhere until their statement runs"]
pub struct Values<'c> {
    query: Query<'c>,
    /// Postgres's columns, and how many values they hold together; none on SQLite.
    columns: Vec<Array>,
    bound: usize,
}

impl Values<'_> {
    /// Binds the row's next column.
    pub fn bind<'v>(mut self, value: impl Cell<'v>) -> Self {
        if self.columns.is_empty() {
            self.query = self.query.bind(value);
        } else {
            let column = self.bound % self.columns.len();
            let pushed = self.columns[column].push(value);
            self.query.note(pushed);
            self.bound += 1;
        }
        self
    }
}

impl Bulk {
    /// Inserts `rows`; answers how many rows were written.
    pub async fn execute<T>(
        &self,
        tx: &mut Tx,
        project: &str,
        rows: &[T],
        bind: impl for<'c> Fn(Values<'c>, &T) -> Values<'c>,
    ) -> Result<u64> {
        let mut written = 0;
        for chunk in self.chunks(tx.engine(), rows) {
            written += self.query(tx, project, chunk, &bind).execute().await?;
        }
        Ok(written)
    }

    /// Inserts `rows`; answers what the suffix's `RETURNING` gives.
    pub async fn fetch_all<T, R: Row>(
        &self,
        tx: &mut Tx,
        project: &str,
        rows: &[T],
        bind: impl for<'c> Fn(Values<'c>, &T) -> Values<'c>,
    ) -> Result<Vec<R>> {
        let mut answer = Vec::with_capacity(rows.len());
        for chunk in self.chunks(tx.engine(), rows) {
            answer.extend(self.query(tx, project, chunk, &bind).fetch_all().await?);
        }
        Ok(answer)
    }

    fn query<'c, T>(
        &self,
        tx: &'c mut Tx,
        project: &str,
        rows: &[T],
        bind: &impl for<'q> Fn(Values<'q>, &T) -> Values<'q>,
    ) -> Query<'c> {
        match tx.engine() {
            Engine::Postgres => {
                let query = tx.query(format!("{} SELECT $1, $2, * FROM unnest(", self.insert)).bind(project);
                let columns = std::iter::repeat_with(Array::default).take(self.columns).collect();
                let values = rows.iter().fold(Values { query, columns, bound: 0 }, bind);
                debug_assert_eq!(
                    values.bound,
                    rows.len() * self.columns,
                    "columns and bound values differ in: {}",
                    self.insert
                );
                let mut query = values.query;
                for (position, column) in values.columns.into_iter().enumerate() {
                    query = query.push(if position == 0 { "" } else { ", " }).push_array(column);
                }
                query.push(") ").push(self.suffix)
            }
            Engine::Sqlite => {
                // Shared, not copied, by the thousands of places that name them.
                let (tenant, project): (Arc<str>, Arc<str>) = (tx.tenant().as_str().into(), project.into());
                let query = tx.system_query(self.positional(rows.len()));
                rows.iter().fold(query, |query, row| {
                    let query = query.bind(tenant.clone()).bind(project.clone());
                    bind(Values { query, columns: Vec::new(), bound: 0 }, row).query
                })
            }
        }
    }

    /// For SQLite, which keeps a list of the placeholders that have a number and walks it for each value that is bound: with
    /// thousands of them that costs more than the insert. See [`Engine::or_fail`].
    fn positional(&self, rows: usize) -> String {
        let row = format!("({})", ["?"].repeat(self.columns + 2).join(","));
        let insert = self.insert.replacen("INSERT", &format!("INSERT{}", Engine::Sqlite.or_fail()), 1);
        format!("{insert} VALUES {} {}", [row.as_str()].repeat(rows).join(","), self.suffix)
    }

    fn chunks<'r, T>(&self, engine: Engine, mut rows: &'r [T]) -> impl Iterator<Item = &'r [T]> + use<'r, T> {
        let most = match engine {
            Engine::Sqlite => MOST_ROWS.min(previous_power_of_two(MOST_VALUES / (self.columns + 2))),
            Engine::Postgres => MOST_ROWS,
        };
        std::iter::from_fn(move || {
            if rows.is_empty() {
                return None;
            }
            let length = match engine {
                Engine::Sqlite if rows.len() > FEW => previous_power_of_two(rows.len()),
                _ => rows.len(),
            };
            let (chunk, rest) = rows.split_at(length.min(most));
            rows = rest;
            Some(chunk)
        })
    }
}

fn previous_power_of_two(n: usize) -> usize {
    if n == 0 { 0 } else { 1 << n.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::{Bulk, Engine};

    #[test]
    fn chunks_are_few_and_cover_everything() {
        let bulk = Bulk { insert: "INSERT INTO t (tenant_id, project_id, a, b)", columns: 2, suffix: "" };
        let rows: Vec<u32> = (0..613).collect();
        let lengths = |engine| bulk.chunks(engine, &rows).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(Engine::Sqlite), [256, 256, 64, 32, 5]);
        assert_eq!(lengths(Engine::Postgres), [256, 256, 101]);
        assert_eq!(
            bulk.positional(2).trim(),
            "INSERT OR FAIL INTO t (tenant_id, project_id, a, b) VALUES (?,?,?,?),(?,?,?,?)"
        );
    }
}
