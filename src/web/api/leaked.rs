//! `POST /v1/leaked_keys`: for scanners that find a key in public. It needs no key of its own, and answers the same whatever
//! it was sent: what exists is nobody's business.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{FromRequest as _, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::sent::Sent;
use crate::accounts::leaks::{self, Found};
use crate::app::App;
use crate::domain::api_key::ApiKey;
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::middleware::request_id;
use crate::web::rate_limit::{RateLimit, network};

/// The address.
pub(super) const PATH: &str = "/v1/leaked_keys";
/// Keys of one report.
pub(super) const MOST_KEYS: usize = 50;
/// Reports of one network in a minute.
pub(super) const REPORTS_PER_MINUTE: u32 = 30;

#[derive(Clone)]
struct Reports {
    app: App,
    limit: RateLimit<IpAddr>,
}

pub(super) fn router(app: &App) -> Router {
    let limit = RateLimit::new(REPORTS_PER_MINUTE, Duration::from_mins(1));
    Router::new().route(PATH, post(report)).with_state(Reports { app: app.clone(), limit })
}

/// A key that was found. The form is the one in which GitHub's secret scanning reports; what else it says is not read.
#[derive(Deserialize)]
struct Leaked {
    token: String,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Serialize)]
struct Received {
    object: &'static str,
    received: usize,
}

async fn report(
    State(reports): State<Reports>,
    ClientIp(address): ClientIp,
    request: Request,
) -> Result<Json<Received>> {
    reports.limit.take(network(address)).await?;
    let id = request_id(request.headers()).to_owned();
    let Sent(sent) = Sent::<Vec<Leaked>>::from_request(request, &()).await?;
    if sent.len() > MOST_KEYS {
        return Err(Error::invalid("", format!("At most {MOST_KEYS} keys in one report.")));
    }
    for leaked in &sent {
        let Some(key) = ApiKey::parse(leaked.token.trim()) else { continue };
        let found = Found { at: leaked.url.as_deref(), by: address, request_id: &id };
        leaks::revoke_leaked(&reports.app, &key, &found).await?;
    }
    Ok(Json(Received { object: "leaked_keys", received: sent.len() }))
}
