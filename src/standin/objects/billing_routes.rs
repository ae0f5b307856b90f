//! Routes of invoices and charges.

use super::change;
use super::customer;
use super::invoice_life::{self, finalize, give_up, pay, send, void};
use super::invoice_new::{self, annotate};
use super::preview;
use super::subscription_item::rows;
use crate::standin::errors::{ApiError, invalid_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{self, Call, Route, get, list, post};
use crate::standin::space::Space;

const STATES: [&str; 5] = ["draft", "open", "paid", "uncollectible", "void"];
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
    post("/v1/invoices", "rak_invoice_write", invoice_new::CREATABLE, invoice_new::create),
    post("/v1/invoices/create_preview", "rak_invoice_write", preview::PARAMS, preview::create),
    post("/v1/invoices/{id}", "rak_invoice_write", invoice_new::SETTABLE, |call, space| step(call, space, annotate)),
    routes::delete("/v1/invoices/{id}", "rak_invoice_write", &[], delete_invoice),
    post("/v1/invoices/{id}/finalize", "rak_invoice_write", &["auto_advance"], |call, space| {
        step(call, space, finalize)
    }),
    post(
        "/v1/invoices/{id}/pay",
        "rak_invoice_write",
        &["off_session", "paid_out_of_band", "payment_method"],
        |call, space| step(call, space, pay),
    ),
    post("/v1/invoices/{id}/send", "rak_invoice_write", &[], |call, space| step(call, space, send)),
    post("/v1/invoices/{id}/void", "rak_invoice_write", &[], |call, space| step(call, space, void)),
    post("/v1/invoices/{id}/mark_uncollectible", "rak_invoice_write", &[], |call, space| step(call, space, give_up)),
    list(
        "/v1/invoice_payments",
        "rak_invoice_read",
        &["created", "invoice", "payment", "status"],
        invoice_new::payments,
    ),
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

/// The numbers of a subscription's invoices.
pub fn of_subscription(space: &Space, subscription: u64) -> Vec<u64> {
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
        (None, Some(id)) => {
            let n = space
                .find(Kind::PaymentIntent, id)
                .ok_or_else(|| no_such_param("payment_intent", id, "payment_intent"))?;
            let mut numbers = space.made_with(Kind::Charge, |charge| charge["payment_intent"] == id);
            numbers.extend(space.seed.as_ref().filter(|seed| seed.exists(Kind::Charge, n)).map(|_| n));
            numbers
        }
        (None, None) => return call.list(space, Kind::Charge, url, accept),
    };
    call.list_of(space, Kind::Charge, url, numbers, accept)
}

fn update_charge(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Charge)?;
    annotate_charge(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Charge, n))
}

/// Changes what may be changed on a charge.
pub fn annotate_charge(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let gone = || no_such("charge", &space.ids.id(Kind::Charge, n));
    let mut charge = space.value(Kind::Charge, n).ok_or_else(gone)?;
    apply(form, CHARGE_FIELDS, &mut charge)?;
    change(space, cause, "charge.updated", Kind::Charge, n, charge);
    Ok(())
}

fn delete_invoice(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Invoice)?;
    invoice_life::delete(space, &call.cause, n)?;
    Ok(super::deleted(Kind::Invoice, &call.id))
}

type Step = fn(&mut Space, &Cause, u64, &Form) -> Result<(), ApiError>;

fn step(call: &Call, space: &mut Space, step: Step) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Invoice)?;
    step(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Invoice, n))
}
