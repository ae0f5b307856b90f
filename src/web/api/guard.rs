//! What stands around every operation: whose key it is, whether it may, how often, and what is noted about it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequest as _, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::idempotency::{self, Attempt};
use super::table::{Operation, Verb};
use super::{Api, log};
use crate::accounts::leaks;
use crate::app::{App, By, KnownKey, Scope};
use crate::db::Tx;
use crate::domain::api_key::ApiKey;
use crate::domain::ids::ProjectId;
use crate::domain::plan::Meter;
use crate::web::error::{Error, Refusal, Result};
use crate::web::extract::{ClientIp, RawBody};
use crate::web::middleware::request_id;
use crate::web::rate_limit::{Left, network};
use crate::web::standing;

/// Bytes of a body.
pub(super) const MAX_BODY: usize = 1 << 20;

/// Who asks: a key that may do what the operation needs. What every handler takes.
#[derive(Clone)]
pub struct Caller {
    /// The program's parts.
    pub app: App,
    /// The key.
    pub key: Arc<KnownKey>,
    address: IpAddr,
    request_id: String,
}

impl Caller {
    /// The project that the key belongs to.
    pub fn project(&self) -> &ProjectId {
        &self.key.project
    }

    /// A transaction that reads the tenant's rows.
    pub async fn read(&self) -> Result<Tx> {
        Ok(self.app.db.read(&self.key.tenant).await?)
    }

    /// The project for a use case, in the name of the key.
    pub fn scope(&self) -> Scope {
        Scope {
            app: self.app.clone(),
            tenant: self.key.tenant.clone(),
            project: self.key.project.clone(),
            by: By {
                actor: self.key.id.to_string(),
                address: self.address.to_string(),
                request_id: self.request_id.clone(),
            },
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::internal("an operation without its guard"))
    }
}

/// Middleware around one operation.
pub(super) async fn guard(
    State((api, operation)): State<(Api, &'static Operation)>,
    ClientIp(address): ClientIp,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers()).to_owned();
    if let Some(part) = key_in_address(request.uri().query()) {
        return api.refuse_key_in_address(part, address, &id).await.into_response();
    }
    let key = match api.key_of(request.headers(), address).await {
        Ok(key) => key,
        Err(error) => return error.into_response(),
    };
    let method = request.method().clone();
    let caller = Caller { app: api.0.app.clone(), key: key.clone(), address, request_id: id.clone() };
    request.extensions_mut().insert(caller.clone());
    request.extensions_mut().insert(operation);
    let answer = match api.take(&key).await {
        Ok(left) => {
            let answer = match api.allowed(&key, operation).await {
                Ok(()) => run(caller, operation, request, next).await.unwrap_or_else(Error::into_response),
                Err(refused) => refused.into_response(),
            };
            limited(answer, left)
        }
        Err(refused) => {
            let reset = if let Error::TooManyRequests { retry_after } = &refused { *retry_after } else { 1 };
            limited(refused.into_response(), Left { limit: api.0.limits.limit(), remaining: 0, reset })
        }
    };
    api.0.log.note(log::Done {
        key,
        operation,
        address,
        request_id: id,
        method,
        status: answer.status(),
        took: began.elapsed(),
    });
    answer
}

/// The operation itself; a `POST` that names an `Idempotency-Key` is done once.
async fn run(caller: Caller, operation: &'static Operation, request: Request, next: Next) -> Result<Response> {
    if operation.verb != Verb::Post {
        return Ok(next.run(request).await);
    }
    let named = idempotency::key_of(request.headers())?;
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let RawBody(body) = RawBody::<MAX_BODY>::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    let mut request = Request::from_parts(parts, axum::body::Body::from(body.clone()));
    let Some(named) = named else { return Ok(next.run(request).await) };
    let attempt = Attempt::new(&caller, &named, "POST", &path, &body);
    request.extensions_mut().insert(attempt.clone());
    idempotency::once(&attempt, async move { next.run(request).await }).await
}

fn limited(mut answer: Response, left: Left) -> Response {
    let headers = answer.headers_mut();
    headers.insert(HeaderName::from_static("ratelimit-limit"), u64::from(left.limit).into());
    headers.insert(HeaderName::from_static("ratelimit-remaining"), u64::from(left.remaining).into());
    headers.insert(HeaderName::from_static("ratelimit-reset"), left.reset.into());
    answer
}

/// The same words whatever is wrong with a key: what exists is nobody's business.
fn unauthenticated() -> Error {
    Error::Program(Box::new(Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: "invalid_api_key".into(),
        param: None,
        message: "Send an API key that works as `Authorization: Bearer bs_…`.".to_owned(),
    }))
}

impl Api {
    /// Takes a request from what the key may make, and from what all keys of its tenant may make together.
    async fn take(&self, key: &KnownKey) -> Result<Left> {
        let left = self.0.limits.take(key.id.clone()).await?;
        self.0.tenant_limits.take(key.tenant.clone()).await?;
        Ok(left)
    }

    /// Whether the key's scopes, and the tenant's state and plan, allow the operation.
    async fn allowed(&self, key: &KnownKey, operation: &Operation) -> Result<()> {
        if !key.scopes.allows(operation.scope) {
            return Err(Error::Program(Box::new(Refusal {
                status: StatusCode::FORBIDDEN,
                code: "insufficient_scope".into(),
                param: None,
                message: format!("This key may not do that: it needs the scope {}.", operation.scope),
            })));
        }
        if operation.verb == Verb::Get {
            return Ok(());
        }
        let app = &self.0.app;
        let tenant = app.standing(&key.tenant).await?.ok_or_else(unauthenticated)?;
        standing::may_change(&tenant)?;
        for meter in [Some(Meter::ApiCalls), operation.adds()].into_iter().flatten() {
            standing::may_add(&tenant, meter, app.clock.now())?;
        }
        Ok(())
    }

    /// The key of a request, when it works.
    async fn key_of(&self, headers: &HeaderMap, address: IpAddr) -> Result<Arc<KnownKey>> {
        let key = bearer(headers).and_then(ApiKey::parse).ok_or_else(unauthenticated)?;
        let app = &self.0.app;
        let known = app.known_key(&key).await?.filter(|known| app.clock.now() < known.expires_at);
        if let Some(known) = known {
            return Ok(known);
        }
        self.0.unknown.take(network(address)).await?;
        Err(unauthenticated())
    }

    /// An address ends up in logs and in histories of browsers; a key in it has leaked already. Its owners are told once a day.
    async fn refuse_key_in_address(&self, part: &str, address: IpAddr, request_id: &str) -> Error {
        if let Some(key) = key_of_part(part) {
            tracing::warn!(api_key.shown = key.shown(), "an API key was sent in an address: it should be rolled");
            if let Err(error) = self.note_key_in_address(&key, address, request_id).await {
                tracing::warn!(%error, "that a key was sent in an address could not be noted");
            }
        }
        Error::BadRequest {
            code: "api_key_in_address",
            message: "Never send a key in an address, where logs keep it. Roll this key, and send the new one as `Authorization: Bearer bs_…`."
                .to_owned(),
        }
    }

    async fn note_key_in_address(&self, key: &ApiKey, address: IpAddr, request_id: &str) -> Result<()> {
        let app = &self.0.app;
        let Some(known) = app.known_key(key).await? else {
            self.0.unknown.take(network(address)).await?;
            return Ok(());
        };
        if !self.0.in_address.entry(known.id.clone()).or_insert(()).await.is_fresh() {
            return Ok(());
        }
        Ok(leaks::note_key_in_address(app, &known, address, request_id).await?)
    }
}

/// The one `Authorization: Bearer …`; two of them are ambiguous.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = HeaderValue::to_str(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The part of an address that holds a key, or means to.
fn key_in_address(query: Option<&str>) -> Option<&str> {
    query.unwrap_or_default().split('&').find(|part| part.starts_with("api_key=") || key_of_part(part).is_some())
}

fn key_of_part(part: &str) -> Option<ApiKey> {
    part.split_once('=').and_then(|(_, value)| ApiKey::parse(value))
}
