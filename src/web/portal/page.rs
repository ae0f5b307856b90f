//! What every page of the portal has: its frame, its headers, and its own kind of error page.

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

use crate::web::csrf::CsrfToken;
use crate::web::error::Error;
use crate::web::html;
use crate::web::middleware::request_id;
use crate::web::shell::Theme;

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct PortalShell {
    /// Light or dark.
    pub theme: Theme,
    /// What the business is called; empty when it is not known or not to be said.
    pub business: String,
    /// No real money moves.
    pub test: bool,
    /// Unix seconds.
    pub now: i64,
    /// The token of the page's forms.
    pub csrf: Option<CsrfToken>,
    /// Where the customer came from.
    pub return_url: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/error.html")]
struct ErrorPage<'a> {
    shell: PortalShell,
    title: &'a str,
    text: String,
    status: u16,
    request_id: Option<&'a str>,
}

/// Middleware around every route of the portal. Addresses hold tokens, so no page that is left tells where it was; and an
/// error must not lead customers to the staff's login.
pub async fn frame(request: Request, next: Next) -> Response {
    let theme = html::theme(request.headers());
    let id = request_id(request.headers()).to_owned();
    let mut answer = next.run(request).await;
    if let Some(error) = answer.extensions_mut().remove::<Error>() {
        answer = error_answer(answer, &error, theme, &id);
    }
    let headers = answer.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    answer
}

fn error_answer(plain: Response, error: &Error, theme: Theme, request_id: &str) -> Response {
    let (title, text) = match error {
        Error::Unauthenticated => {
            ("Open your link first", "This page opens with the link that you were sent.".to_owned())
        }
        error => (error.title(), error.to_string()),
    };
    let shell = PortalShell { theme, business: String::new(), test: false, now: 0, csrf: None, return_url: None };
    let status = error.status();
    let page = ErrorPage {
        shell,
        title,
        text,
        status: status.as_u16(),
        request_id: status.is_server_error().then_some(request_id),
    };
    let mut answer = match page.render() {
        Ok(html) => html::rendered(status, html),
        Err(cause) => {
            tracing::error!(%cause, "the portal's error page did not render");
            return plain;
        }
    };
    if let Some(seconds) = plain.headers().get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    answer
}
