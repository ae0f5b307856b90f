//! States of objects that did not come by an event, as far as they changed something.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A state, and how it came.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Version {
    /// `read_again`, `comparison`, `change` or `import`.
    pub source: String,
    /// The unix second it is proven for.
    pub version_at: i64,
    /// Unix seconds: it was written here.
    pub written_at: i64,
    /// Whether the object was gone by then.
    pub deleted: bool,
    /// As Stripe sent it.
    pub raw: String,
}

/// A state that is kept, with its number.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    /// Counts from 1 for each object.
    pub no: i64,
    /// The state.
    #[sqlx(flatten)]
    pub version: Version,
}

/// Keeps a state of an object, by our id.
pub async fn insert(tx: &mut Tx, project: &ProjectId, object: &str, version: &Version) -> Result<()> {
    tx.query(
        "INSERT INTO object_versions (tenant_id, project_id, object_id, no, source, version_at, written_at, deleted, raw)
         SELECT $1, $2, $3, COALESCE(MAX(no), 0) + 1, $4, $5, $6, $7, $8 FROM object_versions
         WHERE tenant_id = $1 AND project_id = $2 AND object_id = $3",
    )
    .bind(project)
    .bind(object)
    .bind(&version.source)
    .bind(version.version_at)
    .bind(version.written_at)
    .bind(version.deleted)
    .bind(&version.raw)
    .execute()
    .await?;
    Ok(())
}

/// The newest states of an object, newest first.
pub async fn of_object(tx: &mut Tx, project: &ProjectId, object: &str, limit: i64) -> Result<Vec<Version>> {
    tx.query(
        "SELECT source, version_at, written_at, deleted, raw FROM object_versions
         WHERE tenant_id = $1 AND project_id = $2 AND object_id = $3 ORDER BY no DESC LIMIT $4",
    )
    .bind(project)
    .bind(object)
    .bind(limit)
    .fetch_all()
    .await
}

/// The newest states of an object before (`version_at`, `written_at`, no), newest first.
pub async fn before(
    tx: &mut Tx,
    project: &ProjectId,
    object: &str,
    (version_at, written_at, no): (i64, i64, i64),
    limit: i64,
) -> Result<Vec<Kept>> {
    tx.query(
        "SELECT no, source, version_at, written_at, deleted, raw FROM object_versions
         WHERE tenant_id = $1 AND project_id = $2 AND object_id = $3 AND no IN (
           SELECT no FROM object_versions
           WHERE tenant_id = $1 AND project_id = $2 AND object_id = $3 AND (version_at, written_at, no) < ($4, $5, $6)
           ORDER BY version_at DESC, written_at DESC, no DESC LIMIT $7)
         ORDER BY version_at DESC, written_at DESC, no DESC",
    )
    .bind(project)
    .bind(object)
    .bind(version_at)
    .bind(written_at)
    .bind(no)
    .bind(limit)
    .fetch_all()
    .await
}

/// The unix second of the oldest state that is kept of an object.
pub async fn begins(tx: &mut Tx, project: &ProjectId, object: &str) -> Result<Option<i64>> {
    tx.query("SELECT MIN(version_at) FROM object_versions WHERE tenant_id = $1 AND project_id = $2 AND object_id = $3")
        .bind(project)
        .bind(object)
        .fetch_value()
        .await
}
