//! Asks once more who is there before keys, people or secrets are changed: a browser left open is not enough. What counts as a
//! short while is decided in `web::session`.

use std::ops::Deref;

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::app::App;
use crate::store::users::User;
use crate::web::access::{Admin, SignedIn};
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::login::next_path;
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::session::{Login, is_recent, origin, sign_in};
use crate::web::shell::PublicShell;

/// The page that takes the password.
pub fn router() -> Routes {
    Routes::new().route("/confirm", get(show).post(confirm))
}

/// Whoever `A` lets in, and who signed in or typed the password a short while ago. Everybody else gets the page that asks for
/// it (401), which leads back.
pub struct Confirmed<A = Admin>(A);

impl<A> Deref for Confirmed<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: FromRequestParts<App, Rejection = Error> + Send> FromRequestParts<App> for Confirmed<A> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let inner = A::from_request_parts(parts, app).await.map_err(Error::into_response)?;
        match ask(parts, app).await {
            Ok(None) => Ok(Self(inner)),
            Ok(Some(answer)) => Err(answer),
            Err(error) => Err(error.into_response()),
        }
    }
}

/// None when the session is fresh.
async fn ask(parts: &Parts, app: &App) -> Result<Option<Response>> {
    let login = parts.extensions.get::<Login>().ok_or(Error::Unauthenticated)?;
    if is_recent(login, app.clock.now()).await? {
        return Ok(None);
    }
    let next = page_of(parts);
    let wanted = Wanted::of(&parts.headers);
    if wanted.htmx {
        let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
        let mut answer = wanted.redirect(&format!("/confirm?{query}"));
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(Some(answer));
    }
    let user = login.user.as_ref().map(|person| &person.user).ok_or(Error::Unauthenticated)?;
    let csrf = parts.extensions.get::<CsrfToken>().cloned().ok_or(Error::Unauthenticated)?;
    let page = Page::new(&parts.headers, csrf, user, next);
    html::page_with(StatusCode::UNAUTHORIZED, &page).map(Some)
}

/// A form cannot be gone on with; the page that it stood on can.
fn page_of(parts: &Parts) -> String {
    if parts.method == Method::GET {
        return next_path(parts.uri.path());
    }
    let referer = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let page = referer.and_then(|page| page.parse::<http::Uri>().ok());
    next_path(page.as_ref().and_then(|page| page.path_and_query()).map_or("/", |path| path.as_str()))
}

#[derive(Template)]
#[template(path = "confirm/index.html")]
struct Page {
    shell: PublicShell,
    email: String,
    /// Where to go on.
    next: String,
    problem: Option<&'static str>,
}

impl Page {
    fn new(headers: &HeaderMap, csrf: CsrfToken, user: &User, next: String) -> Self {
        let shell = PublicShell { theme: html::theme(headers), csrf: Some(csrf) };
        Self { shell, email: user.email.clone(), next, problem: None }
    }
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    next: String,
}

async fn show(
    person: SignedIn,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    html::page(&Page::new(&headers, csrf, &person.user, next_path(&parameters.next)))
}

#[derive(Deserialize)]
struct TypedPassword {
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Takes the password and signs in anew, so that the session before ends.
async fn confirm(
    State(app): State<App>,
    person: SignedIn,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(sent): ProtectedForm<TypedPassword>,
) -> Result<Response> {
    let credentials = Credentials {
        email: person.user.email.clone(),
        password: sent.password,
        origin: origin(address, &headers),
        device: Some(device_mark(&person.user)), // a signed-in browser is a known one
    };
    let next = next_path(&sent.next);
    if let Some(user) = authenticate(&app, credentials).await? {
        sign_in(person.login.clone(), user, &headers, address).await?;
        return Ok(Wanted::of(&headers).redirect(&next));
    }
    let page = Page { problem: Some("This is not your password."), ..Page::new(&headers, csrf, &person.user, next) };
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
