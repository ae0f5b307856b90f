//! A new password for who knows the one before.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::{openid, recovery};
use crate::store::openid_identities::OpenidIdentity;
use crate::web::access::SignedIn;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::html::{self, Wanted};
use crate::web::session::sign_in;
use crate::web::shell::{AccountNav, AccountShell};

#[derive(Template)]
#[template(path = "account/password.html")]
struct Page {
    shell: AccountShell,
    /// The identity provider's name.
    provider: Option<String>,
    /// The account there that signs the person in.
    linked: Option<OpenidIdentity>,
    problem: Option<(&'static str, String)>,
}

impl Page {
    async fn new(person: &SignedIn, problem: Option<(&'static str, String)>) -> Result<Self> {
        let provider = person.app.openid.as_ref().map(|provider| provider.name().to_owned());
        let linked = openid::linked(&person.app, &person.user.id).await?;
        Ok(Self { shell: person.shell(AccountNav::Password), provider, linked, problem })
    }

    fn problem(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| text.as_str())
    }
}

#[derive(Deserialize)]
pub(super) struct Typed {
    current: SecretString,
    password: SecretString,
}

pub(super) async fn show(person: SignedIn) -> Result<Response> {
    html::page(&Page::new(&person, None).await?)
}

pub(super) async fn change(
    person: SignedIn,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Typed>,
) -> Result<Response> {
    let passwords = (sent.current, sent.password);
    match recovery::change(&person.app, &person.user, passwords, &person.origin).await {
        Ok(user) => {
            sign_in(person.login.clone(), user, &headers, person.origin.address).await?;
            Ok(wanted.redirect_saying("/account/password", "The password is changed. Every other session has ended."))
        }
        Err(refused) => match refused.field() {
            Some((field, text)) => {
                let page = Page::new(&person, Some((field, text.to_owned()))).await?;
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}
