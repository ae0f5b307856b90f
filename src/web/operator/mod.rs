//! The pages of whoever runs this installation, below `/operator`, and the sign-up that they may open. Nobody else finds them: they
//! answer like addresses that do not exist.

mod access;
mod enter;
mod jobs;
mod plans;
mod settings;
pub mod shell;
mod sign_up;
mod tenant;
mod tenants;

use axum::Router;
use axum::middleware::from_fn;

use super::csrf::VisitorCookie;
use super::session as sessions;
use crate::app::App;
use crate::vault::new_token;

/// Every route, behind the session layer.
pub fn router(app: &App) -> Router {
    let visitor = VisitorCookie::new(app.config.is_https(), new_token);
    let either =
        sign_up::router().layer(from_fn(move |request, next| visitor.clone().provide_unless_signed_in(request, next)));
    let inside = Router::new()
        .merge(enter::router())
        .merge(jobs::router())
        .merge(plans::router())
        .merge(settings::router())
        .merge(tenant::router())
        .merge(tenants::router());
    sessions::layer(either.merge(inside), app).with_state(app.clone())
}
