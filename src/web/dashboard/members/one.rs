//! One member, as owners see and change one.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::{Shown, index};
use crate::accounts;
use crate::domain::ids::UserId;
use crate::domain::role::Role;
use crate::store::members;
use crate::web::access::{Owner, SignedIn, WholeTenant};
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::Form;
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "members/one.html")]
struct Page {
    shell: Shell,
    shown: Shown,
    form: Form,
    roles: Vec<(&'static str, &'static str, &'static str)>,
    problem: Option<&'static str>,
}

/// What stands in the path.
#[derive(Deserialize)]
pub(super) struct MemberPath {
    member: String,
}

impl MemberPath {
    fn id(&self) -> Result<UserId> {
        UserId::parse(&self.member).ok_or(Error::NotFound)
    }
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    role: String,
}

pub(super) async fn show(owner: Owner<WholeTenant>, Path(path): Path<MemberPath>) -> Result<Response> {
    page(&owner, &path.id()?, None).await
}

async fn page(owner: &Owner<WholeTenant>, id: &UserId, problem: Option<&'static str>) -> Result<Response> {
    let mut tx = owner.app.db.system_read().await?;
    let member = members::find(&mut tx, &owner.tenant, id).await?.ok_or(Error::NotFound)?;
    drop(tx);
    let form = Form::new([("role", member.role.as_str())]);
    let shown = Shown::new(member, &owner.user.id);
    let page = Page { shell: owner.shell(Nav::Members), shown, form, roles: index::roles(), problem };
    html::page_with(if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK }, &page)
}

pub(super) async fn change_role(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<MemberPath>,
    ProtectedForm(sent): ProtectedForm<Chosen>,
) -> Result<Response> {
    let id = path.id()?;
    let known = {
        let mut tx = owner.app.db.system_read().await?;
        members::find(&mut tx, &owner.tenant, &id).await?
    };
    known.ok_or(Error::NotFound)?; // before the choice is judged: an unknown person has no role to choose
    let role = Role::parse(&sent.role).ok_or_else(|| Error::invalid("role", "Choose a role."))?;
    let done = owner.team(person.origin.clone()).change_role(&id, role).await;
    answer(&owner, wanted, &id, done, "The role is changed. It counts from the next sign-in, which is now due.").await
}

pub(super) async fn disable(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<MemberPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = path.id()?;
    let done = owner.team(person.origin.clone()).disable(&id).await;
    answer(&owner, wanted, &id, done, "The member is shut out.").await
}

pub(super) async fn enable(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<MemberPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = path.id()?;
    let done = owner.team(person.origin.clone()).enable(&id).await;
    answer(&owner, wanted, &id, done, "The member may come in again.").await
}

pub(super) async fn reset_two_factor(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<MemberPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = path.id()?;
    let done = owner.team(person.origin.clone()).reset_two_factor(&id).await;
    answer(&owner, wanted, &id, done, "The second factor is off. The password alone signs the person in.").await
}

pub(super) async fn remove(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<MemberPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = path.id()?;
    match owner.team(person.origin.clone()).remove(&id).await {
        Ok(()) => {
            Ok(wanted.redirect_saying(&owner.shell(Nav::Members).tenant_url("members"), "The member is removed."))
        }
        refused => answer(&owner, wanted, &id, refused, "").await,
    }
}

/// Back to the member's page, or the same page with why not.
async fn answer(
    owner: &Owner<WholeTenant>,
    wanted: Wanted,
    id: &UserId,
    done: accounts::Result<()>,
    message: &str,
) -> Result<Response> {
    match done {
        Ok(()) => {
            let path = owner.shell(Nav::Members).tenant_url(format!("members/{id}"));
            Ok(wanted.redirect_saying(&path, message))
        }
        Err(accounts::Error::Conflict(text)) => page(owner, id, Some(text)).await,
        Err(error) => Err(error.into()),
    }
}
