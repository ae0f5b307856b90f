//! The customer's own pages: a link, used once, opens a visit of an hour. They need no script and show nothing of the staff's.
//!
//! The visit says who the customer is, and everything shown or changed is looked up below that customer. What a page names
//! in an address is a handle that means something within the visit alone, see `guest::Guest::handle`.

mod brand;
mod cancel;
mod card;
mod change;
mod details;
mod end;
mod guest;
mod home;
mod invoices;
mod link;
mod page;
mod plans;
mod tax_ids;
mod usage;

use axum::Router;
use axum::middleware::from_fn;

use super::csrf::VisitorCookie;
use super::routes::Routes;
use crate::app::App;
use crate::vault::new_token;

/// The portal.
pub fn router(app: &App) -> Router {
    routes(app).into_router().layer(from_fn(page::frame)).with_state(app.clone())
}

/// Every route of the portal.
pub fn routes(app: &App) -> Routes {
    // the page of a link has no visit yet, so its form has a token of its own
    let visitor = VisitorCookie::new(app.config.is_https(), new_token);
    let link = link::router()
        .within(|routes| routes.layer(from_fn(move |request, next| visitor.clone().provide(request, next))));
    let inside = Routes::new()
        .merge(home::router())
        .merge(change::router())
        .merge(cancel::router())
        .merge(usage::router())
        .merge(card::router())
        .merge(invoices::router())
        .merge(details::router())
        .merge(tax_ids::router())
        .merge(end::router());
    link.merge(inside).merge(brand::router())
}
