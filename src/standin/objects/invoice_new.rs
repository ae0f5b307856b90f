//! Making and changing invoices by hand.

use serde_json::Value;

use super::change;
use super::discount::{self, Owner, Wanted};
use super::draft::{DAY, Draft, add_up_again, payment_of, take_up, waiting};
use super::invoice_life::existing;
use super::line::Line;
use super::payment_method::of_param;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::Call;
use crate::standin::space::Space;

/// Parameters of the creation.
pub const CREATABLE: &[&str] = &[
    "auto_advance",
    "collection_method",
    "currency",
    "customer",
    "days_until_due",
    "default_payment_method",
    "description",
    "discounts",
    "due_date",
    "footer",
    "metadata",
    "pending_invoice_items_behavior",
    "subscription",
];
/// Parameters of the change.
pub const SETTABLE: &[&str] = &[
    "auto_advance",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
    "discounts",
    "due_date",
    "footer",
    "metadata",
];
const FIELDS: &[Field] =
    &[("auto_advance", Sort::Flag), ("description", Sort::Text), ("footer", Sort::Text), ("metadata", Sort::Metadata)];

/// Makes a draft for a customer.
pub fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let (form, cause) = (&call.form, &call.cause);
    let owner = call.param(space, Kind::Customer, "customer")?.ok_or_else(|| missing_param("customer"))?;
    let customer = space
        .value(Kind::Customer, owner)
        .ok_or_else(|| no_such_param("customer", &space.ids.id(Kind::Customer, owner), "customer"))?;
    let id = space.ids.id(Kind::Customer, owner);
    let subscription = match call.param(space, Kind::Subscription, "subscription")? {
        Some(n) => space.value(Kind::Subscription, n),
        None => None,
    };
    let by_invoice = form.word("collection_method", &["charge_automatically", "send_invoice"])? == Some("send_invoice");
    let due = days(form, by_invoice, cause.now)?;
    let method = of_param(space, cause, form, "default_payment_method", &id)?;
    let wanted = discount::wanted(space, form, &id, cause.now)?.unwrap_or_default();
    let included = form.word("pending_invoice_items_behavior", &["exclude", "include"])? == Some("include");
    let items = if included || subscription.is_some() {
        let subscription = subscription.as_ref().and_then(|value| value["id"].as_str());
        waiting(space, &id, subscription)
    } else {
        Vec::new()
    };
    let lines: Vec<Line> = items
        .iter()
        .filter_map(|n| space.value(Kind::InvoiceItem, *n))
        .map(|item| Line::of_invoice_item(&item))
        .collect();
    let own = customer["currency"].as_str().unwrap_or("usd");
    let draft = Draft {
        customer: &customer,
        currency: form.text("currency")?.unwrap_or(own),
        subscription: subscription.as_ref(),
        reason: "manual",
        days_until_due: due,
        period: (cause.now, cause.now),
        lines,
        discounts: Vec::new(),
        proration_date: None,
    };
    let (n, invoice_id) = space.reserve(Kind::Invoice);
    let mut invoice = draft.value(space, &invoice_id, cause.now);
    invoice["auto_advance"] = false.into();
    invoice["automatically_finalizes_at"] = Value::Null;
    invoice["default_payment_method"] = method.into();
    if let Some(at) = form.int("due_date")? {
        invoice["due_date"] = at.into();
    }
    let holder = Owner { customer: &id, subscription: None, invoice: Some(&invoice_id) };
    invoice["discounts"] = discount::grant(space, cause, &wanted, holder).into();
    apply(form, FIELDS, &mut invoice)?;
    add_up_again(space, &mut invoice);
    space.insert(Kind::Invoice, n, cause.now, invoice.clone());
    take_up(space, &items, &invoice_id);
    space.emit(cause, "invoice.created", (Kind::Invoice, invoice), None);
    Ok(call.show(space, Kind::Invoice, n))
}

/// The days until it is due, which only an invoice that is sent has.
fn days(form: &Form, by_invoice: bool, now: i64) -> Result<Option<i64>, ApiError> {
    let (days, date) = (form.int("days_until_due")?, form.int("due_date")?);
    if !by_invoice {
        return match (days, date) {
            (None, None) => Ok(None),
            _ => Err(invalid_param(
                if days.is_some() { "days_until_due" } else { "due_date" },
                "You can only specify a due date if the invoice's collection method is 'send_invoice'.",
            )),
        };
    }
    match (days, date) {
        (Some(days), None) => Ok(Some(days)),
        (None, Some(at)) if at > now => Ok(Some((at - now) / DAY)),
        (None, Some(_)) => Err(invalid_param("due_date", "Timestamp must be in the future.")),
        (None, None) => Err(missing_param("days_until_due")),
        _ => Err(invalid_param("due_date", "You may only specify one of these parameters: days_until_due, due_date.")),
    }
}

/// Changes what may be changed on an invoice in its state.
pub fn annotate(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut invoice = existing(space, n)?;
    let draft = invoice["status"] == "draft";
    let early = ["collection_method", "days_until_due", "discounts", "footer"];
    if !draft && let Some(name) = early.into_iter().find(|name| form.get(name).is_some()) {
        return Err(invalid_param(name, "Finalized invoices can't be updated in this way").code("invoice_not_editable"));
    }
    if form.get("auto_advance").is_some() && invoice["status"] != "open" && !draft {
        return Err(invalid_param("auto_advance", "You cannot change auto_advance of an invoice that is settled."));
    }
    apply(form, FIELDS, &mut invoice)?;
    if let Some(method) = form.word("collection_method", &["charge_automatically", "send_invoice"])? {
        invoice["collection_method"] = method.into();
        let days = form.int("days_until_due")?.unwrap_or(30);
        invoice["due_date"] = if method == "send_invoice" { (cause.now + days * DAY).into() } else { Value::Null };
    } else if let Some(days) = form.int("days_until_due")? {
        invoice["due_date"] = (invoice["created"].as_i64().unwrap_or(cause.now) + days * DAY).into();
    }
    if let Some(at) = form.int("due_date")? {
        if invoice["collection_method"] != "send_invoice" || at <= cause.now {
            return Err(invalid_param("due_date", "A due date must be in the future, on an invoice that is sent."));
        }
        invoice["due_date"] = at.into();
    }
    let owner = invoice["customer"].as_str().unwrap_or_default().to_owned();
    if let Some(id) = of_param(space, cause, form, "default_payment_method", &owner)? {
        invoice["default_payment_method"] = id.into();
    }
    if let Some(wanted) = discount::wanted(space, form, &owner, cause.now)? {
        let id = space.ids.id(Kind::Invoice, n);
        let holder = Owner { customer: &owner, subscription: None, invoice: Some(&id) };
        invoice["discounts"] = discount::grant(space, cause, &wanted, holder).into();
        add_up_again(space, &mut invoice);
    }
    change(space, cause, "invoice.updated", Kind::Invoice, n, invoice);
    Ok(())
}

/// The payments of an invoice, or the one behind a payment intent.
pub fn payments(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let url = "/v1/invoice_payments";
    let payment = call.form.parts("payment")?;
    payment.only(&["payment_intent", "type"])?;
    let invoice = match (call.param(space, Kind::Invoice, "invoice")?, payment.text("payment_intent")?) {
        (Some(n), _) => Some(n),
        (None, Some(id)) => {
            let missing = || no_such_param("payment_intent", id, "payment[payment_intent]");
            Some(space.find(Kind::PaymentIntent, id).ok_or_else(missing)?)
        }
        (None, None) => None,
    };
    let numbers = match invoice {
        Some(n) => vec![n],
        None => space.made_with(Kind::Invoice, |_| true),
    };
    let status = call.form.text("status")?;
    let rows: Vec<(u64, Value)> = numbers
        .into_iter()
        .filter_map(|n| Some((n, payment_of(space, &space.value(Kind::Invoice, n)?)?)))
        .filter(|(_, row)| status.is_none_or(|status| row["status"] == status))
        .collect();
    let key = |row: &(u64, Value)| (row.1["created"].as_i64().unwrap_or(0), row.0);
    let page = Page::read(&call.form, "invoice_payment", |id| rows.iter().find(|row| row.1["id"] == id).map(key))?;
    let (numbers, more) = page.sort_and_take(rows.iter().map(key).collect());
    let shown: Vec<Vec<u8>> = numbers
        .iter()
        .filter_map(|n| rows.iter().find(|row| row.0 == *n))
        .map(|row| row.1.to_string().into_bytes())
        .collect();
    Ok(body_of(&shown, more, url))
}

/// Makes a draft with lines and no subscription, as a one-off checkout does, and returns its number.
pub fn sold_once(
    space: &mut Space,
    cause: &Cause,
    (customer, currency): (&Value, &str),
    lines: Vec<Line>,
    wanted: &[Wanted],
) -> u64 {
    let (n, id) = space.reserve(Kind::Invoice);
    let holder =
        Owner { customer: customer["id"].as_str().unwrap_or_default(), subscription: None, invoice: Some(&id) };
    let granted = discount::grant(space, cause, wanted, holder).into();
    let draft = Draft {
        customer,
        currency,
        subscription: None,
        reason: "manual",
        days_until_due: None,
        period: (cause.now, cause.now),
        lines,
        discounts: discount::active(space, &granted, None),
        proration_date: None,
    };
    let invoice = draft.value(space, &id, cause.now);
    space.insert(Kind::Invoice, n, cause.now, invoice.clone());
    space.emit(cause, "invoice.created", (Kind::Invoice, invoice), None);
    n
}
