//! What waits and what failed, in all tenants: the queue's jobs, and the events that were given up.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::app::{By, Scope};
use crate::domain::ids::{ProjectId, TenantId};
use crate::domain::job::{JobKind, NEVER, no_tenant};
use crate::store::jobs::{self, Queued};
use crate::store::{inbox, projects, tenants};
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::forms::Typed;
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;

/// Jobs on the page: those that failed first, then those that are due longest.
const ROWS: i64 = 100;

pub(super) fn router() -> Routes {
    Routes::new().route("/operator/jobs", get(show)).route("/operator/jobs/requeue", post(requeue))
}

/// A job in the list.
struct Row {
    job: Queued,
    tenant: String,
    label: &'static str,
    state: &'static str,
}

impl Row {
    fn new(job: Queued, tenant: String, now: i64) -> Self {
        let state = match &job {
            job if job.lease_until > now => "running",
            job if job.attempts > 0 => "failed",
            job if job.run_at >= NEVER => "done",
            _ => "waiting",
        };
        let label = JobKind::parse(&job.kind).map_or("Work of a newer version", JobKind::label);
        Self { job, tenant, label, state }
    }

    fn sleeps(&self) -> bool {
        self.job.run_at >= NEVER
    }
}

/// The dead events of one project.
struct Dead {
    tenant_id: TenantId,
    tenant: String,
    project: ProjectId,
    project_name: String,
    n: i64,
}

#[derive(Template)]
#[template(path = "operator/jobs.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    dead: Vec<Dead>,
}

async fn show(operator: Inside) -> Result<Response> {
    let app = &operator.person.app;
    let mut tx = app.db.system_read().await?;
    let queued = jobs::newsworthy(&mut tx, ROWS).await?;
    let names = tenants::names(&mut tx).await?;
    let mut dead = Vec::new();
    if let Some((first, _)) = names.first() {
        let mut tx = tx.into_tenant(first).await?;
        for (id, name) in &names {
            tx.enter(id).await?;
            for (project, n) in inbox::dead_by_project(&mut tx).await? {
                let project_name = projects::names(&mut tx, &project).await?.map(|(_, name)| name).unwrap_or_default();
                dead.push(Dead { tenant_id: id.clone(), tenant: name.clone(), project, project_name, n });
            }
        }
    }
    let name =
        |id: &TenantId| names.iter().find(|(known, _)| known == id).map_or(id.as_str(), |(_, name)| name).to_owned();
    let now = app.clock.now();
    let row = |job: Queued| {
        let tenant = if job.tenant_id == no_tenant() { "All tenants".to_owned() } else { name(&job.tenant_id) };
        Row::new(job, tenant, now)
    };
    html::page(&Page { shell: operator.shell(Nav::Jobs), rows: queued.into_iter().map(row).collect(), dead })
}

/// Puts the dead events of a project back into its queue.
async fn requeue(operator: Inside, wanted: Wanted, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    let app = &operator.person.app;
    let tenant = TenantId::parse(typed.text("tenant")).ok_or(Error::NotFound)?;
    let project = ProjectId::parse(typed.text("project")).ok_or(Error::NotFound)?;
    let mut tx = app.db.read(&tenant).await?;
    projects::names(&mut tx, &project).await?.ok_or(Error::NotFound)?;
    drop(tx);
    let origin = &operator.person.origin;
    let by = By {
        actor: operator.person.user.id.to_string(),
        address: origin.address.to_string(),
        request_id: origin.request_id.clone(),
    };
    let moved = Scope { app: app.clone(), tenant, project, by }.requeue_events().await?;
    Ok(wanted.redirect_saying("/operator/jobs", &format!("{moved} events are tried again.")))
}
