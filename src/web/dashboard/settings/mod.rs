//! What a project's admins decide: where people may be sent after Checkout or the portal.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;

use crate::domain::role::Role;
use crate::store::allowed_origins::{self, AllowedOrigin};
use crate::store::projects::Project;
use crate::web::access::{Admin, Staff, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/p/{project}/settings";
    Routes::new()
        .route(PAGE, get(show))
        .route(&format!("{PAGE}/origins"), post(allow))
        .route(&format!("{PAGE}/origins/remove"), post(forbid))
}

#[derive(Template)]
#[template(path = "settings/index.html", blocks = ["settings"])]
struct SettingsPage {
    shell: Shell,
    origins: Vec<AllowedOrigin>,
    form: Form,
    may_change: bool,
}

#[derive(Deserialize)]
struct Removed {
    origin: String,
}

async fn page(staff: &Staff<Project>, form: Form) -> Result<SettingsPage> {
    let mut tx = staff.read().await?;
    let origins = allowed_origins::list(&mut tx, &staff.project.id).await?;
    let shell = staff.shell(Nav::Settings);
    Ok(SettingsPage { origins, form, may_change: shell.may(Role::Admin), shell })
}

async fn show(viewer: Viewer) -> Result<Response> {
    html::page(&page(&viewer, Form::empty()).await?)
}

async fn allow(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    match admin.scope(&headers).allow_origin(typed.text("origin")).await {
        Ok(()) => Ok(wanted.redirect_saying(&admin.shell(Nav::Settings).url("settings"), "The origin is allowed.")),
        Err(error) => {
            let refused = Refused::of(error)?;
            let page = page(&admin, Form::refused(typed, refused.clone())).await?;
            wanted.respond_with(refused.status(), &page, &page.as_settings())
        }
    }
}

async fn forbid(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Removed>,
) -> Result<Response> {
    if let Err(error) = admin.scope(&headers).forbid_origin(&sent.origin).await {
        Refused::of(error)?;
    }
    Ok(wanted.redirect_saying(&admin.shell(Nav::Settings).url("settings"), "The origin is no longer allowed."))
}
