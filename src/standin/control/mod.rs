//! The control path `/_control/…`: how tests, benches and the demo steer the stand-in, from inside or over HTTP.

pub mod accounts;
pub mod steer;
pub mod time;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::StatusCode;
use serde_json::json;

use super::errors::ApiError;
use super::state::Shared;

/// Why a control request failed.
#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl Refused {
    fn not_found(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("unknown {what}"))
    }

    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    /// The reason as text.
    pub fn message(&self) -> &str {
        &self.1
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::bad(error.message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// The routes of the control path.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_control/accounts", post(accounts::create))
        .route("/_control/accounts/{acct}/keys", post(accounts::add_key))
        .route("/_control/keys/{key}", delete(accounts::revoke_key).post(accounts::restrict_key))
        .route("/_control/accounts/{acct}/mutate", post(steer::mutate))
        .route("/_control/accounts/{acct}/touch", post(steer::touch))
        .route("/_control/accounts/{acct}/delete", post(steer::delete))
        .route("/_control/accounts/{acct}/renew", post(time::renew))
        .route("/_control/accounts/{acct}/life", post(steer::life))
        .route("/_control/accounts/{acct}/dump", get(steer::dump))
        .route("/_control/accounts/{acct}/deliveries", get(steer::deliveries))
        .route("/_control/accounts/{acct}/deliver", post(steer::deliver))
        .route("/_control/accounts/{acct}/sign", post(steer::sign))
        .route("/_control/accounts/{acct}/roll", post(steer::roll))
        .route("/_control/log", get(steer::log))
        .route("/_control/chaos", post(steer::chaos))
        .route("/_control/clock", post(time::clock))
}
