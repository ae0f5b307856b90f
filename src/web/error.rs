//! The one error at the HTTP edge. A handler returns it; [`render`] turns it into a page, a fragment or JSON.
//!
//! Rendering waits until the answer leaves, because only there is known who asked (a browser, htmx, a program), under which request id,
//! and, when the request got that far, inside which tenant's navigation.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::accounts;
use crate::db;
use crate::vault::PasswordError;

use super::html::{self, HX_REDIRECT, Wanted};
use super::shell::{Frame, PublicShell};

/// What a handler may answer instead of a page. The status of each variant stands in its first line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 400. The request cannot be understood.
    #[error("{message}")]
    BadRequest {
        /// For programs, such as `parameter_invalid`.
        code: &'static str,
        /// For people. Never holds a value that was sent.
        message: String,
    },
    /// 401. Nobody is signed in: a page redirects to the login, htmx is told to, a program gets the status.
    #[error("Sign in to go on.")]
    Unauthenticated,
    /// 402 or 429. The tenant's state or plan does not allow it.
    #[error("{message}")]
    Plan {
        /// 402, or 429 where time alone helps.
        status: StatusCode,
        /// For programs.
        code: &'static str,
        /// For people: what is over, and what to do.
        message: String,
        /// Seconds, where waiting helps.
        retry_after: Option<u64>,
    },
    /// 403. Signed in, but the role is too low.
    #[error("This needs the role {needs} or higher; yours is {has}.")]
    Role {
        /// The lowest role that may.
        needs: &'static str,
        /// The role of the member.
        has: &'static str,
    },
    /// 403. The tenant asks for a second factor that the person has not: a page leads to where it is turned on.
    #[error("This business asks its members for two-factor sign-in. Turn it on in your account first.")]
    SecondFactor,
    /// 403. Allowed to nobody in this position; the message says why.
    #[error("{0}")]
    Forbidden(String),
    /// 403. The request was sent by another website, or does not prove the opposite.
    #[error("This request did not come from a billfold page. Reload the page and try again.")]
    CrossOrigin,
    /// 404. No such page or object, or one of another tenant: both look the same.
    #[error("This does not exist, or it is not yours to see.")]
    NotFound,
    /// 405. The address exists, the method does not.
    #[error("This address does not take that kind of request.")]
    MethodNotAllowed,
    /// 408. The body did not arrive in time.
    #[error("The request took too long to arrive.")]
    Timeout,
    /// 409. The state of the object does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// 410. It existed and is over for good.
    #[error("{0}")]
    Gone(String),
    /// 413. The body is over the limit.
    #[error("The request is larger than this address accepts.")]
    TooLarge,
    /// 414. The address is over the limit.
    #[error("The address is too long.")]
    UriTooLong,
    /// 415. The content type or encoding is not one this address takes.
    #[error("This address does not take that content type.")]
    UnsupportedMediaType,
    /// 421. The request names a host that is not ours.
    #[error("This server does not answer for that host name.")]
    Misdirected,
    /// 422. Understood, but a value is wrong.
    #[error("{message}")]
    Invalid {
        /// For programs, such as `parameter_invalid`.
        code: &'static str,
        /// The name of the field.
        param: String,
        /// For people. Never holds a value that was sent.
        message: String,
    },
    /// 429. Too many requests of one client.
    #[error("Too many requests. Try again in {retry_after} seconds.")]
    TooManyRequests {
        /// Seconds.
        retry_after: u64,
    },
    /// 431. The headers are over the limit.
    #[error("The headers of the request are too large.")]
    HeadersTooLarge,
    /// A refusal of the REST API with a status, code and field of its own, such as one of Stripe's.
    #[error("{0}")]
    Program(Box<Refusal>),
    /// 500. Our fault. Made by [`Error::internal`], which logs the cause; nothing of it is shown.
    #[error("Something went wrong on our side. The details are in the server's log under the request id.")]
    Internal,
    /// 503. For now; the client may come back.
    #[error("{message}")]
    Unavailable {
        /// Seconds.
        retry_after: u64,
        /// For people.
        message: String,
    },
}

/// What the REST API refuses for a reason that only programs meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// For programs.
    pub code: Cow<'static, str>,
    /// The name of the field at fault.
    pub param: Option<String>,
    /// For people.
    pub message: String,
}

/// The result of every handler.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Hides `cause` from the client and logs it, once, in the span of the request.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %format_args!("{cause:#}"), "request failed");
        Self::Internal
    }

    /// A 422 for one field.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { code: "parameter_invalid", param: param.into(), message: message.into() }
    }

    /// The status of the variant.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Role { .. } | Self::SecondFactor | Self::Forbidden(_) | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Program(refusal) => refusal.status,
            Self::Plan { status, .. } => *status,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The machine's name for the variant, stable.
    pub fn code(&self) -> &str {
        match self {
            Self::Program(refusal) => &refusal.code,
            Self::BadRequest { code, .. } | Self::Invalid { code, .. } | Self::Plan { code, .. } => code,
            Self::Unauthenticated => "authentication_required",
            Self::Role { .. } => "role_too_low",
            Self::SecondFactor => "second_factor_required",
            Self::Forbidden(_) => "forbidden",
            Self::CrossOrigin => "cross_origin",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Timeout => "request_timeout",
            Self::Conflict(_) => "conflict",
            Self::Gone(_) => "gone",
            Self::TooLarge => "request_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Misdirected => "misdirected_request",
            Self::TooManyRequests { .. } => "rate_limited",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal => "internal_error",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The class of error that a program branches on, as Stripe has it.
    fn kind(&self) -> &'static str {
        if let Self::Plan { .. } = self {
            return "plan_error";
        }
        match self.status() {
            StatusCode::PAYMENT_REQUIRED => "card_error",
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::CONFLICT => "conflict_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "api_error",
            _ => "invalid_request_error",
        }
    }

    /// The headline of the error page.
    pub fn title(&self) -> &'static str {
        match self.status() {
            StatusCode::PAYMENT_REQUIRED => "Not with this plan",
            StatusCode::UNAUTHORIZED => "Sign in first",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::CONFLICT => "That does not fit any more",
            StatusCode::GONE => "No longer available",
            StatusCode::TOO_MANY_REQUESTS => "Slow down a little",
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
            StatusCode::SERVICE_UNAVAILABLE => "Not available right now",
            _ => "That did not work",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            Self::Plan { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The JSON of the REST API and the webhook intake.
    pub fn json(&self, request_id: &str) -> serde_json::Value {
        let param = match self {
            Self::Invalid { param, .. } => Some(param),
            Self::Program(refusal) => refusal.param.as_ref(),
            _ => None,
        };
        json!({"error": {
            "type": self.kind(), "code": self.code(), "message": self.to_string(), "param": param, "request_id": request_id,
        }})
    }
}

impl From<askama::Error> for Error {
    fn from(cause: askama::Error) -> Self {
        Self::internal(format_args!("a template did not render: {cause}"))
    }
}

impl From<accounts::Error> for Error {
    fn from(cause: accounts::Error) -> Self {
        match cause {
            accounts::Error::Invalid { field, message } => Self::invalid(field, message),
            accounts::Error::Throttled { retry_after } => {
                Self::TooManyRequests { retry_after: u64::try_from(retry_after).unwrap_or(1) }
            }
            accounts::Error::Password(PasswordError::Busy) => Self::Unavailable {
                retry_after: 2,
                message: "Many people are signing in. Try again in a moment.".to_owned(),
            },
            accounts::Error::Unknown => Self::NotFound,
            accounts::Error::Conflict(message) => Self::Conflict(message.to_owned()),
            accounts::Error::SetupClosed => {
                Self::Gone("The set-up is finished, or this link is not the current one.".to_owned())
            }
            accounts::Error::Db(cause) => cause.into(),
            accounts::Error::Password(_) | accounts::Error::Seal(_) | accounts::Error::Keyring(_) => {
                Self::internal(cause)
            }
        }
    }
}

impl From<db::Error> for Error {
    /// A busy or full database is a 503, the rest a fault of ours. A conflict that a person can cause is handled where it is caused.
    fn from(cause: db::Error) -> Self {
        match cause {
            db::Error::Unavailable(_) => {
                tracing::error!(error = %cause, "request refused");
                let message = "The database is busy or full. Nothing was changed; try again in a moment.".to_owned();
                Self::Unavailable { retry_after: 5, message }
            }
            _ => Self::internal(cause),
        }
    }
}

impl IntoResponse for Error {
    /// Status and headers only; the body comes from [`render`].
    fn into_response(self) -> Response {
        let mut answer = self.status().into_response();
        if let Some(seconds) = self.retry_after() {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if matches!(self, Self::Program(_)) && answer.status() == StatusCode::UNAUTHORIZED {
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"billfold\""));
        }
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A person in a browser.
    Html,
    /// A program: the REST API and the webhook intake, whatever `Accept` says.
    Json,
    /// A probe or a scraper.
    Text,
}

impl Surface {
    /// Decided by the path alone.
    pub fn of(path: &str) -> Self {
        let first = path.split('/').nth(1).unwrap_or_default();
        match first {
            "v1" | "webhooks" => Self::Json,
            "healthz" | "readyz" | "metrics" => Self::Text,
            _ => Self::Html,
        }
    }
}

/// Where a person turns a second factor on.
const ENROL: &str = "/account/two-factor?required=true";

/// Middleware: gives every [`Error`] its body, in the form its reader understands.
pub async fn render(mut request: Request, next: Next) -> Response {
    let surface = Surface::of(request.uri().path());
    let wanted = Wanted::of(request.headers());
    let theme = html::theme(request.headers());
    let target = way_back(&request, wanted);
    let by_key = request.headers().contains_key(header::AUTHORIZATION);
    let request_id = super::middleware::request_id(request.headers()).to_owned();
    let frame = Frame::default(); // an extractor that loads the tenant puts the navigation in here
    request.extensions_mut().insert(frame.clone());

    let mut answer = next.run(request).await;
    let Some(error) = answer.extensions_mut().remove::<Error>() else { return answer };
    let (content_type, body) = match surface {
        Surface::Json => ("application/json", error.json(&request_id).to_string()),
        Surface::Text => ("text/plain; charset=utf-8", format!("{error}\n")),
        // a program that tries its key on a page gets the plain status, not a way to the login
        Surface::Html if error == Error::Unauthenticated && !by_key => {
            let login = html::login_url(target.as_deref());
            return if wanted.htmx { go_to_login(answer, &login) } else { html::see_other(&login) };
        }
        Surface::Html if error == Error::SecondFactor => {
            return if wanted.htmx { go_to_login(answer, ENROL) } else { html::see_other(ENROL) };
        }
        Surface::Html => {
            let page = html::error_page(&error, &request_id, wanted, frame.shell(), PublicShell::bare(theme));
            ("text/html; charset=utf-8", page)
        }
    };
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    *answer.body_mut() = Body::from(body);
    answer
}

/// The page to return to after a login: this one, or where a form or a fragment was asked for. The login takes paths of this site only.
fn way_back(request: &Request, wanted: Wanted) -> Option<String> {
    if request.method() == Method::GET && !wanted.htmx {
        return request.uri().path_and_query().map(ToString::to_string);
    }
    let page = request.headers().get(header::REFERER)?.to_str().ok()?.parse::<http::Uri>().ok()?;
    page.path_and_query().map(ToString::to_string)
}

/// htmx follows a redirect silently and would put the login form into a table; it obeys this header instead.
fn go_to_login(mut answer: Response, login: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(login) {
        answer.headers_mut().insert(HX_REDIRECT, value);
    }
    answer
}
