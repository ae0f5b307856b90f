//! `/forgot` asks for a link to a new password, `/reset/{token}` is where it leads. Opening the page uses nothing up.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::{self, recovery};
use crate::app::App;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::login::seconds;
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Path};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::session::origin;
use crate::web::shell::PublicShell;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/forgot", get(show).post(ask)).route("/reset/{token}", get(choose).post(reset))
}

#[derive(Template)]
#[template(path = "forgot/index.html")]
struct Page {
    shell: PublicShell,
    /// Whether mail is set up at all.
    mail: bool,
    email: String,
    problem: Option<String>,
    asked: bool,
}

#[derive(Template)]
#[template(path = "forgot/reset.html")]
struct ResetPage {
    shell: PublicShell,
    token: String,
    email: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "forgot/gone.html")]
struct GonePage {
    shell: PublicShell,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct Chosen {
    password: SecretString,
}

#[derive(Deserialize)]
struct ResetPath {
    token: String,
}

fn shell(headers: &HeaderMap, csrf: CsrfToken) -> PublicShell {
    PublicShell { theme: html::theme(headers), csrf: Some(csrf) }
}

impl Page {
    fn new(app: &App, headers: &HeaderMap, csrf: CsrfToken) -> Self {
        let mail = app.mail.is_some();
        Self { shell: shell(headers, csrf), mail, email: String::new(), problem: None, asked: false }
    }
}

async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
) -> Result<Response> {
    html::page(&Page::new(&app, &headers, csrf))
}

async fn ask(
    State(app): State<App>,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(sent): ProtectedForm<Asked>,
) -> Result<Response> {
    let page = Page { email: sent.email.clone(), ..Page::new(&app, &headers, csrf) };
    match recovery::ask(&app, &sent.email, &origin(address, &headers)).await {
        Ok(()) => html::page(&Page { asked: true, ..page }),
        Err(accounts::Error::Throttled { retry_after }) => {
            let problem = Some(format!("Too many tries. Wait {} and try again.", seconds(retry_after)));
            let page = html::page_with(StatusCode::TOO_MANY_REQUESTS, &Page { problem, ..page })?;
            Ok(([(header::RETRY_AFTER, HeaderValue::from(retry_after))], page).into_response())
        }
        Err(refused) => match refused.field() {
            Some((_, text)) => {
                let problem = Some(text.to_owned());
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &Page { problem, ..page })
            }
            None => Err(Error::from(refused)),
        },
    }
}

async fn choose(
    State(app): State<App>,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Path(ResetPath { token }): Path<ResetPath>,
) -> Result<Response> {
    let shell = shell(&headers, csrf);
    match recovery::holder(&app, &token).await? {
        Some(user) => html::page(&ResetPage { shell, token, email: user.email, problem: None }),
        None => html::page_with(StatusCode::GONE, &GonePage { shell }),
    }
}

async fn reset(
    State(app): State<App>,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Path(ResetPath { token }): Path<ResetPath>,
    ProtectedForm(sent): ProtectedForm<Chosen>,
) -> Result<Response> {
    match recovery::reset(&app, &token, sent.password, &origin(address, &headers)).await {
        Ok(()) => Ok(Wanted::of(&headers).redirect_saying("/login", "The password is set. Sign in with it.")),
        Err(accounts::Error::Unknown) => html::page_with(StatusCode::GONE, &GonePage { shell: shell(&headers, csrf) }),
        Err(refused) => match refused.field() {
            Some((_, text)) => {
                let email = recovery::holder(&app, &token).await?.map(|user| user.email).unwrap_or_default();
                let problem = Some(text.to_owned());
                let page = ResetPage { shell: shell(&headers, csrf), token, email, problem };
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}
