//! Objects to be read again from Stripe. One row per object: a burst of wishes is one fetch.

use crate::{
    db::{Bulk, Result, Tx},
    domain::ids::ProjectId,
};

/// A wish to read an object again.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Refetch {
    /// A [`Kind`](crate::domain::kind::Kind), or a [`Part`](crate::domain::part::Part) of one.
    pub kind: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// How often it was wished for; a wish during the fetch changes it.
    pub asked: i64,
    /// Failed tries.
    pub attempts: i64,
}

/// Wishes for objects to be read again, by Stripe's name and id.
pub async fn ask(tx: &mut Tx, project: &ProjectId, objects: &[(&str, String)], now: i64) -> Result<()> {
    const INSERT: Bulk = Bulk {
        insert: "INSERT INTO refetches (tenant_id, project_id, kind, stripe_id, asked, next_at, attempts)",
        columns: 5,
        suffix: "ON CONFLICT (tenant_id, project_id, kind, stripe_id) DO UPDATE SET asked = refetches.asked + 1, next_at = excluded.next_at",
    };
    // Postgres refuses a statement that meets one row twice.
    let distinct: std::collections::BTreeSet<&(&str, String)> = objects.iter().collect();
    let distinct: Vec<&(&str, String)> = distinct.into_iter().collect();
    INSERT
        .execute(tx, project.as_str(), &distinct, |query, (kind, id)| {
            query.bind(*kind).bind(id).bind(1_i64).bind(now).bind(0_i64)
        })
        .await?;
    Ok(())
}

/// What is due, longest waiting first.
pub async fn due(tx: &mut Tx, project: &ProjectId, now: i64, limit: i64) -> Result<Vec<Refetch>> {
    tx.query("SELECT kind, stripe_id, asked, attempts FROM refetches WHERE tenant_id = $1 AND project_id = $2 AND next_at <= $3 ORDER BY next_at LIMIT $4")
        .bind(project)
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await
}

/// When the next one is due, unix seconds.
pub async fn next_due(tx: &mut Tx, project: &ProjectId) -> Result<Option<i64>> {
    tx.query("SELECT MIN(next_at) FROM refetches WHERE tenant_id = $1 AND project_id = $2")
        .bind(project)
        .fetch_value()
        .await
}

/// How many wait.
pub async fn count(tx: &mut Tx, project: &ProjectId) -> Result<i64> {
    tx.query("SELECT COUNT(*) FROM refetches WHERE tenant_id = $1 AND project_id = $2")
        .bind(project)
        .fetch_value()
        .await
}

/// Removes a wish that was fulfilled, unless it was wished for again meanwhile.
pub async fn remove(tx: &mut Tx, project: &ProjectId, done: &Refetch) -> Result<()> {
    tx.query("DELETE FROM refetches WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 AND stripe_id = $4 AND asked = $5")
        .bind(project)
        .bind(&done.kind)
        .bind(&done.stripe_id)
        .bind(done.asked)
        .execute()
        .await?;
    Ok(())
}

/// Makes every wish due that was put off.
pub async fn hurry(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<()> {
    tx.query("UPDATE refetches SET next_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND next_at > $3")
        .bind(project)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Puts a failed fetch off.
pub async fn postpone(tx: &mut Tx, project: &ProjectId, failed: &Refetch, next_at: i64, cause: &str) -> Result<()> {
    tx.query("UPDATE refetches SET next_at = $3, attempts = attempts + 1, cause = $4 WHERE tenant_id = $1 AND project_id = $2 AND kind = $5 AND stripe_id = $6")
        .bind(project)
        .bind(next_at)
        .bind(cause)
        .bind(&failed.kind)
        .bind(&failed.stripe_id)
        .execute()
        .await?;
    Ok(())
}
