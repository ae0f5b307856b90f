//! `/setup`: the first run.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts;
use crate::accounts::login;
use crate::accounts::setup::{self, Door};
use crate::accounts::signup::NewUser;
use crate::app::App;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html;
use crate::web::routes::Routes;
use crate::web::session::{Login, sign_in};
use crate::web::shell::PublicShell;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/setup", get(form).post(submit))
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    token: String,
}

#[derive(Clone, Default, Deserialize)]
struct Submitted {
    token: String,
    tenant: String,
    name: String,
    email: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "setup/index.html")]
struct SetupPage {
    shell: PublicShell,
    values: Submitted,
    problem: Option<(String, String)>,
}

impl SetupPage {
    /// What is wrong with a field.
    fn problem(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(at, _)| at == field).map(|(_, text)| text.as_str())
    }
}

#[derive(Template)]
#[template(path = "setup/closed.html")]
struct ClosedPage {
    shell: PublicShell,
    finished: bool,
}

async fn form(
    State(app): State<App>,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    match setup::door(&app, &parameters.token).await? {
        Door::Open => {
            let values = Submitted { token: parameters.token, ..Submitted::default() };
            html::page(&SetupPage { shell: shell(&headers, csrf), values, problem: None })
        }
        door => closed(door, shell(&headers, csrf)),
    }
}

async fn submit(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(values): ProtectedForm<Submitted>,
) -> Result<Response> {
    let owner = NewUser { email: values.email.clone(), name: values.name.clone(), password: values.password.clone() };
    match setup::finish(&app, &values.token, owner, &values.tenant).await {
        Ok(made) => {
            if let Some(user) = login::person(&app, &made.user).await? {
                sign_in(login, user, &headers, address).await?;
            }
            Ok(html::see_other("/"))
        }
        Err(accounts::Error::SetupClosed) => closed(setup::door(&app, &values.token).await?, shell(&headers, csrf)),
        Err(refused) => match refused.field() {
            Some((field, text)) => {
                let problem = Some((field.to_owned(), text.to_owned()));
                let page = SetupPage { shell: shell(&headers, csrf), values, problem };
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}

fn shell(headers: &HeaderMap, csrf: CsrfToken) -> PublicShell {
    PublicShell { theme: html::theme(headers), csrf: Some(csrf) }
}

fn closed(door: Door, shell: PublicShell) -> Result<Response> {
    let finished = door == Door::Closed;
    let status = if finished { StatusCode::GONE } else { StatusCode::FORBIDDEN };
    html::page_with(status, &ClosedPage { shell, finished })
}
