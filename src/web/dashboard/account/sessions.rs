//! Where the person is signed in, and how to end that.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use crate::accounts::sessions as rules;
use crate::domain::browser;
use crate::store::sessions::{self, Listed};
use crate::web::access::SignedIn;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::html::{self, Wanted};
use crate::web::shell::{AccountNav, AccountShell};

struct Row {
    session: Listed,
    browser: String,
    /// Whether it is the one of this request.
    own: bool,
}

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Page {
    shell: AccountShell,
    sessions: Vec<Row>,
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    session: String,
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn show(person: SignedIn) -> Result<Response> {
    let shell = person.shell(AccountNav::Sessions);
    let own = person.session_hash();
    let now = person.app.clock.now();
    let mut tx = person.app.db.system_read().await?;
    let listed = sessions::of_user(&mut tx, &person.user.id, now, now - rules::IDLE).await?;
    drop(tx);
    let row =
        |session: Listed| Row { browser: browser::describe(&session.user_agent), own: session.id_hash == own, session };
    html::page(&Page { shell, sessions: listed.into_iter().map(row).collect() })
}

pub(super) async fn end(
    person: SignedIn,
    wanted: Wanted,
    ProtectedForm(sent): ProtectedForm<Chosen>,
) -> Result<Response> {
    if !rules::end(&person.app, &person.user.id, &sent.session, &person.origin).await? {
        return Err(Error::NotFound);
    }
    Ok(wanted.redirect_saying("/account/sessions", "That session has ended."))
}

pub(super) async fn end_others(person: SignedIn, wanted: Wanted, _: ProtectedForm<Pressed>) -> Result<Response> {
    rules::end_others(&person.app, &person.user.id, &person.session_hash(), &person.origin).await?;
    Ok(wanted.redirect_saying("/account/sessions", "You are signed out everywhere else."))
}
