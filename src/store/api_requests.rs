//! What was done with API keys: a line per request, a count per hour, and the last use of each scope. Written in groups,
//! away from the requests themselves.

use crate::{
    db::{
        Bulk, Result, Tx,
        page::{Cursor, Key, Page},
    },
    domain::{
        api_key::ApiScope,
        ids::{KeyId, ProjectId},
    },
};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Request {
    /// Unix microseconds.
    pub at: i64,
    /// As in the answer's `Request-Id`.
    pub request_id: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The pattern, such as `/v1/customers/{id}`.
    pub path: String,
    /// Of the answer.
    pub status: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
}

/// Adds lines.
pub async fn insert(tx: &mut Tx, project: &ProjectId, lines: &[(&KeyId, &Request)]) -> Result<()> {
    const INSERT: Bulk = Bulk {
        insert: "INSERT INTO api_requests (tenant_id, project_id, key_id, at, request_id, method, path, status, micros)",
        columns: 7,
        suffix: "ON CONFLICT (tenant_id, project_id, key_id, at, request_id) DO NOTHING",
    };
    INSERT
        .execute(tx, project.as_str(), lines, |query, (key, line)| {
            query
                .bind(*key)
                .bind(line.at)
                .bind(&line.request_id)
                .bind(&line.method)
                .bind(&line.path)
                .bind(line.status)
                .bind(line.micros)
        })
        .await?;
    Ok(())
}

/// Adds `n` requests to an hour of a key. `hour` is the unix second of its beginning.
pub async fn count(tx: &mut Tx, project: &ProjectId, key: &KeyId, hour: i64, n: i64) -> Result<()> {
    tx.query(
        "INSERT INTO api_key_hours (tenant_id, project_id, key_id, hour, n) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, project_id, key_id, hour) DO UPDATE SET n = api_key_hours.n + excluded.n",
    )
    .bind(project)
    .bind(key)
    .bind(hour)
    .bind(n)
    .execute()
    .await?;
    Ok(())
}

/// Notes that a key used a scope. `at` in unix seconds.
pub async fn scope_used(tx: &mut Tx, project: &ProjectId, key: &KeyId, scope: ApiScope, at: i64) -> Result<()> {
    tx.query(
        "INSERT INTO api_key_scopes (tenant_id, project_id, key_id, scope, last_used_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, project_id, key_id, scope) DO UPDATE SET last_used_at = excluded.last_used_at
         WHERE api_key_scopes.last_used_at < excluded.last_used_at",
    )
    .bind(project)
    .bind(key)
    .bind(scope.as_str())
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// A page of a key's log, newest first.
pub async fn page(
    tx: &mut Tx,
    project: &ProjectId,
    key: &KeyId,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Request>> {
    let mut query = tx
        .query(
            "SELECT at, request_id, method, path, status, micros FROM api_requests
             WHERE tenant_id = $1 AND project_id = $2 AND key_id = $3",
        )
        .bind(project)
        .bind(key);
    if let Some(Cursor(Key::Int(at), id)) = after {
        query = query.push(" AND (at, request_id) < (").push_bind(*at).push(", ").push_bind(id.as_str()).push(")");
    }
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = query.push(" ORDER BY at DESC, request_id DESC LIMIT ").push_bind(one_more).fetch_all().await?;
    Ok(Page::new(rows, limit, |row: &Request| Cursor(Key::Int(row.at), row.request_id.clone())))
}

/// Requests per key since `since` (unix seconds, the beginning of an hour).
pub async fn counts(tx: &mut Tx, project: &ProjectId, since: i64) -> Result<Vec<(KeyId, i64)>> {
    tx.query(
        "SELECT key_id, CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM api_key_hours
         WHERE tenant_id = $1 AND project_id = $2 AND hour >= $3 GROUP BY key_id",
    )
    .bind(project)
    .bind(since)
    .fetch_all()
    .await
}

/// When a key last used each scope, in unix seconds; scopes that it never used are missing.
pub async fn scopes_used(tx: &mut Tx, project: &ProjectId, key: &KeyId) -> Result<Vec<(String, i64)>> {
    tx.query("SELECT scope, last_used_at FROM api_key_scopes WHERE tenant_id = $1 AND project_id = $2 AND key_id = $3")
        .bind(project)
        .bind(key)
        .fetch_all()
        .await
}

/// Removes what is older than `before` (unix seconds) from the log and the counts of a project.
pub async fn prune(tx: &mut Tx, project: &ProjectId, before: i64) -> Result<()> {
    tx.query("DELETE FROM api_requests WHERE tenant_id = $1 AND project_id = $2 AND at < $3")
        .bind(project)
        .bind(before.saturating_mul(1_000_000))
        .execute()
        .await?;
    tx.query("DELETE FROM api_key_hours WHERE tenant_id = $1 AND project_id = $2 AND hour < $3")
        .bind(project)
        .bind(before)
        .execute()
        .await?;
    Ok(())
}
