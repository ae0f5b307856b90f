//! What became of a Checkout session: its address while it is open, what it made once it is paid.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::domain::ids::path_segment;
use crate::domain::kind::Kind;
use crate::domain::role::Role;
use crate::domain::status;
use crate::web::access::{Member, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, Confirm, Way, again, open};
use crate::web::dashboard::show::{self, Amount};
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::{self, Wanted};
use crate::web::links;
use crate::web::shell::{Nav, Shell};

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    session: String,
}

#[derive(Template)]
#[template(path = "checkout/done.html")]
struct DonePage {
    shell: Shell,
    id: String,
    state: String,
    /// Where the customer pays, while that is possible.
    href: Option<String>,
    expires_at: Option<i64>,
    total: Option<Amount>,
    customer: Option<String>,
    subscription: Option<String>,
    invoice: Option<String>,
    may_expire: bool,
}

/// A session that is not there is a 404; anything else that keeps it away is said.
fn refused(error: crate::billing::Error) -> Error {
    if error.code() == "resource_missing" {
        return Error::NotFound;
    }
    let text = error.to_string();
    match Refused::of(error) {
        Ok(refused) if refused.status() == StatusCode::CONFLICT => Error::Conflict(text),
        Ok(_) => Error::Unavailable { retry_after: 10, message: text },
        Err(error) => error,
    }
}

/// Whether a text can be the id of a session: nothing else is ever asked of Stripe.
fn session_id(text: &str) -> Result<&str> {
    let plain = text.starts_with("cs_") && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && text.len() <= 255 { Ok(text) } else { Err(Error::NotFound) }
}

pub(super) async fn done(viewer: Viewer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response> {
    let id = session_id(&asked.session)?;
    let session = viewer.scope(&headers).checkout(id).await.map_err(refused)?;
    let shell = viewer.shell(Nav::Customers);
    let project = &viewer.project.id;
    let link = |kind: Kind, pointer: &str| {
        let id = session.reference(pointer)?;
        Some(shell.url(format!("{}/{}", kind.plural(), kind.derive_id(project, id))))
    };
    let open = session.text("/status") == Some("open");
    html::page(&DonePage {
        id: id.to_owned(),
        state: session.text("/status").unwrap_or("open").to_owned(),
        href: links::stripe(&viewer.app.config, &session, "/url").filter(|_| open).map(ToOwned::to_owned),
        expires_at: session.int("/expires_at").filter(|_| open),
        total: session
            .int("/amount_total")
            .map(|minor| show::amount(minor, session.text("/currency").unwrap_or_default())),
        customer: link(Kind::Customer, "/customer"),
        subscription: link(Kind::Subscription, "/subscription"),
        invoice: link(Kind::Invoice, "/invoice"),
        may_expire: open && shell.may(Role::Member),
        shell,
    })
}

async fn expire_page(member: &Member, headers: &HeaderMap, id: &str) -> Result<Confirm> {
    let session = member.scope(headers).checkout(session_id(id)?).await.map_err(refused)?;
    let shell = member.shell(Nav::Customers);
    let state = status::words(session.text("/status").unwrap_or("open"));
    let act = Act {
        title: "End the Checkout page".to_owned(),
        text: vec![format!("{id}, {state}."), "Its address stops working. This cannot be taken back.".to_owned()],
        path: shell.url(format!("checkout/{}/expire", path_segment(id))),
        back: Way { label: "Checkout page".to_owned(), path: shell.url(format!("checkout/done?session={id}")) },
        button: "End the page",
        danger: true,
        form: Form::empty(),
    };
    Ok(Confirm { shell, act })
}

pub(super) async fn ask_expire(
    member: Member,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response> {
    open(&expire_page(&member, &headers, &id).await?)
}

pub(super) async fn expire(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = expire_page(&member, &headers, &id).await?;
    let outcome = member.scope(&headers).expire_checkout(&typed.nonce()?, &id).await;
    match lead_on(wanted, outcome, (&page.act.back.path, "The page has ended."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
