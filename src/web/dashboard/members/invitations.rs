//! Inviting people. A link that could not be mailed is shown in the answer itself, once: it is stored nowhere.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::index;
use crate::accounts::{self, invitations::Invited};
use crate::domain::drafts::Flaw;
use crate::domain::ids::InvitationId;
use crate::domain::role::Role;
use crate::vault::ExposeSecret as _;
use crate::web::access::{Owner, SignedIn, WholeTenant};
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};
use crate::web::standing::{Seats, Within};

/// A link to hand over in person.
#[derive(Template)]
#[template(path = "members/invited.html")]
struct Page {
    shell: Shell,
    email: String,
    link: String,
    expires_at: i64,
    why: String,
}

#[derive(Deserialize)]
pub(super) struct InvitationPath {
    invitation: String,
}

impl InvitationPath {
    fn id(&self) -> Result<InvitationId> {
        InvitationId::parse(&self.invitation).ok_or(Error::NotFound)
    }
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn invite(
    owner: Within<Seats, Confirmed<Owner<WholeTenant>>>,
    person: SignedIn,
    wanted: Wanted,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let done = match Role::parse(typed.text("role")) {
        Some(role) => owner.team(person.origin.clone()).invite(typed.text("email"), role).await,
        None => Err(accounts::Error::Invalid { field: "role", message: "Choose a role." }),
    };
    match done {
        Ok(invited) => answer(&owner, wanted, invited),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            index::page(&owner, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn renew(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<InvitationPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let invited = owner.team(person.origin.clone()).renew_invitation(&path.id()?).await?;
    answer(&owner, wanted, invited)
}

pub(super) async fn withdraw(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    Path(path): Path<InvitationPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    owner.team(person.origin.clone()).withdraw_invitation(&path.id()?).await?;
    let path = owner.shell(Nav::Members).tenant_url("members");
    Ok(wanted.redirect_saying(&path, "The invitation is withdrawn. Its link opens nothing any more."))
}

fn answer(owner: &Owner<WholeTenant>, wanted: Wanted, invited: Invited) -> Result<Response> {
    let shell = owner.shell(Nav::Members);
    match invited.unmailed {
        None => {
            let message = format!("The invitation is on its way to {}.", invited.email);
            Ok(wanted.redirect_saying(&shell.tenant_url("members"), &message))
        }
        Some(why) => html::page(&Page {
            shell,
            email: invited.email,
            link: invited.link.expose_secret().to_owned(),
            expires_at: invited.expires_at,
            why,
        }),
    }
}
