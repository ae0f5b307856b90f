//! Billing a subscription: from lines to an invoice that is paid, refused, or left as it was asked.

use serde_json::Value;

use super::collect;
use super::discount::Wanted;
use super::draft::{self, Draft, take_up, waiting};
use super::invoice_item::keep_for_later;
use super::invoice_life::{finalize, give_up, note_refusal, pay_with, void};
use super::line::{Line, card_of};
use super::subscription_change::{period_of, whole};
use super::usage;
use crate::standin::errors::ApiError;
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// What becomes of a new invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is finalized and, unless it is sent, paid by card.
    Collect,
    /// It is finalized and waits for somebody to pay it.
    Wait,
    /// It stays a draft.
    Keep,
    /// It is taken back.
    Void,
    /// It is given up.
    GiveUp,
}

/// What is billed.
#[derive(Debug)]
pub struct Bill<'a> {
    /// The whole subscription.
    pub subscription: &'a Value,
    /// Why.
    pub reason: &'static str,
    /// The lines besides the invoice items that wait.
    pub lines: Vec<Line>,
    /// Start and end of the period billed.
    pub period: (i64, i64),
    /// The moment that prorations were computed for.
    pub proration_date: Option<i64>,
    /// What becomes of it.
    pub then: Then,
}

/// The customer of a subscription; nothing when they are gone.
pub fn customer_of(space: &Space, subscription: &Value) -> Value {
    let id = subscription["customer"].as_str().unwrap_or_default();
    space.find_alive(Kind::Customer, id).and_then(|n| space.value(Kind::Customer, n)).unwrap_or_default()
}

/// Makes the invoice and returns its identifier.
pub fn bill(space: &mut Space, cause: &Cause, bill: Bill<'_>) -> Result<String, ApiError> {
    let subscription = bill.subscription;
    let customer = customer_of(space, subscription);
    let owner = subscription["customer"].as_str().unwrap_or_default();
    let items = waiting(space, owner, subscription["id"].as_str());
    let mut lines: Vec<Line> = items
        .iter()
        .filter_map(|n| space.value(Kind::InvoiceItem, *n))
        .map(|item| Line::of_invoice_item(&item))
        .collect();
    for line in bill.lines {
        // A part of a period is an invoice item of its own, even when it is billed at once.
        let item = if line.proration { Some(keep_for_later(space, cause, owner, subscription, &line)) } else { None };
        lines.push(Line { invoice_item: item.or(line.invoice_item.clone()), ..line });
    }
    let mut draft = Draft::of_subscription(space, subscription, &customer, bill.reason, cause.now);
    draft.lines = lines;
    draft.period = bill.period;
    draft.proration_date = bill.proration_date;
    let n = draft::open(space, cause, &draft);
    let id = space.ids.id(Kind::Invoice, n);
    let items = waiting(space, owner, subscription["id"].as_str());
    take_up(space, &items, &id);
    after(space, cause, n, bill.then)?;
    Ok(id)
}

fn after(space: &mut Space, cause: &Cause, n: u64, then: Then) -> Result<(), ApiError> {
    let no_advance = || Form::from_pairs(&[("auto_advance", "false")]);
    match then {
        Then::Keep => {
            let mut invoice = space.value(Kind::Invoice, n).unwrap_or_default();
            invoice["auto_advance"] = false.into();
            invoice["automatically_finalizes_at"] = Value::Null;
            super::change(space, cause, "invoice.updated", Kind::Invoice, n, invoice);
            return Ok(());
        }
        Then::Void => {
            finalize(space, cause, n, &no_advance()?)?;
            if is_open(space, n) {
                void(space, cause, n, &Form::default())?;
            }
            return Ok(());
        }
        Then::GiveUp => {
            finalize(space, cause, n, &no_advance()?)?;
            if is_open(space, n) {
                give_up(space, cause, n, &Form::default())?;
            }
            return Ok(());
        }
        Then::Collect | Then::Wait => finalize(space, cause, n, &Form::default())?,
    }
    let invoice = space.value(Kind::Invoice, n).unwrap_or_default();
    let by_card = invoice["collection_method"] == "charge_automatically";
    if then == Then::Collect && by_card && invoice["status"] == "open" {
        match collect::method_of(space, &invoice) {
            // A refusal is recorded with the invoice; it is not the request that failed.
            Some(method) => drop(pay_with(space, cause, n, method)),
            None => note_refusal(space, cause, n),
        }
    }
    Ok(())
}

fn is_open(space: &Space, n: u64) -> bool {
    space.attribute(Kind::Invoice, n, "status").as_deref() == Some("open")
}

/// The lines of the first period: usage is shown as nothing, a trial costs nothing.
pub fn first_lines(space: &Space, subscription: &Value) -> Vec<Line> {
    let free = subscription["status"] == "trialing";
    let rows = subscription["items"]["data"].as_array().cloned().unwrap_or_default();
    rows.iter()
        .map(|row| {
            let quantity = row["quantity"].as_i64().unwrap_or(0);
            let mut line = Line::of(&card_of(space, row), quantity, period_of(row)).of_item(subscription, row);
            if free {
                line.amount = 0;
                line.description = format!("Trial period for {}", line.description);
            }
            line
        })
        .collect()
}

/// The lines of a renewal: the next period of what is counted, the past one of what is used. `rows` are in the next period.
pub fn renewal_lines(space: &Space, subscription: &Value, rows: &[(Value, (i64, i64))]) -> Vec<Line> {
    rows.iter()
        .filter_map(|(row, past)| match whole(space, subscription, row) {
            Some(line) => Some(line),
            None => usage_line(space, subscription, row, *past),
        })
        .collect()
}

/// What was used of a metered row in a period.
pub fn usage_line(space: &Space, subscription: &Value, row: &Value, period: (i64, i64)) -> Option<Line> {
    let price = card_of(space, row);
    if !price.metered {
        return None;
    }
    let customer = subscription["customer"].as_str().unwrap_or_default();
    let used = row["price"]["recurring"]["meter"]
        .as_str()
        .map_or(0, |meter| usage::total(space, meter, customer, period.0, period.1));
    Some(Line::of(&price, used, period).of_item(subscription, row))
}

/// What the first invoice would come to, before anything is made.
pub fn due_at_once(
    space: &mut Space,
    subscription: &Value,
    lines: &[Line],
    wanted: Option<&[Wanted]>,
    now: i64,
) -> Value {
    let customer = customer_of(space, subscription);
    let mut draft = Draft::of_subscription(space, subscription, &customer, "subscription_create", now);
    draft.lines = lines.to_vec();
    if let Some(wanted) = wanted {
        draft.discounts = super::discount::imagined(space, wanted);
    }
    draft.value(space, "in_preview", now)
}
