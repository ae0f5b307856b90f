//! The page of an invoice, where its customer can pay it, and its PDF.
#![expect(clippy::disallowed_types, reason = "error pages are for people; these pages answer them in their own way")]

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::Value;

use super::{alert, button, cause, escape, found, missing, money, page, pdf};
use crate::standin::errors::ApiError;
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::objects::card::{Card, DECLINING, PAYING};
use crate::standin::objects::change;
use crate::standin::objects::invoice_life::pay_with;
use crate::standin::objects::payment_method;
use crate::standin::objects::subscription_change::day;
use crate::standin::space::Space;
use crate::standin::state::Shared;

/// `GET /i/{acct}/{invoice}`
pub async fn show(State(shared): State<Arc<Shared>>, Path((account, invoice)): Path<(String, String)>) -> Response {
    let Some((account, live, n)) = found(&shared, &account, Kind::Invoice, &invoice) else {
        return missing();
    };
    render(&account.read(live), n, None)
}

/// `POST /i/{acct}/{invoice}`: pays with a card that pays, or one that the bank refuses.
pub async fn submit(
    State(shared): State<Arc<Shared>>,
    Path((account, invoice)): Path<(String, String)>,
    body: String,
) -> Response {
    let Some((account, live, n)) = found(&shared, &account, Kind::Invoice, &invoice) else {
        return missing();
    };
    let form = Form::decode(&body).unwrap_or_default();
    let pays = form.text("do").ok().flatten() == Some("pay");
    let Some(card) = Card::test(if pays { PAYING } else { DECLINING }) else {
        return missing();
    };
    let mut space = account.write(live);
    let value = space.value(Kind::Invoice, n).unwrap_or_default();
    if value["status"] != "open" {
        return render(&space, n, None);
    }
    let cause = cause(&shared);
    let text = |name: &str| value[name].as_str();
    let method = payment_method::make(&mut space, &cause, &card, (text("customer_name"), text("customer_email")));
    let result = pay_with(&mut space, &cause, n, method);
    if result.is_ok() {
        keep_card(&mut space, &cause, &value, method);
    }
    render(&space, n, result.err().as_ref())
}

/// The card that paid for a subscription pays its later invoices too.
fn keep_card(space: &mut Space, cause: &Cause, invoice: &Value, method: u64) {
    let id = invoice["parent"]["subscription_details"]["subscription"].as_str();
    let subscription = id.and_then(|id| space.find_alive(Kind::Subscription, id));
    let (Some(n), "charge_automatically") = (subscription, invoice["collection_method"].as_str().unwrap_or_default())
    else {
        return;
    };
    let owner = invoice["customer"].as_str().unwrap_or_default();
    let mut value = space.value(Kind::Subscription, n).unwrap_or_default();
    if payment_method::attach(space, cause, method, owner).is_ok() && value["ended_at"].is_null() {
        value["default_payment_method"] = space.ids.id(Kind::PaymentMethod, method).into();
        change(space, cause, "customer.subscription.updated", Kind::Subscription, n, value);
    }
}

/// `GET /i/{acct}/{invoice}/pdf`
pub async fn download(State(shared): State<Arc<Shared>>, Path((account, invoice)): Path<(String, String)>) -> Response {
    let Some((account, live, n)) = found(&shared, &account, Kind::Invoice, &invoice) else {
        return missing();
    };
    let space = account.read(live);
    let value = space.value(Kind::Invoice, n).unwrap_or_default();
    if value["status"] == "draft" {
        return missing();
    }
    let number = value["number"].as_str().unwrap_or("invoice");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"Invoice-{number}.pdf\"")),
    ];
    (headers, pdf::document(&text_lines(&space, &value))).into_response()
}

fn sum(invoice: &Value, name: &str) -> String {
    money(invoice[name].as_i64().unwrap_or(0), invoice["currency"].as_str().unwrap_or_default())
}

fn text_lines(space: &Space, invoice: &Value) -> Vec<String> {
    let text = |name: &str| invoice[name].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![
        format!("Invoice {}", text("number")),
        space.account.name.clone(),
        format!("Billed to {} {}", text("customer_name"), text("customer_email")),
        format!("Date {}", day(invoice["created"].as_i64().unwrap_or(0))),
        String::new(),
    ];
    for line in invoice["lines"]["data"].as_array().into_iter().flatten() {
        let amount = money(line["amount"].as_i64().unwrap_or(0), line["currency"].as_str().unwrap_or_default());
        lines.push(format!("{}   {amount}", line["description"].as_str().unwrap_or_default()));
    }
    lines.push(String::new());
    lines.push(format!("Total {}", sum(invoice, "total")));
    lines.push(format!("Amount due {}", sum(invoice, "amount_due")));
    lines.push(format!("Status {}", text("status")));
    lines
}

fn render(space: &Space, n: u64, error: Option<&ApiError>) -> Response {
    let invoice = space.value(Kind::Invoice, n).unwrap_or_default();
    let status = invoice["status"].as_str().unwrap_or_default();
    if status == "draft" {
        return missing();
    }
    let title = format!("Invoice {}", invoice["number"].as_str().unwrap_or_default());
    let row = |name: &str, sum: &str| format!("<tr><td>{}</td><td>{sum}</td></tr>", escape(name));
    let mut rows: Vec<String> = Vec::new();
    for line in invoice["lines"]["data"].as_array().into_iter().flatten() {
        let amount = money(line["amount"].as_i64().unwrap_or(0), line["currency"].as_str().unwrap_or_default());
        rows.push(row(line["description"].as_str().unwrap_or_default(), &amount));
    }
    rows.push(row("Total", &sum(&invoice, "total")));
    rows.push(row("Amount due", &sum(&invoice, "amount_remaining")));
    let form = match status {
        "open" => format!("<form method=\"post\">{}{}</form>", button("pay", "Pay"), button("decline", "Decline")),
        _ => String::new(),
    };
    let pdf = invoice["invoice_pdf"]
        .as_str()
        .map_or_else(String::new, |url| format!("<p><a href=\"{}\">Download the PDF</a></p>", escape(url)));
    let html = format!(
        "{}<p>{}</p><table><thead><tr><th>What</th><th>Amount</th></tr></thead><tbody>{}</tbody></table>\
         <p>Status: {status}</p>{form}{pdf}",
        alert(error),
        escape(invoice["customer_name"].as_str().unwrap_or_default()),
        rows.concat()
    );
    let code = if error.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
    page(code, space, &title, &html)
}
