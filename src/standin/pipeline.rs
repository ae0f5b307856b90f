//! The way of a request: key, version, limits, parameters, idempotency, handler, and whatever chaos does to it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use sha2::{Digest as _, Sha256};

use super::chaos::Chaos;
use super::dice::Dice;
use super::errors::ApiError;
use super::events::Cause;
use super::expand;
use super::form::Form;
use super::idempotency::{Saved, Slot};
use super::keys::{self, Key};
use super::limits::too_many;
use super::routes::{self, Call, Handler, Route};
use super::state::{Account, Seen, Shared, lock};
use super::versions::{self, Version};

/// A request body beyond this is refused.
const LARGEST: usize = 1 << 20;
/// How long a request that chaos never answers stays open.
const HANGS: Duration = Duration::from_mins(5);

/// An answer on its way out.
pub struct Answer {
    status: u16,
    body: Vec<u8>,
    version: Version,
    extra: Vec<(&'static str, String)>,
}

impl Answer {
    fn refused(error: &ApiError, version: Version) -> Self {
        let extra = error.more_header().map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        Self { status: error.status, body: error.body(), version, extra }
    }
}

/// What chaos does to one request.
#[derive(Debug)]
struct Fate {
    way: Way,
    refuse: Option<ApiError>,
    fail_after: bool,
    lie: bool,
    unlimited: bool,
    latency: Duration,
}

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Clear,
    Hang,
    Cut,
    Proxy,
    Lost,
}

/// Marks an answer that is never sent: the connection closes instead.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

impl Way {
    fn draw(dice: &mut Dice, chaos: &Chaos, method: &Method) -> Self {
        if method != Method::GET && dice.chance(chaos.lose_answer) {
            Self::Lost
        } else if dice.chance(chaos.timeout) {
            Self::Hang
        } else if dice.chance(chaos.cut_body) {
            Self::Cut
        } else if dice.chance(chaos.html_instead_of_json) {
            Self::Proxy
        } else {
            Self::Clear
        }
    }

    /// The status that the client sees; 0 when it sees none.
    fn status(self, status: u16) -> u16 {
        match self {
            Self::Clear => status,
            Self::Proxy => 502,
            Self::Hang | Self::Cut | Self::Lost => 0,
        }
    }
}

impl Fate {
    fn draw(shared: &Shared, chaos: &Chaos, method: &Method) -> Self {
        let mut dice = lock(&shared.dice);
        let broken = dice.chance(chaos.server_error);
        let early = dice.chance(0.5);
        let mut fate = Self {
            way: Way::draw(&mut dice, chaos, method),
            refuse: None,
            fail_after: broken && !early,
            lie: dice.chance(chaos.has_more_lies),
            unlimited: chaos.unlimited_rate,
            latency: Duration::from_millis(chaos.latency_ms),
        };
        if broken && early {
            fate.refuse = Some(server_error("true"));
        }
        if dice.chance(chaos.lock_timeout) {
            fate.refuse = Some(ApiError::invalid(
                429,
                "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
            )
            .code("lock_timeout"));
        }
        if dice.chance(chaos.rate_limited) {
            fate.refuse = Some(too_many("global-rate"));
        }
        fate
    }
}

impl Fate {
    async fn wait(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
    }
}

fn server_error(retry: &'static str) -> ApiError {
    let mut error = ApiError::invalid(500, "An unknown error occurred").header("stripe-should-retry", retry);
    error.kind = "api_error";
    error
}

/// Answers a request for `/v1/…`.
pub async fn handle(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = format!("req_{}", shared.letters(14));
    let owner = shared.keys.of(&parts.headers);
    let account = owner.as_ref().ok().map(|(_, key)| key.account.clone());
    let chaos = shared.switches.of(account.as_deref().unwrap_or_default());
    let fate = Fate::draw(&shared, &chaos, &parts.method);
    let body = axum::body::to_bytes(body, LARGEST).await.unwrap_or_default();
    let version = version_of(&parts.headers);
    let asked = Asked {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        request_id: &request_id,
    };
    let answer = match (owner, version) {
        (Err(error), version) => Answer::refused(&error, version.unwrap_or(versions::DEFAULT)),
        (_, Err(error)) => Answer::refused(&error, versions::DEFAULT),
        (Ok((text, key)), Ok(version)) => answer(&shared, &asked, (&text, &key), version, &fate).await,
    };
    shared.saw(Seen {
        account,
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        key_last4: keys::last4(&presented(&parts.headers)),
        status: fate.way.status(answer.status),
        time_ms: shared.elapsed_ms(),
        request_id: request_id.clone(),
    });
    if fate.way == Way::Hang {
        tokio::time::sleep(HANGS).await;
    }
    respond(&shared, answer, &request_id, &fate, chaos.clock_offset_s)
}

fn presented(headers: &HeaderMap) -> String {
    let value = headers.get("authorization").and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn version_of(headers: &HeaderMap) -> Result<Version, ApiError> {
    let Some(name) = headers.get("stripe-version").and_then(|value| value.to_str().ok()) else {
        return Ok(versions::DEFAULT);
    };
    Version::named(name).ok_or_else(|| ApiError::invalid(400, format!("Invalid Stripe API version: {name}")))
}

/// A request as it came.
struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a Bytes,
    request_id: &'a str,
}

async fn answer(
    shared: &Shared,
    asked: &Asked<'_>,
    (text, key): (&str, &Key),
    version: Version,
    fate: &Fate,
) -> Answer {
    let (route, call, account) = match prepare(shared, asked, (text, key), version, fate) {
        Ok(prepared) => prepared,
        Err(error) => {
            fate.wait().await;
            return Answer::refused(&error, version);
        }
    };
    let slot = call
        .cause
        .idempotency_key
        .as_ref()
        .filter(|_| route.method == "POST")
        .map(|idempotency| (key.account.clone(), key.live, idempotency.clone()));
    let Some(slot) = slot else {
        fate.wait().await;
        return run(route, &call, (text, key), &account, fate);
    };
    let fingerprint = fingerprint(asked);
    match shared.answers.begin(&slot, &fingerprint, shared.clock.now()) {
        Err(error) => Answer::refused(&error, version),
        Ok(Some(saved)) => Answer {
            status: saved.status,
            body: saved.body,
            version,
            extra: vec![("idempotent-replayed", "true".to_owned()), ("original-request", saved.request_id)],
        },
        Ok(None) => {
            let mut begun = Begun { shared, slot, saved: None };
            fate.wait().await;
            let answer = run(route, &call, (text, key), &account, fate);
            // A request whose parameters were refused leaves the key free; one whose card was declined has run.
            if answer.status < 400 || answer.status == 402 || answer.status >= 500 {
                let request_id = asked.request_id.to_owned();
                begun.saved = Some(Saved { status: answer.status, body: answer.body.clone(), request_id });
            }
            answer
        }
    }
}

/// Keeps the answer when the request ends, and frees the key when the client went away before.
struct Begun<'a> {
    shared: &'a Shared,
    slot: Slot,
    saved: Option<Saved>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.shared.answers.finish(&self.slot, self.saved.take());
    }
}

fn fingerprint(asked: &Asked<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(asked.method.as_str());
    hash.update(asked.path);
    hash.update(asked.query);
    hash.update(asked.body);
    hex::encode(hash.finalize())
}

fn prepare(
    shared: &Shared,
    asked: &Asked<'_>,
    (text, key): (&str, &Key),
    version: Version,
    fate: &Fate,
) -> Result<(&'static Route, Call, Arc<Account>), ApiError> {
    let account = shared.account(&key.account).ok_or_else(|| server_error("false"))?;
    check_account(asked, key)?;
    let (route, [id, sub]) = routes::find(asked.method.as_str(), asked.path).ok_or_else(|| unrecognized(asked))?;
    if !fate.unlimited {
        shared.limits.take(&key.account, key.live, route.endpoint())?;
    }
    if let Some(error) = &fate.refuse {
        return Err(error.clone());
    }
    key.require(text, route.permission)?;
    let mut form = Form::decode(asked.query)?;
    form.extend(Form::decode(&body_text(asked)?)?);
    let idempotency_key = asked.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let cause = Cause {
        now: shared.clock.now(),
        request: Some(asked.request_id.to_owned()),
        idempotency_key: idempotency_key.map(str::to_owned),
    };
    let call = Call { id, sub, form, version, cause };
    call.check_params(route)?;
    Ok((route, call, account))
}

fn check_account(asked: &Asked<'_>, key: &Key) -> Result<(), ApiError> {
    let named = asked.headers.get("stripe-account").and_then(|value| value.to_str().ok());
    match named.filter(|named| *named != key.account) {
        None => Ok(()),
        Some(other) => Err(ApiError::invalid(
            403,
            format!("The provided key does not have access to account '{other}' (or that account does not exist). Application access may have been revoked."),
        )
        .code("account_invalid")),
    }
}

fn unrecognized(asked: &Asked<'_>) -> ApiError {
    ApiError::invalid(
        404,
        format!(
            "Unrecognized request URL ({}: {}). If you are trying to list objects, remove the trailing slash. If you are \
             trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. Please see \
             https://stripe.com/docs or we can help at https://support.stripe.com/.",
            asked.method, asked.path
        ),
    )
}

fn body_text(asked: &Asked<'_>) -> Result<String, ApiError> {
    let kind = asked.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !asked.body.is_empty() && kind.starts_with("application/json") {
        return Err(ApiError::invalid(
            400,
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have \
             questions, we can help at https://support.stripe.com/.",
        ));
    }
    String::from_utf8(asked.body.to_vec()).map_err(|_| ApiError::invalid(400, "Invalid UTF-8 in the request."))
}

fn run(route: &Route, call: &Call, who: (&str, &Key), account: &Account, fate: &Fate) -> Answer {
    let live = who.1.live;
    let result = match route.handler {
        Handler::Read(read) => read(call, &account.read(live)),
        Handler::Write(write) => write(call, &mut account.write(live)),
    };
    let result = result.and_then(|body| expand::apply(call, who, &account.read(live), body));
    match result {
        _ if fate.fail_after => Answer::refused(&server_error("true"), call.version),
        Err(error) => Answer::refused(&error, call.version),
        Ok(mut body) => {
            if fate.lie && route.list {
                lie(&mut body);
            }
            Answer { status: 200, body, version: call.version, extra: Vec::new() }
        }
    }
}

/// Says that there is more after the last page.
fn lie(body: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(body);
    if let Some((before, after)) = text.rsplit_once("\"has_more\":false") {
        *body = format!("{before}\"has_more\":true{after}").into_bytes();
    }
}

fn respond(shared: &Shared, answer: Answer, request_id: &str, fate: &Fate, offset: i64) -> Response {
    let (status, kind, body) = if fate.way == Way::Proxy {
        (502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec())
    } else {
        (answer.status, "application/json", answer.body)
    };
    let mut response = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("date", super::http_date(shared.clock.now() + offset))
        .header("request-id", request_id)
        .header("stripe-version", answer.version.name());
    for (name, value) in answer.extra {
        response = response.header(name, value);
    }
    let body = if fate.way == Way::Cut {
        response = response.header("content-length", body.len());
        let half = Bytes::from(body[..body.len() / 2].to_vec());
        let broken = std::io::Error::other("cut on purpose");
        Body::from_stream(futures_util::stream::iter([Ok(half), Err(broken)]))
    } else {
        Body::from(body)
    };
    if fate.way == Way::Lost {
        response = response.extension(Lost);
    }
    response.body(body).unwrap_or_default()
}
