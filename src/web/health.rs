//! `/healthz` the process lives, `/readyz` it wants traffic, `/metrics` its figures for Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;

/// Whether a load balancer should send requests here. Shared by the server, which turns it off when stopping, and `/readyz`.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on requests are welcome.
    pub fn started(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// From now on `/readyz` answers 503.
    pub fn stopping(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the three routes look at.
#[derive(Clone)]
pub struct Health {
    /// Off before the start and while stopping.
    pub ready: Readiness,
    /// Reaches the database; true when it answers.
    pub database: Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

/// The three routes. They carry no tenant data and need no login.
pub fn router<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn readiness(State(health): State<Health>) -> (StatusCode, &'static str) {
    if !health.ready.is_ready() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping or not started\n")
    } else if !(health.database)().await {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render()).into_response()
}
