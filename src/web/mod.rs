//! All HTTP. The parts that every surface shares stand here; each surface (`dashboard`, `portal`, `api`, `webhooks`) has its own module.
//!
//! Reading order: [`server`] accepts, [`middleware`] says what happens to every request, [`extract`] and [`csrf`] hand values to a
//! handler, [`html`] and [`shell`] make its page, [`error`] is everything else it may answer.

pub mod access;
pub mod api;
pub mod assets;
pub mod banner;
pub mod choices;
pub mod confirm;
pub mod csrf;
pub mod dashboard;
pub mod error;
pub mod extract;
pub mod forms;
pub mod health;
pub mod html;
pub mod items;
pub mod language;
pub mod links;
pub mod middleware;
pub mod operating;
pub mod operator;
pub mod portal;
pub mod portal_mail;
pub mod qr;
pub mod rate_limit;
pub mod routes;
pub mod server;
pub mod session;
pub mod shell;
pub mod standing;
pub mod ui;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::csrf::ConfigError;

use crate::{app::App, sync::inbox::Inbox};

/// The whole site: every surface, behind the middleware. Starts the inbox, which ends with the router once everything queued is
/// committed; so it must be called inside a Tokio runtime.
///
/// # Errors
/// The public address of the settings is not an origin.
pub fn router(app: &App, ready: health::Readiness, metrics: PrometheusHandle) -> Result<Router, ConfigError> {
    let db = app.db.clone();
    let database = Arc::new(move || {
        let db = db.clone();
        Box::pin(async move { db.ping().await.is_ok() }) as futures_util::future::BoxFuture<'static, bool>
    });
    let site = middleware::Site {
        public_url: app.config.public_url(),
        trusted_proxies: app.config.trusted_proxies.clone().into(),
    };
    let intake = webhooks::Intake::new(app.clone(), Inbox::start(app.clone()));
    let surfaces = Router::new()
        .merge(assets::router())
        .merge(health::router(health::Health { ready, database, metrics }))
        .merge(webhooks::router(intake))
        .merge(api::router(app))
        .merge(portal::router(app))
        .merge(operator::router(app))
        .merge(dashboard::router(app));
    middleware::apply(surfaces, &site)
}

/// Every address of pages, portal and API, with `{names}` where something may stand; of [`router`], from which they come.
pub fn paths(app: &App) -> Vec<String> {
    let pages = [dashboard::routes(app), operator::routes(app), portal::routes(app)];
    let pages = pages.iter().flat_map(|routes| routes.paths().iter().cloned());
    pages.chain(api::table::operations().map(|operation| operation.path.to_owned())).collect()
}
