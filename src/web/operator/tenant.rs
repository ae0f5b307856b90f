//! One tenant: what it uses and may use, and everything an operator does to it.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::accounts;
use crate::app::{App, TenantStanding};
use crate::domain::drafts::Flaw;
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::plan::{Plan, TenantState};
use crate::domain::role::Role;
use crate::store::members::{self, Member};
use crate::store::operator_log::{self, OperatorNote};
use crate::store::standings::{self, Load};
use crate::store::{customers, instance, list, plans, users};
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::operating;
use crate::web::routes::Routes;

/// What an operator may look in as.
const ROLES: [(&str, &str, &str); 2] = [
    ("viewer", "Viewer", "sees what the tenant's people see, and changes nothing"),
    ("admin", "Admin", "also acts for them, but for keys, people and secrets"),
];
/// Entries of the operators' log on the page.
const NOTES: i64 = 20;

pub(super) fn router() -> Routes {
    const PAGE: &str = "/operator/tenants/{tenant}";
    Routes::new()
        .route(PAGE, get(show))
        .route(&format!("{PAGE}/plan"), post(set_plan))
        .route(&format!("{PAGE}/payer"), post(set_payer))
        .route(&format!("{PAGE}/suspend"), post(suspend))
        .route(&format!("{PAGE}/restore"), post(restore))
        .route(&format!("{PAGE}/delete"), post(delete))
        .route(&format!("{PAGE}/look-in"), post(look_in))
}

#[derive(Template)]
#[template(path = "operator/tenant.html")]
struct Page {
    shell: Shell,
    tenant: TenantStanding,
    load: Load,
    people: Vec<Member>,
    plans: Vec<Plan>,
    /// Stripe's id and name of the customer that pays, where it is known.
    payer: Option<(String, String)>,
    /// Whether the operator bills at all.
    bills: bool,
    notes: Vec<Noted>,
    /// What an operator may look in as.
    roles: [(&'static str, &'static str, &'static str); 2],
    form: Form,
}

/// An entry of the operators' log, in words.
struct Noted {
    note: OperatorNote,
    who: String,
    /// Unix seconds.
    at: i64,
}

impl Page {
    fn plan_options(&self) -> Vec<(&str, &str)> {
        self.plans.iter().map(|plan| (plan.id.as_str(), plan.name.as_str())).collect()
    }

    fn is(&self, state: &str) -> bool {
        self.tenant.standing.state().as_str() == state
    }
}

/// The tenant of the path, or a 404.
fn id_of(text: &str) -> Result<TenantId> {
    TenantId::parse(text).ok_or(Error::NotFound)
}

async fn show(operator: Inside, Path(tenant): Path<String>) -> Result<Response> {
    html::page(&load(&operator, &id_of(&tenant)?, None).await?)
}

async fn load(operator: &Inside, tenant: &TenantId, refused: Option<Form>) -> Result<Page> {
    let app = &operator.person.app;
    let standing = app.fresh_standing(tenant).await?.ok_or(Error::NotFound)?;
    let mut tx = app.db.system_read().await?;
    let people = members::list(&mut tx, tenant).await?;
    let plans = plans::list(&mut tx).await?;
    let notes = operator_log::newest(&mut tx, Some(tenant.as_str()), NOTES).await?;
    let names = users::emails(&mut tx, notes.iter().map(|note| note.actor.as_str())).await?;
    let business = instance::business(&mut tx).await?;
    let mut tx = tx.into_tenant(tenant).await?;
    let load = standings::load(&mut tx).await?;
    let mut payer = None;
    if let (Some(id), Some((billing, project))) = (&standing.standing.payer_id, business.billing()) {
        tx.enter(billing).await?;
        let found = customers::find(&mut tx, project, id).await?;
        payer = found.map(|found| (found.customer.stripe_id, found.customer.name));
    }
    drop(tx);
    let who = |actor: &str| names.iter().find(|(id, _)| id == actor).map_or(actor, |(_, email)| email).to_owned();
    let notes = notes.into_iter().map(|note| Noted { who: who(&note.actor), at: note.at / 1_000_000, note }).collect();
    let form = refused.unwrap_or_else(|| {
        let payer = payer.as_ref().map(|(id, _)| id.clone()).unwrap_or_default();
        Form::new([("plan", standing.plan.id.to_string()), ("payer", payer), ("role", "viewer".to_owned())])
    });
    Ok(Page {
        shell: operator.shell(Nav::Tenants),
        tenant: standing,
        load,
        people,
        plans,
        payer,
        bills: business.billing().is_some(),
        notes,
        roles: ROLES,
        form,
    })
}

/// Back to the page after a change, or the page with what is wrong.
async fn answer(
    (operator, tenant): (&Inside, &TenantId),
    wanted: Wanted,
    typed: Typed,
    done: accounts::Result<()>,
    said: &str,
) -> Result<Response> {
    match done {
        Ok(()) => Ok(wanted.redirect_saying(&format!("/operator/tenants/{tenant}"), said)),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(operator, tenant, Some(form)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn set_plan(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let done = match PlanId::parse(typed.text("plan")) {
        Some(plan) => operator.operator.set_plan(&tenant, &plan).await,
        None => Err(accounts::Error::Invalid { field: "plan", message: "Choose a plan." }),
    };
    answer((&operator, &tenant), wanted, typed, done, "The tenant has that plan now.").await
}

async fn set_payer(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let done = match typed.filled("payer") {
        None => operator.operator.set_payer(&tenant, None).await,
        Some(customer) => match customer_of(&operator.person.app, &customer).await? {
            Some(payer) => operator.operator.set_payer(&tenant, Some(&payer)).await,
            None => Err(accounts::Error::Invalid {
                field: "payer",
                message: "The project that bills has no such customer.",
            }),
        },
    };
    answer((&operator, &tenant), wanted, typed, done, "Saved. The subscription of that customer decides from here on.")
        .await
}

/// Our id of a customer of the project that bills, by either id.
async fn customer_of(app: &App, customer: &str) -> Result<Option<String>> {
    let mut tx = app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    let Some((tenant, project)) = business.billing() else { return Ok(None) };
    let mut tx = tx.into_tenant(tenant).await?;
    let id = Kind::Customer.resolve_id(project, customer);
    Ok(list::exists(&mut tx, Kind::Customer, project, &id).await?.then_some(id))
}

async fn suspend(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let done = operator.operator.suspend(&tenant, typed.text("reason")).await;
    answer((&operator, &tenant), wanted, typed, done, "The tenant is suspended.").await
}

async fn restore(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let done = operator.operator.restore(&tenant).await;
    answer((&operator, &tenant), wanted, typed, done, "The tenant is restored.").await
}

async fn delete(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let done = operator.operator.delete(&tenant, typed.text("typed")).await;
    answer((&operator, &tenant), wanted, typed, done, "The tenant is erased in seven days, unless you restore it.")
        .await
}

/// Opens the tenant's pages to the operator for half an hour.
async fn look_in(
    operator: Inside,
    wanted: Wanted,
    Path(tenant): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = id_of(&tenant)?;
    let role = Role::parse(typed.text("role")).unwrap_or(Role::Viewer);
    let done = operator.operator.look_in(&tenant, role, typed.text("look_reason")).await;
    match done {
        Ok(()) => {
            operating::look_in(&operator.person.login, &tenant, role, operator.person.app.clock.now()).await?;
            Ok(wanted.redirect(&format!("/t/{tenant}/")))
        }
        Err(accounts::Error::Invalid { field: "reason", message }) => {
            let done = Err(accounts::Error::Invalid { field: "look_reason", message });
            answer((&operator, &tenant), wanted, typed, done, "").await
        }
        refused => answer((&operator, &tenant), wanted, typed, refused, "").await,
    }
}

impl Page {
    /// Whether nothing can be undone any more.
    fn is_erasing(&self) -> bool {
        self.tenant.standing.state() == TenantState::Erasing
    }
}
