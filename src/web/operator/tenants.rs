//! Every tenant: what it uses, how it stands, when it last heard from Stripe.

use askama::Template;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Deserialize;

use super::access::Inside;
use super::shell::{Nav, Shell};
use crate::accounts;
use crate::app::TenantStanding;
use crate::domain::drafts::Flaw;
use crate::store::standings::{self, Load};
use crate::vault::ExposeSecret as _;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Query;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;

/// Tenants on a page.
const ROWS: usize = 25;

pub(super) fn router() -> Routes {
    Routes::new().route("/operator", get(index)).route("/operator/tenants", get(index).post(create))
}

/// A tenant in the list.
struct Row {
    tenant: TenantStanding,
    load: Load,
}

#[derive(Template)]
#[template(path = "operator/tenants.html")]
struct Page {
    shell: Shell,
    q: String,
    rows: Vec<Row>,
    states: Vec<(String, i64)>,
    /// The address of the next page; empty on the last.
    next: String,
    form: Form,
}

#[derive(Template)]
#[template(path = "operator/made.html")]
struct MadePage {
    shell: Shell,
    name: String,
    tenant: String,
    email: String,
    link: String,
    expires_at: i64,
    why: String,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    q: String,
    /// The last tenant of the page before: when it was made, its id.
    #[serde(default)]
    after: String,
}

async fn index(operator: Inside, Query(parameters): Query<Parameters>) -> Result<Response> {
    html::page(&load(&operator, parameters, Form::empty()).await?)
}

async fn load(operator: &Inside, parameters: Parameters, form: Form) -> Result<Page> {
    let app = &operator.person.app;
    let q: String = parameters.q.trim().chars().filter(|letter| !letter.is_control()).take(80).collect();
    let after = parameters.after.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id)));
    let mut tx = app.db.system_read().await?;
    let states = standings::states(&mut tx).await?;
    let most = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut listed = standings::list(&mut tx, &q, after, most).await?;
    drop(tx);
    let more = listed.len() > ROWS;
    listed.truncate(ROWS);
    let last = listed.last().filter(|_| more).map(|last| format!("{}.{}", last.created, last.id));
    let next = last.and_then(|after| serde_urlencoded::to_string([("q", q.as_str()), ("after", &after)]).ok());
    let mut rows = Vec::with_capacity(listed.len());
    for standing in listed {
        // one that was erased meanwhile is left out
        let Some(tenant) = app.fresh_standing(&standing.id).await? else { continue };
        let mut tx = app.db.read(&standing.id).await?;
        rows.push(Row { tenant, load: standings::load(&mut tx).await? });
    }
    Ok(Page {
        shell: operator.shell(Nav::Tenants),
        q,
        rows,
        states,
        next: next.map(|query| format!("/operator?{query}")).unwrap_or_default(),
        form,
    })
}

async fn create(operator: Inside, wanted: Wanted, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    let (name, owner) = (typed.text("name").to_owned(), typed.text("email").to_owned());
    match operator.operator.create_tenant(&name, &owner).await {
        Ok((tenant, invited)) => match invited.unmailed {
            None => {
                let message = format!("The tenant is made, and an invitation is on its way to {}.", invited.email);
                Ok(wanted.redirect_saying(&format!("/operator/tenants/{tenant}"), &message))
            }
            Some(why) => html::page(&MadePage {
                shell: operator.shell(Nav::Tenants),
                name,
                tenant: tenant.to_string(),
                email: invited.email,
                link: invited.link.expose_secret().to_owned(),
                expires_at: invited.expires_at,
                why,
            }),
        },
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            let parameters = Parameters { q: String::new(), after: String::new() };
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &load(&operator, parameters, form).await?)
        }
        Err(error) => Err(Error::from(error)),
    }
}
