//! The page that asks once more who is there, see [`crate::web::confirm`].

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::accounts::passkeys;
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::web::access::SignedIn;
use crate::web::confirm::Page;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::account::Answered;
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::session::{Proof, ask_browser, asked_of_browser, origin, sign_in, sign_in_with};

/// The page that takes the password, or a passkey.
pub fn router() -> Routes {
    Routes::new()
        .route("/confirm", get(show).post(confirm))
        .route("/confirm/passkey/start", post(start))
        .route("/confirm/passkey", post(confirm_by_passkey))
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
    html::page(&Page::new(&person.app, &headers, csrf, &person.user, next_path(&parameters.next)).await?)
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
    let page = Page::new(&app, &headers, csrf, &person.user, next).await?;
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page.refused("This is not your password."))
}

#[derive(Deserialize)]
struct Wish {}

/// The question for the browser.
async fn start(person: SignedIn, _: ProtectedForm<Wish>) -> Result<Response> {
    let party = passkeys::party(&person.app).ok_or(Error::NotFound)?;
    let challenge = ask_browser(&person.login).await?;
    Ok(Json(json!({ "challenge": challenge, "party": party.id })).into_response())
}

#[derive(Deserialize)]
struct UsedPasskey {
    #[serde(default)]
    next: String,
    #[serde(flatten)]
    answered: Answered,
}

/// Takes an answer of one of the person's own passkeys in the password's place.
async fn confirm_by_passkey(
    person: SignedIn,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(sent): ProtectedForm<UsedPasskey>,
) -> Result<Response> {
    let next = next_path(&sent.next);
    let found = match asked_of_browser(&person.login).await? {
        Some(challenge) => passkeys::sign_in(&person.app, &challenge, &sent.answered.answer(), &person.origin).await?,
        None => None,
    };
    if let Some(user) = found.filter(|user| user.id == person.user.id) {
        sign_in_with(Proof::Passkey, person.login.clone(), user, (&headers, person.origin.address)).await?;
        return Ok(Wanted::of(&headers).redirect(&next));
    }
    let page = Page::new(&person.app, &headers, csrf, &person.user, next).await?;
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page.refused("This is not a passkey of yours."))
}
