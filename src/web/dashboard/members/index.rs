//! Who belongs to the tenant, who is invited, and what each role may.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::Shown;
use crate::accounts;
use crate::domain::permission::Permission;
use crate::domain::role::Role;
use crate::store::invitations::{self, Invitation};
use crate::store::{members, tenants};
use crate::web::access::{Owner, SignedIn, Staff, Viewer, WholeTenant};
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::forms::Form;
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "members/index.html")]
struct Page {
    shell: Shell,
    members: Vec<Shown>,
    invitations: Vec<Invitation>,
    /// Highest first.
    roles: Vec<Role>,
    form: Form,
    /// What an invitation may offer.
    offered: Vec<(&'static str, &'static str, &'static str)>,
    may_change: bool,
    /// Whether everybody needs a second factor.
    required: bool,
    problem: Option<&'static str>,
}

impl Page {
    /// Every permission with whether each role has it, highest role first.
    fn permissions(&self) -> Vec<(&'static str, Vec<bool>)> {
        let has = |permission: Permission| self.roles.iter().map(|role| *role >= permission.needs()).collect();
        Permission::ALL.into_iter().map(|permission| (permission.label(), has(permission))).collect()
    }
}

/// The roles as a form offers them.
pub(super) fn roles() -> Vec<(&'static str, &'static str, &'static str)> {
    let meaning = |role: Role| match role {
        Role::Viewer => ("viewer", "Viewer", "sees everything but secrets"),
        Role::Member => ("member", "Member", "also works with customers, subscriptions and invoices"),
        Role::Admin => ("admin", "Admin", "also connects Stripe, makes API keys and projects"),
        Role::Owner => ("owner", "Owner", "also decides who belongs to the business"),
    };
    Role::ALL.into_iter().map(meaning).collect()
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    required: bool,
}

pub(super) async fn show(viewer: Viewer<WholeTenant>) -> Result<Response> {
    page(&viewer, StatusCode::OK, Form::new([("role", "member")])).await
}

pub(super) async fn require_two_factor(
    owner: Confirmed<Owner<WholeTenant>>,
    person: SignedIn,
    wanted: Wanted,
    ProtectedForm(sent): ProtectedForm<Chosen>,
) -> Result<Response> {
    match owner.team(person.origin.clone()).require_two_factor(sent.required).await {
        Ok(()) => {
            let message = if sent.required { "Every member now needs a second factor." } else { "It is optional now." };
            Ok(wanted.redirect_saying(&owner.shell(Nav::Members).tenant_url("members"), message))
        }
        Err(accounts::Error::Conflict(problem)) => {
            let page = Page { problem: Some(problem), ..load(&owner, Form::new([("role", "member")])).await? };
            html::page_with(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// The page, with what was typed into the form for an invitation.
pub(super) async fn page(staff: &Staff<WholeTenant>, status: StatusCode, form: Form) -> Result<Response> {
    html::page_with(status, &load(staff, form).await?)
}

async fn load(staff: &Staff<WholeTenant>, form: Form) -> Result<Page> {
    let may_change = staff.role >= Role::Owner;
    let mut tx = staff.app.db.system_read().await?;
    let members = members::list(&mut tx, &staff.tenant).await?;
    let invitations = if may_change { invitations::list(&mut tx, &staff.tenant).await? } else { Vec::new() };
    let required = tenants::requires_two_factor(&mut tx, &staff.tenant).await?;
    drop(tx);
    Ok(Page {
        shell: staff.shell(Nav::Members),
        members: members.into_iter().map(|member| Shown::new(member, &staff.user.id)).collect(),
        invitations,
        roles: Role::ALL.into_iter().rev().collect(),
        form,
        offered: roles(),
        may_change,
        required,
        problem: None,
    })
}
