//! From a template to an answer: whole page or fragment, redirects, toasts.
//!
//! A page struct names its fragments with `blocks = ["rows"]` and gets `as_rows()` for them, so the two can never drift apart:
//!
//! ```ignore
//! #[derive(Template)]
//! #[template(path = "customers/index.html", blocks = ["list"])]
//! struct CustomersPage { shell: Shell, rows: Vec<Row> }
//!
//! async fn index(viewer: Viewer, wanted: Wanted) -> Result<Response> {
//!     let page = CustomersPage { shell: viewer.shell(Nav::Customers), rows };
//!     wanted.respond(&page, &page.as_list())
//! }
//! ```
//!
//! A block that serves as a fragment must not stand inside an `{% if %}`: askama then renders nothing, without a word.

use std::convert::Infallible;

use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::error::{Error, Result};
use super::shell::{PublicShell, Shell, Theme};

/// Tells htmx to load another page.
pub const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
/// Events that htmx raises in the page.
const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger");
/// The cookie that carries the visitor's choice of light or dark.
pub const THEME_COOKIE: &str = "billfold-theme";

/// The cookie that carries a message over a redirect.
const TOAST_COOKIE: &str = "billfold-toast";

/// What the browser wants of this address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// htmx asks.
    pub htmx: bool,
    /// htmx will put the answer into a part of the page.
    pub fragment: bool,
}

impl Wanted {
    /// Reads the headers of htmx 4. They choose a rendering and nothing else.
    pub fn of(headers: &HeaderMap) -> Self {
        let is = |name: &str, value: &str| headers.get(name).is_some_and(|sent| sent == value);
        let htmx = is("hx-request", "true");
        Self { htmx, fragment: htmx && is("hx-request-type", "partial") }
    }

    /// The fragment when htmx asks for a part, else the whole page.
    pub fn respond(self, page: &impl Template, fragment: &impl Template) -> Result<Response> {
        self.respond_with(StatusCode::OK, page, fragment)
    }

    /// As [`Wanted::respond`], for a form that came back with errors (422).
    pub fn respond_with(self, status: StatusCode, page: &impl Template, fragment: &impl Template) -> Result<Response> {
        let html = if self.fragment { fragment.render()? } else { page.render()? };
        Ok(answer(status, html))
    }

    /// After a successful POST: 303 to `path`, which htmx is told by header. `path` must come from us, not from the client.
    pub fn redirect(self, path: &str) -> Response {
        if !self.htmx {
            return see_other(path);
        }
        let mut answer = StatusCode::NO_CONTENT.into_response();
        if let Ok(path) = HeaderValue::from_str(path) {
            answer.headers_mut().insert(HX_REDIRECT, path);
        }
        answer
    }
}

impl Wanted {
    /// As [`Wanted::redirect`], with a message that the next page shows for a few seconds. It is for comfort only, so a short-lived
    /// cookie carries it and the page's script reads and removes it.
    pub fn redirect_saying(self, path: &str, message: &str) -> Response {
        let mut answer = self.redirect(path);
        let text = serde_urlencoded::to_string([("text", message)]).unwrap_or_default();
        if let Ok(cookie) = HeaderValue::from_str(&format!("{TOAST_COOKIE}={text}; Path=/; Max-Age=30; SameSite=Lax")) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// A page that has no fragments.
pub fn page(page: &impl Template) -> Result<Response> {
    page_with(StatusCode::OK, page)
}

/// A page with another status than 200.
pub fn page_with(status: StatusCode, page: &impl Template) -> Result<Response> {
    Ok(answer(status, page.render()?))
}

/// A page or a part of one that is rendered already.
pub fn rendered(status: StatusCode, html: String) -> Response {
    answer(status, html)
}

fn answer(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::VARY, HeaderValue::from_static("HX-Request, HX-Request-Type, Cookie")),
    ];
    (status, headers, Body::from(html)).into_response()
}

/// 303, which makes a browser ask with GET whatever the method was.
pub fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => Error::NotFound.into_response(),
    }
}

/// Adds a message that the page shows for a few seconds, to the answer of an htmx request. See also [`Wanted::redirect_saying`].
pub fn toast(mut answer: Response, message: &str) -> Response {
    // a header holds ASCII: everything else becomes a JSON escape
    let mut text = String::new();
    for unit in serde_json::json!({ "toast": message }).to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => text.push(char::from(byte)),
            _ => text.extend(format!("\\u{unit:04x}").chars()),
        }
    }
    if let Ok(value) = HeaderValue::from_str(&text) {
        answer.headers_mut().insert(HX_TRIGGER, value);
    }
    answer
}

/// The login page, which leads back to `path` afterwards.
pub fn login_url(path: Option<&str>) -> String {
    match path {
        Some(path) if path != "/" => {
            format!("/login?{}", serde_urlencoded::to_string([("next", path)]).unwrap_or_default())
        }
        _ => "/login".to_owned(),
    }
}

/// A cookie of the request by name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Light, dark, or as the system has it.
pub fn theme(headers: &HeaderMap) -> Theme {
    match cookie(headers, THEME_COOKIE) {
        Some("dark") => Theme::Dark,
        Some("light") => Theme::Light,
        _ => Theme::Auto,
    }
}

#[derive(Template)]
#[template(path = "errors/public.html")]
struct PublicError<'a> {
    shell: PublicShell,
    error: &'a Error,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "errors/inside.html")]
struct InsideError<'a> {
    shell: &'a Shell,
    error: &'a Error,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "errors/fragment.html")]
struct ErrorFragment<'a> {
    error: &'a Error,
    request_id: &'a str,
}

/// The body of an error: a fragment for htmx, else a page, with the tenant's navigation when `shell` is known.
pub fn error_page(
    error: &Error,
    request_id: &str,
    wanted: Wanted,
    shell: Option<&Shell>,
    public: PublicShell,
) -> String {
    let rendered = match shell {
        _ if wanted.fragment => ErrorFragment { error, request_id }.render(),
        Some(shell) => InsideError { shell, error, request_id }.render(),
        None => PublicError { shell: public, error, request_id }.render(),
    };
    rendered.unwrap_or_else(|cause| {
        tracing::error!(%cause, "the error page did not render");
        error.title().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toast_of_any_language_fits_into_a_header() {
        let answer = toast(StatusCode::OK.into_response(), "Gespeichert ✓ \"ja\" 🎉");
        let value = answer.headers()[HX_TRIGGER].to_str().expect("ASCII");
        let back: serde_json::Value = serde_json::from_str(value).expect("JSON");
        assert_eq!(back["toast"], "Gespeichert ✓ \"ja\" 🎉");
    }

    #[test]
    fn the_way_back_survives_in_the_login_address() {
        assert_eq!(
            login_url(Some("/t/ten_1/p/prj_1/customers?q=a&b=c")),
            "/login?next=%2Ft%2Ften_1%2Fp%2Fprj_1%2Fcustomers%3Fq%3Da%26b%3Dc"
        );
        assert_eq!(login_url(Some("/")), "/login");
        assert_eq!(login_url(None), "/login");
    }

    #[test]
    fn cookies_are_told_apart_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("xbillfold-theme=light; billfold-theme=dark"));
        assert_eq!(theme(&headers), Theme::Dark);
    }
}
