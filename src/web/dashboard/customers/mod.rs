//! The customers of a project: the list, and one customer with everything that belongs to them.

mod detail;
mod index;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/t/{tenant}/p/{project}/customers", get(index::index))
        .route("/t/{tenant}/p/{project}/customers/{id}", get(detail::detail))
}
