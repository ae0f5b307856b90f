//! Failed attempts to apply an event.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// One failed attempt.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Attempt {
    /// 1 for the first.
    pub attempt: i64,
    /// Unix seconds.
    pub at: i64,
    /// In plain words.
    pub error: String,
}

/// Records a failed attempt.
pub async fn insert(tx: &mut Tx, project: &ProjectId, event_id: &str, at: i64, error: &str) -> Result<()> {
    tx.query(
        "INSERT INTO event_attempts (tenant_id, project_id, event_id, attempt, at, error)
         SELECT $1, $2, $3, COALESCE(MAX(attempt), 0) + 1, $4, $5 FROM event_attempts
         WHERE tenant_id = $1 AND project_id = $2 AND event_id = $3",
    )
    .bind(project)
    .bind(event_id)
    .bind(at)
    .bind(error)
    .execute()
    .await?;
    Ok(())
}

/// The failed attempts of an event, oldest first.
pub async fn of_event(tx: &mut Tx, project: &ProjectId, event_id: &str) -> Result<Vec<Attempt>> {
    tx.query("SELECT attempt, at, error FROM event_attempts WHERE tenant_id = $1 AND project_id = $2 AND event_id = $3 ORDER BY attempt")
        .bind(project)
        .bind(event_id)
        .fetch_all()
        .await
}
