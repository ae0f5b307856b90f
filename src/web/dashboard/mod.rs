//! The staff's pages. Each file has the routes of one feature; the list of all is below.

mod account;
mod act;
mod actors;
mod api_keys;
mod audit;
mod charges;
mod checkout;
mod confirm;
mod connection;
mod coupons;
mod customers;
mod events;
mod forgot;
mod history;
mod home;
mod invite;
mod invoices;
mod jump;
mod lines;
mod list;
mod login;
mod members;
mod openid;
mod overview;
mod plan;
mod portal_links;
mod portal_settings;
mod products;
mod rows;
mod search;
mod session;
mod settings;
mod setup;
mod show;
mod subscriptions;
mod switch;
mod sync;
mod timeline;

use axum::Router;
use axum::middleware::from_fn;

use super::csrf::VisitorCookie;
use super::routes::Routes;
use super::session as sessions;
use crate::app::App;
use crate::vault::new_token;

/// The dashboard, behind the session layer.
pub fn router(app: &App) -> Router {
    sessions::layer(routes(app).into_router(), app).with_state(app.clone())
}

/// Every route of the dashboard.
pub fn routes(app: &App) -> Routes {
    // pages for people without a session have a form token of their own
    let visitor = VisitorCookie::new(app.config.is_https(), new_token);
    let public = Routes::new()
        .merge(login::router())
        .merge(setup::router())
        .merge(forgot::router())
        .within(|routes| routes.layer(from_fn(move |request, next| visitor.clone().provide(request, next))));
    let visitor = VisitorCookie::new(app.config.is_https(), new_token);
    let either = Routes::new().merge(invite::router()).within(|routes| {
        routes.layer(from_fn(move |request, next| visitor.clone().provide_unless_signed_in(request, next)))
    });
    // one line per feature
    let inside = Routes::new()
        .merge(api_keys::router())
        .merge(confirm::router())
        .merge(act::router())
        .merge(audit::router())
        .merge(charges::router())
        .merge(checkout::router())
        .merge(connection::router())
        .merge(coupons::router())
        .merge(events::router())
        .merge(history::router())
        .merge(home::router())
        .merge(account::router())
        .merge(members::router())
        .merge(session::router())
        .merge(settings::router())
        .merge(switch::router())
        .merge(openid::router())
        .merge(overview::router())
        .merge(plan::router())
        .merge(customers::router())
        .merge(subscriptions::router())
        .merge(products::router())
        .merge(invoices::router())
        .merge(portal_links::router())
        .merge(portal_settings::router())
        .merge(search::router())
        .merge(sync::router());
    public.merge(either).merge(inside.within(home::remember))
}
