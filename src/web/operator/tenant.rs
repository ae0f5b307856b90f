//! One tenant: what it uses and may use, and everything an operator does to it.

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::accounts;
use crate::accounts::operators::Operator;
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

/// A form of a tenant's page: who sent it, about which tenant, and what was typed.
struct Asked {
    inside: Inside,
    tenant: TenantId,
    wanted: Wanted,
    typed: Typed,
}

impl FromRequest<App> for Asked {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let inside = Inside::from_request_parts(&mut parts, app).await?;
        let path = Path::<String>::from_request_parts(&mut parts, app).await;
        let Path(tenant) = path.map_err(IntoResponse::into_response)?;
        let tenant = id_of(&tenant).map_err(Error::into_response)?;
        let wanted = Wanted::of(&parts.headers);
        let form = ProtectedForm::from_request(Request::from_parts(parts, body), app).await;
        let ProtectedForm(typed) = form.map_err(Error::into_response)?;
        Ok(Self { inside, tenant, wanted, typed })
    }
}

impl Asked {
    fn operator(&self) -> &Operator {
        &self.inside.operator
    }

    /// Back to the page after a change, or the page with what is wrong.
    async fn answer(self, done: accounts::Result<()>, said: &str) -> Result<Response> {
        let Self { inside, tenant, wanted, typed } = self;
        match done {
            Ok(()) => Ok(wanted.redirect_saying(&format!("/operator/tenants/{tenant}"), said)),
            Err(accounts::Error::Invalid { field, message }) => {
                let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(&inside, &tenant, Some(form)).await?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn set_plan(asked: Asked) -> Result<Response> {
    let done = match PlanId::parse(asked.typed.text("plan")) {
        Some(plan) => asked.operator().set_plan(&asked.tenant, &plan).await,
        None => Err(accounts::Error::Invalid { field: "plan", message: "Choose a plan." }),
    };
    asked.answer(done, "The tenant has that plan now.").await
}

async fn set_payer(asked: Asked) -> Result<Response> {
    let done = match asked.typed.filled("payer") {
        None => asked.operator().set_payer(&asked.tenant, None).await,
        Some(customer) => match customer_of(&asked.operator().app, &customer).await? {
            Some(payer) => asked.operator().set_payer(&asked.tenant, Some(&payer)).await,
            None => Err(accounts::Error::Invalid {
                field: "payer",
                message: "The project that bills has no such customer.",
            }),
        },
    };
    asked.answer(done, "Saved. The subscription of that customer decides from here on.").await
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

async fn suspend(asked: Asked) -> Result<Response> {
    let done = asked.operator().suspend(&asked.tenant, asked.typed.text("reason")).await;
    asked.answer(done, "The tenant is suspended.").await
}

async fn restore(asked: Asked) -> Result<Response> {
    let done = asked.operator().restore(&asked.tenant).await;
    asked.answer(done, "The tenant is restored.").await
}

async fn delete(asked: Asked) -> Result<Response> {
    let done = asked.operator().delete(&asked.tenant, asked.typed.text("typed")).await;
    asked.answer(done, "The tenant is erased in seven days, unless you restore it.").await
}

/// Opens the tenant's pages to the operator for half an hour.
async fn look_in(asked: Asked) -> Result<Response> {
    let role = Role::parse(asked.typed.text("role")).unwrap_or(Role::Viewer);
    match asked.operator().look_in(&asked.tenant, role, asked.typed.text("look_reason")).await {
        Ok(()) => {
            let (login, now) = (&asked.inside.person.login, asked.operator().app.clock.now());
            operating::look_in(login, &asked.tenant, role, now).await?;
            Ok(asked.wanted.redirect(&format!("/t/{}/", asked.tenant)))
        }
        // the page has two reasons to type
        Err(accounts::Error::Invalid { field: "reason", message }) => {
            asked.answer(Err(accounts::Error::Invalid { field: "look_reason", message }), "").await
        }
        refused => asked.answer(refused, "").await,
    }
}

impl Page {
    /// Whether nothing can be undone any more.
    fn is_erasing(&self) -> bool {
        self.tenant.standing.state() == TenantState::Erasing
    }
}
