//! Payment intents: one per invoice that money is asked for, and one per one-off checkout.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::card::Refusal;
use super::customer;
use crate::standin::dice::{Dice, hash_text};
use crate::standin::errors::ApiError;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a payment intent.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/payment_intent.json")));

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/payment_intents", "rak_payment_intent_read", &["created", "customer"], index),
    get("/v1/payment_intents/{id}", "rak_payment_intent_read", |call, space| call.read(space, Kind::PaymentIntent)),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let url = "/v1/payment_intents";
    match call.param(space, Kind::Customer, "customer")? {
        Some(owner) => {
            call.list_of(space, Kind::PaymentIntent, url, customer::of(space, Kind::PaymentIntent, owner), |_| true)
        }
        None => call.list(space, Kind::PaymentIntent, url, |_| true),
    }
}

/// Everything a payment intent is written from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// `pi_…`
    pub id: &'a str,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: &'a str,
    /// `cus_…`
    pub customer: Option<&'a str>,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Unix seconds.
    pub created: i64,
    /// Live or test.
    pub live: bool,
    /// The card is kept for later payments.
    pub keeps_card: bool,
}

impl Facts<'_> {
    /// The places of the shape, before anybody has paid.
    pub fn fields(&self) -> Fields {
        Fields::new()
            .text("id", self.id)
            .int("amount", self.amount)
            .text("client_secret", &client_secret(self.id))
            .int("created", self.created)
            .text("currency", self.currency)
            .opt_text("customer", self.customer)
            .opt_text("description", self.description)
            .flag("livemode", self.live)
            .raw("metadata", b"{}")
            .opt_text("setup_future_usage", self.keeps_card.then_some("off_session"))
    }

    /// The payment intent before anybody has paid.
    pub fn value(&self) -> Value {
        SHAPE.value(&self.fields().int("amount_received", 0).text("status", "requires_payment_method"))
    }
}

/// What a browser would need to pay; it belongs to the identifier.
pub fn client_secret(id: &str) -> String {
    format!("{id}_secret_{}", Dice::of(hash_text(id), 15, 0).letters(25))
}

/// Notes on the intent that a charge was tried.
pub fn note_charge(intent: &mut Value, charge: &str, method: &Value, refusal: Option<Refusal>) {
    intent["latest_charge"] = charge.into();
    match refusal {
        None => {
            intent["status"] = "succeeded".into();
            intent["amount_received"] = intent["amount"].clone();
            intent["payment_method"] = method["id"].clone();
            intent["last_payment_error"] = Value::Null;
        }
        Some(refusal) => {
            let mut error = last_error(refusal, method);
            error["charge"] = charge.into();
            intent["status"] = "requires_payment_method".into();
            intent["payment_method"] = Value::Null;
            intent["last_payment_error"] = error;
        }
    }
}

/// A refusal as an intent remembers it.
pub fn last_error(refusal: Refusal, method: &Value) -> Value {
    json!({
        "code": refusal.code, "decline_code": refusal.decline_code, "message": refusal.message, "type": "card_error",
        "doc_url": format!("https://stripe.com/docs/error-codes/{}", refusal.code.replace('_', "-")),
        "payment_method": method,
    })
}
