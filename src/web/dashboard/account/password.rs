//! A new password for who knows the one before.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::recovery;
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
    problem: Option<(&'static str, String)>,
}

impl Page {
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
    html::page(&Page { shell: person.shell(AccountNav::Password), problem: None })
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
                let problem = Some((field, text.to_owned()));
                let page = Page { shell: person.shell(AccountNav::Password), problem };
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}
