//! Many rows in one statement: `INSERT … VALUES (…),(…) …`, the fastest way in on both engines.

use std::{fmt::Write as _, sync::Arc};

use super::{
    Engine,
    error::Result,
    query::{Query, Row},
    tx::Tx,
};

/// The shape of a bulk insert. Tenant and project are bound for the caller, so a row binds only its own columns.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// `INSERT INTO t (tenant_id, project_id, a, b) VALUES`
    pub insert: &'static str,
    /// How many columns each row binds, without tenant and project.
    pub columns: usize,
    /// `ON CONFLICT … RETURNING …`, or nothing. Without placeholders.
    pub suffix: &'static str,
}

/// Rows per statement: any number up to [`FEW`], then powers of two, so that there are few statements and few texts of them to
/// be kept prepared.
const MOST_ROWS: usize = 256;
const FEW: usize = 16;
/// SQLite takes 32,766 values in one statement, Postgres 65,535.
const MOST_VALUES: usize = 32_000;

impl Bulk {
    /// Inserts `rows`; answers how many rows were written.
    pub async fn execute<T>(
        &self,
        tx: &mut Tx,
        project: &str,
        rows: &[T],
        bind: impl for<'c> Fn(Query<'c>, &T) -> Query<'c>,
    ) -> Result<u64> {
        let mut written = 0;
        for chunk in self.chunks(rows) {
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
        bind: impl for<'c> Fn(Query<'c>, &T) -> Query<'c>,
    ) -> Result<Vec<R>> {
        let mut answer = Vec::with_capacity(rows.len());
        for chunk in self.chunks(rows) {
            answer.extend(self.query(tx, project, chunk, &bind).fetch_all().await?);
        }
        Ok(answer)
    }

    fn query<'c, T>(
        &self,
        tx: &'c mut Tx,
        project: &str,
        rows: &[T],
        bind: &impl for<'q> Fn(Query<'q>, &T) -> Query<'q>,
    ) -> Query<'c> {
        match tx.engine() {
            Engine::Postgres => rows.iter().fold(tx.query(self.numbered(rows.len())).bind(project), bind),
            Engine::Sqlite => {
                // Shared, not copied, by the thousands of places that name them.
                let (tenant, project): (Arc<str>, Arc<str>) = (tx.tenant().as_str().into(), project.into());
                let query = tx.system_query(self.positional(rows.len()));
                rows.iter().fold(query, |query, row| bind(query.bind(tenant.clone()).bind(project.clone()), row))
            }
        }
    }

    /// For Postgres: `$1` is the tenant, `$2` the project in every row.
    fn numbered(&self, rows: usize) -> String {
        let mut sql = String::with_capacity(self.insert.len() + rows * (8 + self.columns * 6) + self.suffix.len());
        sql.push_str(self.insert);
        for row in 0..rows {
            sql.push_str(if row == 0 { " ($1,$2" } else { ",($1,$2" });
            for column in 0..self.columns {
                let _ = write!(sql, ",${}", 3 + row * self.columns + column);
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(self.suffix);
        sql
    }

    /// For SQLite, which keeps a list of the placeholders that have a number and walks it for each value that is bound: with
    /// thousands of them that costs more than the insert. See [`Engine::or_fail`].
    fn positional(&self, rows: usize) -> String {
        let row = format!("({})", ["?"].repeat(self.columns + 2).join(","));
        let insert = self.insert.replacen("INSERT", &format!("INSERT{}", Engine::Sqlite.or_fail()), 1);
        format!("{insert} {} {}", [row.as_str()].repeat(rows).join(","), self.suffix)
    }

    fn chunks<'r, T>(&self, mut rows: &'r [T]) -> impl Iterator<Item = &'r [T]> + use<'r, T> {
        let most = MOST_ROWS.min(previous_power_of_two(MOST_VALUES / (self.columns + 2)));
        std::iter::from_fn(move || {
            if rows.is_empty() {
                return None;
            }
            let length = if rows.len() <= FEW { rows.len() } else { previous_power_of_two(rows.len()) };
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
    use super::Bulk;

    #[test]
    fn chunks_are_few_and_cover_everything() {
        let bulk = Bulk { insert: "INSERT INTO t (tenant_id, project_id, a, b) VALUES", columns: 2, suffix: "" };
        let rows: Vec<u32> = (0..613).collect();
        let chunks: Vec<_> = bulk.chunks(&rows).map(<[u32]>::len).collect();
        assert_eq!(chunks, [256, 256, 64, 32, 5]);
        assert_eq!(
            bulk.numbered(2).trim(),
            "INSERT INTO t (tenant_id, project_id, a, b) VALUES ($1,$2,$3,$4),($1,$2,$5,$6)"
        );
        assert_eq!(
            bulk.positional(2).trim(),
            "INSERT OR FAIL INTO t (tenant_id, project_id, a, b) VALUES (?,?,?,?),(?,?,?,?)"
        );
    }
}
