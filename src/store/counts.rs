//! How many objects there are of each kind and status, kept up to date by whatever changes them.

use crate::{
    db::{Result, Tx},
    domain::{ids::ProjectId, kind::Kind},
};

/// How many objects of a kind have a status.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    /// Stripe's object name.
    pub kind: String,
    /// As stored.
    pub status: String,
    /// How many.
    pub n: i64,
}

/// Every count of a project.
pub async fn all(tx: &mut Tx, project: &ProjectId) -> Result<Vec<Count>> {
    tx.query(
        "SELECT kind, status, n FROM counts WHERE tenant_id = $1 AND project_id = $2 AND n <> 0 ORDER BY kind, status",
    )
    .bind(project)
    .fetch_all()
    .await
}

/// The counts of one kind, by status.
pub async fn by_status(tx: &mut Tx, project: &ProjectId, kind: Kind) -> Result<Vec<(String, i64)>> {
    tx.query("SELECT status, n FROM counts WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 AND n <> 0 ORDER BY status")
        .bind(project)
        .bind(kind.as_str())
        .fetch_all()
        .await
}

/// How many finished events have each status; waiting ones are counted in `inbox`.
pub async fn of_events(tx: &mut Tx, project: &ProjectId) -> Result<Vec<(String, i64)>> {
    tx.query("SELECT status, n FROM counts WHERE tenant_id = $1 AND project_id = $2 AND kind = 'event'")
        .bind(project)
        .fetch_all()
        .await
}
