//! The project that a command is about, and the operator who runs it.

use anyhow::anyhow;
use billfold::{
    app::{App, By, Scope},
    domain::ids::{ProjectId, TenantId},
    store::{projects, tenants},
};
use clap::Args;

/// A project by name or id.
#[derive(Args)]
pub struct Place {
    /// Name or id of the business
    #[arg(long)]
    tenant: String,
    /// Name or id of the project
    #[arg(long)]
    project: String,
}

impl Place {
    /// Finds the project.
    pub async fn find(&self, app: &App) -> anyhow::Result<Scope> {
        let mut tx = app.db.system_read().await?;
        let tenant = match TenantId::parse(&self.tenant) {
            Some(id) => tenants::all(&mut tx).await?.into_iter().find(|known| *known == id),
            None => tenants::by_name(&mut tx, &self.tenant).await?,
        };
        let tenant = tenant.ok_or_else(|| anyhow!("there is no business '{}'", self.tenant))?;
        let mut tx = tx.into_tenant(&tenant).await?;
        let projects = projects::list(&mut tx).await?;
        drop(tx);
        let project =
            projects.into_iter().find(|known| known.id.as_str() == self.project || known.name == self.project);
        let project = project.ok_or_else(|| anyhow!("there is no project '{}' in it", self.project))?;
        Ok(operator(app, tenant, project.id))
    }
}

/// A project in the hands of the operator.
pub fn operator(app: &App, tenant: TenantId, project: ProjectId) -> Scope {
    Scope { app: app.clone(), tenant, project, by: By::part("operator") }
}
