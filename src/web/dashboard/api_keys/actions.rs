//! Making, rolling and revoking keys. A new key is shown in the answer itself, once: it is stored nowhere.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::detail::{self, KeyPath};
use super::form::{self, Fields, Problem};
use crate::accounts::{self, api_keys::MadeKey};
use crate::domain::api_key::Grace;
use crate::domain::ids::KeyId;
use crate::web::access::Admin;
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "api_keys/made.html")]
struct Page {
    shell: Shell,
    made: MadeKey,
    curl: String,
    /// When the key before this one ends; for a key that was rolled.
    grace: Option<Grace>,
}

impl Page {
    fn new(admin: &Admin, made: MadeKey, grace: Option<Grace>) -> Self {
        let server = admin.app.config.public_url();
        let curl = format!("curl '{server}/v1/project' -H 'Authorization: Bearer {}'", made.key.expose());
        Self { shell: admin.shell(Nav::ApiKeys), made, curl, grace }
    }
}

pub(super) async fn create(
    admin: Confirmed,
    headers: HeaderMap,
    ProtectedForm(fields): ProtectedForm<Fields>,
) -> Result<Response> {
    match admin.scope(&headers).create_api_key(&fields.wish()).await {
        Ok(made) => html::page(&Page::new(&admin, made, None)),
        Err(accounts::Error::Invalid { field, message }) => {
            form::show(&admin, &fields, Some(Problem { field, message: message.to_owned() }))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Roll {
    grace: String,
}

pub(super) async fn roll(
    admin: Confirmed,
    headers: HeaderMap,
    Path(KeyPath { key }): Path<KeyPath>,
    ProtectedForm(sent): ProtectedForm<Roll>,
) -> Result<Response> {
    let id = KeyId::parse(&key).ok_or(Error::NotFound)?;
    let grace = Grace::parse(&sent.grace).ok_or_else(|| Error::invalid("grace", "Choose when the old key ends."))?;
    match admin.scope(&headers).roll_api_key(&id, grace).await {
        Ok(made) => html::page(&Page::new(&admin, made, Some(grace))),
        Err(accounts::Error::Conflict(message)) => refused(&admin, &id, message).await,
        Err(error) => Err(error.into()),
    }
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn revoke(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    Path(KeyPath { key }): Path<KeyPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = KeyId::parse(&key).ok_or(Error::NotFound)?;
    match admin.scope(&headers).revoke_api_key(&id).await {
        Ok(()) => Ok(wanted.redirect(&admin.shell(Nav::ApiKeys).url("api-keys?done=revoked"))),
        Err(accounts::Error::Conflict(message)) => refused(&admin, &id, message).await,
        Err(error) => Err(error.into()),
    }
}

async fn refused(admin: &Admin, id: &KeyId, message: &str) -> Result<Response> {
    detail::page(admin, id, &detail::Parameters::default(), Some(message.to_owned())).await
}
