//! What handlers take as arguments. The extractors of axum answer with plain text of their own; these answer with our [`Error`].

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tower_http::timeout::TimeoutError;

use super::error::Error;
use super::middleware::ClientAddress;

/// The parameters of the path. One that cannot be what it should be is an unknown page.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    #[expect(clippy::disallowed_types, reason = "the wrapper itself")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(values)) => Ok(Self(values)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => Err(Error::NotFound),
            Err(rejection) => Err(Error::internal(rejection)),
        }
    }
}

/// The parameters of the query. A wrong one is a 422 that names the problem, not the value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let values = serde_urlencoded::from_str(query);
        values.map(Self).map_err(|_| Error::invalid("query", "A parameter of the address has a value it cannot have."))
    }
}

/// The address of the client, behind trusted proxies too.
#[derive(Clone, Copy, Debug)]
pub struct ClientIp(pub IpAddr);

impl ClientIp {
    /// Of a request.
    pub fn of(parts: &Parts) -> Self {
        // a router that is called without a connection, as in tests, has no peer
        let known = parts.extensions.get::<ClientAddress>();
        Self(known.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0))
    }
}

impl<S: Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The bytes of the body, at most `MAX`, complete within the body time-out.
#[derive(Clone, Debug)]
pub struct RawBody<const MAX: usize>(pub Bytes);

impl<const MAX: usize, S: Sync> FromRequest<S> for RawBody<MAX> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > MAX as u64) {
            drain(request.into_body()).await;
            return Err(Error::TooLarge);
        }
        match Limited::new(request.into_body(), MAX).collect().await {
            Ok(body) => Ok(Self(body.to_bytes())),
            Err(failure) => Err(body_error(&*failure)),
        }
    }
}

/// Bytes of a body that is refused for its length which are still read.
const DRAINED: usize = 4 << 20;

/// Reads what is refused anyway, up to a limit: a client that is still writing when the connection closes would see a reset and
/// never the answer that says why.
async fn drain(mut body: Body) {
    let mut read = 0;
    while read < DRAINED
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// Why a body did not arrive: too long, too slow, or cut.
fn body_error(failure: &(dyn std::error::Error + 'static)) -> Error {
    let mut cause = Some(failure);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Error::TooLarge;
        }
        if error.is::<TimeoutError>() {
            return Error::Timeout;
        }
        cause = error.source();
    }
    Error::BadRequest { code: "body_incomplete", message: "The body of the request did not arrive whole.".to_owned() }
}
