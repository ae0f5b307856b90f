//! Leaving before the hour is over, as on a shared computer.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::post;
use http::header;
use serde::Deserialize;

use super::guest::{self, Guest};
use super::page::PortalShell;
use crate::app::App;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::html;

/// The routes.
pub fn router() -> Router<App> {
    Router::new().route("/portal/end", post(end))
}

#[derive(Template)]
#[template(path = "portal/end.html")]
struct EndPage {
    shell: PortalShell,
}

#[derive(Deserialize)]
struct Nothing {}

async fn end(guest: Guest, ProtectedForm(Nothing {}): ProtectedForm<Nothing>) -> Result<Response> {
    guest.end().await?;
    let mut answer = html::page(&EndPage { shell: guest.shell() })?;
    answer.headers_mut().append(header::SET_COOKIE, guest::cookie(&guest.app, "")?);
    Ok(answer)
}
