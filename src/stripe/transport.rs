//! One HTTP exchange with Stripe. All tenants share one pool of connections.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use secrecy::{ExposeSecret, SecretString};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::retry::Patience;
use crate::https;

/// The largest answer taken. A page of 100 large invoices has about 1 MiB.
const LARGEST_ANSWER: usize = 64 << 20;

/// The shared pool of connections.
#[derive(Clone)]
pub(super) struct Http(https::Pool);

/// What came back, whatever its status.
pub(super) struct Exchange {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Who asks, and which of Stripe's versions the answer should have.
pub(super) struct Credentials<'a> {
    pub(super) base: &'a str,
    pub(super) key: &'a SecretString,
    pub(super) idempotency_key: Option<&'a str>,
}

impl Http {
    /// Makes the pool.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        Ok(Self(https::pool()?))
    }

    /// Sends a request once. The error says in words what happened to the connection.
    pub(super) async fn exchange(
        &self,
        request: &RequestBuilder,
        credentials: &Credentials<'_>,
        patience: &Patience,
    ) -> Result<Exchange, String> {
        let request = http_request(request, credentials)?;
        let exchange = async {
            let answer = tokio::time::timeout(patience.first_byte, self.0.request(request))
                .await
                .map_err(|_| format!("no answer within {} s", patience.first_byte.as_secs()))?
                .map_err(|error| https::describe(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER)
                .collect()
                .await
                .map_err(|error| format!("the answer broke off: {error}"))?
                .to_bytes();
            Ok(Exchange { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(patience.whole, exchange)
            .await
            .map_err(|_| format!("the answer took longer than {} s", patience.whole.as_secs()))?
    }
}

fn http_request(request: &RequestBuilder, credentials: &Credentials<'_>) -> Result<Request<Full<Bytes>>, String> {
    let mut url = format!("{}/v1{}", credentials.base, request.path);
    if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
        url.push('?');
        url.push_str(query);
    }
    let method = match request.method {
        StripeMethod::Get => Method::GET,
        StripeMethod::Post => Method::POST,
        StripeMethod::Delete => Method::DELETE,
    };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", credentials.key.expose_secret()))
        .map_err(|_| "the key does not fit into a header".to_owned())?;
    bearer.set_sensitive(true);
    let mut builder = Request::builder()
        .method(method)
        .uri(url)
        .header(header::AUTHORIZATION, bearer)
        .header(header::USER_AGENT, concat!("billfold/", env!("CARGO_PKG_VERSION")))
        .header("stripe-version", stripe_shared::version::VERSION.as_str());
    if let Some(key) = credentials.idempotency_key {
        builder = builder.header("idempotency-key", key);
    }
    if request.body.is_some() {
        builder = builder.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
    builder.body(body).map_err(|error| format!("the request cannot be built: {error}"))
}
