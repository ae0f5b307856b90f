//! The customers of a project: the list, and one customer with everything that belongs to them.

mod detail;
mod edit;
mod index;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const LIST: &str = "/t/{tenant}/p/{project}/customers";
    Routes::new()
        .route(LIST, get(index::index))
        .route(&format!("{LIST}/new"), get(edit::ask_new).post(edit::create))
        .route(&format!("{LIST}/{{id}}"), get(detail::detail))
        .route(&format!("{LIST}/{{id}}/edit"), get(edit::ask_edit).post(edit::update))
}
