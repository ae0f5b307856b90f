//! The customers of a project: the list, and one customer with everything that belongs to them.

mod detail;
mod edit;
mod index;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn router() -> Router<App> {
    const LIST: &str = "/t/{tenant}/p/{project}/customers";
    Router::new()
        .route(LIST, get(index::index))
        .route(&format!("{LIST}/new"), get(edit::ask_new).post(edit::create))
        .route(&format!("{LIST}/{{id}}"), get(detail::detail))
        .route(&format!("{LIST}/{{id}}/edit"), get(edit::ask_edit).post(edit::update))
}
