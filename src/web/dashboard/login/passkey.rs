//! `/login/passkey`: signing in with a passkey. The browser knows whose it is; nothing is typed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Begun, LoginPage, enter_with};
use crate::accounts::passkeys;
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::account::Answered;
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::html;
use crate::web::session::{Login, Proof, ask_browser, asked_of_browser, origin};

#[derive(Deserialize)]
pub(super) struct Wish {}

#[derive(Deserialize)]
pub(super) struct Submitted {
    #[serde(default)]
    next: String,
    #[serde(flatten)]
    answered: Answered,
}

/// The question for the browser.
pub(super) async fn start(State(app): State<App>, login: Login, _: Begun, _: ProtectedForm<Wish>) -> Result<Response> {
    let party = passkeys::party(&app).ok_or(Error::NotFound)?;
    let challenge = ask_browser(&login).await?;
    Ok(Json(json!({ "challenge": challenge, "party": party.id })).into_response())
}

pub(super) async fn submit(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(sent): ProtectedForm<Submitted>,
) -> Result<Response> {
    let next = next_path(&sent.next);
    let origin = origin(address, &headers);
    let found = match asked_of_browser(&login).await? {
        Some(challenge) => passkeys::sign_in(&app, &challenge, &sent.answered.answer(), &origin).await?,
        None => None,
    };
    if let Some(user) = found {
        return enter_with(Proof::Passkey, login, user, &headers, (address, &next)).await;
    }
    let refused = Some("This passkey is not known here. Sign in with the password.".to_owned());
    html::page_with(StatusCode::UNAUTHORIZED, &LoginPage { next, refused, ..LoginPage::new(&app, &headers, csrf) })
}
