//! The page that asks once more who is there, see [`crate::web::confirm`].

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::login::{Credentials, authenticate, device_mark};
use crate::app::App;
use crate::web::access::SignedIn;
use crate::web::confirm::Page;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::Result;
use crate::web::extract::{ClientIp, Query};
use crate::web::html::{self, Wanted};
use crate::web::links::next_path;
use crate::web::routes::Routes;
use crate::web::session::{origin, sign_in};

/// The page that takes the password.
pub fn router() -> Routes {
    Routes::new().route("/confirm", get(show).post(confirm))
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
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &Page::new(&headers, csrf, &person.user, next).refused())
}
