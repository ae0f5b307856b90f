//! How tenants begin and pay, who the operators are, and what they did.

use askama::Template;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::accounts;
use crate::domain::drafts::Flaw;
use crate::domain::ids::{PlanId, ProjectId, TenantId};
use crate::domain::role::Role;
use crate::store::instance::{self, Business};
use crate::store::operator_log::{self, OperatorNote};
use crate::store::{members, plans, projects, users};
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;

/// Entries of the log on the page.
const NOTES: i64 = 50;

pub(super) fn router() -> Routes {
    Routes::new().route("/operator/settings", get(show).post(save))
}

#[derive(Template)]
#[template(path = "operator/settings.html")]
struct Page {
    shell: Shell,
    plans: Vec<(String, String)>,
    /// Projects that can bill: of the tenants that the operator belongs to.
    billing: Vec<(String, String)>,
    operators: Vec<(String, i64)>,
    notes: Vec<(OperatorNote, String, i64)>,
    version: &'static str,
    form: Form,
}

async fn show(operator: Inside) -> Result<Response> {
    html::page(&load(&operator, None).await?)
}

async fn load(operator: &Inside, refused: Option<Form>) -> Result<Page> {
    let mut tx = operator.person.app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    let plans = plans::list(&mut tx).await?;
    let operators = users::operators(&mut tx).await?;
    let notes = operator_log::newest(&mut tx, None, NOTES).await?;
    let names = users::emails(&mut tx, notes.iter().map(|note| note.actor.as_str())).await?;
    let own = members::of_user(&mut tx, &operator.person.user.id).await?;
    let mut billing = vec![(String::new(), "Nobody: plans are set by hand".to_owned())];
    let mut known = false;
    if let Some((first, _)) = own.split_first() {
        let mut tx = tx.into_tenant(&first.tenant_id).await?;
        for membership in &own {
            tx.enter(&membership.tenant_id).await?;
            for project in projects::list(&mut tx).await? {
                known |= business.billing() == Some((&membership.tenant_id, &project.id));
                let place = format!("{}/{}", membership.tenant_id, project.id);
                billing.push((place, format!("{}: {}", membership.tenant_name, project.name)));
            }
        }
    }
    let chosen = business.billing().map(|(tenant, project)| format!("{tenant}/{project}")).unwrap_or_default();
    if !known && !chosen.is_empty() {
        billing.push((chosen.clone(), "The project of another operator's business".to_owned()));
    }
    let form = refused.unwrap_or_else(|| {
        let fields = [
            ("default_plan", business.default_plan_id.to_string()),
            ("billing", chosen),
            ("grace_days", business.grace_days.to_string()),
        ];
        Form::new(fields.into_iter().chain(business.sign_up.then(|| ("sign_up", "true".to_owned()))))
    });
    let who = |actor: &str| names.iter().find(|(id, _)| id == actor).map_or(actor, |(_, email)| email).to_owned();
    Ok(Page {
        shell: operator.shell(Nav::Settings),
        plans: plans.into_iter().map(|plan| (plan.id.to_string(), plan.name)).collect(),
        billing,
        operators,
        notes: notes.into_iter().map(|note| (note.clone(), who(&note.actor), note.at / 1_000_000)).collect(),
        version: env!("CARGO_PKG_VERSION"),
        form,
    })
}

/// What was typed. The project that bills is one of the operator's own, or the one that was chosen before.
fn business_of(typed: &Typed) -> accounts::Result<Business> {
    let invalid = |field, message| accounts::Error::Invalid { field, message };
    let billing = typed.filled("billing").map(|place| {
        let (tenant, project) = place.split_once('/')?;
        Some((TenantId::parse(tenant)?, ProjectId::parse(project)?))
    });
    let billing = match billing {
        Some(None) => return Err(invalid("billing", "Choose a project.")),
        Some(place) => place,
        None => None,
    };
    let grace_days = typed.number("grace_days").ok().flatten();
    let (billing_tenant_id, billing_project_id) = billing.unzip();
    Ok(Business {
        default_plan_id: PlanId::parse(typed.text("default_plan"))
            .ok_or_else(|| invalid("default_plan", "Choose a plan."))?,
        billing_tenant_id,
        billing_project_id,
        grace_days: grace_days.ok_or_else(|| invalid("grace_days", "A number of days from 0 to 90."))?,
        sign_up: typed.has("sign_up"),
    })
}

/// Whether the project that bills is of a tenant that the operator owns or administers, or the one that was chosen before.
async fn may_choose(operator: &Inside, business: &Business) -> Result<bool> {
    let Some((tenant, _)) = business.billing() else { return Ok(true) };
    let mut tx = operator.person.app.db.system_read().await?;
    if instance::business(&mut tx).await?.billing() == business.billing() {
        return Ok(true);
    }
    let own = members::of_user(&mut tx, &operator.person.user.id).await?;
    let role = own.iter().find(|membership| membership.tenant_id == *tenant).and_then(|own| Role::parse(&own.role));
    Ok(role.is_some_and(|role| role >= Role::Admin))
}

async fn save(operator: Inside, wanted: Wanted, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    let done = match business_of(&typed) {
        Ok(business) if may_choose(&operator, &business).await? => operator.operator.set_business(business).await,
        Ok(_) => {
            Err(accounts::Error::Invalid { field: "billing", message: "Choose a project of a business of yours." })
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(wanted.redirect_saying("/operator/settings", "Saved.")),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(&operator, Some(form)).await?)
        }
        Err(error) => Err(error.into()),
    }
}
