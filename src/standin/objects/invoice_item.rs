//! Invoice items: what waits to be billed, such as the parts of a period.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::customer;
use super::deleted;
use super::draft::add_up_again;
use super::line::Line;
use super::price::PriceCard;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/invoice_item.json")));

const FIELDS: &[Field] = &[("description", Sort::Text), ("metadata", Sort::Metadata)];
const CREATABLE: &[&str] = &[
    "amount",
    "currency",
    "customer",
    "description",
    "discountable",
    "invoice",
    "metadata",
    "period",
    "pricing",
    "quantity",
    "subscription",
    "unit_amount_decimal",
];
const URL: &str = "/v1/invoiceitems";

/// The rows.
pub const ROUTES: &[Route] = &[
    list(URL, "rak_invoice_read", &["created", "customer", "invoice", "pending"], index),
    get("/v1/invoiceitems/{id}", "rak_invoice_read", |call, space| call.read(space, Kind::InvoiceItem)),
    post(URL, "rak_invoice_write", CREATABLE, create),
    post("/v1/invoiceitems/{id}", "rak_invoice_write", &["amount", "description", "metadata"], update),
    delete("/v1/invoiceitems/{id}", "rak_invoice_write", &[], remove),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let invoice = call.form.text("invoice")?;
    let pending = call.form.flag("pending")?;
    let accept = |n: u64| {
        let own = space.attribute(Kind::InvoiceItem, n, "invoice");
        (invoice.is_none() || own.as_deref() == invoice) && pending.is_none_or(|pending| pending == own.is_none())
    };
    match call.param(space, Kind::Customer, "customer")? {
        Some(owner) => {
            call.list_of(space, Kind::InvoiceItem, URL, customer::of(space, Kind::InvoiceItem, owner), accept)
        }
        None => call.list(space, Kind::InvoiceItem, URL, accept),
    }
}

/// Keeps a line for the next invoice of a subscription and returns the item's identifier.
pub fn keep_for_later(space: &mut Space, cause: &Cause, customer: &str, subscription: &Value, line: &Line) -> String {
    let currency = subscription["currency"].as_str().unwrap_or_default();
    let parent = json!({
        "subscription_details": {"subscription": subscription["id"], "subscription_item": line.subscription_item},
        "type": "subscription_details",
    });
    let (n, id) = space.reserve(Kind::InvoiceItem);
    let fields = fields(line, &id, cause.now).text("customer", customer).text("currency", currency);
    let item = SHAPE.value(&fields.raw("parent", parent.to_string().as_bytes()).flag("livemode", space.live));
    space.insert(Kind::InvoiceItem, n, cause.now, item.clone());
    space.emit(cause, "invoiceitem.created", (Kind::InvoiceItem, item), None);
    id
}

/// Keeps what is sold once for a customer's next invoice.
pub fn sell_once(space: &mut Space, cause: &Cause, customer: &str, currency: &str, line: &Line) {
    let (n, id) = space.reserve(Kind::InvoiceItem);
    let fields = fields(line, &id, cause.now).text("customer", customer).text("currency", currency);
    let item = SHAPE.value(&fields.flag("livemode", space.live));
    space.insert(Kind::InvoiceItem, n, cause.now, item.clone());
    space.emit(cause, "invoiceitem.created", (Kind::InvoiceItem, item), None);
}

fn fields(line: &Line, id: &str, now: i64) -> Fields {
    Fields::new()
        .text("id", id)
        .int("amount", line.amount)
        .int("date", now)
        .text("description", &line.description)
        .flag("discountable", line.discountable)
        .int("period_end", line.period.1)
        .int("period_start", line.period.0)
        .raw("pricing", line.pricing().to_string().as_bytes())
        .flag("proration", line.proration)
        .int("quantity", line.quantity)
        .text("quantity_decimal", &line.quantity.to_string())
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let form = &call.form;
    let customer = require_text(form, "customer")?;
    if space.find_alive(Kind::Customer, customer).is_none() {
        return Err(no_such_param("customer", customer, "customer"));
    }
    let (line, currency) = wanted_line(space, form, call.cause.now)?;
    let parent = match call.param(space, Kind::Subscription, "subscription")? {
        Some(n) => json!({"type": "subscription_details",
            "subscription_details": {"subscription": space.ids.id(Kind::Subscription, n)}}),
        None => Value::Null,
    };
    let draft = draft_of(call, space, customer)?;
    let (n, id) = space.reserve(Kind::InvoiceItem);
    let fields = fields(&line, &id, call.cause.now)
        .text("customer", customer)
        .text("currency", &currency)
        .opt_text("invoice", form.text("invoice")?)
        .raw("parent", parent.to_string().as_bytes())
        .flag("livemode", space.live);
    let mut item = SHAPE.value(&fields);
    if form.get("description").is_none() && line.price.is_none() {
        item["description"] = Value::Null;
    }
    apply(form, FIELDS, &mut item)?;
    space.insert(Kind::InvoiceItem, n, call.cause.now, item.clone());
    space.emit(&call.cause, "invoiceitem.created", (Kind::InvoiceItem, item.clone()), None);
    if let Some(draft) = draft {
        refresh(space, &call.cause, draft, |space, invoice, rows| {
            let line_id = space.reserve(Kind::LineItem).1;
            let row = Line::of_invoice_item(&item).value(&line_id, invoice, &currency, space.live);
            rows.push(row);
        });
    }
    Ok(call.show(space, Kind::InvoiceItem, n))
}

/// What the item is for: an amount, or a one-off price.
fn wanted_line(space: &Space, form: &Form, now: i64) -> Result<(Line, String), ApiError> {
    let quantity = form.int("quantity")?.unwrap_or(1);
    let pricing = form.parts("pricing")?;
    pricing.only(&["price"])?;
    let mut line = match pricing.text("price")? {
        Some(id) => {
            let n = space.find_alive(Kind::Price, id).ok_or_else(|| no_such_param("price", id, "pricing[price]"))?;
            let price = space.value(Kind::Price, n).unwrap_or_default();
            if price["type"] != "one_time" {
                return Err(invalid_param(
                    "pricing[price]",
                    "The price specified is set to `type=recurring` but this field only accepts prices with \
                     `type=one_time`.",
                ));
            }
            let card = PriceCard::of(&price);
            let currency = card.currency.clone();
            let mut line = Line::of(&card, quantity, (now, now));
            line.discountable = form.flag("discountable")? != Some(false);
            return Ok((line, currency));
        }
        None => Line::of(&PriceCard::of(&Value::Null), quantity, (now, now)),
    };
    let amount = form.int("amount")?.ok_or_else(|| missing_param("amount"))?;
    line.amount = amount;
    line.price = None;
    line.description = String::new();
    line.discountable = form.flag("discountable")?.unwrap_or(amount > 0);
    let period = form.parts("period")?;
    if let (Some(start), Some(end)) = (period.int("start")?, period.int("end")?) {
        line.period = (start, end);
    }
    Ok((line, require_text(form, "currency")?.to_owned()))
}

/// The draft that the item is for at once, if one is named.
fn draft_of(call: &Call, space: &Space, customer: &str) -> Result<Option<u64>, ApiError> {
    let Some(n) = call.param(space, Kind::Invoice, "invoice")? else {
        return Ok(None);
    };
    let invoice = space.value(Kind::Invoice, n).unwrap_or_default();
    if invoice["status"] != "draft" {
        return Err(invalid_param("invoice", "This invoice is no longer editable.").code("invoice_not_editable"));
    }
    if invoice["customer"] != customer {
        return Err(invalid_param("invoice", "The invoice belongs to another customer."));
    }
    Ok(Some(n))
}

/// Changes the lines of a draft and adds it up again.
fn refresh(space: &mut Space, cause: &Cause, n: u64, edit: impl FnOnce(&mut Space, &str, &mut Vec<Value>)) {
    let Some(mut invoice) = space.value(Kind::Invoice, n) else {
        return;
    };
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let mut rows = invoice["lines"]["data"].as_array().cloned().unwrap_or_default();
    edit(space, &id, &mut rows);
    invoice["lines"]["data"] = rows.into();
    add_up_again(space, &mut invoice);
    super::change(space, cause, "invoice.updated", Kind::Invoice, n, invoice);
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::InvoiceItem)?;
    let mut item = editable(space, n)?;
    apply(&call.form, FIELDS, &mut item)?;
    if let Some(amount) = call.form.int("amount")? {
        item["amount"] = amount.into();
        item["net_amount"] = amount.into();
    }
    space.replace(Kind::InvoiceItem, n, item.clone());
    if let Some(draft) = item["invoice"].as_str().and_then(|id| space.find_alive(Kind::Invoice, id)) {
        refresh(space, &call.cause, draft, |_, _, rows| {
            for row in rows.iter_mut().filter(|row| names(row, &item["id"])) {
                row["amount"] = item["amount"].clone();
                row["subtotal"] = item["amount"].clone();
                row["description"] = item["description"].clone();
            }
        });
    }
    Ok(call.show(space, Kind::InvoiceItem, n))
}

fn names(row: &Value, item: &Value) -> bool {
    let parent = &row["parent"];
    parent["invoice_item_details"]["invoice_item"] == *item
        || parent["subscription_item_details"]["invoice_item"] == *item
}

fn editable(space: &Space, n: u64) -> Result<Value, ApiError> {
    let item = space.value(Kind::InvoiceItem, n).unwrap_or_default();
    let invoice = item["invoice"].as_str().and_then(|id| space.find(Kind::Invoice, id));
    match invoice.and_then(|n| space.attribute(Kind::Invoice, n, "status")) {
        Some(status) if status != "draft" => {
            Err(ApiError::invalid(400, "You cannot change an invoice item whose invoice has been finalized.")
                .code("invoice_not_editable"))
        }
        _ => Ok(item),
    }
}

fn remove(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::InvoiceItem)?;
    let item = editable(space, n)?;
    if let Some(draft) = item["invoice"].as_str().and_then(|id| space.find_alive(Kind::Invoice, id)) {
        refresh(space, &call.cause, draft, |_, _, rows| rows.retain(|row| !names(row, &item["id"])));
    }
    space.remove(Kind::InvoiceItem, n);
    space.emit(&call.cause, "invoiceitem.deleted", (Kind::InvoiceItem, item), None);
    Ok(deleted(Kind::InvoiceItem, &call.id))
}
