//! Why an object is as it is here: which event or answer of Stripe's wrote each of its states, what was ignored and why, what changed
//! each time, and how it stood at the end of a day.

mod page;
mod past;
mod place;
mod steps;

use axum::routing::get;

use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/t/{tenant}/p/{project}/history/{object}", get(page::page))
}
