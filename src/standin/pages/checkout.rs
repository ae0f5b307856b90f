//! The checkout page: what is bought, and three buttons: pay, decline (a card that the bank refuses), cancel.
#![expect(clippy::disallowed_types, reason = "error pages are for people; these pages answer them in their own way")]

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde_json::Value;

use super::{alert, button, cause, escape, found, missing, money, page};
use crate::standin::errors::ApiError;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::objects::card::{Card, DECLINING, PAYING};
use crate::standin::objects::checkout::expire_if_due;
use crate::standin::objects::checkout_complete::{Buyer, complete};
use crate::standin::space::Space;
use crate::standin::state::Shared;

/// `GET /c/pay/{acct}/{session}`
pub async fn show(State(shared): State<Arc<Shared>>, Path((account, session)): Path<(String, String)>) -> Response {
    let Some((account, live, n)) = found(&shared, &account, Kind::CheckoutSession, &session) else {
        return missing();
    };
    let mut space = account.write(live);
    expire_if_due(&mut space, &cause(&shared), n);
    render(&space, n, &Form::default(), None)
}

/// `POST /c/pay/{acct}/{session}`
pub async fn submit(
    State(shared): State<Arc<Shared>>,
    Path((account, session)): Path<(String, String)>,
    body: String,
) -> Response {
    let Some((account, live, n)) = found(&shared, &account, Kind::CheckoutSession, &session) else {
        return missing();
    };
    let form = Form::decode(&body).unwrap_or_default();
    let mut space = account.write(live);
    let cause = cause(&shared);
    expire_if_due(&mut space, &cause, n);
    let before = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    if before["status"] != "open" {
        return render(&space, n, &form, None);
    }
    let typed = |name: &str| form.text(name).ok().flatten().unwrap_or_default().trim().to_owned();
    let pressed = typed("do");
    if pressed == "cancel" {
        return match before["cancel_url"].as_str() {
            Some(url) => Redirect::to(url).into_response(),
            None => render(&space, n, &form, None),
        };
    }
    let Some(card) = Card::test(if pressed == "pay" { PAYING } else { DECLINING }) else {
        return missing();
    };
    let (name, email, code) = (typed("name"), typed("email"), typed("promotion_code"));
    let known = before["customer_email"].as_str().or(before["customer_details"]["email"].as_str()).unwrap_or_default();
    let email = if email.is_empty() { known } else { &email };
    if email.is_empty() && before["customer"].is_null() {
        let error = ApiError::invalid(400, "Your e-mail address is needed for the receipt.");
        return render(&space, n, &form, Some(&error));
    }
    match complete(&mut space, &cause, n, &Buyer { name: &name, email, code: &code, card: &card }) {
        Err(error) => render(&space, n, &form, Some(&error)),
        Ok(()) => Redirect::to(&landing(&before)).into_response(),
    }
}

/// The address to go on to, with the session in its place.
fn landing(session: &Value) -> String {
    let url = session["success_url"].as_str().unwrap_or_default();
    url.replace("{CHECKOUT_SESSION_ID}", session["id"].as_str().unwrap_or_default())
}

fn render(space: &Space, n: u64, typed: &Form, error: Option<&ApiError>) -> Response {
    let session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    match session["status"].as_str() {
        Some("open") => {
            let status = if error.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
            page(status, space, title(&session), &format!("{}{}", alert(error), form(space, n, &session, typed)))
        }
        Some("complete") => {
            let on = format!("<p><a href=\"{}\">Go on</a></p>", escape(&landing(&session)));
            page(StatusCode::OK, space, "You're all done here", &on)
        }
        _ => page(StatusCode::GONE, space, "This page has expired", "<p>Ask for a new link.</p>"),
    }
}

fn title(session: &Value) -> &'static str {
    match session["mode"].as_str() {
        Some("setup") => "Save a card",
        Some("subscription") => "Subscribe",
        _ => "Pay",
    }
}

fn form(space: &Space, n: u64, session: &Value, typed: &Form) -> String {
    let mut html = table(space, n, session);
    html.push_str("<form method=\"post\">");
    let value = |name: &str| escape(typed.text(name).ok().flatten().unwrap_or_default());
    if session["customer"].is_null() {
        if session["customer_email"].is_null() {
            html.push_str(&field("email", "email", "E-mail", &value("email")));
        }
        html.push_str(&field("name", "text", "Name", &value("name")));
    }
    if session["allow_promotion_codes"] == true {
        html.push_str(&field("promotion_code", "text", "Promotion code", &value("promotion_code")));
    }
    html.push_str("<p>Card 4242 4242 4242 4242, which pays. The second button uses 4000 0000 0000 0002, which the bank refuses.</p>");
    html.push_str(&button("pay", if session["mode"] == "setup" { "Save card" } else { "Pay" }));
    html.push_str(&button("decline", "Decline"));
    if !session["cancel_url"].is_null() {
        html.push_str(&button("cancel", "Cancel"));
    }
    html.push_str("</form>");
    html
}

fn field(name: &str, sort: &str, label: &str, value: &str) -> String {
    format!(
        "<label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\" type=\"{sort}\" value=\"{value}\">"
    )
}

fn table(space: &Space, n: u64, session: &Value) -> String {
    let Some(terms) = space.checkouts.get(&n).filter(|terms| !terms.items.is_empty()) else {
        return String::new();
    };
    let currency = session["currency"].as_str().unwrap_or_default();
    let row = |name: &str, amount: &Value| {
        let sum = amount.as_i64().map_or_else(String::new, |amount| money(amount, currency));
        format!("<tr><td>{}</td><td>{sum}</td></tr>", escape(name))
    };
    let mut html = "<table><thead><tr><th>What</th><th>Amount</th></tr></thead><tbody>".to_owned();
    for item in &terms.items {
        let name = item["description"].as_str().unwrap_or_default();
        let name = match item["quantity"].as_i64() {
            Some(quantity) if quantity != 1 => format!("{quantity} × {name}"),
            _ => name.to_owned(),
        };
        html.push_str(&row(&name, &item["amount_subtotal"]));
    }
    let off = session["total_details"]["amount_discount"].as_i64().unwrap_or(0);
    if off > 0 {
        html.push_str(&row("Discount", &(-off).into()));
    }
    html.push_str(&row("Due today", &session["amount_total"]));
    html.push_str("</tbody></table>");
    html
}
