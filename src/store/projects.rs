//! The environments of a tenant ("Production", "Test"). Everything mirrored belongs to one.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A project and what the navigation says about its Stripe account.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Project {
    /// The id.
    pub id: ProjectId,
    /// The name, unique in the tenant.
    pub name: String,
    /// The state of the connection; None when nothing was ever connected.
    pub connection_state: Option<String>,
    /// Whether the account is in live mode; None as above.
    pub livemode: Option<bool>,
    /// What last went wrong with the connection.
    pub connection_error: Option<String>,
    /// Unix seconds: the alarm that the mirror drifts from Stripe was raised.
    pub drift_at: Option<i64>,
}

/// Adds a project; a known name is a conflict. `created` in unix seconds.
pub async fn insert(tx: &mut Tx, id: &ProjectId, name: &str, created: i64) -> Result<()> {
    tx.query("INSERT INTO projects (tenant_id, id, name, created) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(name)
        .bind(created)
        .execute()
        .await?;
    Ok(())
}

/// The projects of the tenant, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<Project>> {
    tx.query(
        "SELECT p.id, p.name, c.state AS connection_state, c.livemode, c.last_error AS connection_error, c.drift_at
         FROM projects p LEFT JOIN connections c ON c.tenant_id = p.tenant_id AND c.project_id = p.id
         WHERE p.tenant_id = $1 ORDER BY p.created, p.id",
    )
    .fetch_all()
    .await
}

/// What the tenant and one of its projects are called.
pub async fn names(tx: &mut Tx, project: &ProjectId) -> Result<Option<(String, String)>> {
    tx.query(
        "SELECT t.name, p.name FROM projects p JOIN tenants t ON t.id = p.tenant_id WHERE p.tenant_id = $1 AND p.id = $2",
    )
    .bind(project)
    .fetch_optional()
    .await
}

/// How many projects the tenant has.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    tx.query("SELECT COUNT(*) FROM projects WHERE tenant_id = $1").fetch_value().await
}
