//! What every page of the portal has: its frame, its headers, and its own kind of error page.

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, Uri, header};

use crate::billing::portal_settings::Brand;
use crate::web::csrf::CsrfToken;
use crate::web::error::Error;
use crate::web::html;
use crate::web::language::{self, Language};
use crate::web::middleware::request_id;
use crate::web::shell::Theme;

/// A link that does not work, whatever the reason. Like every text of an error of the portal, the key of a message.
pub const GONE_LINK: &str = "gone-link";
/// A visit that is over.
pub const GONE_VISIT: &str = "gone-visit";
/// The parameter that chooses a language.
const LANGUAGE: &str = "lang";

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct PortalShell {
    /// Light or dark.
    pub theme: Theme,
    /// What the page is written in.
    pub language: &'static Language,
    /// The business; empty when it is not known or not to be said.
    pub brand: Brand,
    /// No real money moves.
    pub test: bool,
    /// The token of the page's forms.
    pub csrf: Option<CsrfToken>,
    /// Where the customer came from.
    pub return_url: Option<String>,
}

impl PortalShell {
    /// A message.
    pub fn say(&self, key: &str) -> String {
        self.language.say(key)
    }

    /// A message with one value in it.
    pub fn say_with(&self, key: &str, name: &str, value: impl AsRef<str>) -> String {
        self.language.say_with(key, &[(name, value.as_ref())])
    }

    /// A message that names the business.
    pub fn say_of(&self, key: &str) -> String {
        self.say_with(key, "business", &self.brand.name)
    }

    /// The other languages.
    pub fn languages(&self) -> Vec<OtherLanguage> {
        let others = language::all().iter().filter(|language| language.code != self.language.code);
        let other = |language: &Language| OtherLanguage {
            code: language.code,
            name: language.name(),
            path: format!("?{LANGUAGE}={}", language.code),
        };
        others.map(other).collect()
    }
}

/// A language to change to.
pub struct OtherLanguage {
    /// As in the `lang` attribute.
    pub code: &'static str,
    /// What it calls itself.
    pub name: String,
    /// The same page in it.
    pub path: String,
}

#[derive(Template)]
#[template(path = "portal/error.html")]
struct ErrorPage<'a> {
    shell: PortalShell,
    title: String,
    text: String,
    status: u16,
    request_id: Option<&'a str>,
}

/// Middleware around every route of the portal. Addresses hold tokens, so no page that is left tells where it was; and an
/// error must not lead customers to the staff's login.
pub async fn frame(request: Request, next: Next) -> Response {
    if let Some(answer) = choose_language(&request) {
        return answer;
    }
    let theme = html::theme(request.headers());
    let language = language::choose(request.headers(), &[]);
    let id = request_id(request.headers()).to_owned();
    let mut answer = next.run(request).await;
    if let Some(error) = answer.extensions_mut().remove::<Error>() {
        answer = error_answer(answer, &error, (theme, language), &id);
    }
    protect(&mut answer);
    answer
}

fn protect(answer: &mut Response) {
    let headers = answer.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
}

/// `?lang=de` on any page: keeps the choice and leads back to the page without it.
fn choose_language(request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let query: Vec<(String, String)> = serde_urlencoded::from_str(request.uri().query()?).ok()?;
    let (_, code) = query.iter().find(|(name, _)| name == LANGUAGE)?;
    let cookie = HeaderValue::from_str(&language::cookie(language::by_code(code)?)).ok()?;
    let rest: Vec<_> = query.iter().filter(|(name, _)| name != LANGUAGE).collect();
    let mut answer = html::see_other(&address(request.uri(), &serde_urlencoded::to_string(rest).ok()?));
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    protect(&mut answer);
    Some(answer)
}

fn address(uri: &Uri, query: &str) -> String {
    if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) }
}

fn error_answer(
    plain: Response,
    error: &Error,
    (theme, language): (Theme, &'static Language),
    request_id: &str,
) -> Response {
    let status = error.status();
    let own = |part: &str| language.find(&format!("error-{}-{part}", status.as_u16()), &[]);
    let text = language.find(&error.to_string(), &[]).or_else(|| own("text"));
    let page = ErrorPage {
        shell: PortalShell { theme, language, brand: Brand::default(), test: false, csrf: None, return_url: None },
        title: own("title").unwrap_or_else(|| language.say("error-title")),
        text: text.unwrap_or_else(|| language.say("error-text")),
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
