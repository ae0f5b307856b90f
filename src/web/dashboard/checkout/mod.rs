//! Checkout sessions: pages of Stripe's on which a customer pays. Staff make the link here and see what became of it.

mod done;
mod new;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/p/{project}/checkout";
    Routes::new()
        .route(PAGE, get(new::ask).post(new::send))
        .route(&format!("{PAGE}/done"), get(done::done))
        .route(&format!("{PAGE}/{{session}}/expire"), get(done::ask_expire).post(done::expire))
}
