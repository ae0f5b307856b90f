//! Asks the router as somebody of one business, and compares what two questions were answered.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, header};
use tower::ServiceExt as _;

use super::{Error, Result, place::Place};
use crate::{app::App, web::csrf::CsrfToken};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;
/// Letters of an id of ours after its prefix.
const RANDOM: usize = 24;
/// Letters of a name in an address of the portal, see `web/portal/guest.rs`.
const HANDLE: usize = 20;
/// Letters of a token, see `vault/token.rs`: a form carries one so that it is done once.
const TOKEN: usize = 52;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The owner, in a browser.
    Staff,
    /// A program with a key that may do everything.
    Program,
    /// A customer in the portal.
    Customer,
}

impl Who {
    /// Who is at home at an address.
    pub(super) fn at(path: &str) -> Self {
        if path.starts_with("/v1/") {
            Self::Program
        } else if path.starts_with("/portal") {
            Self::Customer
        } else {
            Self::Staff
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) address: String,
    /// A form's fields, or JSON as the one field without a name.
    pub(super) body: Vec<(String, String)>,
}

impl Question {
    pub(super) fn get(address: impl Into<String>) -> Self {
        Self { method: Method::GET, address: address.into(), body: Vec::new() }
    }

    pub(super) fn post(address: impl Into<String>, body: Vec<(String, String)>) -> Self {
        Self { method: Method::POST, address: address.into(), body }
    }
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: String,
}

/// Asks on behalf of one business.
pub(super) struct Asker<'a> {
    router: Router,
    authority: String,
    origin: String,
    staff_cookie: &'static str,
    visit_cookie: &'static str,
    pub(super) own: &'a Place,
    pub(super) other: &'a Place,
}

impl<'a> Asker<'a> {
    pub(super) fn new(app: &App, router: Router, own: &'a Place, other: &'a Place) -> Self {
        let origin = app.config.public_url().trim_end_matches('/').to_owned();
        let https = app.config.is_https();
        Self {
            router,
            authority: origin.split("://").nth(1).unwrap_or_default().to_owned(),
            origin,
            staff_cookie: if https { "__Host-billfold" } else { "billfold" },
            visit_cookie: if https { "__Secure-billfold-portal" } else { "billfold-portal" },
            own,
            other,
        }
    }

    /// Asks as somebody of `place`.
    pub(super) async fn ask(&self, place: &Place, question: &Question) -> Result<Answer> {
        let who = Who::at(&question.address);
        let mut request = Request::builder()
            .method(&question.method)
            .uri(&question.address)
            .header(header::HOST, &self.authority)
            .header("sec-fetch-site", "same-origin");
        let secret = if who == Who::Customer { &place.visit } else { &place.staff };
        request = match who {
            Who::Program => request.header(header::AUTHORIZATION, format!("Bearer {}", place.key)),
            Who::Staff => request.header(header::COOKIE, format!("{}={secret}", self.staff_cookie)),
            Who::Customer => request.header(header::COOKIE, format!("{}={secret}", self.visit_cookie)),
        };
        if who != Who::Program {
            request = request.header(header::ACCEPT, "text/html");
        }
        let mut body = Body::empty();
        if question.method == Method::POST {
            request = request.header(header::ORIGIN, &self.origin);
            let (kind, text) = match (who, question.body.first()) {
                (Who::Program, json) => ("application/json", json.map(|(_, text)| text.clone()).unwrap_or_default()),
                _ => ("application/x-www-form-urlencoded", form(&question.body, secret)?),
            };
            if !text.is_empty() {
                request = request.header(header::CONTENT_TYPE, kind);
                body = Body::from(text);
            }
        }
        let wrong = |error: &dyn std::fmt::Display| Error::Other(format!("{}: {error}", question.address));
        let request = request.body(body).map_err(|error| wrong(&error))?;
        let answered = self.router.clone().oneshot(request).await.map_err(|never| wrong(&never))?;
        let (head, body) = answered.into_parts();
        let body = axum::body::to_bytes(body, LONGEST).await.map_err(|error| wrong(&error))?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Asks as one's own business for something of the other's, and for the same of nobody's. Answers what differs, and what was
    /// told although it was not asked for.
    pub(super) async fn leak(&self, foreign: &Question, nobodys: &Question) -> Result<Option<String>> {
        let (told, plain) = (self.ask(self.own, foreign).await?, self.ask(self.own, nobodys).await?);
        let named = format!("{} {}", foreign.method, foreign.address);
        if told.status == 429 || plain.status == 429 {
            return Ok(Some(format!("{named}: answered 429, so nothing was tried")));
        }
        let asked =
            format!("{}{}", foreign.address, foreign.body.iter().map(|(_, value)| value.as_str()).collect::<String>());
        let given = self.other.ids.iter().find(|id| told.body.contains(id.as_str()) && !asked.contains(id.as_str()));
        if let Some(id) = given {
            return Ok(Some(format!("{named}: answers with {id} of the other business")));
        }
        let same =
            told.status == plain.status && words(&told.body) == words(&plain.body) && kept(&told) == kept(&plain);
        Ok((!same).then(|| {
            let (is, would_be) = difference(&told, &plain);
            format!("{named}: answers {} {is}, and for what nobody has {} {would_be}", told.status, plain.status)
        }))
    }
}

/// The first words, or headers, in which two answers differ.
fn difference(told: &Answer, plain: &Answer) -> (String, String) {
    let of = |answer: &Answer| -> Vec<String> {
        let words = words(&answer.body).into_iter().map(str::to_owned);
        words.chain(kept(answer)).collect()
    };
    let (told, plain) = (of(told), of(plain));
    let at = told.iter().zip(&plain).position(|(one, other)| one != other).unwrap_or(told.len().min(plain.len()));
    (told.get(at).cloned().unwrap_or_default(), plain.get(at).cloned().unwrap_or_default())
}

/// A form with its token.
fn form(fields: &[(String, String)], secret: &str) -> Result<String> {
    let token = CsrfToken::of(secret);
    let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| *name != "csrf");
    let all: Vec<(&str, &str)> = own.chain([("csrf", token.as_str())]).collect();
    serde_urlencoded::to_string(all).map_err(|error| Error::Other(error.to_string()))
}

/// A text without ids and what else differs between any two answers.
fn words(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| !word.is_empty() && !is_id(word) && !is_token(word)).collect()
}

/// Whether a text is a token, of which each form has one of its own. It names nothing, so nobody's is not looked for.
fn is_token(text: &str) -> bool {
    is_random(text, TOKEN)
}

/// Whether a text may be so many random letters of ours, see `domain/ids.rs`. In one id of a hundred and fifty there is no digit.
fn is_random(text: &str, letters: usize) -> bool {
    text.len() == letters && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

/// The headers but for what differs between any two answers.
fn kept(answer: &Answer) -> Vec<String> {
    let own = |name: &str| {
        matches!(name, "date" | "request-id" | "content-length" | "set-cookie") || name.starts_with("ratelimit")
    };
    let kept = answer.headers.iter().filter(|(name, _)| !own(name.as_str()));
    kept.map(|(name, value)| format!("{name}: {}", words(&String::from_utf8_lossy(value.as_bytes())).join(" ")))
        .collect()
}

/// Whether a text is an id of ours or of Stripe's, or a handle of the portal.
pub(super) fn is_id(text: &str) -> bool {
    let prefixed = text.rsplit_once('_').is_some_and(|(prefix, rest)| {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        prefix.starts_with(|letter: char| letter.is_ascii_lowercase())
            && prefix.len() < 8
            && plain(prefix)
            && rest.len() >= 8
            && plain(rest)
            && (rest.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) || is_random(rest, RANDOM))
    });
    let handle = text.len() >= HANDLE && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    prefixed || handle
}

/// The same text with every id turned into one of the same kind and length that nobody has; those of one's own business stay.
pub(super) fn nobodys(text: &str, own: &Place) -> String {
    let mut turned = String::with_capacity(text.len());
    let mut word = String::new();
    let end = |word: &mut String, turned: &mut String| {
        let stays = !is_id(word) || [own.tenant.as_str(), own.project.as_str()].contains(&word.as_str());
        turned.push_str(&if stays { word.clone() } else { reversed(word) });
        word.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
        } else {
            end(&mut word, &mut turned);
            turned.push(letter);
        }
    }
    end(&mut word, &mut turned);
    turned
}

fn reversed(id: &str) -> String {
    match id.rsplit_once('_') {
        Some((prefix, rest)) => format!("{prefix}_{}", rest.chars().rev().collect::<String>()),
        None => id.chars().rev().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_id, reversed};

    #[test]
    fn ids_are_told_from_words() {
        for id in [
            "ten_abcdefghijklmnopqrstuv27",
            "ten_abcdefghijklmnopqrstuvwx",
            "cus_NffrFeUfNV2Hib",
            "evt_1a2b3c4d5e",
            "0123456789abcdef0123",
        ] {
            assert!(is_id(id), "{id}");
            assert_ne!(reversed(id), id);
        }
        for word in ["customers", "created_from", "rak_customer_read", "status", "2026"] {
            assert!(!is_id(word), "{word}");
        }
    }
}
