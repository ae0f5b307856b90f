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
use super::routes::Routes;
use super::session as sessions;
use crate::app::App;
use crate::vault::new_token;

/// The operator's pages, behind the session layer.
pub fn router(app: &App) -> Router {
    sessions::layer(routes(app).into_router(), app).with_state(app.clone())
}

/// Every route of theirs.
pub fn routes(app: &App) -> Routes {
    let visitor = VisitorCookie::new(app.config.is_https(), new_token);
    let either = sign_up::router().within(|routes| {
        routes.layer(from_fn(move |request, next| visitor.clone().provide_unless_signed_in(request, next)))
    });
    either
        .merge(enter::router())
        .merge(jobs::router())
        .merge(plans::router())
        .merge(settings::router())
        .merge(tenant::router())
        .merge(tenants::router())
}
