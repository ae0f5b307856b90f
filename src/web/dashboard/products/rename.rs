//! What a price is called. What it costs never changes.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::kind::Kind;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "products/rename.html", blocks = ["act"])]
struct RenamePage {
    shell: Shell,
    act: Act,
}

act_pages!(RenamePage);

async fn page(member: &Member, id: &str) -> Result<RenamePage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Price, id).await?;
    let shell = member.shell(Nav::Products);
    let text = |name: &'static str| (name, subject.raw.text(&format!("/{name}")).unwrap_or_default().to_owned());
    Ok(RenamePage {
        act: Act {
            title: "Edit price".to_owned(),
            text: vec![
                subject.name,
                "What a price costs can never be changed: make another one, and archive this one.".to_owned(),
            ],
            path: shell.url(format!("prices/{}/edit", subject.id)),
            back: subject.page,
            button: "Save",
            danger: false,
            form: Form::new([text("nickname"), text("lookup_key")]),
        },
        shell,
    })
}

pub(super) async fn ask(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    open(&page(&member, &id).await?)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &id).await?;
    let names = (typed.text("nickname"), typed.text("lookup_key"));
    let outcome = member.scope(&headers).rename_price(&typed.nonce()?, &id, names.0, names.1).await;
    match lead_on(wanted, outcome, (&page.act.back.path, "Saved."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
