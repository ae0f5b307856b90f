//! The customer's invoices. Stripe's own pages show and settle them; the way there is looked up at the click, so that no page
//! holds an address that works without the visit.

use std::collections::HashMap;

use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::plans;
use crate::db::Tx;
use crate::domain::portal::Permit;
use crate::domain::raw::Raw;
use crate::store::invoices::{self, Invoice};
use crate::store::list::{Filter, Slice};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::links;
use crate::web::routes::Routes;

/// Invoices that are shown: two years of months.
pub const MOST: usize = 24;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/invoices/{invoice}/pdf", get(pdf)).route("/portal/invoices/{invoice}/pay", get(pay))
}

/// An invoice as its customer sees it.
pub struct InvoiceRow {
    /// As stored.
    pub invoice: Invoice,
    /// Where its addresses begin.
    pub path: String,
    /// The number, or what stands for it.
    pub number: String,
    /// Stripe's word for its state, in the customer's language.
    pub status: String,
    /// The day it was made.
    pub day: String,
    /// `$1,234.50 USD`
    pub total: String,
    /// What is left to pay, when that is another amount.
    pub remaining: Option<String>,
    /// Whether there is a document.
    pub has_pdf: bool,
    /// Whether it can be paid now.
    pub payable: bool,
}

/// The newest invoices that are final.
pub async fn of(tx: &mut Tx, guest: &Guest) -> Result<Vec<InvoiceRow>> {
    let invoices = own(tx, guest).await?;
    let ids = invoices.iter().map(|invoice| invoice.id.as_str());
    let raws = invoices::raws(tx, &guest.visit.project, ids).await?;
    let raws: HashMap<String, Raw> = raws.into_iter().map(|(id, raw)| (id, Raw::parse(&raw))).collect();
    let row = |invoice: Invoice| {
        let link = |pointer: &str| {
            raws.get(&invoice.id).is_some_and(|raw| links::stripe(&guest.app.config, raw, pointer).is_some())
        };
        let remaining = invoice.status == "open" && invoice.amount_remaining != invoice.total;
        InvoiceRow {
            path: format!("/portal/invoices/{}", guest.handle(&invoice.id)),
            total: guest.language.money(invoice.total, &invoice.currency),
            remaining: remaining.then(|| guest.language.money(invoice.amount_remaining, &invoice.currency)),
            status: plans::status(guest.language, &invoice.status),
            day: guest.language.day(invoice.created),
            number: if invoice.number.is_empty() { guest.language.say("invoice") } else { invoice.number.clone() },
            has_pdf: link("/invoice_pdf"),
            payable: invoice.status == "open" && link("/hosted_invoice_url"),
            invoice,
        }
    };
    Ok(invoices.into_iter().map(row).collect())
}

async fn own(tx: &mut Tx, guest: &Guest) -> Result<Vec<Invoice>> {
    let mine = Filter { customers: Some(vec![guest.visit.customer.customer.id.clone()]), ..Filter::default() };
    let all = invoices::list(tx, &guest.visit.project, &mine, &Slice::newest(MOST)).await?.rows;
    Ok(all.into_iter().filter(|invoice| !matches!(invoice.status.as_str(), "draft" | "deleted")).collect())
}

async fn pdf(guest: Guest, Path(handle): Path<String>) -> Result<Response> {
    lead_to(&guest, &handle, "/invoice_pdf").await
}

async fn pay(guest: Guest, Path(handle): Path<String>) -> Result<Response> {
    lead_to(&guest, &handle, "/hosted_invoice_url").await
}

async fn lead_to(guest: &Guest, handle: &str, pointer: &str) -> Result<Response> {
    guest.needs(Permit::Invoices)?;
    let mut tx = guest.read().await?;
    let own = own(&mut tx, guest).await?;
    let invoice = guest.pick(handle, own, |invoice| &invoice.id)?;
    let raw = invoices::raws(&mut tx, &guest.visit.project, [invoice.id.as_str()]).await?.pop();
    let raw = raw.map(|(_, raw)| Raw::parse(&raw)).unwrap_or_default();
    Ok(html::see_other(links::stripe(&guest.app.config, &raw, pointer).ok_or(Error::NotFound)?))
}
