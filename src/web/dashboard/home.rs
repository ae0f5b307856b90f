//! `/`: to the login or the project last seen. Unknown addresses below a tenant keep its navigation.

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::app::App;
use crate::store::members;
use crate::web::access::{Viewer, WholeTenant};
use crate::web::csrf::CsrfToken;
use crate::web::error::{Error, Result};
use crate::web::html;
use crate::web::routes::Routes;
use crate::web::session::Login;
use crate::web::shell::PublicShell;

/// Remembers the address of the project last seen.
const LAST_COOKIE: &str = "billfold-last";

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/", get(home))
        .route("/t/{tenant}", get(tenant))
        .route("/t/{tenant}/", get(tenant))
        .route("/t/{tenant}/p/{project}", get(project))
        .route("/t/{tenant}/{*rest}", any(unknown_in_tenant))
        .route("/t/{tenant}/p/{project}/{*rest}", any(unknown_in_project))
}

/// Puts the memory of the last project around the pages of projects.
pub fn remember(router: Router<App>) -> Router<App> {
    router.layer(from_fn(remember_project))
}

#[derive(Template)]
#[template(path = "home/nowhere.html")]
struct NowherePage {
    shell: PublicShell,
}

async fn home(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    csrf: Option<axum::Extension<CsrfToken>>,
) -> Result<Response> {
    let person = login.user.ok_or(Error::Unauthenticated)?;
    let mut tx = app.db.system_read().await?;
    let tenants = members::of_user(&mut tx, &person.user.id).await?;
    let last =
        last_project(&headers).filter(|(tenant, _)| tenants.iter().any(|mine| mine.tenant_id.as_str() == *tenant));
    match (last, tenants.first()) {
        (Some((tenant, project)), _) => Ok(html::see_other(&format!("/t/{tenant}/p/{project}/"))),
        (None, Some(first)) => Ok(html::see_other(&format!("/t/{}/", first.tenant_id))),
        (None, None) => {
            let csrf = csrf.map(|axum::Extension(token)| token);
            html::page(&NowherePage { shell: PublicShell { theme: html::theme(&headers), csrf } })
        }
    }
}

/// To the project of this tenant last seen, or its first.
async fn tenant(viewer: Viewer<WholeTenant>, headers: HeaderMap) -> Result<Response> {
    let shell = viewer.shell(crate::web::shell::Nav::None);
    let last = last_project(&headers).map(|(_, project)| project);
    let found = shell.projects.iter().find(|choice| last == Some(&choice.id)).or(shell.projects.first());
    found.map(|choice| html::see_other(&shell.project_url(&choice.id))).ok_or(Error::NotFound)
}

async fn project(viewer: Viewer) -> Response {
    html::see_other(&format!("/t/{}/p/{}/", viewer.tenant, viewer.project.id))
}

async fn unknown_in_tenant(_: Viewer<WholeTenant>) -> Error {
    Error::NotFound
}

async fn unknown_in_project(_: Viewer) -> Error {
    Error::NotFound
}

/// Tenant and project of the cookie, if they can be ids at all.
fn last_project(headers: &HeaderMap) -> Option<(&str, &str)> {
    let id = |text: &str| text.len() < 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let pair = html::cookie(headers, LAST_COOKIE)?.split_once('.')?;
    (id(pair.0) && id(pair.1)).then_some(pair)
}

async fn remember_project(request: Request, next: Next) -> Response {
    let parts: Vec<&str> = request.uri().path().split('/').collect();
    let seen = match parts[..] {
        ["", "t", tenant, "p", project, ..] if request.method() == Method::GET => Some(format!("{tenant}.{project}")),
        _ => None,
    };
    let changed = seen.filter(|seen| html::cookie(request.headers(), LAST_COOKIE) != Some(seen));
    let mut answer = next.run(request).await;
    if let Some(seen) = changed
        && answer.status() == StatusCode::OK
        && let Ok(cookie) =
            HeaderValue::from_str(&format!("{LAST_COOKIE}={seen}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"))
    {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}
