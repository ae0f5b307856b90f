//! What the key doctor found out last about a project's connection.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A stored report.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stored {
    /// Unix seconds.
    pub made_at: i64,
    /// Who asked for it, as the audit log names actors.
    pub made_by: String,
    /// Of the key that was asked with.
    pub credential_version: i64,
    /// JSON.
    pub report: String,
}

/// Puts a report in the place of the one before, unless that is newer.
pub async fn put(tx: &mut Tx, project: &ProjectId, stored: &Stored) -> Result<()> {
    tx.query(
        "INSERT INTO doctor_reports (tenant_id, project_id, made_at, made_by, credential_version, report)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET made_at = excluded.made_at, made_by = excluded.made_by,
           credential_version = excluded.credential_version, report = excluded.report
         WHERE doctor_reports.made_at <= excluded.made_at
           AND doctor_reports.credential_version <= excluded.credential_version",
    )
    .bind(project)
    .bind(stored.made_at)
    .bind(&stored.made_by)
    .bind(stored.credential_version)
    .bind(&stored.report)
    .execute()
    .await?;
    Ok(())
}

/// The last report.
pub async fn find(tx: &mut Tx, project: &ProjectId) -> Result<Option<Stored>> {
    tx.query(
        "SELECT made_at, made_by, credential_version, report FROM doctor_reports WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .fetch_optional()
    .await
}
