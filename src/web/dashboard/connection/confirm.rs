//! Keys and secrets are changed only by somebody who typed the password a short while ago: a browser left open is not enough.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use super::view::{Field, Page, Problem};
use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::app::App;
use crate::web::access::Admin;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::html::Wanted;
use crate::web::session::{Login, is_recent, origin, sign_in};
use crate::web::shell::Nav;

/// An admin or owner whose password was typed a short while ago. Everybody else gets the page that asks for it (401).
pub(super) struct Confirmed(Admin);

impl Deref for Confirmed {
    type Target = Admin;

    fn deref(&self) -> &Admin {
        &self.0
    }
}

impl FromRequestParts<App> for Confirmed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let admin = Admin::from_request_parts(parts, app).await.map_err(Error::into_response)?;
        let wanted = Wanted::of(&parts.headers);
        match recent(parts.extensions.get::<Login>(), &admin).await {
            Ok(true) => Ok(Self(admin)),
            Ok(false) => {
                let message = "Your password is needed once more before keys and secrets can be changed.".to_owned();
                let answer = refuse(&admin, wanted, StatusCode::UNAUTHORIZED, message).await;
                Err(answer.unwrap_or_else(Error::into_response))
            }
            Err(error) => Err(error.into_response()),
        }
    }
}

async fn recent(login: Option<&Login>, admin: &Admin) -> Result<bool> {
    match login {
        Some(login) => is_recent(login, admin.now()).await,
        None => Ok(false),
    }
}

#[derive(Deserialize)]
pub(super) struct TypedPassword {
    password: SecretString,
}

/// Takes the password and signs in anew, so that the session before ends.
pub(super) async fn confirm(
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
    match authenticate(&admin.app, credentials).await? {
        Some(user) => {
            sign_in(login, user, &headers).await?;
            Ok(wanted.redirect(&admin.shell(Nav::Connection).url("connection")))
        }
        None => refuse(&admin, wanted, StatusCode::UNPROCESSABLE_ENTITY, "This is not your password.".to_owned()).await,
    }
}

async fn refuse(admin: &Admin, wanted: Wanted, status: StatusCode, message: String) -> Result<Response> {
    let problem = Problem { field: Field::Password, message, results: Vec::new() };
    let page = Page::load(admin, false, None).await?.with_problem(problem);
    wanted.respond_with(status, &page, &page.as_connection())
}
