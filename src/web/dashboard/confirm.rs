//! Asks once more who is there, for pages on which keys are made and ended: a browser left open is not enough.

use std::ops::Deref;

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::app::App;
use crate::web::access::Admin;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::html::{self, Wanted};
use crate::web::session::{Login, is_recent, origin, sign_in};
use crate::web::shell::{Nav, Shell};

/// The route that takes the password.
pub fn router() -> Router<App> {
    Router::new().route("/t/{tenant}/p/{project}/confirm", post(confirm))
}

/// An admin or owner whose password was typed a short while ago. Everybody else gets the page that asks for it (401) and leads
/// back.
pub struct Confirmed(Admin);

impl Deref for Confirmed {
    type Target = Admin;

    fn deref(&self) -> &Admin {
        &self.0
    }
}

#[derive(Template)]
#[template(path = "confirm/index.html")]
struct Page {
    shell: Shell,
    /// Where to go on, below the project.
    next: String,
    problem: Option<&'static str>,
}

impl FromRequestParts<App> for Confirmed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let admin = Admin::from_request_parts(parts, app).await.map_err(Error::into_response)?;
        let recent = match parts.extensions.get::<Login>() {
            Some(login) => is_recent(login, admin.now()).await.map_err(Error::into_response)?,
            None => false,
        };
        if recent {
            return Ok(Self(admin));
        }
        // a form cannot be gone on with; its page can
        let home = admin.shell(Nav::None).url("");
        let path = parts.uri.path().strip_prefix(&home).unwrap_or_default();
        let next = if parts.method == http::Method::GET { path } else { path.split('/').next().unwrap_or_default() };
        let page = Page { shell: admin.shell(Nav::None), next: next.to_owned(), problem: None };
        Err(html::page_with(StatusCode::UNAUTHORIZED, &page).unwrap_or_else(Error::into_response))
    }
}

#[derive(Deserialize)]
struct TypedPassword {
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Takes the password and signs in anew, so that the session before ends.
async fn confirm(
    admin: Admin,
    wanted: Wanted,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    ProtectedForm(sent): ProtectedForm<TypedPassword>,
) -> Result<Response> {
    let credentials = Credentials {
        email: admin.user.email.clone(),
        password: sent.password,
        origin: origin(address, &headers),
        device: Some(device_mark(&admin.user)), // a signed-in browser is a known one
    };
    let next = if is_page(&sent.next) { sent.next } else { String::new() };
    if let Some(user) = authenticate(&admin.app, credentials).await? {
        sign_in(login, user, &headers).await?;
        return Ok(wanted.redirect(&admin.shell(Nav::None).url(next)));
    }
    let page = Page { shell: admin.shell(Nav::None), next, problem: Some("This is not your password.") };
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Whether a text can only lead to a page of the same project.
fn is_page(path: &str) -> bool {
    path.len() <= 100
        && path
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'/'))
        && !path.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn only_pages_of_the_project_are_led_to() {
        for path in ["", "api-keys", "api-keys/new", "api-keys/key_abc"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["/login", "//evil.example", "..", "a/../b", "api-keys?x=1", "https://evil.example", "a\\b"] {
            assert!(!is_page(path), "{path}");
        }
    }
}
