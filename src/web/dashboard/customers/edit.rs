//! Making a customer, and changing one.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{AddressDraft, CustomerDraft};
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
use crate::web::standing::{Customers, Within};

/// The text fields of the form: Stripe's parameters, which are also the places in its JSON.
const TEXTS: [&str; 4] = ["name", "email", "phone", "description"];
const ADDRESS: [&str; 6] = ["line1", "line2", "city", "postal_code", "state", "country"];

#[derive(Template)]
#[template(path = "customers/edit.html", blocks = ["act"])]
struct EditPage {
    shell: Shell,
    act: Act,
}

act_pages!(EditPage);

fn new_page(member: &Member, form: Form) -> EditPage {
    let shell = member.shell(Nav::Customers);
    EditPage {
        act: Act {
            title: "New customer".to_owned(),
            text: Vec::new(),
            path: shell.url("customers/new"),
            back: Way { label: "Customers".to_owned(), path: shell.url("customers") },
            button: "Create customer",
            danger: false,
            form,
        },
        shell,
    }
}

/// The page of a customer that there is, with what it holds now in its fields.
async fn edit_page(member: &Member, id: &str) -> Result<EditPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Customer, id).await?;
    let shell = member.shell(Nav::Customers);
    Ok(EditPage {
        act: Act {
            title: "Edit customer".to_owned(),
            text: Vec::new(),
            path: shell.url(format!("customers/{}/edit", subject.id)),
            back: subject.page,
            button: "Save",
            danger: false,
            form: Form::new(fields(&subject.raw)),
        },
        shell,
    })
}

fn fields(raw: &Raw) -> Vec<(String, String)> {
    let text = |pointer: &str| raw.text(pointer).unwrap_or_default().to_owned();
    let mut fields: Vec<(String, String)> =
        TEXTS.iter().map(|name| ((*name).to_owned(), text(&format!("/{name}")))).collect();
    fields.extend(ADDRESS.iter().map(|part| (format!("address[{part}]"), text(&format!("/address/{part}")))));
    fields.push(("tax_exempt".to_owned(), text("/tax_exempt")));
    fields.extend(metadata_fields(&raw.pairs("/metadata")));
    fields
}

fn draft(typed: &Typed) -> CustomerDraft {
    let part = |part: &str| typed.text(&format!("address[{part}]")).to_owned();
    let address = AddressDraft {
        line1: part("line1"),
        line2: part("line2"),
        city: part("city"),
        postal_code: part("postal_code"),
        state: part("state"),
        country: part("country"),
    };
    CustomerDraft {
        name: typed.sent("name"),
        email: typed.sent("email"),
        phone: typed.sent("phone"),
        description: typed.sent("description"),
        address: Some(address),
        tax_exempt: typed.filled("tax_exempt"),
        preferred_locales: None,
        metadata: typed.metadata(),
    }
}

pub(super) async fn ask_new(member: Member) -> Result<Response> {
    open(&new_page(&member, Form::empty()))
}

pub(super) async fn create(
    member: Within<Customers, Member>,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut draft = draft(&typed);
    // A new customer has nothing that an empty field could remove.
    for text in [&mut draft.name, &mut draft.email, &mut draft.phone, &mut draft.description] {
        *text = text.take().filter(|text| !text.is_empty());
    }
    draft.address = draft.address.filter(|address| *address != AddressDraft::default());
    draft.metadata.retain(|_, value| !value.is_empty());
    let outcome = member.scope(&headers).create_customer(&typed.nonce()?, &draft).await;
    let path = act::made(&member, Nav::Customers, "customers", &outcome);
    match lead_on(wanted, outcome, (&path, "The customer was created."))? {
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
    let outcome = member.scope(&headers).update_customer(&typed.nonce()?, &id, &draft(&typed)).await;
    match lead_on(wanted, outcome, (&page.act.back.path, "Saved."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
