//! What happens to every request, from the outside in. The order matters; each line says why it stands where it does.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::ConfigError;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::Instrument as _;

use super::csrf;
use super::error::{self, Error, Surface};

/// Names the request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// From the head of a request to the start of its answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Between two parts of a request body.
const BODY_TIME: Duration = Duration::from_secs(15);
/// Bytes of the address.
const URI_BYTES: usize = 8 * 1024;
/// Bytes of all headers.
const HEADER_BYTES: usize = 16 * 1024;

/// `form-action` names Stripe's hosts because Chrome applies it to the redirect after a POST as well.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; form-action 'self' https://checkout.stripe.com https://billing.stripe.com; frame-ancestors 'none'; \
    base-uri 'none'; object-src 'none'";

/// Where the site is reached from outside.
#[derive(Clone, Debug)]
pub struct Site {
    /// Scheme, host and port, without a path.
    pub public_url: String,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpAddr]>,
}

/// The address of the client, in the extensions of every request. Read it through [`super::extract::ClientIp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl Site {
    /// Whether browsers come by https: cookies are `Secure` then, and the host is checked.
    pub fn https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Who sent the request: the peer, or behind a trusted proxy the last address in `X-Forwarded-For` that is not such a proxy.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.trusted_proxies.contains(&address.to_canonical());
        if !trusted(&peer) {
            return peer;
        }
        let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
        let mut hops = lines.flat_map(|line| line.rsplit(',')).map_while(|hop| hop.trim().parse().ok());
        hops.find(|hop| !trusted(hop)).unwrap_or(peer)
    }

    /// Host and port of the public address.
    fn authority(&self) -> &str {
        self.public_url.split("://").nth(1).unwrap_or_default().trim_end_matches('/')
    }
}

/// Puts the whole list around `router`, its fallbacks included.
///
/// # Errors
/// The public address is not an origin.
pub fn apply(router: Router, site: &Site) -> Result<Router, ConfigError> {
    let layers = ServiceBuilder::new()
        // First, so that everything below, the log above all, can name the request. An id sent by a client is not believed.
        .map_request(without_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, NextRequestId))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        // Outside of everything that can refuse: error pages need the headers most.
        .layer(from_fn_with_state(site.https(), security_headers))
        // Measures refusals too.
        .layer(from_fn(observe))
        // Gives errors of all layers below their body.
        .layer(from_fn(error::render))
        // Below `render`, so that a panic becomes a page like any other failure.
        .layer(CatchPanicLayer::custom(after_panic))
        // Cheap refusals before anything is read or looked up.
        .layer(from_fn_with_state(site.clone(), within_bounds))
        .layer(from_fn(csrf::refuse_silence))
        .layer(csrf::same_origin(&site.public_url)?)
        // Innermost: only the handler's own work and the body are timed.
        .layer(from_fn(in_time))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIME));
    let router =
        router.fallback(|| async { Error::NotFound }).method_not_allowed_fallback(|| async { Error::MethodNotAllowed });
    Ok(router.layer(layers))
}

fn without_request_id(mut request: Request) -> Request {
    request.headers_mut().remove(REQUEST_ID);
    request
}

/// The id of the request that these headers belong to.
pub fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Counts from a start that no other process shares: an id need not be secret, only unlike all others, and it is made on every request.
#[derive(Clone, Copy, Debug)]
struct NextRequestId;

impl MakeRequestId for NextRequestId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let start = START.get_or_init(rand::random::<u64>);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("req_{start:016x}{count:08x}")).ok().map(RequestId::new)
    }
}

/// The headers of security.md 5.10 on every answer. A handler may set a stricter value of its own.
async fn security_headers(State(https): State<bool>, request: Request, next: Next) -> Response {
    const ALWAYS: [(HeaderName, &str); 8] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (header::CACHE_CONTROL, "no-store"), // assets set their own
    ];
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    answer
}

/// One span, one line and two figures per request. The route is the pattern (`/webhooks/stripe/{token}`), never the path: paths hold tokens.
async fn observe(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = tokio::time::Instant::now();
    let span = tracing::info_span!("request", http.method = %method, http.route = route, request.id = request_id(request.headers()));
    let answer = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = answer.status().as_u16();
    let _in_span = span.enter();
    tracing::debug!(http.status = status, duration_ms = took.as_secs_f64() * 1e3, "request");
    let labels = [("method", known(&method).to_owned()), ("route", route), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(took);
    answer
}

/// The name of a method that HTTP knows. A series is kept for each label, and anybody can invent methods without end.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The panic itself is printed by the panic hook; here it becomes an answer and one log line with the request's id.
#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http asks for")]
fn after_panic(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(format_args!("a handler panicked: {}", text.unwrap_or("no message"))).into_response()
}

/// Sizes, and on https the host: links are made from the public address, so an answer under another name is never right.
async fn within_bounds(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let client = ClientAddress(site.client(peer.ip(), request.headers()));
        request.extensions_mut().insert(client);
    }
    let headers = request.headers();
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES) {
        return Error::UriTooLong.into_response();
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > HEADER_BYTES {
        return Error::HeadersTooLarge.into_response();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let probe = Surface::of(request.uri().path()) == Surface::Text; // probes come by address
    if site.https() && !probe && !host.eq_ignore_ascii_case(site.authority()) {
        return Error::Misdirected.into_response();
    }
    next.run(request).await
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(REQUEST_TIME, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!("the handler did not answer in time");
        let message = "This took too long. Try again in a moment.".to_owned();
        Error::Unavailable { retry_after: 5, message }.into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_may_say_who_the_client_is() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("address");
        let trusted_proxies = [ip("10.0.0.1"), ip("10.0.0.2")].into();
        let site = Site { public_url: "https://b.example".to_owned(), trusted_proxies };
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.2.3.4, 203.0.113.9, 10.0.0.2"));
        assert_eq!(site.client(ip("198.51.100.1"), &headers), ip("198.51.100.1"));
        assert_eq!(site.client(ip("10.0.0.1"), &headers), ip("203.0.113.9"));
        assert_eq!(site.client(ip("10.0.0.1"), &HeaderMap::new()), ip("10.0.0.1"));
    }
}
