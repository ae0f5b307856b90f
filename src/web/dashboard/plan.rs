//! What the tenant may use and what it uses, and paying for it: its people are customers of whoever runs this installation.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use crate::accounts::standings::begin_paying;
use crate::app::{App, By, Scope, TenantStanding};
use crate::billing::{Nonce, Outcome};
use crate::domain::drafts::{CheckoutDraft, CheckoutItem, CheckoutMode, CustomerDraft, Flaw, Metadata};
use crate::domain::ids::{PlanId, ProjectId, TenantId};
use crate::domain::plan::{Payment, Plan, payment_of};
use crate::domain::portal::{self, Flow, LinkDraft, Permit};
use crate::domain::role::Role;
use crate::store::list::{Filter, Slice};
use crate::store::subscriptions::{self, Subscription};
use crate::store::{instance, members, plans};
use crate::vault::ExposeSecret as _;
use crate::web::access::{Admin, Staff, UnstoppedAdmin, WholeTenant};
use crate::web::choices;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::links;
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

/// Subscriptions of the payer that are looked at.
const LOOKED_AT: usize = 20;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/plan";
    Routes::new()
        .route(PAGE, get(show))
        .route(&format!("{PAGE}/subscribe"), post(subscribe))
        .route(&format!("{PAGE}/manage"), post(manage))
}

#[derive(Template)]
#[template(path = "plan/index.html")]
struct Page {
    shell: Shell,
    tenant: TenantStanding,
    /// What can be subscribed to; empty when there is a subscription, or nothing is sold.
    offers: Vec<Offer>,
    /// Whether there is a subscription to look after.
    subscribed: bool,
    form: Form,
}

/// A plan with its price.
struct Offer {
    plan: Plan,
    /// Our id of the price.
    price: String,
    cost: String,
}

#[derive(Template)]
#[template(path = "plan/leave.html")]
struct LeavePage {
    shell: Shell,
    href: String,
    plan: String,
}

/// Where the tenants are customers.
type Billing = (TenantId, ProjectId);

async fn billing(app: &App) -> Result<Option<Billing>> {
    let mut tx = app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    Ok(business.billing().map(|(tenant, project)| (tenant.clone(), project.clone())))
}

async fn show(admin: Admin<WholeTenant>) -> Result<Response> {
    html::page(&load(&admin, Form::empty()).await?)
}

async fn load(admin: &Staff<WholeTenant>, form: Form) -> Result<Page> {
    let app = &admin.app;
    let tenant = app.fresh_standing(&admin.tenant).await?.ok_or(Error::NotFound)?;
    let (mut offers, mut subscribed) = (Vec::new(), false);
    // whoever bills the others pays nobody
    if let Some(billing) = billing(app).await?.filter(|(operator, _)| *operator != admin.tenant) {
        subscribed = current(app, &billing, &tenant).await?.is_some();
        if !subscribed {
            offers = offered(app, &billing).await?;
        }
    }
    Ok(Page { shell: admin.shell(Nav::Plan), tenant, offers, subscribed, form })
}

/// The payer's subscription that is not over, if there is one.
async fn current(app: &App, (operator, project): &Billing, tenant: &TenantStanding) -> Result<Option<Subscription>> {
    let Some(payer) = &tenant.standing.payer_id else { return Ok(None) };
    let mut tx = app.db.read(operator).await?;
    let filter = Filter { customers: Some(vec![payer.clone()]), ..Filter::default() };
    let part = subscriptions::list(&mut tx, project, &filter, &Slice::newest(LOOKED_AT)).await?;
    let alive = |subscription: &Subscription| !subscription.is_over() && subscription.status != "incomplete";
    let mut alive: Vec<_> = part.rows.into_iter().filter(alive).collect();
    alive.sort_by_key(|subscription| payment_of(&subscription.status) != Payment::Fine);
    Ok(alive.into_iter().next())
}

/// The plans that have an active price.
async fn offered(app: &App, (operator, project): &Billing) -> Result<Vec<Offer>> {
    let mut tx = app.db.read(operator).await?;
    let (plans, prices) = (plans::list(&mut tx).await?, plans::prices(&mut tx).await?);
    let of = |id: &PlanId| plans.iter().find(|plan| plan.id == *id).cloned();
    let active = choices::licensed_prices(&mut tx, project).await?;
    let offer = |(price, cost): (String, String)| {
        let plan = of(&prices.iter().find(|(known, _)| *known == price)?.1)?;
        Some(Offer { plan, price, cost })
    };
    Ok(active.into_iter().filter_map(offer).collect())
}

/// The operator's project, in the name of the tenant's person.
fn scope(admin: &Staff<WholeTenant>, (operator, project): Billing, headers: &HeaderMap) -> Scope {
    Scope { app: admin.app.clone(), tenant: operator, project, by: admin.by(headers) }
}

/// Makes the customer that pays, once, and a Checkout page for the chosen price.
async fn subscribe(
    admin: UnstoppedAdmin<WholeTenant>,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let app = &admin.app;
    let tenant = app.fresh_standing(&admin.tenant).await?.ok_or(Error::NotFound)?;
    let billing = billing(app).await?.filter(|(operator, _)| *operator != admin.tenant).ok_or(Error::NotFound)?;
    if current(app, &billing, &tenant).await?.is_some() {
        return Err(Error::Conflict("This business has a subscription already. Reload the page.".to_owned()));
    }
    let chosen = offered(app, &billing).await?.into_iter().find(|offer| offer.price == typed.text("price"));
    let Some(offer) = chosen else {
        return refuse(&admin, typed, Refused::flawed(vec![Flaw::new("price", "Choose a plan.")])).await;
    };
    let (nonce, scope) = (typed.nonce()?, scope(&admin, billing, &headers));
    let payer = match payer(&admin, &scope, &tenant).await? {
        Ok(payer) => payer,
        Err(refused) => return refuse(&admin, typed, refused).await,
    };
    let home = format!("{}/t/{}/plan", app.config.public_url(), admin.tenant);
    let draft = CheckoutDraft {
        mode: CheckoutMode::Subscription,
        customer: Some(payer),
        customer_email: None,
        items: vec![CheckoutItem { price: offer.price.clone(), quantity: Some(1) }],
        trial_period_days: None,
        allow_promotion_codes: true,
        success_url: home.clone(),
        cancel_url: Some(home),
        client_reference_id: Some(admin.tenant.to_string()),
        currency: None,
        metadata: Metadata::new(),
    };
    match scope.create_own_checkout(&nonce, &draft).await {
        Ok(Outcome::Done(done)) => {
            let session = done.answer();
            let href = links::stripe(&app.config, &session, "/url").map(ToOwned::to_owned);
            let href = href.ok_or_else(|| Error::internal("a Checkout session without an address"))?;
            html::page(&LeavePage { shell: admin.shell(Nav::Plan), href, plan: offer.plan.name })
        }
        Ok(Outcome::Waiting(_)) => Err(unanswered()),
        Err(error) => refuse(&admin, typed, Refused::of(error)?).await,
    }
}

fn unanswered() -> Error {
    Error::Unavailable { retry_after: 10, message: "Stripe does not answer. Try again in a moment.".to_owned() }
}

/// Our id of the customer that pays for the tenant; made at Stripe when there is none. Its nonce is the tenant's, so that two people who
/// begin at the same moment make one.
async fn payer(
    admin: &Staff<WholeTenant>,
    scope: &Scope,
    tenant: &TenantStanding,
) -> Result<std::result::Result<String, Refused>> {
    if let Some(known) = &tenant.standing.payer_id {
        return Ok(Ok(known.clone()));
    }
    let mut tx = admin.app.db.system_read().await?;
    let people = members::list(&mut tx, &admin.tenant).await?;
    drop(tx);
    let owner = people.into_iter().find(|member| member.role == Role::Owner.as_str());
    let draft = CustomerDraft {
        name: Some(tenant.standing.name.clone()),
        email: owner.map(|owner| owner.email),
        metadata: [("billfold_tenant".to_owned(), admin.tenant.to_string())].into(),
        ..CustomerDraft::default()
    };
    let nonce = Nonce::program("the tenant's payer", admin.tenant.as_str());
    match scope.create_customer(&nonce, &draft).await {
        Ok(Outcome::Done(done)) => {
            let id = done.id.ok_or_else(|| Error::internal("a customer that the mirror does not keep"))?;
            let by = By { actor: admin.user.id.to_string(), ..scope.by.clone() };
            begin_paying(&admin.app, &admin.tenant, &id, &by).await?;
            Ok(Ok(id))
        }
        Ok(Outcome::Waiting(_)) => Err(unanswered()),
        Err(error) => Refused::of(error).map(Err),
    }
}

async fn refuse(admin: &Staff<WholeTenant>, typed: Typed, refused: Refused) -> Result<Response> {
    let status = if refused.status().is_success() { StatusCode::UNPROCESSABLE_ENTITY } else { refused.status() };
    html::page_with(status, &load(admin, Form::refused(typed, refused)).await?)
}

/// To the operator's own customer portal: card, invoices, another plan, the end.
async fn manage(
    admin: UnstoppedAdmin<WholeTenant>,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Typed>,
) -> Result<Response> {
    let tenant = admin.app.fresh_standing(&admin.tenant).await?.ok_or(Error::NotFound)?;
    let billing = billing(&admin.app).await?.ok_or(Error::NotFound)?;
    let payer = tenant.standing.payer_id.ok_or(Error::NotFound)?;
    let draft = LinkDraft {
        customer: payer,
        life: portal::SHORTEST,
        permits: Permit::ALL.into(),
        flow: Flow::default(),
        return_url: None,
    };
    match scope(&admin, billing, &headers).create_portal_link(&draft).await {
        Ok(link) => Ok(wanted.redirect(link.url.expose_secret())),
        Err(error) => Err(Error::Conflict(error.to_string())),
    }
}
