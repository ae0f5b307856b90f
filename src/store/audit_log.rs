//! Who changed what. Written in the transaction of the change itself, never altered afterwards.

use crate::{
    db::{Result, Tx},
    domain::ids::{AuditId, ProjectId},
};

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Our id.
    pub id: AuditId,
    /// The project concerned, if one is.
    pub project: Option<&'a ProjectId>,
    /// Unix microseconds: what happens in one second keeps its order.
    pub at: i64,
    /// A user's id, or the name of the part of billfold that acted.
    pub actor: &'a str,
    /// What was done, such as `connection.created`.
    pub action: &'a str,
    /// What it was done to, as an id.
    pub target: &'a str,
    /// What changed. Never holds a secret.
    pub detail: &'a serde_json::Value,
    /// The request that did it; empty when none did.
    pub request_id: &'a str,
}

/// Adds an entry.
pub async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<()> {
    tx.query(
        "INSERT INTO audit_log (tenant_id, id, project_id, at, actor, action, target, detail, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&entry.id)
    .bind(entry.project)
    .bind(entry.at)
    .bind(entry.actor)
    .bind(entry.action)
    .bind(entry.target)
    .bind(entry.detail.to_string())
    .bind(entry.request_id)
    .execute()
    .await?;
    Ok(())
}

/// Who did what in the tenant outside of any project, oldest first: actor and action.
pub async fn outside_projects(tx: &mut Tx) -> Result<Vec<(String, String)>> {
    tx.query("SELECT actor, action FROM audit_log WHERE tenant_id = $1 AND project_id IS NULL ORDER BY at, id")
        .fetch_all()
        .await
}

/// The actions done in a project, oldest first.
pub async fn actions(tx: &mut Tx, project: &ProjectId) -> Result<Vec<String>> {
    tx.query("SELECT action FROM audit_log WHERE tenant_id = $1 AND project_id = $2 ORDER BY at, id")
        .bind(project)
        .fetch_values()
        .await
}
