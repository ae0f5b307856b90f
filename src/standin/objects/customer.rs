//! Customers.

use std::sync::LazyLock;

use serde_json::Value;

use super::{change, deleted, subscription_routes};
use crate::standin::errors::{ApiError, no_such};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a customer.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/customer.json")));

const SETTABLE: &[&str] =
    &["address", "balance", "description", "email", "metadata", "name", "phone", "preferred_locales", "tax_exempt"];
const FIELDS: &[Field] = &[
    ("address", Sort::Hash(&["city", "country", "line1", "line2", "postal_code", "state"])),
    ("balance", Sort::Int),
    ("description", Sort::Text),
    ("email", Sort::Text),
    ("metadata", Sort::Metadata),
    ("name", Sort::Text),
    ("phone", Sort::Text),
    ("preferred_locales", Sort::Texts),
    ("tax_exempt", Sort::OneOf(&["none", "exempt", "reverse"])),
];

/// Routes of customers.
pub const ROUTES: &[Route] = &[
    list("/v1/customers", "rak_customer_read", &["created", "email"], index),
    get("/v1/customers/{id}", "rak_customer_read", show),
    post("/v1/customers", "rak_customer_write", SETTABLE, create_route),
    post("/v1/customers/{id}", "rak_customer_write", SETTABLE, update_route),
    delete("/v1/customers/{id}", "rak_customer_write", &[], delete_route),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let email = call.form.text("email")?;
    call.list(space, Kind::Customer, "/v1/customers", |n| {
        email.is_none() || space.attribute(Kind::Customer, n, "email").as_deref() == email
    })
}

/// A deleted customer can still be retrieved, as its tombstone.
fn show(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    match space.find(Kind::Customer, &call.id) {
        Some(n) if space.is_deleted(Kind::Customer, n) => Ok(deleted(Kind::Customer, &call.id)),
        _ => call.read(space, Kind::Customer),
    }
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = create(space, &call.cause, &call.form)?;
    Ok(call.show(space, Kind::Customer, n))
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Customer)?;
    update(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Customer, n))
}

fn delete_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Customer)?;
    remove(space, &call.cause, n)?;
    Ok(deleted(Kind::Customer, &call.id))
}

/// Makes a customer and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let (n, id) = space.reserve(Kind::Customer);
    let prefix = id.get(4..12).unwrap_or("STANDIN").to_uppercase();
    let fields = Fields::new()
        .text("id", &id)
        .int("created", cause.now)
        .flag("delinquent", false)
        .text("invoice_prefix", &prefix)
        .flag("livemode", space.live)
        .raw("metadata", b"{}")
        .int("next_invoice_sequence", 1)
        .raw("locales", b"[]");
    let mut customer = SHAPE.value(&fields);
    apply(form, FIELDS, &mut customer)?;
    space.insert(Kind::Customer, n, cause.now, customer.clone());
    space.emit(cause, "customer.created", (Kind::Customer, customer), None);
    Ok(n)
}

/// Changes a customer.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut customer = existing(space, n)?;
    apply(form, FIELDS, &mut customer)?;
    change(space, cause, "customer.updated", Kind::Customer, n, customer);
    Ok(())
}

/// Deletes a customer, which cancels its subscriptions.
pub fn remove(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    existing(space, n)?;
    for subscription in of(space, Kind::Subscription, n) {
        // One that has ended already stays as it is.
        let _ = subscription_routes::cancel(space, cause, subscription, &Form::default());
    }
    if let Some(last) = space.remove(Kind::Customer, n) {
        space.emit(cause, "customer.deleted", (Kind::Customer, last), None);
    }
    Ok(())
}

/// The numbers of a customer's objects of a kind.
pub fn of(space: &Space, kind: Kind, customer: u64) -> Vec<u64> {
    let id = space.ids.id(Kind::Customer, customer);
    let seeded = space.seed.as_ref().filter(|seed| seed.exists(Kind::Customer, customer));
    let mut numbers = seeded.map_or_else(Vec::new, |seed| seed.of_customer(kind, customer));
    numbers.extend(space.made_with(kind, |object| object["customer"] == id));
    numbers
}

fn existing(space: &Space, n: u64) -> Result<Value, ApiError> {
    let gone = || no_such("customer", &space.ids.id(Kind::Customer, n));
    space.value(Kind::Customer, n).ok_or_else(gone)
}
