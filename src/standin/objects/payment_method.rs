//! Payment methods: cards that customers keep. Each use of a test name such as `pm_card_visa` makes a new one.

use std::sync::LazyLock;

use serde_json::Value;

use super::card::Card;
use super::{change, customer};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_int, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a payment method.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/payment_method.json")));

const FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const READ: &str = "rak_payment_method_read";
const WRITE: &str = "rak_payment_method_write";

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/payment_methods", READ, &["allow_redisplay", "customer", "type"], index),
    get("/v1/payment_methods/{id}", READ, |call, space| call.read(space, Kind::PaymentMethod)),
    post("/v1/payment_methods", WRITE, &["billing_details", "card", "metadata", "type"], create_route),
    post("/v1/payment_methods/{id}", WRITE, &["metadata"], update_route),
    post("/v1/payment_methods/{id}/attach", WRITE, &["customer"], attach_route),
    post("/v1/payment_methods/{id}/detach", WRITE, &[], detach_route),
    list("/v1/customers/{id}/payment_methods", READ, &["allow_redisplay", "type"], index_of_customer),
    get("/v1/customers/{id}/payment_methods/{sub}", READ, show_of_customer),
];

/// Everything a payment method is written from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// `pm_…`
    pub id: &'a str,
    /// The card.
    pub card: &'a Card,
    /// Unix seconds.
    pub created: i64,
    /// `cus_…`, when attached.
    pub customer: Option<&'a str>,
    /// Name, e-mail address, and address as JSON, as far as they are known.
    pub billing: (Option<&'a str>, Option<&'a str>, &'a [u8]),
    /// Live or test.
    pub live: bool,
}

impl Facts<'_> {
    /// The places of the shape.
    pub fn fields(&self) -> Fields {
        let (name, email, address) = self.billing;
        let fields = Fields::new().text("id", self.id).raw("address", address);
        self.card
            .fields(fields.opt_text("email", email).opt_text("name", name))
            .int("created", self.created)
            .opt_text("customer", self.customer)
            .flag("livemode", self.live)
    }
}

const NO_ADDRESS: &[u8] = br#"{"city":null,"country":null,"line1":null,"line2":null,"postal_code":null,"state":null}"#;

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let owner = call.param(space, Kind::Customer, "customer")?.ok_or_else(|| missing_param("customer"))?;
    of_customer(call, space, owner, "/v1/payment_methods")
}

fn index_of_customer(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let owner = call.number(space, Kind::Customer)?;
    of_customer(call, space, owner, &format!("/v1/customers/{}/payment_methods", call.id))
}

fn show_of_customer(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let owner = call.number(space, Kind::Customer)?;
    let found = space.find_alive(Kind::PaymentMethod, &call.sub).filter(|n| attached(space, owner).contains(n));
    let n = found.ok_or_else(|| no_such(Kind::PaymentMethod.spoken(), &call.sub))?;
    Ok(call.show(space, Kind::PaymentMethod, n))
}

fn of_customer(call: &Call, space: &Space, owner: u64, url: &str) -> Result<Vec<u8>, ApiError> {
    let sort = call.form.text("type")?;
    call.list_of(space, Kind::PaymentMethod, url, attached(space, owner), |_| sort.is_none_or(|sort| sort == "card"))
}

/// The numbers of the payment methods that a customer keeps.
pub fn attached(space: &Space, owner: u64) -> Vec<u64> {
    let id = space.ids.id(Kind::Customer, owner);
    let mut numbers = customer::of(space, Kind::PaymentMethod, owner);
    // A seeded one may have been detached since.
    numbers.retain(|n| space.attribute(Kind::PaymentMethod, *n, "customer").as_deref() == Some(&id));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let sort = require_text(&call.form, "type")?;
    if sort != "card" {
        return Err(invalid_param("type", format!("The payment method type provided: {sort} is invalid.")));
    }
    let form = call.form.parts("card")?;
    let card = match form.text("token")? {
        Some(token) => token
            .strip_prefix("tok_")
            .and_then(Card::test)
            .ok_or_else(|| no_such_param("token", token, "card[token]"))?,
        None => by_number(&form)?,
    };
    let billing = call.form.parts("billing_details")?;
    let n = make(space, &call.cause, &card, (billing.text("name")?, billing.text("email")?));
    let mut method = space.value(Kind::PaymentMethod, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut method)?;
    space.replace(Kind::PaymentMethod, n, method);
    Ok(call.show(space, Kind::PaymentMethod, n))
}

fn by_number(form: &Form) -> Result<Card, ApiError> {
    let number = require_text(form, "number").map_err(|_| missing_param("card"))?;
    let mut card = Card::numbered(&number.replace(' ', ""))
        .ok_or_else(|| ApiError::card("incorrect_number", "", "Your card number is incorrect.").param("number"))?;
    card.exp_month = require_int(form, "exp_month").map_err(|_| missing_param("card[exp_month]"))?;
    card.exp_year = require_int(form, "exp_year").map_err(|_| missing_param("card[exp_year]"))?;
    Ok(card)
}

/// Makes a payment method that belongs to nobody yet.
pub fn make(space: &mut Space, cause: &Cause, card: &Card, billing: (Option<&str>, Option<&str>)) -> u64 {
    let (n, id) = space.reserve(Kind::PaymentMethod);
    let facts = Facts {
        id: &id,
        card,
        created: cause.now,
        customer: None,
        billing: (billing.0, billing.1, NO_ADDRESS),
        live: space.live,
    };
    let method = SHAPE.value(&facts.fields());
    space.insert(Kind::PaymentMethod, n, cause.now, method);
    n
}

/// The payment method of that identifier, made first when it is a test name.
pub fn named(space: &mut Space, cause: &Cause, id: &str) -> Option<u64> {
    let test = id.strip_prefix("pm_card_").filter(|_| !space.live).and_then(Card::test);
    match test {
        Some(card) => Some(make(space, cause, &card, (None, None))),
        None => space.find_alive(Kind::PaymentMethod, id),
    }
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::PaymentMethod)?;
    let mut method = space.value(Kind::PaymentMethod, n).unwrap_or_default();
    if method["customer"].is_null() {
        return Err(ApiError::invalid(
            400,
            "You must save this PaymentMethod to a customer before you can update it. Read the documentation at \
             https://stripe.com/docs/payments/payment-methods#saving to learn how to save your PaymentMethod.",
        ));
    }
    apply(&call.form, FIELDS, &mut method)?;
    change(space, &call.cause, "payment_method.updated", Kind::PaymentMethod, n, method);
    Ok(call.show(space, Kind::PaymentMethod, n))
}

fn attach_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let owner = require_text(&call.form, "customer")?.to_owned();
    if space.find_alive(Kind::Customer, &owner).is_none() {
        return Err(no_such_param("customer", &owner, "customer"));
    }
    let n = named(space, &call.cause, &call.id).ok_or_else(|| no_such(Kind::PaymentMethod.spoken(), &call.id))?;
    attach(space, &call.cause, n, &owner)?;
    Ok(call.show(space, Kind::PaymentMethod, n))
}

/// Gives a payment method to a customer.
pub fn attach(space: &mut Space, cause: &Cause, n: u64, owner: &str) -> Result<(), ApiError> {
    let mut method = space.value(Kind::PaymentMethod, n).unwrap_or_default();
    if method["customer"] == owner {
        return Ok(());
    }
    if !method["customer"].is_null() {
        return Err(ApiError::invalid(400, "The payment method you provided has already been attached to a customer.")
            .code("payment_method_unexpected_state"));
    }
    if let Some(refusal) = Card::of(&method).refusal().filter(|refusal| refusal.at_once) {
        return Err(refusal.error());
    }
    let id = method["id"].as_str().unwrap_or_default();
    if was_detached(space, id) {
        return Err(ApiError::invalid(
            400,
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a \
             Customer, and may not be used again.",
        ));
    }
    method["customer"] = owner.into();
    space.replace(Kind::PaymentMethod, n, method.clone());
    space.emit(cause, "payment_method.attached", (Kind::PaymentMethod, method), None);
    Ok(())
}

fn was_detached(space: &Space, id: &str) -> bool {
    space.detached.contains(id)
}

fn detach_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::PaymentMethod)?;
    let before = space.value(Kind::PaymentMethod, n).unwrap_or_default();
    let Some(owner) = before["customer"].as_str().map(str::to_owned) else {
        return Err(ApiError::invalid(
            400,
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        ));
    };
    let mut method = before.clone();
    method["customer"] = Value::Null;
    space.detached.insert(call.id.clone());
    space.replace(Kind::PaymentMethod, n, method.clone());
    space.emit(&call.cause, "payment_method.detached", (Kind::PaymentMethod, method), Some(before));
    forget_default(space, &call.cause, &owner, &call.id);
    Ok(call.show(space, Kind::PaymentMethod, n))
}

/// A customer's default cannot be a card that is not theirs any more.
fn forget_default(space: &mut Space, cause: &Cause, owner: &str, id: &str) {
    if let Some(n) = space.find_alive(Kind::Customer, owner)
        && let Some(mut value) = space.value(Kind::Customer, n)
        && value["invoice_settings"]["default_payment_method"] == id
    {
        value["invoice_settings"]["default_payment_method"] = Value::Null;
        change(space, cause, "customer.updated", Kind::Customer, n, value);
    }
}

/// The payment method that a parameter names, which must belong to the customer.
pub fn of_param(
    space: &mut Space,
    cause: &Cause,
    form: &Form,
    name: &str,
    owner: &str,
) -> Result<Option<String>, ApiError> {
    let Some(id) = form.text(name)?.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let spoken = Kind::PaymentMethod.spoken();
    let n = named(space, cause, id).ok_or_else(|| no_such_param(spoken, id, name))?;
    let id = space.ids.id(Kind::PaymentMethod, n);
    match space.attribute(Kind::PaymentMethod, n, "customer") {
        Some(holder) if holder == owner => Ok(Some(id)),
        _ => Err(invalid_param(
            name,
            format!(
                "The customer does not have a payment method with the ID {id}. The payment method must be attached to \
                 the customer."
            ),
        )
        .code("resource_missing")),
    }
}
