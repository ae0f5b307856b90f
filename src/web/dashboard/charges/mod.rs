//! What can be done with a charge: give its money back.

mod refund;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub fn router() -> Router<App> {
    Router::new().route("/t/{tenant}/p/{project}/charges/{id}/refund", get(refund::ask).post(refund::send))
}
