//! Who belongs to the tenant, who is invited, and what each role may.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::Shown;
use crate::domain::permission::Permission;
use crate::domain::role::Role;
use crate::store::invitations::{self, Invitation};
use crate::store::members;
use crate::web::access::{Staff, Viewer, WholeTenant};
use crate::web::error::Result;
use crate::web::forms::Form;
use crate::web::html;
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

pub(super) async fn show(viewer: Viewer<WholeTenant>) -> Result<Response> {
    page(&viewer, StatusCode::OK, Form::new([("role", "member")])).await
}

/// The page, with what was typed into the form for an invitation.
pub(super) async fn page(staff: &Staff<WholeTenant>, status: StatusCode, form: Form) -> Result<Response> {
    let may_change = staff.role >= Role::Owner;
    let mut tx = staff.app.db.system_read().await?;
    let members = members::list(&mut tx, &staff.tenant).await?;
    let invitations = if may_change { invitations::list(&mut tx, &staff.tenant).await? } else { Vec::new() };
    drop(tx);
    let members = members.into_iter().map(|member| Shown::new(member, &staff.user.id)).collect();
    let shell = staff.shell(Nav::Members);
    let columns = Role::ALL.into_iter().rev().collect();
    html::page_with(status, &Page { shell, members, invitations, roles: columns, form, offered: roles(), may_change })
}
