//! What can be done with a charge: give its money back.

mod refund;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/t/{tenant}/p/{project}/charges/{id}/refund", get(refund::ask).post(refund::send))
}
