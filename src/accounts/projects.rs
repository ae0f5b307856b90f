//! The environments of a tenant.

use serde_json::json;

use super::{Error, Result, name};
use crate::{
    app::{App, By, audit::Note},
    db,
    domain::ids::{ProjectId, TenantId},
    store::projects,
    vault::new_id,
};

/// Most projects of one tenant.
const MOST: i64 = 50;

/// Makes a project.
///
/// # Errors
/// [`Error::Invalid`] when the name is taken or none, or when there are too many.
pub async fn create(app: &App, tenant: &TenantId, project_name: &str, by: &By) -> Result<ProjectId> {
    let project_name = name("name", project_name)?;
    let id = new_id::<ProjectId>();
    let mut tx = app.db.write(tenant).await?;
    if projects::count(&mut tx).await? >= MOST {
        return Err(Error::Invalid { field: "name", message: "There are 50 projects already; that is the limit." });
    }
    match projects::insert(&mut tx, &id, &project_name, app.clock.now()).await {
        Err(db::Error::Conflict(_)) => {
            return Err(Error::Invalid { field: "name", message: "A project of this name exists already." });
        }
        inserted => inserted?,
    }
    let detail = json!({ "name": project_name });
    let note = Note { project: Some(&id), action: "project.created", target: id.as_str(), detail: &detail };
    app.audit(&mut tx, by, note).await?;
    tx.commit().await?;
    Ok(id)
}
