//! The door of the operator's area: the password once more, and a code where the person has a second factor.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use super::access::Known;
use crate::accounts;
use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::accounts::two_factor::{self, Verdict};
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html::{self, Wanted};
use crate::web::operating::{close_operator_area, open_operator_area, stop_looking_in};
use crate::web::routes::Routes;
use crate::web::session::sign_in;
use crate::web::shell::PublicShell;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/operator/enter", get(show).post(enter))
        .route("/operator/close", post(close))
        .route("/operator/leave", post(leave))
}

#[derive(Template)]
#[template(path = "operator/enter.html")]
struct Page {
    shell: PublicShell,
    email: String,
    next: String,
    /// Whether a code is asked for as well.
    code: bool,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Typed {
    password: SecretString,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Pressed {}

fn page(known: &Known, headers: &HeaderMap, csrf: CsrfToken, next: String, problem: Option<String>) -> Page {
    Page {
        shell: PublicShell { theme: html::theme(headers), csrf: Some(csrf) },
        email: known.person.user.email.clone(),
        next,
        code: known.person.user.two_factor_at.is_some(),
        problem,
    }
}

/// A way into the area, and nowhere else.
fn inside(next: &str) -> String {
    let next = next_path(next);
    if next.starts_with("/operator") && !next.starts_with("/operator/enter") { next } else { "/operator".to_owned() }
}

async fn show(
    known: Known,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    html::page(&page(&known, &headers, csrf, inside(&parameters.next), None))
}

async fn enter(
    State(app): State<App>,
    known: Known,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let next = inside(&typed.next);
    let refuse = |problem: &str| {
        let page = page(&known, &headers, csrf.clone(), next.clone(), Some(problem.to_owned()));
        html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    let user = &known.person.user;
    let credentials = Credentials {
        email: user.email.clone(),
        password: typed.password,
        origin: known.person.origin.clone(),
        device: Some(device_mark(user)),
    };
    let Some(found) = authenticate(&app, credentials).await? else { return refuse("This is not your password.") };
    if user.two_factor_at.is_some() {
        match two_factor::judge(&app, user, &typed.code, &known.person.origin).await {
            Ok(Verdict::Right) => {}
            Ok(_) => return refuse("This is not the code that the app shows now."),
            Err(accounts::Error::Throttled { retry_after }) => {
                return Err(Error::TooManyRequests { retry_after: u64::try_from(retry_after).unwrap_or(1) });
            }
            Err(error) => return Err(error.into()),
        }
    }
    let login = known.person.login.clone();
    sign_in(login.clone(), found, &headers, address).await?;
    open_operator_area(&login, app.clock.now()).await?;
    known.operator.entered().await?;
    Ok(Wanted::of(&headers).redirect(&next))
}

async fn close(known: Known, wanted: Wanted, _: ProtectedForm<Pressed>) -> Result<Response> {
    close_operator_area(&known.person.login).await?;
    Ok(wanted.redirect_saying("/", "The operator's area is closed."))
}

/// Ends the look at a tenant's pages.
async fn leave(known: Known, wanted: Wanted, _: ProtectedForm<Pressed>) -> Result<Response> {
    let Some(tenant) = stop_looking_in(&known.person.login).await? else { return Ok(wanted.redirect("/operator")) };
    known.operator.left(&tenant).await?;
    Ok(wanted.redirect_saying(&format!("/operator/tenants/{tenant}"), "You do not look in any more."))
}
