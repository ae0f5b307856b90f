//! The lines of an invoice and what they add up to, in the shapes of all API versions.

use super::show::{self, Amount};
use crate::domain::money::{self, grouped};
use crate::domain::raw::Raw;
use crate::domain::time;
use crate::store::invoices::Detail;

/// A line.
pub struct LineRow {
    /// What it is for.
    pub description: String,
    /// The time it is for; empty for something paid once.
    pub period: String,
    /// How many.
    pub quantity: String,
    /// Of one unit, with as many decimals as it needs; empty where quantity times price is not the amount (packages, tiers,
    /// parts of a period).
    pub unit: String,
    /// Of the line.
    pub amount: Amount,
}

/// A sum below the lines.
pub struct Total {
    /// What it is.
    pub label: String,
    /// How much.
    pub amount: Amount,
    /// Whether it stands out.
    pub strong: bool,
}

/// The lines inside an invoice's JSON.
pub fn of(invoice: &Raw, currency: &str) -> Vec<LineRow> {
    invoice.list("/lines").iter().map(|line| self::line(line, currency)).collect()
}

fn line(line: &Raw, currency: &str) -> LineRow {
    let currency = line.text("/currency").unwrap_or(currency);
    let unit = line
        .number("/pricing/unit_amount_decimal")
        .or_else(|| line.number("/unit_amount_excluding_tax"))
        .or_else(|| line.number("/price/unit_amount_decimal"))
        .or_else(|| line.number("/price/unit_amount"));
    let period = match (line.int("/period/start"), line.int("/period/end")) {
        (Some(start), Some(end)) if end > start => format!("{} – {}", time::day(start), time::day(end)),
        _ => String::new(),
    };
    let (amount, quantity) = (line.int("/amount").unwrap_or(0), line.int("/quantity"));
    let explains = |unit: &String| money::is_product(unit, quantity.unwrap_or(1), amount);
    LineRow {
        description: line.text("/description").unwrap_or("Item").to_owned(),
        period,
        quantity: quantity.map(grouped).unwrap_or_default(),
        unit: unit.filter(explains).and_then(|unit| money::format_decimal(&unit, currency)).unwrap_or_default(),
        amount: show::amount(amount, currency),
    }
}

/// Subtotal, discounts, tax, total, what was paid and what is left.
pub fn totals(invoice: &Raw, detail: &Detail) -> Vec<Total> {
    let currency = &detail.invoice.currency;
    let mut totals = Vec::new();
    let mut add = |label: &str, minor: i64, strong: bool| {
        totals.push(Total { label: label.to_owned(), amount: show::amount(minor, currency), strong });
    };
    if let Some(subtotal) = invoice.int("/subtotal") {
        add("Subtotal", subtotal, false);
    }
    match sum(invoice, &["/total_discount_amounts"]) {
        Some(0) | None => {}
        Some(discount) => add("Discount", discount.saturating_neg(), false),
    }
    if let Some(tax) = sum(invoice, &["/total_taxes", "/total_tax_amounts"]).or_else(|| invoice.int("/tax")) {
        add("Tax", tax, false);
    }
    add("Total", detail.invoice.total, true);
    if let (Some(start), Some(end)) = (invoice.int("/starting_balance"), invoice.int("/ending_balance"))
        && start != end
    {
        add("From the customer's balance", start.saturating_sub(end), false);
    }
    add("Paid", detail.amount_paid, false);
    add("Left to pay", detail.invoice.amount_remaining, true);
    totals
}

/// The sum of the amounts of the first list that has any.
fn sum(invoice: &Raw, lists: &[&str]) -> Option<i64> {
    let lists = lists.iter().map(|pointer| invoice.list(pointer));
    let amounts = lists.into_iter().find(|list| !list.is_empty())?;
    Some(amounts.iter().filter_map(|amount| amount.int("/amount")).fold(0, i64::saturating_add))
}
