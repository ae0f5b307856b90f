//! Customers.

use std::sync::LazyLock;

use serde_json::Value;

use super::card::Card;
use super::{change, collect, deleted, payment_method, subscription_life, tax_id};
use crate::standin::errors::{ApiError, invalid_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a customer.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/customer.json")));

const SETTABLE: &[&str] = &[
    "address",
    "balance",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "phone",
    "preferred_locales",
    "tax_exempt",
];
const CREATABLE: &[&str] = &[
    "address",
    "balance",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "payment_method",
    "phone",
    "preferred_locales",
    "tax_exempt",
    "tax_id_data",
];
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
    post("/v1/customers", "rak_customer_write", CREATABLE, create_route),
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
    check_email(form)?;
    let tax_ids = tax_id::wanted(form)?;
    let method = match form.text("payment_method")? {
        Some(name) => Some((name, new_method(space, cause, name)?)),
        None => None,
    };
    set_defaults(space, form, &mut customer, method)?;
    space.insert(Kind::Customer, n, cause.now, customer.clone());
    space.emit(cause, "customer.created", (Kind::Customer, customer), None);
    if let Some((_, method)) = method {
        payment_method::attach(space, cause, method, &id)?;
    }
    for (sort, value) in tax_ids {
        tax_id::add(space, cause, &id, &sort, &value);
    }
    Ok(n)
}

/// The card a new customer brings along, which the bank must not refuse.
fn new_method(space: &mut Space, cause: &Cause, name: &str) -> Result<u64, ApiError> {
    let missing = || no_such_param(Kind::PaymentMethod.spoken(), name, "payment_method");
    let n = payment_method::named(space, cause, name).ok_or_else(missing)?;
    match collect::refusal_of(space, n).filter(|refusal| refusal.at_once) {
        Some(refusal) => Err(refusal.error()),
        None => Ok(n),
    }
}

/// Gives a customer a card that pays their invoices.
pub fn give_card(space: &mut Space, cause: &Cause, n: u64, card: &Card) -> Result<(), ApiError> {
    let mut customer = existing(space, n)?;
    let id = space.ids.id(Kind::Customer, n);
    let text = |name: &str| customer[name].as_str().map(str::to_owned);
    let (name, email) = (text("name"), text("email"));
    let method = payment_method::make(space, cause, card, (name.as_deref(), email.as_deref()));
    payment_method::attach(space, cause, method, &id)?;
    customer["invoice_settings"]["default_payment_method"] = space.ids.id(Kind::PaymentMethod, method).into();
    change(space, cause, "customer.updated", Kind::Customer, n, customer);
    Ok(())
}

/// `invoice_settings`: the footer, and the payment method that pays invoices, which must be the customer's.
fn set_defaults(
    space: &Space,
    form: &Form,
    customer: &mut Value,
    brought: Option<(&str, u64)>,
) -> Result<(), ApiError> {
    let settings = form.parts("invoice_settings")?;
    settings.only(&["default_payment_method", "footer"])?;
    if let Some(footer) = settings.text("footer")? {
        customer["invoice_settings"]["footer"] = if footer.is_empty() { Value::Null } else { footer.into() };
    }
    let Some(id) = settings.text("default_payment_method")? else {
        return Ok(());
    };
    let param = "invoice_settings[default_payment_method]";
    let owned = |n: &u64| space.attribute(Kind::PaymentMethod, *n, "customer").as_deref() == customer["id"].as_str();
    let found = match brought.filter(|(name, n)| *name == id || space.ids.id(Kind::PaymentMethod, *n) == id) {
        Some((_, n)) => Some(n),
        None => space.find_alive(Kind::PaymentMethod, id).filter(owned),
    };
    customer["invoice_settings"]["default_payment_method"] = match found {
        _ if id.is_empty() => Value::Null,
        Some(n) => space.ids.id(Kind::PaymentMethod, n).into(),
        None if space.find_alive(Kind::PaymentMethod, id).is_some() => {
            return Err(invalid_param(
                param,
                format!(
                    "The customer does not have a payment method with the ID {id}. The payment method must be attached \
                     to the customer."
                ),
            )
            .code("resource_missing"));
        }
        None => return Err(no_such_param(Kind::PaymentMethod.spoken(), id, param)),
    };
    Ok(())
}

fn check_email(form: &Form) -> Result<(), ApiError> {
    match form.text("email")? {
        Some(email) if !email.is_empty() && !email.contains('@') => {
            Err(invalid_param("email", format!("Invalid email address: {email}")).code("email_invalid"))
        }
        _ => Ok(()),
    }
}

/// Changes a customer.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut customer = existing(space, n)?;
    apply(form, FIELDS, &mut customer)?;
    check_email(form)?;
    set_defaults(space, form, &mut customer, None)?;
    change(space, cause, "customer.updated", Kind::Customer, n, customer);
    Ok(())
}

/// Deletes a customer, which cancels its subscriptions.
pub fn remove(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    existing(space, n)?;
    for subscription in of(space, Kind::Subscription, n) {
        // One that has ended already stays as it is.
        let _ = subscription_life::cancel(space, cause, subscription, &Form::default());
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
