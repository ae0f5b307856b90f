//! The plans, and which price of the operator's own Stripe account stands for which.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::accounts;
use crate::app::App;
use crate::domain::drafts::Flaw;
use crate::domain::ids::PlanId;
use crate::domain::plan::{Meter, Plan};
use crate::store::{instance, plans, standings};
use crate::vault::new_id;
use crate::web::choices;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;

pub(super) fn router() -> Routes {
    const PAGE: &str = "/operator/plans";
    Routes::new()
        .route(PAGE, get(index).post(create))
        .route("/operator/plan-prices", post(set_price))
        .route(&format!("{PAGE}/{{plan}}"), get(one).post(change))
        .route(&format!("{PAGE}/{{plan}}/remove"), post(remove))
}

/// A plan in the list.
struct Row {
    plan: Plan,
    tenants: i64,
    is_default: bool,
    /// The prices that stand for it, in words, with our ids.
    prices: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "operator/plans.html")]
struct IndexPage {
    shell: Shell,
    rows: Vec<Row>,
    /// Prices that stand for no plan yet: our id, in words.
    free_prices: Vec<(String, String)>,
    bills: bool,
    form: Form,
}

impl IndexPage {
    fn plan_options(&self) -> Vec<(&str, &str)> {
        self.rows.iter().map(|row| (row.plan.id.as_str(), row.plan.name.as_str())).collect()
    }
}

#[derive(Template)]
#[template(path = "operator/plan.html")]
struct OnePage {
    shell: Shell,
    plan: Plan,
    form: Form,
}

async fn index(operator: Inside) -> Result<Response> {
    html::page(&load(&operator, Form::new([("exports", "true")])).await?)
}

async fn load(operator: &Inside, form: Form) -> Result<IndexPage> {
    let mut tx = operator.person.app.db.system_read().await?;
    let known = plans::list(&mut tx).await?;
    let used: HashMap<PlanId, i64> = standings::of_plans(&mut tx).await?.into_iter().collect();
    let business = instance::business(&mut tx).await?;
    let taken = plans::prices(&mut tx).await?;
    let all = match business.billing() {
        Some((tenant, project)) => {
            let mut tx = tx.into_tenant(tenant).await?;
            choices::licensed_prices(&mut tx, project).await?
        }
        None => Vec::new(),
    };
    let line = |price: &str| all.iter().find(|(id, _)| id == price).map_or(price, |(_, line)| line).to_owned();
    let row = |plan: Plan| Row {
        tenants: used.get(&plan.id).copied().unwrap_or_default(),
        is_default: plan.id == business.default_plan_id,
        prices: taken.iter().filter(|(_, of)| *of == plan.id).map(|(price, _)| (price.clone(), line(price))).collect(),
        plan,
    };
    let rows = known.into_iter().map(row).collect();
    let free_prices = all.iter().filter(|(id, _)| taken.iter().all(|(price, _)| price != id)).cloned().collect();
    Ok(IndexPage { shell: operator.shell(Nav::Plans), rows, free_prices, bills: business.billing().is_some(), form })
}

/// What was typed, as a plan.
fn plan_of(id: PlanId, typed: &Typed) -> accounts::Result<Plan> {
    let limit = |meter: Meter| {
        typed.number(meter.as_str()).map_err(|_| accounts::Error::Invalid {
            field: meter.as_str(),
            message: "A whole number; leave it empty for no limit.",
        })
    };
    Ok(Plan {
        id,
        name: typed.text("name").to_owned(),
        api_calls: limit(Meter::ApiCalls)?,
        seats: limit(Meter::Seats)?,
        projects: limit(Meter::Projects)?,
        customers: limit(Meter::Customers)?,
        exports: typed.has("exports"),
    })
}

async fn save(operator: &Inside, id: PlanId, typed: &Typed) -> accounts::Result<()> {
    operator.operator.save_plan(plan_of(id, typed)?).await
}

async fn create(operator: Inside, wanted: Wanted, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    match save(&operator, new_id(), &typed).await {
        Ok(()) => Ok(wanted.redirect_saying("/operator/plans", "The plan is made.")),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(&operator, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The plan of the path, or a 404.
async fn plan(app: &App, id: &str) -> Result<Plan> {
    let id = PlanId::parse(id).ok_or(Error::NotFound)?;
    let mut tx = app.db.system_read().await?;
    plans::find(&mut tx, &id).await?.ok_or(Error::NotFound)
}

fn filled(plan: &Plan) -> Form {
    let number = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let limits = Meter::ALL.map(|meter| (meter.as_str(), number(plan.limit(meter))));
    let exports = plan.exports.then(|| ("exports", "true".to_owned()));
    Form::new([("name", plan.name.clone())].into_iter().chain(limits).chain(exports))
}

async fn one(operator: Inside, Path(id): Path<String>) -> Result<Response> {
    let plan = plan(&operator.person.app, &id).await?;
    html::page(&OnePage { shell: operator.shell(Nav::Plans), form: filled(&plan), plan })
}

async fn change(
    operator: Inside,
    wanted: Wanted,
    Path(id): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let plan = plan(&operator.person.app, &id).await?;
    match save(&operator, plan.id.clone(), &typed).await {
        Ok(()) => Ok(wanted.redirect_saying("/operator/plans", "The plan is changed, for everybody who has it.")),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            let page = OnePage { shell: operator.shell(Nav::Plans), plan, form };
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn remove(operator: Inside, wanted: Wanted, Path(id): Path<String>, _: ProtectedForm<Typed>) -> Result<Response> {
    let plan = plan(&operator.person.app, &id).await?;
    operator.operator.remove_plan(&plan.id).await?;
    Ok(wanted.redirect_saying("/operator/plans", "The plan is removed."))
}

async fn set_price(operator: Inside, wanted: Wanted, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    let plan = typed.filled("plan").map(|plan| PlanId::parse(&plan).ok_or(Error::NotFound)).transpose()?;
    match operator.operator.set_price(typed.text("price"), plan.as_ref()).await {
        Ok(()) => {
            let said = if plan.is_some() {
                "Whoever pays that price has that plan."
            } else {
                "That price stands for no plan now."
            };
            Ok(wanted.redirect_saying("/operator/plans", said))
        }
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(&operator, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}
