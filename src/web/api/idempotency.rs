//! `Idempotency-Key`: a `POST` that is sent again gets the answer of the first, for 24 hours. The same key for another
//! request is refused, and so is one whose first request still runs.
//!
//! The work goes on in a task of its own, so that a client that goes away does not leave it half done. When a process dies
//! in the middle, the next attempt after a minute does the work again under the same [`Attempt::nonce`], by which the
//! use cases know it.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use super::guard::Caller;
use crate::app::App;
use crate::billing::Nonce;
use crate::db;
use crate::domain::ids::{ProjectId, TenantId};
use crate::store::idempotency;
use crate::vault::hash_token;
use crate::web::error::{Error, Refusal, Result};

/// Seconds for which an answer is kept.
pub const KEPT: i64 = 24 * 60 * 60;
/// Seconds after which a request without an answer counts as lost: longer than any request may take.
const LOST: i64 = 60;
/// Longest key, in bytes.
const LONGEST: usize = 255;
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// In the extensions of an answer that must not be stored as it is: what is kept for a repeated request in its place.
#[derive(Clone, Debug)]
pub struct KeptInstead(pub String);

/// One try of a request that names a key.
#[derive(Clone)]
pub struct Attempt {
    app: App,
    tenant: TenantId,
    project: ProjectId,
    named: String,
    key_hash: String,
    fingerprint: String,
    request_id: String,
}

/// The `Idempotency-Key` of a request, if it names one.
pub fn key_of(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, second) = (values.next(), values.next());
    let Some(first) = first else { return Ok(None) };
    let text = first.to_str().unwrap_or_default();
    let plain = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if second.is_some() || !plain {
        return Err(Error::BadRequest {
            code: "idempotency_key_invalid",
            message: "An Idempotency-Key is one text of 1 to 255 visible ASCII characters.".to_owned(),
        });
    }
    Ok(Some(text.to_owned()))
}

impl Attempt {
    /// The try of a request: `named` is its `Idempotency-Key`.
    pub fn new(caller: &Caller, named: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let scope = caller.scope();
        Self::of(&scope, named, method, path, body)
    }

    /// As [`Attempt::new`], for a use case's place.
    pub fn of(scope: &crate::app::Scope, named: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes()] {
            hash.update(part);
            hash.update(b"\0");
        }
        hash.update(body);
        Self {
            app: scope.app.clone(),
            tenant: scope.tenant.clone(),
            project: scope.project.clone(),
            named: named.to_owned(),
            key_hash: hash_token(named),
            fingerprint: hex::encode(hash.finalize()),
            request_id: scope.by.request_id.clone(),
        }
    }

    /// What a use case knows this request by, whoever sends it how often.
    pub fn nonce(&self) -> Nonce {
        Nonce::program("api", &self.named)
    }

    /// The `Idempotency-Key`.
    pub fn named(&self) -> &str {
        &self.named
    }

    /// Notes the beginning, or answers what was answered before.
    async fn begin(&self) -> Result<Option<Response>> {
        let now = self.app.clock.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        let expires = (now, now + KEPT);
        if idempotency::begin(&mut tx, &self.project, &self.key_hash, &self.fingerprint, expires).await? {
            tx.commit().await?;
            return Ok(None);
        }
        let known = idempotency::find(&mut tx, &self.project, &self.key_hash).await?;
        let known = known.ok_or_else(|| Error::internal("a request is known and not there"))?;
        if known.fingerprint != self.fingerprint {
            return Err(conflict("idempotency_mismatch", "This Idempotency-Key was used for another request."));
        }
        if let (Some(status), Some(body)) = (known.status, known.body) {
            return Ok(Some(replay(status, body)));
        }
        let lost = known.started_at <= now - LOST;
        if lost && idempotency::take_over(&mut tx, &self.project, &self.key_hash, known.started_at, now).await? {
            tx.commit().await?;
            return Ok(None);
        }
        Err(conflict("idempotency_in_progress", "The first request with this Idempotency-Key is still running."))
    }

    /// Keeps the answer, unless it says that nothing is known: then the request may be made again.
    async fn end(&self, status: StatusCode, body: Option<&str>) -> db::Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        match body {
            Some(body) if is_final(status) => {
                idempotency::finish(&mut tx, &self.project, &self.key_hash, i64::from(status.as_u16()), body).await?;
            }
            _ => idempotency::forget(&mut tx, &self.project, &self.key_hash).await?,
        }
        tx.commit().await
    }
}

/// Does the work once, however often it is asked for.
pub async fn once(attempt: &Attempt, work: impl Future<Output = Response> + Send + 'static) -> Result<Response> {
    if let Some(answer) = attempt.begin().await? {
        return Ok(answer);
    }
    let (begun, attempt) = (attempt, attempt.clone());
    let done = async move {
        let answer = work.await;
        let (mut parts, body) = answer.into_parts();
        let text = match parts.extensions.get::<Error>() {
            Some(error) => Some(error.json(&attempt.request_id).to_string()),
            None => body.collect().await.ok().and_then(|body| String::from_utf8(body.to_bytes().to_vec()).ok()),
        };
        let kept = parts.extensions.remove::<KeptInstead>().map(|KeptInstead(kept)| kept).or_else(|| text.clone());
        if let Err(error) = attempt.end(parts.status, kept.as_deref()).await {
            tracing::error!(%error, "the answer of an idempotent request could not be kept");
        }
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(text.unwrap_or_default()))
    };
    match tokio::spawn(done.instrument(tracing::Span::current())).await {
        Ok(answer) => Ok(answer),
        Err(panic) => {
            begun.end(StatusCode::INTERNAL_SERVER_ERROR, None).await?;
            Err(Error::internal(format_args!("an operation panicked: {panic}")))
        }
    }
}

/// Whether an answer says how the request ended. After one that does not, the same request may be made again; by its nonce the
/// use case knows whether it was done meanwhile.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error() && !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::ACCEPTED)
}

fn replay(status: i64, body: String) -> Response {
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (REPLAYED, HeaderValue::from_static("true")),
    ];
    (status.unwrap_or(StatusCode::OK), headers, body).into_response()
}

fn conflict(code: &'static str, message: &str) -> Error {
    Error::Program(Box::new(Refusal {
        status: StatusCode::CONFLICT,
        code: code.into(),
        param: None,
        message: message.to_owned(),
    }))
}
