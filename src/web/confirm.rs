//! [`Confirmed`]: who is there is asked once more before keys, people or secrets are changed. What counts as a short while is decided
//! in [`super::session`].

use std::ops::Deref;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::access::{Admin, Visitor};
use super::csrf::CsrfToken;
use super::error::{Error, Result};
use super::html::{self, Wanted};
use super::session::{Login, is_recent};
use super::shell::PublicShell;
use super::standing::OfTenant;
use crate::accounts::{openid, passkeys};
use crate::app::App;
use crate::domain::ids::TenantId;
use crate::domain::next_path::next_path;
use crate::store::users::User;
use crate::vault::webauthn::Party;

/// Whoever `A` lets in, and who signed in or typed the password a short while ago. Everybody else gets the page that asks for
/// it (401), which leads back.
pub struct Confirmed<A = Admin>(A);

impl<A> Deref for Confirmed<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: OfTenant> OfTenant for Confirmed<A> {
    fn tenant(&self) -> &TenantId {
        self.0.tenant()
    }
}

impl<A: FromRequestParts<App, Rejection = Error> + Send> FromRequestParts<App> for Confirmed<A> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let inner = A::from_request_parts(parts, app).await.map_err(Error::into_response)?;
        if parts.extensions.get::<Visitor>().is_some() {
            let why = "Whoever looks in for billfold's operator does not change keys, people or secrets.";
            return Err(Error::Forbidden(why.to_owned()).into_response());
        }
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
    let page = Page::new(app, &parts.headers, csrf, user, next).await?;
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

/// The page that takes the password.
#[derive(Template)]
#[template(path = "confirm/index.html")]
pub struct Page {
    shell: PublicShell,
    email: String,
    /// Where to go on.
    next: String,
    problem: Option<&'static str>,
    /// Where the person's passkeys work; none without one.
    party: Option<Party>,
    /// The identity provider that knows the person.
    provider: Option<String>,
}

impl Page {
    /// The page that asks `user` for the password and goes on to `next`.
    pub async fn new(app: &App, headers: &HeaderMap, csrf: CsrfToken, user: &User, next: String) -> Result<Self> {
        let shell = PublicShell { theme: html::theme(headers), csrf: Some(csrf) };
        let party = if passkeys::any(app, &user.id).await? { passkeys::party(app) } else { None };
        let linked = openid::linked(app, &user.id).await?.is_some();
        let provider = app.openid.as_ref().filter(|_| linked).map(|provider| provider.name().to_owned());
        Ok(Self { shell, email: user.email.clone(), next, problem: None, party, provider })
    }

    /// The same page after a wrong answer.
    #[must_use]
    pub fn refused(self, problem: &'static str) -> Self {
        Self { problem: Some(problem), ..self }
    }
}
