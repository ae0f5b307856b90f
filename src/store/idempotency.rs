//! Requests that named an `Idempotency-Key`, and the answers they got.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A request that was made before.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    /// SHA-256 of method, path and body.
    pub fingerprint: String,
    /// Unix seconds.
    pub started_at: i64,
    /// Of the answer; none while the request runs.
    pub status: Option<i64>,
    /// Of the answer.
    pub body: Option<String>,
}

/// Notes the beginning of a request. Answers whether there was none of this key before `now`; one that is over is replaced.
/// Times in unix seconds.
pub async fn begin(
    tx: &mut Tx,
    project: &ProjectId,
    key_hash: &str,
    fingerprint: &str,
    (now, expires_at): (i64, i64),
) -> Result<bool> {
    let begun = tx
        .query(
            "INSERT INTO idempotency (tenant_id, project_id, key_hash, fingerprint, started_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant_id, project_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,
               started_at = excluded.started_at, expires_at = excluded.expires_at, status = NULL, body = NULL
             WHERE idempotency.expires_at <= excluded.started_at",
        )
        .bind(project)
        .bind(key_hash)
        .bind(fingerprint)
        .bind(now)
        .bind(expires_at)
        .execute()
        .await?;
    Ok(begun == 1)
}

/// What is known of a key.
pub async fn find(tx: &mut Tx, project: &ProjectId, key_hash: &str) -> Result<Option<Known>> {
    tx.query(
        "SELECT fingerprint, started_at, status, body FROM idempotency
         WHERE tenant_id = $1 AND project_id = $2 AND key_hash = $3",
    )
    .bind(project)
    .bind(key_hash)
    .fetch_optional()
    .await
}

/// Takes over a request whose process is gone, unless somebody else did. Times in unix seconds.
pub async fn take_over(tx: &mut Tx, project: &ProjectId, key_hash: &str, started_at: i64, now: i64) -> Result<bool> {
    let taken = tx
        .query(
            "UPDATE idempotency SET started_at = $5
             WHERE tenant_id = $1 AND project_id = $2 AND key_hash = $3 AND started_at = $4 AND status IS NULL",
        )
        .bind(project)
        .bind(key_hash)
        .bind(started_at)
        .bind(now)
        .execute()
        .await?;
    Ok(taken == 1)
}

/// Keeps the answer.
pub async fn finish(tx: &mut Tx, project: &ProjectId, key_hash: &str, status: i64, body: &str) -> Result<()> {
    tx.query(
        "UPDATE idempotency SET status = $4, body = $5
         WHERE tenant_id = $1 AND project_id = $2 AND key_hash = $3 AND status IS NULL",
    )
    .bind(project)
    .bind(key_hash)
    .bind(status)
    .bind(body)
    .execute()
    .await?;
    Ok(())
}

/// Forgets a request that ended without an answer worth keeping, so that it may be made again.
pub async fn forget(tx: &mut Tx, project: &ProjectId, key_hash: &str) -> Result<()> {
    tx.query("DELETE FROM idempotency WHERE tenant_id = $1 AND project_id = $2 AND key_hash = $3 AND status IS NULL")
        .bind(project)
        .bind(key_hash)
        .execute()
        .await?;
    Ok(())
}

/// Removes what is over at `now` (unix seconds).
pub async fn prune(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<u64> {
    tx.query("DELETE FROM idempotency WHERE tenant_id = $1 AND project_id = $2 AND expires_at <= $3")
        .bind(project)
        .bind(now)
        .execute()
        .await
}
