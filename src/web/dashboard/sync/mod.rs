//! The import of a project: progress per object type, the freshness of the mirror, and the buttons.

mod actions;
mod freshness;
mod page;
mod polling;
pub mod progress;
mod view;
mod writes;

use axum::routing::{get, post};

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/t/{tenant}/p/{project}/sync", get(page::page))
        .route("/t/{tenant}/p/{project}/sync/writes", get(writes::page))
        .route("/t/{tenant}/p/{project}/sync/freshness", get(freshness::page))
        .route("/t/{tenant}/p/{project}/sync/freshness/start", post(freshness::start))
        .route("/t/{tenant}/p/{project}/sync/freshness/stop", post(freshness::stop))
        .route("/t/{tenant}/p/{project}/sync/fetch", post(actions::fetch))
        .route("/t/{tenant}/p/{project}/sync/start", post(actions::start))
        .route("/t/{tenant}/p/{project}/sync/pause", post(actions::pause))
        .route("/t/{tenant}/p/{project}/sync/resume", post(actions::resume))
        .route("/t/{tenant}/p/{project}/sync/retry", post(actions::retry))
}
