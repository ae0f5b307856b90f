//! The project's Stripe account: connect, look after, disconnect. Everybody sees the state; admins and owners change it.

mod actions;
mod doctor;
mod findings;
mod view;

use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use crate::web::access::Viewer;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html;
use crate::web::routes::Routes;
use crate::web::session::{Login, is_recent};
use view::{Notice, Page, WaitingFragment};

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/p/{project}/connection";
    Routes::new()
        .route(PAGE, get(show).post(actions::connect))
        .route(&format!("{PAGE}/waiting"), get(waiting))
        .route(&format!("{PAGE}/key"), post(actions::replace_key))
        .route(&format!("{PAGE}/check"), post(actions::check_again))
        .route(&format!("{PAGE}/doctor"), get(doctor::show).post(doctor::examine))
        .route(&format!("{PAGE}/endpoint"), post(actions::create_endpoint))
        .route(&format!("{PAGE}/address"), post(actions::renew_address))
        .route(&format!("{PAGE}/secrets"), post(actions::add_secret))
        .route(&format!("{PAGE}/secrets/renew"), post(actions::renew_secret))
        .route(&format!("{PAGE}/secrets/{{secret}}/remove"), post(actions::remove_secret))
        .route(&format!("{PAGE}/disconnect"), post(actions::disconnect))
}

#[derive(Deserialize)]
struct Parameters {
    /// What was just done, by its name.
    #[serde(default)]
    done: String,
}

async fn show(viewer: Viewer, login: Login, Query(parameters): Query<Parameters>) -> Result<Response> {
    let confirmed = is_recent(&login, viewer.now()).await?;
    html::page(&Page::load(&viewer, confirmed, Notice::of(&parameters.done)).await?)
}

/// The card that turns green by itself.
async fn waiting(viewer: Viewer) -> Result<Response> {
    html::page(&WaitingFragment::load(&viewer).await?)
}
