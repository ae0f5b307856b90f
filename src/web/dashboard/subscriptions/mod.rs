//! The subscriptions of a project: the list, one subscription with its items, invoices and history, and what can be done with
//! it.

mod cancel;
mod change;
mod detail;
mod discount;
mod index;
mod new;
mod pause;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const LIST: &str = "/t/{tenant}/p/{project}/subscriptions";
    Routes::new()
        .route(LIST, get(index::index))
        .route(&format!("{LIST}/new"), get(new::ask).post(new::send))
        .route(&format!("{LIST}/{{id}}"), get(detail::detail))
        .route(&format!("{LIST}/{{id}}/cancel"), get(cancel::ask).post(cancel::send))
        .route(&format!("{LIST}/{{id}}/change"), get(change::ask).post(change::send))
        .route(&format!("{LIST}/{{id}}/discount"), get(discount::ask).post(discount::send))
        .route(&format!("{LIST}/{{id}}/pause"), get(pause::ask).post(pause::send))
}
