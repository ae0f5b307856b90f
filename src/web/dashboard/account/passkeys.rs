//! The passkeys of a person: added, renamed, removed.

use askama::Template;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::accounts::{self, passkeys};
use crate::domain::ids::PasskeyId;
use crate::store::passkeys::{self as table, Passkey};
use crate::vault::webauthn::{Party, base64url};
use crate::web::access::SignedIn;
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html::{self, Wanted};
use crate::web::session::{ask_browser, asked_of_browser};
use crate::web::shell::{AccountNav, AccountShell};

#[derive(Template)]
#[template(path = "account/passkeys.html")]
struct Page {
    shell: AccountShell,
    passkeys: Vec<Passkey>,
    /// Where passkeys work; none under a bare network address.
    party: Option<Party>,
    name: String,
    problem: Option<(&'static str, &'static str)>,
}

impl Page {
    fn problem(&self, field: &str) -> Option<&'static str> {
        self.problem.filter(|(at, _)| *at == field).map(|(_, text)| text)
    }
}

#[derive(Deserialize)]
pub(super) struct PasskeyPath {
    passkey: String,
}

impl PasskeyPath {
    fn id(&self) -> Result<PasskeyId> {
        PasskeyId::parse(&self.passkey).ok_or(Error::NotFound)
    }
}

#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    name: String,
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

/// What the page's script puts into the hidden fields.
#[derive(Deserialize)]
pub struct Answered {
    #[serde(default)]
    name: String,
    credential: String,
    client_data: String,
    authenticator_data: String,
    proof: String,
}

impl Answered {
    /// For the use case.
    pub fn answer(self) -> passkeys::Answer {
        passkeys::Answer {
            credential: self.credential,
            client_data: self.client_data,
            authenticator_data: self.authenticator_data,
            proof: self.proof,
        }
    }
}

async fn page(person: &SignedIn, name: String, problem: Option<(&'static str, &'static str)>) -> Result<Response> {
    let mut tx = person.app.db.system_read().await?;
    let passkeys = table::of_user(&mut tx, &person.user.id).await?;
    drop(tx);
    let shell = person.shell(AccountNav::Passkeys);
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html::page_with(status, &Page { shell, passkeys, party: passkeys::party(&person.app), name, problem })
}

pub(super) async fn show(person: SignedIn) -> Result<Response> {
    page(&person, String::new(), None).await
}

/// The question for the browser.
pub(super) async fn start(person: Confirmed<SignedIn>, _: ProtectedForm<Named>) -> Result<Response> {
    let party = passkeys::party(&person.app).ok_or(Error::NotFound)?;
    let mut tx = person.app.db.system_read().await?;
    let known = table::of_user(&mut tx, &person.user.id).await?;
    drop(tx);
    let challenge = ask_browser(&person.login).await?;
    let called = if person.user.name.is_empty() { &person.user.email } else { &person.user.name };
    let question = json!({
        "challenge": challenge,
        "party": party.id,
        "user": { "id": base64url(person.user.id.as_str().as_bytes()), "name": person.user.email, "display": called },
        "known": known.iter().map(|passkey| &passkey.credential_id).collect::<Vec<_>>(),
    });
    Ok(Json(question).into_response())
}

pub(super) async fn add(
    person: Confirmed<SignedIn>,
    wanted: Wanted,
    ProtectedForm(sent): ProtectedForm<Answered>,
) -> Result<Response> {
    let challenge = asked_of_browser(&person.login).await?.unwrap_or_default();
    let name = sent.name.clone();
    let named = (name.as_str(), challenge.as_str());
    match passkeys::register(&person.app, &person.user.id, named, &sent.answer(), &person.origin).await {
        Ok(()) => Ok(wanted.redirect_saying("/account/passkeys", "The passkey is added. You can sign in with it.")),
        Err(accounts::Error::Invalid { field, message }) => page(&person, name.clone(), Some((field, message))).await,
        Err(error) => Err(Error::from(error)),
    }
}

pub(super) async fn rename(
    person: Confirmed<SignedIn>,
    wanted: Wanted,
    Path(path): Path<PasskeyPath>,
    ProtectedForm(sent): ProtectedForm<Named>,
) -> Result<Response> {
    passkeys::rename(&person.app, &person.user.id, &path.id()?, &sent.name, &person.origin).await?;
    Ok(wanted.redirect_saying("/account/passkeys", "The passkey is renamed."))
}

pub(super) async fn remove(
    person: Confirmed<SignedIn>,
    wanted: Wanted,
    Path(path): Path<PasskeyPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    passkeys::remove(&person.app, &person.user.id, &path.id()?, &person.origin).await?;
    Ok(wanted.redirect_saying("/account/passkeys", "The passkey is removed. It signs nobody in any more."))
}
