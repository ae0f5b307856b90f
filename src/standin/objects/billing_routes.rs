//! Routes of invoices and charges, and billing a period of a subscription.

use std::sync::Arc;

use serde_json::Value;

use super::change;
use super::charge;
use super::customer;
use super::invoice::{Facts, LineFacts, State};
use super::price::PriceCard;
use super::subscription_item::rows;
use crate::standin::errors::{ApiError, invalid_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{self, Call, Route, get, list, post};
use crate::standin::space::Space;

const STATES: [&str; 5] = ["draft", "open", "paid", "uncollectible", "void"];
const FIELDS: &[Field] = &[("description", Sort::Text), ("metadata", Sort::Metadata)];
const CHARGE_FIELDS: &[Field] =
    &[("description", Sort::Text), ("metadata", Sort::Metadata), ("receipt_email", Sort::Text)];

/// The rows.
pub const ROUTES: &[Route] = &[
    list(
        "/v1/invoices",
        "rak_invoice_read",
        &["collection_method", "created", "customer", "status", "subscription"],
        invoices,
    ),
    get("/v1/invoices/{id}", "rak_invoice_read", |call, space| call.read(space, Kind::Invoice)),
    list("/v1/invoices/{id}/lines", "rak_invoice_read", &[], lines),
    post("/v1/invoices/{id}", "rak_invoice_write", &["description", "metadata"], update_invoice),
    routes::delete("/v1/invoices/{id}", "rak_invoice_write", &[], delete_invoice),
    post("/v1/invoices/{id}/finalize", "rak_invoice_write", &["auto_advance"], |call, space| {
        step(call, space, finalize)
    }),
    post("/v1/invoices/{id}/pay", "rak_invoice_write", &["paid_out_of_band"], |call, space| step(call, space, pay)),
    post("/v1/invoices/{id}/void", "rak_invoice_write", &[], |call, space| step(call, space, void)),
    post("/v1/invoices/{id}/mark_uncollectible", "rak_invoice_write", &[], |call, space| step(call, space, give_up)),
    list("/v1/charges", "rak_charge_read", &["created", "customer", "payment_intent"], charges),
    get("/v1/charges/{id}", "rak_charge_read", |call, space| call.read(space, Kind::Charge)),
    post("/v1/charges/{id}", "rak_charge_write", &["description", "metadata", "receipt_email"], update_charge),
];

fn invoices(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let url = "/v1/invoices";
    let status = call.form.text("status")?;
    if let Some(other) = status.filter(|status| !STATES.contains(status)) {
        return Err(invalid_param("status", format!("Invalid status: {other}")));
    }
    let collection = call.form.text("collection_method")?;
    let accept = |n: u64| {
        let of = |name| space.attribute(Kind::Invoice, n, name);
        status.is_none_or(|status| of("status").as_deref() == Some(status))
            && collection.is_none_or(|wanted| of("collection_method").as_deref() == Some(wanted))
    };
    let customer = call.param(space, Kind::Customer, "customer")?;
    match (call.param(space, Kind::Subscription, "subscription")?, customer) {
        (Some(subscription), customer) => {
            let owner = customer.map(|n| space.ids.id(Kind::Customer, n));
            let theirs = |n| owner.is_none() || space.attribute(Kind::Invoice, n, "customer") == owner;
            call.list_of(space, Kind::Invoice, url, of_subscription(space, subscription), |n| theirs(n) && accept(n))
        }
        (None, Some(customer)) => {
            call.list_of(space, Kind::Invoice, url, customer::of(space, Kind::Invoice, customer), accept)
        }
        (None, None) => call.list(space, Kind::Invoice, url, accept),
    }
}

fn of_subscription(space: &Space, subscription: u64) -> Vec<u64> {
    let id = space.ids.id(Kind::Subscription, subscription);
    let seeded = space.seed.as_ref().filter(|seed| seed.exists(Kind::Subscription, subscription));
    let mut numbers = seeded.map_or_else(Vec::new, |seed| seed.of_subscription(Kind::Invoice, subscription));
    numbers.extend(
        space.made_with(Kind::Invoice, |invoice| invoice["parent"]["subscription_details"]["subscription"] == id),
    );
    numbers
}

fn lines(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Invoice)?;
    let url = format!("/v1/invoices/{}/lines", call.id);
    rows(call, space, (Kind::Invoice, n), "lines", Kind::LineItem, &url)
}

fn charges(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let url = "/v1/charges";
    let intent = call.form.text("payment_intent")?;
    let accept = |n: u64| intent.is_none() || space.attribute(Kind::Charge, n, "payment_intent").as_deref() == intent;
    let numbers = match (call.param(space, Kind::Customer, "customer")?, intent) {
        (Some(customer), _) => customer::of(space, Kind::Charge, customer),
        (None, Some(intent)) => {
            let invoice = space
                .ids
                .number(Kind::PaymentIntent, intent)
                .ok_or_else(|| no_such_param("payment_intent", intent, "payment_intent"))?;
            space.charge_of_invoice(invoice).into_iter().collect()
        }
        (None, None) => return call.list(space, Kind::Charge, url, accept),
    };
    call.list_of(space, Kind::Charge, url, numbers, accept)
}

fn update_invoice(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    step(call, space, annotate)
}

/// Changes what may be changed on an invoice of any state.
pub fn annotate(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut invoice = existing(space, Kind::Invoice, n)?;
    apply(form, FIELDS, &mut invoice)?;
    change(space, cause, "invoice.updated", Kind::Invoice, n, invoice);
    Ok(())
}

fn update_charge(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Charge)?;
    annotate_charge(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Charge, n))
}

/// Changes what may be changed on a charge.
pub fn annotate_charge(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut charge = existing(space, Kind::Charge, n)?;
    apply(form, CHARGE_FIELDS, &mut charge)?;
    change(space, cause, "charge.updated", Kind::Charge, n, charge);
    Ok(())
}

fn existing(space: &Space, kind: Kind, n: u64) -> Result<Value, ApiError> {
    let gone = || no_such(kind.name(), &space.ids.id(kind, n));
    space.value(kind, n).ok_or_else(gone)
}

fn delete_invoice(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Invoice)?;
    delete(space, &call.cause, n)?;
    Ok(super::deleted(Kind::Invoice, &call.id))
}

/// Deletes an invoice; only drafts can be deleted.
pub fn delete(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    expect_state(space, n, &[State::Draft], "delete")?;
    if let Some(last) = space.remove(Kind::Invoice, n) {
        space.emit(cause, "invoice.deleted", (Kind::Invoice, last), None);
    }
    Ok(())
}

type Step = fn(&mut Space, &Cause, u64, &Form) -> Result<(), ApiError>;

fn step(call: &Call, space: &mut Space, step: Step) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Invoice)?;
    step(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Invoice, n))
}

fn expect_state(space: &Space, n: u64, allowed: &[State], verb: &str) -> Result<Value, ApiError> {
    let invoice = existing(space, Kind::Invoice, n)?;
    if allowed.iter().any(|state| invoice["status"] == state.name()) {
        return Ok(invoice);
    }
    let status = invoice["status"].as_str().unwrap_or_default();
    Err(ApiError::invalid(400, format!("You cannot {verb} this invoice because its status is {status}."))
        .code("invoice_not_editable"))
}

/// Gives a draft its number and opens it.
pub fn finalize(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Draft], "finalize")?;
    invoice["status"] = State::Open.name().into();
    invoice["number"] = next_number(space, cause, invoice["customer"].as_str().unwrap_or_default()).into();
    invoice["status_transitions"]["finalized_at"] = cause.now.into();
    invoice["effective_at"] = cause.now.into();
    invoice["ending_balance"] = 0.into();
    invoice["automatically_finalizes_at"] = Value::Null;
    change(space, cause, "invoice.finalized", Kind::Invoice, n, invoice);
    Ok(())
}

/// Pays an open invoice with the customer's card.
pub fn pay(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Open, State::Uncollectible], "pay")?;
    let outside = form.flag("paid_out_of_band")? == Some(true);
    if !outside {
        charge_card(space, cause, n, &invoice);
        invoice["attempt_count"] = (invoice["attempt_count"].as_i64().unwrap_or(0) + 1).into();
    }
    invoice["status"] = State::Paid.name().into();
    invoice["attempted"] = true.into();
    invoice["auto_advance"] = false.into();
    invoice["amount_paid"] = invoice["amount_due"].clone();
    invoice["amount_remaining"] = 0.into();
    invoice["next_payment_attempt"] = Value::Null;
    invoice["status_transitions"]["paid_at"] = cause.now.into();
    change(space, cause, "invoice.paid", Kind::Invoice, n, invoice.clone());
    if !outside {
        space.emit(cause, "invoice.payment_succeeded", (Kind::Invoice, invoice), None);
    }
    Ok(())
}

/// Takes an open invoice back.
pub fn void(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Open, State::Uncollectible], "void")?;
    invoice["status"] = State::Void.name().into();
    invoice["auto_advance"] = false.into();
    invoice["status_transitions"]["voided_at"] = cause.now.into();
    change(space, cause, "invoice.voided", Kind::Invoice, n, invoice);
    Ok(())
}

/// Gives an open invoice up.
pub fn give_up(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Open], "mark as uncollectible")?;
    invoice["status"] = State::Uncollectible.name().into();
    invoice["auto_advance"] = false.into();
    invoice["status_transitions"]["marked_uncollectible_at"] = cause.now.into();
    change(space, cause, "invoice.marked_uncollectible", Kind::Invoice, n, invoice);
    Ok(())
}

/// The customer's next invoice number, which it uses up.
fn next_number(space: &mut Space, cause: &Cause, customer: &str) -> String {
    let Some(n) = space.find_alive(Kind::Customer, customer) else {
        return "DELETED-0001".to_owned();
    };
    let mut value = space.value(Kind::Customer, n).unwrap_or_default();
    let sequence = value["next_invoice_sequence"].as_i64().unwrap_or(1);
    let number = format!("{}-{sequence:04}", value["invoice_prefix"].as_str().unwrap_or_default());
    value["next_invoice_sequence"] = (sequence + 1).into();
    change(space, cause, "customer.updated", Kind::Customer, n, value);
    number
}

/// Bills the current period of a subscription and returns the invoice's identifier.
pub fn bill(space: &mut Space, cause: &Cause, subscription: &Value, reason: &'static str) -> Result<String, ApiError> {
    let (n, id) = space.reserve(Kind::Invoice);
    let customer_id = subscription["customer"].as_str().unwrap_or_default().to_owned();
    let customer =
        space.find_alive(Kind::Customer, &customer_id).and_then(|n| space.value(Kind::Customer, n)).unwrap_or_default();
    let text = |name: &str| customer[name].as_str().map(str::to_owned);
    let facts = Facts {
        id: id.clone(),
        account: Arc::clone(&space.account),
        live: space.live,
        customer: customer_id,
        number: None,
        customer_name: text("name"),
        customer_email: text("email"),
        customer_address: customer["address"].to_string().into_bytes(),
        subscription: subscription["id"].as_str().map(str::to_owned),
        billing_reason: reason,
        by_invoice: subscription["collection_method"] == "send_invoice",
        created: cause.now,
        currency: subscription["currency"].as_str().unwrap_or_default().to_owned(),
        finalized_at: None,
        settled_at: cause.now,
        attempts: 0,
        period: (cause.now, cause.now),
        lines: new_lines(space, subscription),
        state: State::Draft,
    };
    let by_invoice = facts.by_invoice;
    let invoice = facts.value();
    space.insert(Kind::Invoice, n, cause.now, invoice.clone());
    space.emit(cause, "invoice.created", (Kind::Invoice, invoice), None);
    finalize(space, cause, n, &Form::default())?;
    if !by_invoice && subscription["status"] != "incomplete" {
        pay(space, cause, n, &Form::default())?;
    }
    Ok(id)
}

fn new_lines(space: &mut Space, subscription: &Value) -> Vec<LineFacts> {
    let free = subscription["status"] == "trialing";
    let mut lines = Vec::new();
    for item in subscription["items"]["data"].as_array().into_iter().flatten() {
        let price = item["price"]["id"]
            .as_str()
            .and_then(|id| space.value(Kind::Price, space.find(Kind::Price, id)?))
            .map_or_else(|| PriceCard::of(&item["price"]), |price| PriceCard::of(&price));
        let quantity = item["quantity"].as_i64().unwrap_or(0);
        let period = |name: &str| item[name].as_i64().unwrap_or(0);
        lines.push(LineFacts {
            id: space.reserve(Kind::LineItem).1,
            amount: if free { 0 } else { price.amount(quantity) },
            quantity,
            price: Arc::new(price),
            period: (period("current_period_start"), period("current_period_end")),
            subscription: subscription["id"].as_str().unwrap_or_default().to_owned(),
            subscription_item: item["id"].as_str().unwrap_or_default().to_owned(),
            proration: false,
        });
    }
    lines
}

/// Asks the customer's card for what is due; nothing is asked for an invoice of zero.
fn charge_card(space: &mut Space, cause: &Cause, invoice_n: u64, invoice: &Value) {
    let amount = invoice["amount_due"].as_i64().unwrap_or(0);
    if amount == 0 {
        return;
    }
    let (n, id) = space.reserve(Kind::Charge);
    let text = |name: &str| invoice[name].as_str().map(str::to_owned);
    let customer = text("customer").unwrap_or_default();
    let owner = space.find(Kind::Customer, &customer).unwrap_or(0);
    let facts = charge::Facts {
        id,
        live: space.live,
        amount,
        refunded: 0,
        paid: true,
        created: cause.now,
        currency: text("currency").unwrap_or_default(),
        customer,
        name: text("customer_name"),
        email: text("customer_email"),
        address: invoice["customer_address"].to_string().into_bytes(),
        card_country: "US".to_owned(),
        description: "Subscription update".to_owned(),
        payment_intent: space.ids.id(Kind::PaymentIntent, invoice_n),
        payment_method: space.ids.id(Kind::PaymentMethod, owner),
        balance_transaction: Some(space.ids.id(Kind::BalanceTransaction, n)),
        card: owner,
    };
    let charge = facts.value();
    space.charge_of.insert(invoice_n, n);
    space.insert(Kind::Charge, n, cause.now, charge.clone());
    space.emit(cause, "charge.succeeded", (Kind::Charge, charge), None);
}
