//! The invoices of a project: the list, and one invoice with its lines, totals and payments.

mod detail;
mod index;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/t/{tenant}/p/{project}/invoices", get(index::index))
        .route("/t/{tenant}/p/{project}/invoices/{id}", get(detail::detail))
}
