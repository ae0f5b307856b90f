//! The pages that people see: checkout, and invoices with their PDF. Plain HTML that works without scripts.

pub mod checkout;
pub mod invoice;
pub mod pdf;

use std::sync::Arc;

use axum::Router;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header};

use super::errors::ApiError;
use super::events::Cause;
use super::kind::Kind;
use super::space::Space;
use super::state::{Account, Shared};

/// The routes of the pages.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/c/pay/{acct}/{session}", get(checkout::show).post(checkout::submit))
        .route("/i/{acct}/{invoice}", get(invoice::show).post(invoice::submit))
        .route("/i/{acct}/{invoice}/pdf", get(invoice::download))
}

/// The account of a page, the mode of its object, and the object's number.
fn found(shared: &Shared, account: &str, kind: Kind, id: &str) -> Option<(Arc<Account>, bool, u64)> {
    let account = shared.account(account)?;
    let within = |live: bool| account.read(live).find_alive(kind, id);
    let (live, n) = match (within(false), within(true)) {
        (Some(n), _) => (false, n),
        (None, Some(n)) => (true, n),
        (None, None) => return None,
    };
    Some((account, live, n))
}

/// Whoever clicks on a page is not a program: no request is named.
fn cause(shared: &Shared) -> Cause {
    Cause { now: shared.clock.now(), ..Cause::default() }
}

/// Text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// `$12.00`, `¥440`, `KWD 8.900`; only for people to look at.
fn money(amount: i64, currency: &str) -> String {
    let digits = match currency {
        "jpy" | "krw" | "vnd" | "clp" | "xaf" => 0,
        "kwd" | "bhd" | "omr" | "tnd" | "jod" => 3,
        _ => 2,
    };
    let sign = if amount < 0 { "-" } else { "" };
    let unit = 10_u64.pow(digits);
    let (whole, part) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    let symbol = match currency {
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        "jpy" => "¥".to_owned(),
        other => format!("{} ", other.to_uppercase()),
    };
    match usize::try_from(digits) {
        Ok(width) if width > 0 => format!("{sign}{symbol}{whole}.{part:0width$}"),
        _ => format!("{sign}{symbol}{whole}"),
    }
}

/// A page around its content.
fn page(status: StatusCode, space: &Space, title: &str, content: &str) -> Response {
    let mode = if space.live { "" } else { "<p class=\"mode\">Test mode: no money moves.</p>" };
    let name = escape(&space.account.name);
    let title = escape(title);
    whole(
        status,
        &format!("{title} · {name}"),
        &format!("{mode}<p class=\"seller\">{name}</p><h1>{title}</h1>{content}"),
    )
}

/// The answer where there is no such page.
fn missing() -> Response {
    whole(
        StatusCode::NOT_FOUND,
        "Not found",
        "<h1>Not found</h1><p>This page does not exist, or does not any more.</p>",
    )
}

fn whole(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>"
    );
    let mut response = (status, Html(html)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f6f7f9;color:#1a1f36}\
    main{max-width:34rem;margin:2rem auto;padding:1.5rem;background:#fff;border:1px solid #d5dae3}\
    h1{font-size:1.4rem;margin:.2rem 0 1rem}.seller{margin:0;color:#4f566b}.mode{margin:0 0 1rem;color:#7a3e00}\
    table{width:100%;border-collapse:collapse}td,th{padding:.3rem 0;text-align:left}td:last-child,th:last-child{text-align:right}\
    label{display:block;margin:.6rem 0 .2rem}input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #6a7383}\
    button{font:inherit;padding:.6rem 1rem;margin:1rem .5rem 0 0;border:1px solid #1a1f36;background:#fff;color:#1a1f36}\
    button[value=pay]{background:#1a1f36;color:#fff}.error{border:1px solid #b3093c;color:#8c0730;padding:.5rem}";

/// What went wrong, for the top of a form.
fn alert(error: Option<&ApiError>) -> String {
    error.map_or_else(String::new, |error| format!("<p class=\"error\" role=\"alert\">{}</p>", escape(&error.message)))
}

/// One thing to click.
fn button(value: &str, text: &str) -> String {
    format!("<button type=\"submit\" name=\"do\" value=\"{value}\">{text}</button>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_with_the_digits_of_its_currency() {
        for (amount, currency, wanted) in
            [(1200, "usd", "$12.00"), (-5, "eur", "-€0.05"), (440, "jpy", "¥440"), (8900, "kwd", "KWD 8.900")]
        {
            assert_eq!(money(amount, currency), wanted);
        }
    }
}
