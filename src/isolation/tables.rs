//! The database: the other's rows before and after, every table in raw SQL as the application's role, and the removal of the
//! throw-away businesses.

use std::collections::BTreeMap;

use super::{Line, Result, place::Place};
use crate::{
    accounts::erasure::erase,
    app::App,
    db::{Engine, Tx},
    domain::ids::TenantId,
    store::throwaways::{self, Attempt},
};

/// What a business has in each table: how many rows, and what stands in them.
pub(super) async fn fingerprints(app: &App, tenant: &TenantId) -> Result<BTreeMap<String, (i64, String)>> {
    let mut tx = app.db.read(tenant).await?;
    let mut found = BTreeMap::new();
    for table in throwaways::tables(&mut tx).await? {
        let fingerprint = throwaways::fingerprint(&mut tx, &table).await?;
        found.insert(table, fingerprint);
    }
    Ok(found)
}

/// Whether everything of the other's is as it was.
pub(super) async fn unchanged(app: &App, tenant: &TenantId, before: &BTreeMap<String, (i64, String)>) -> Result<Line> {
    let mut line = Line::new("the other's rows are as they were");
    let after = fingerprints(app, tenant).await?;
    for (table, was) in before {
        let is = after.get(table);
        line.note(
            (is != Some(was)).then(|| format!("{table} changed: {} rows, then {}", was.0, is.map_or(0, |is| is.0))),
        );
    }
    Ok(line)
}

/// Every table with row-level security, as the application's role: what a forgotten condition or an injected statement could do.
pub(super) async fn in_raw_sql(app: &App, own: &Place, other: &Place) -> Result<Vec<Line>> {
    let lines = Attempt::ALL.map(|attempt| Line::new(attempt.what()));
    let mut catalogue = Line::new("SQL: what the catalogue says of walls");
    if app.db.engine() == Engine::Sqlite {
        let reason = "SQLite has no row-level security: the conditions of the queries are the one wall";
        return Ok(lines.into_iter().chain([catalogue]).map(|line| Line { untried: Some(reason), ..line }).collect());
    }
    let theirs = fingerprints(app, &other.tenant).await?;
    let mut tx = app.db.read(&own.tenant).await?;
    let tables = throwaways::tenant_owned(&mut tx).await?;
    catalogue.tried = tables.len();
    catalogue.leaks = throwaways::beyond_row_level_security(&mut tx).await?;
    drop(tx);
    let mut done = vec![catalogue];
    for (attempt, mut line) in Attempt::ALL.into_iter().zip(lines) {
        for table in &tables {
            // Where the other has nothing, nothing could be seen.
            if theirs.get(table).is_none_or(|(rows, _)| *rows == 0) && !attempt.needs_no_rows() {
                continue;
            }
            line.note(try_one(app, attempt, table, own, other).await?);
        }
        done.push(line);
    }
    Ok(done)
}

async fn try_one(app: &App, attempt: Attempt, table: &str, own: &Place, other: &Place) -> Result<Option<String>> {
    let leak = if attempt == Attempt::LookWithoutTenant {
        let mut tx = app.db.system_read().await?;
        throwaways::look_without_tenant(&mut tx, table).await
    } else {
        // Never committed: the attempt ends with its transaction.
        let mut tx: Tx = app.db.write(&own.tenant).await?;
        throwaways::attempt(&mut tx, attempt, table, &other.tenant).await
    };
    Ok(leak.map(|leak| format!("{table}: {leak}")))
}

/// Removes a throw-away business as a deleted tenant is erased; answers what is left of it, by table.
pub(super) async fn remove(app: &App, tenant: &TenantId) -> Result<Vec<(String, i64)>> {
    erase(app, tenant).await?;
    let mut tx = app.db.read(tenant).await?;
    let mut left = Vec::new();
    for table in throwaways::tables(&mut tx).await? {
        let rows = throwaways::count(&mut tx, &table).await?;
        if rows > 0 {
            left.push((table, rows));
        }
    }
    Ok(left)
}
