//! No other website can act in a person's name: two independent checks.
//!
//! 1. The browser says where a request comes from (`Sec-Fetch-Site`, `Origin`). tower-http compares; a request that carries a cookie and
//!    neither header is refused as well, which tower-http alone would let pass.
//! 2. A form carries a token that belongs to the session. [`ProtectedForm`], and [`ProtectedUpload`] for a file, are the only ways to read
//!    a form, and they hand the values out only after they have compared the token.
//!
//! The REST API and the webhook intake ignore cookies, so they need neither.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tower_http::csrf::{ConfigError, CsrfLayer, ProtectionError};

use super::error::{Error, Surface};
use super::extract::RawBody;

/// htmx sends the token in this header; the layout sets it once for the whole page.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// Bytes of a form.
const FORM_BYTES: usize = 256 * 1024;

/// The token that the forms of one session carry.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// Derives the token from the secret that identifies the session: it is as hard to guess, and does not reveal it.
    pub fn of(secret: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"billfold form token\0");
        hash.update(secret);
        Self(hex::encode(hash.finalize()))
    }

    /// For the hidden field and the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, sent: &str) -> bool {
        self.0.as_bytes().ct_eq(sent.as_bytes()).into()
    }
}

impl std::fmt::Debug for CsrfToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CsrfToken")
    }
}

/// The values of a form whose token was right.
#[derive(Debug)]
pub struct ProtectedForm<T>(pub T);

#[derive(Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ProtectedForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let expected = request.extensions().get::<CsrfToken>().cloned().ok_or(Error::CrossOrigin)?;
        let by_header = request.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if !is_form(request.headers()) {
            return Err(Error::UnsupportedMediaType);
        }
        let RawBody(body) = RawBody::<FORM_BYTES>::from_request(request, state).await?;
        let sent = by_header.or_else(|| serde_urlencoded::from_bytes::<Token>(&body).ok().map(|token| token.csrf));
        if !sent.is_some_and(|sent| expected.matches(&sent)) {
            return Err(Error::CrossOrigin);
        }
        let values = serde_urlencoded::from_bytes(&body);
        values
            .map(Self)
            .map_err(|_| Error::invalid("form", "A field of the form is missing or has a value it cannot have."))
    }
}

/// The file of a form whose token was right, of `MAX` bytes at most with everything around it. Its field is called `file`.
#[derive(Debug)]
pub struct ProtectedUpload<const MAX: usize>(pub Bytes);

impl<const MAX: usize, S: Send + Sync> FromRequest<S> for ProtectedUpload<MAX> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let expected = request.extensions().get::<CsrfToken>().cloned().ok_or(Error::CrossOrigin)?;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
        if boundary.is_none() && !is_form(request.headers()) {
            return Err(Error::UnsupportedMediaType);
        }
        let RawBody(body) = RawBody::<MAX>::from_request(request, state).await?;
        let (token, file) = match boundary {
            Some(boundary) => parts(body, boundary).await?,
            None => (serde_urlencoded::from_bytes::<Token>(&body).ok().map(|token| token.csrf), None),
        };
        if !token.is_some_and(|sent| expected.matches(&sent)) {
            return Err(Error::CrossOrigin);
        }
        Ok(Self(file.unwrap_or_default()))
    }
}

/// The token and the file of a form in parts.
async fn parts(body: Bytes, boundary: String) -> Result<(Option<String>, Option<Bytes>), Error> {
    let malformed = |_| Error::invalid("file", "The form did not arrive whole. Try again.");
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let (mut token, mut file) = (None, None);
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        match part.name() {
            Some("csrf") => token = Some(part.text().await.map_err(malformed)?),
            Some("file") => file = Some(part.bytes().await.map_err(malformed)?),
            _ => {}
        }
    }
    Ok((token, file))
}

fn is_form(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The first check, for every surface that reads cookies. `public_url` is our own origin, in case a proxy rewrites `Host`.
///
/// # Errors
/// `public_url` is not an origin.
pub fn same_origin(
    public_url: &str,
) -> Result<CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + use<>>, ConfigError> {
    let layer = CsrfLayer::new().add_trusted_origin(public_url)?;
    let layer = layer.with_insecure_bypass(|_, uri| Surface::of(uri.path()) != Surface::Html);
    Ok(layer.with_rejection_response(|_| Error::CrossOrigin.into_response()))
}

/// Middleware before [`same_origin`]: a browser always says where a request comes from, so silence with a cookie is refused.
pub async fn refuse_silence(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    let silent = !headers.contains_key("sec-fetch-site") && !headers.contains_key(header::ORIGIN);
    if changes && silent && headers.contains_key(header::COOKIE) && Surface::of(request.uri().path()) == Surface::Html {
        return Error::CrossOrigin.into_response();
    }
    next.run(request).await
}

/// Who has no session yet (login, set-up) gets a cookie of its own for the token to belong to.
#[derive(Clone, Debug)]
pub struct VisitorCookie {
    name: &'static str,
    attributes: &'static str,
    generate: fn() -> String,
}

impl VisitorCookie {
    /// `secure` when the site is served over https. `generate` gives a random text of at least 128 bits.
    pub fn new(secure: bool, generate: fn() -> String) -> Self {
        if secure {
            Self { name: "__Host-billfold-visitor", attributes: "; Path=/; HttpOnly; SameSite=Lax; Secure", generate }
        } else {
            Self { name: "billfold-visitor", attributes: "; Path=/; HttpOnly; SameSite=Lax", generate }
        }
    }

    /// Middleware for pages that people open with and without a session: the session's token where there is one.
    pub async fn provide_unless_signed_in(self, request: Request, next: Next) -> Response {
        if request.extensions().get::<CsrfToken>().is_some() {
            return next.run(request).await;
        }
        self.provide(request, next).await
    }

    /// Middleware for pages without a session: provides the [`CsrfToken`], and the cookie when it is missing.
    pub async fn provide(self, mut request: Request, next: Next) -> Response {
        let known =
            super::html::cookie(request.headers(), self.name).filter(|value| value.len() >= 32).map(str::to_owned);
        let secret = known.clone().unwrap_or_else(self.generate);
        request.extensions_mut().insert(CsrfToken::of(&secret));
        let mut answer = next.run(request).await;
        if known.is_none()
            && let Ok(cookie) = HeaderValue::from_str(&format!("{}={secret}{}", self.name, self.attributes))
        {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }
}
