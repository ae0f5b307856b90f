//! `/login/openid`: signing in with the operator's identity provider, and the address that it sends everybody back to.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Begun, LoginPage, enter_with, second_step};
use crate::accounts::{self, openid};
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::openid::{Error as Refusal, Identity};
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::openid::{PAGE, Purpose, asked, lead_on, provider, unavailable};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html::{self, Wanted};
use crate::web::session::{Login, Proof, origin, sign_in};

#[derive(Deserialize)]
pub(super) struct Pressed {
    #[serde(default)]
    next: String,
}

/// What the provider's redirect says.
#[derive(Deserialize)]
pub(super) struct Brought {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

pub(super) async fn start(
    State(app): State<App>,
    login: Login,
    _: Begun,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Pressed>,
) -> Result<Response> {
    lead_on(&app, &login, &headers, Purpose::SignIn, next_path(&sent.next)).await
}

pub(super) async fn callback(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(brought): Query<Brought>,
) -> Result<Response> {
    let provider = provider(&app)?;
    let refuse = |next: String, why: String| {
        let page = LoginPage { next, refused: Some(why), ..LoginPage::new(&app, &headers, csrf.clone()) };
        html::page_with(StatusCode::UNAUTHORIZED, &page)
    };
    let Some(asked) = asked(&app, &login, &brought.state).await? else {
        let why = "This sign-in took too long, or was begun in another browser. Begin again.";
        return refuse(String::new(), why.to_owned());
    };
    if !brought.error.is_empty() || brought.code.is_empty() {
        return refuse(asked.next, format!("{} did not sign you in.", provider.name()));
    }
    let identity = match provider.answer(&asked.question, &brought.code).await {
        Ok(identity) => identity,
        Err(error @ Refusal::Unreachable(_)) => return Err(unavailable(provider, &error)),
        Err(error) => {
            tracing::warn!(%error, "an answer of the identity provider was refused");
            return refuse(asked.next, format!("The answer of {} was not accepted. Begin again.", provider.name()));
        }
    };
    let origin = origin(address, &headers);
    let here = login.user.clone().map(|person| person.user);
    match asked.purpose {
        Purpose::SignIn => match openid::sign_in(&app, &identity, &origin).await? {
            Some(user) if user.two_factor_at.is_some() => second_step(&login, &user, asked.next).await,
            Some(user) => enter_with(Proof::Password, login, user, &headers, (address, &asked.next)).await,
            None => refuse(PAGE.to_owned(), unknown(provider.name(), &identity)),
        },
        Purpose::Link(user) => {
            let user = here.filter(|here| here.id == user).ok_or(Error::Unauthenticated)?;
            let said = match openid::link(&app, &user.id, identity, &origin).await {
                Ok(()) => format!("{} signs you in from now on.", provider.name()),
                Err(accounts::Error::Invalid { message, .. }) => message.to_owned(),
                Err(error) => return Err(error.into()),
            };
            Ok(Wanted::of(&headers).redirect_saying(PAGE, &said))
        }
        Purpose::Confirm(user) => {
            let user = here.filter(|here| here.id == user).ok_or(Error::Unauthenticated)?;
            if openid::confirm(&app, &user.id, &identity, &origin).await? {
                sign_in(login, user, &headers, address).await?;
                return Ok(html::see_other(&asked.next));
            }
            let said =
                format!("{} did not ask you anew, or knows you as somebody else. Use the password.", provider.name());
            let query = serde_urlencoded::to_string([("next", asked.next)]).unwrap_or_default();
            Ok(Wanted::of(&headers).redirect_saying(&format!("/confirm?{query}"), &said))
        }
    }
}

/// Who is known there and not here.
fn unknown(provider: &str, identity: &Identity) -> String {
    let who = if identity.email.is_empty() { "this account" } else { &identity.email };
    format!(
        "{provider} knows you as {who}, but that is not linked to anybody here yet. Sign in with the password once; on the page that follows you can link it."
    )
}
