//! The subscriptions of a project: the list, and one subscription with its items, invoices and history.

mod detail;
mod index;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/t/{tenant}/p/{project}/subscriptions", get(index::index))
        .route("/t/{tenant}/p/{project}/subscriptions/{id}", get(detail::detail))
}
