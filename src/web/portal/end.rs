//! Leaving before the hour is over, as on a shared computer.

use askama::Template;
use axum::response::Response;
use axum::routing::post;
use http::header;
use serde::Deserialize;

use super::guest::{self, Guest};
use super::page::PortalShell;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::html;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/end", post(end))
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
