//! One invoice, ready to be printed.

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::domain::raw::{self, Raw};
use crate::domain::status;
use crate::store::{charges, invoices, outbox, timeline as events};
use crate::web::access::Viewer;
use crate::web::dashboard::lines::{self, LineRow, Total};
use crate::web::dashboard::rows::{self, ChargeRow, InvoiceRow};
use crate::web::dashboard::show::{self, Fact};
use crate::web::dashboard::timeline::{self, Entry};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::links;
use crate::web::shell::{Nav, Shell};

/// Lines of the timeline.
const EVENTS: i64 = 30;
/// Seconds by which a charge may be younger than the payment it is.
const HOUR: i64 = 3_600;

#[derive(Template)]
#[template(path = "invoices/detail.html")]
struct InvoicePage {
    shell: Shell,
    detail: invoices::Detail,
    row: InvoiceRow,
    lines: Vec<LineRow>,
    cut: bool,
    totals: Vec<Total>,
    facts: Vec<Fact>,
    metadata: Vec<(String, String)>,
    charges: Vec<ChargeRow>,
    /// Stripe does not say which charges paid it; these fit by customer, amount and time.
    by_amount: bool,
    timeline: Vec<Entry>,
    hosted: Option<String>,
    pdf: Option<String>,
    raw: String,
    in_stripe: Option<String>,
    /// Whether a change waits for its confirmation.
    pending: bool,
}

impl InvoicePage {
    /// What its state lets one do: the last part of the address, the label, the look.
    fn acts(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        if self.detail.deleted_at.is_some() {
            return &[];
        }
        match self.detail.invoice.status.as_str() {
            "draft" => &[("finalize", "Finalize", "btn-primary")],
            "open" => &[
                ("pay", "Try the payment", "btn-primary"),
                ("send", "Send", ""),
                ("write-off", "Uncollectible", ""),
                ("void", "Void", "btn-outline-danger"),
            ],
            "uncollectible" => &[("pay", "Try the payment", ""), ("void", "Void", "btn-outline-danger")],
            _ => &[],
        }
    }

    fn explanation(&self) -> Option<&'static str> {
        status::explanation(Kind::Invoice, &self.detail.invoice.status).filter(|_| self.detail.deleted_at.is_none())
    }
}

pub(super) async fn detail(viewer: Viewer, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    let project = &viewer.project.id;
    let id = Kind::Invoice.resolve_id(project, &id);
    let mut tx = viewer.read().await?;
    let detail = invoices::find(&mut tx, project, &id).await?.ok_or(Error::NotFound)?;
    let raw = Raw::parse(&detail.raw);
    let customer = detail.invoice.customer_id.clone().unwrap_or_default();
    let payments = payment_intents(&raw);
    let payments = payments.iter().map(String::as_str);
    let mut charges = charges::of_invoice(&mut tx, project, &customer, &id, payments).await?;
    let by_amount = charges.is_empty() && detail.invoice.attempt_count > 0;
    if by_amount {
        let until = detail.paid_at.unwrap_or(viewer.now()) + HOUR;
        let amount = (detail.amount_due, detail.invoice.currency.as_str());
        charges = charges::that_fit(&mut tx, project, &customer, amount, (detail.invoice.created, until)).await?;
    }
    let subject = if customer.is_empty() { &id } else { &customer };
    let events = events::of_object(&mut tx, project, subject, &detail.invoice.stripe_id, EVENTS).await?;
    let mut row = rows::invoices(vec![detail.invoice.clone()], viewer.now());
    let link = |pointer: &str| links::stripe(&viewer.app.config, &raw, pointer).map(ToOwned::to_owned);
    html::page(&InvoicePage {
        shell: viewer.shell(Nav::Invoices),
        row: row.pop().ok_or(Error::NotFound)?,
        lines: lines::of(&raw, &detail.invoice.currency),
        cut: raw.flag("/lines/has_more"),
        totals: lines::totals(&raw, &detail),
        facts: facts(&raw),
        metadata: raw.pairs("/metadata"),
        by_amount: by_amount && !charges.is_empty(),
        charges: rows::charges(charges),
        timeline: timeline::entries(events),
        hosted: link("/hosted_invoice_url"),
        pdf: link("/invoice_pdf"),
        raw: raw::pretty(&detail.raw),
        pending: outbox::is_waiting_for(&mut tx, project, &detail.invoice.stripe_id).await?,
        in_stripe: show::stripe_path(&viewer, "invoices", &detail.invoice.stripe_id),
        detail,
    })
}

/// The payments of an invoice: one before Basil (2025-03-31), a list since.
fn payment_intents(raw: &Raw) -> Vec<String> {
    let since = raw.list("/payments");
    let since = since.iter().filter_map(|payment| payment.reference("/payment/payment_intent"));
    raw.reference("/payment_intent").into_iter().chain(since).map(ToOwned::to_owned).collect()
}

fn facts(raw: &Raw) -> Vec<Fact> {
    let text = |pointer: &str| raw.text(pointer).map(ToOwned::to_owned);
    let discounts = show::discounts(raw);
    show::facts([
        ("Billed to", text("/customer_name")),
        ("E-mail", text("/customer_email")),
        ("Address", show::address(raw, "/customer_address")),
        ("Billed by", text("/account_name")),
        ("Reason", text("/billing_reason").map(|reason| status::words(&reason))),
        ("Collection", text("/collection_method").map(|method| status::words(&method))),
        ("Discount", (!discounts.is_empty()).then(|| discounts.join(", "))),
        ("Description", text("/description")),
        ("Footer", text("/footer")),
        ("Last problem", text("/last_finalization_error/message")),
    ])
}
