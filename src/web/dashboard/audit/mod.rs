//! The audit log of a tenant: who did what, whether it is as it was written, and a copy for the auditor.

mod export;
mod filter;
mod page;

use axum::routing::{get, post};

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/audit";
    Routes::new()
        .route(PAGE, get(page::show))
        .route(&format!("{PAGE}/check"), get(page::check))
        .route(&format!("{PAGE}/export"), post(export::export))
}
