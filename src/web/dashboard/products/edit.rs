//! Making a product, and changing one.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::ProductDraft;
use crate::domain::kind::Kind;
use crate::domain::raw::Raw;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{self, Act, Way, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, lead_on, metadata_fields};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

const TEXTS: [&str; 4] = ["name", "description", "unit_label", "statement_descriptor"];

#[derive(Template)]
#[template(path = "products/edit.html", blocks = ["act"])]
struct EditPage {
    shell: Shell,
    act: Act,
}

act_pages!(EditPage);

fn new_page(member: &Member, form: Form) -> EditPage {
    let shell = member.shell(Nav::Products);
    EditPage {
        act: Act {
            title: "New product".to_owned(),
            text: vec!["What you sell. What it costs is said by its prices, which come next.".to_owned()],
            path: shell.url("products/new"),
            back: Way { label: "Products".to_owned(), path: shell.url("products") },
            button: "Create product",
            danger: false,
            form,
        },
        shell,
    }
}

async fn edit_page(member: &Member, id: &str) -> Result<EditPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Product, id).await?;
    let shell = member.shell(Nav::Products);
    Ok(EditPage {
        act: Act {
            title: "Edit product".to_owned(),
            text: Vec::new(),
            path: shell.url(format!("products/{}/edit", subject.id)),
            back: subject.page,
            button: "Save",
            danger: false,
            form: Form::new(fields(&subject.raw)),
        },
        shell,
    })
}

fn fields(raw: &Raw) -> Vec<(String, String)> {
    let text = |name: &str| raw.text(&format!("/{name}")).unwrap_or_default().to_owned();
    let mut fields: Vec<(String, String)> = TEXTS.iter().map(|name| ((*name).to_owned(), text(name))).collect();
    fields.extend(metadata_fields(&raw.pairs("/metadata")));
    fields
}

fn draft(typed: &Typed) -> ProductDraft {
    ProductDraft {
        name: typed.sent("name"),
        description: typed.sent("description"),
        unit_label: typed.sent("unit_label"),
        statement_descriptor: typed.sent("statement_descriptor"),
        metadata: typed.metadata(),
    }
}

pub(super) async fn ask_new(member: Member) -> Result<Response> {
    open(&new_page(&member, Form::empty()))
}

pub(super) async fn create(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut draft = draft(&typed);
    draft.metadata.retain(|_, value| !value.is_empty());
    let outcome = member.scope(&headers).create_product(&typed.nonce()?, &draft).await;
    let path = act::made(&member, Nav::Products, "products", &outcome);
    match lead_on(wanted, outcome, (&path, "The product was created. Now add a price."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => again(wanted, &new_page(&member, Form::refused(typed, refused.clone())), &refused),
    }
}

pub(super) async fn ask_edit(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    open(&edit_page(&member, &id).await?)
}

pub(super) async fn update(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = edit_page(&member, &id).await?;
    let outcome = member.scope(&headers).update_product(&typed.nonce()?, &id, &draft(&typed)).await;
    match lead_on(wanted, outcome, (&page.act.back.path, "Saved."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
