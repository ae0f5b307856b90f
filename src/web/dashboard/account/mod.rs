//! What people decide about themselves: name and looks, password, sessions. These pages belong to no tenant.

mod password;
mod profile;
mod sessions;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
pub(super) use profile::with_theme;

/// The routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/account", get(profile::show))
        .route("/account/profile", post(profile::save))
        .route("/account/password", get(password::show).post(password::change))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
}
