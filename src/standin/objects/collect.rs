//! Asking a card for money: whose card it is, what the bank says, and what is recorded of it.

use serde_json::Value;

use super::card::{Card, Refusal};
use super::payment_intent::{Facts as IntentFacts, note_charge};
use super::{change, charge};
use crate::standin::errors::ApiError;
use crate::standin::events::Cause;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// What is asked for.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: &'a str,
    /// `cus_…`
    pub customer: Option<&'a str>,
    /// What it is for.
    pub description: Option<&'a str>,
    /// The number of the payment intent, which may not exist yet.
    pub intent: u64,
    /// The number of the payment method.
    pub method: u64,
    /// The card is kept for later payments.
    pub keeps_card: bool,
}

/// The bank said no.
#[derive(Debug)]
pub struct Refused {
    refusal: Refusal,
    charge: String,
    intent: Value,
    method: Value,
}

impl Refused {
    /// The error that a request gets.
    pub fn error(self) -> ApiError {
        self.refusal
            .error()
            .also("charge", self.charge.into())
            .also("payment_intent", self.intent)
            .also("payment_method", self.method)
    }
}

/// The payment method that pays an invoice: its own, its subscription's, or the customer's.
pub fn method_of(space: &Space, invoice: &Value) -> Option<u64> {
    let subscription = invoice["parent"]["subscription_details"]["subscription"]
        .as_str()
        .and_then(|id| space.value(Kind::Subscription, space.find(Kind::Subscription, id)?))
        .unwrap_or_default();
    let own = [&invoice["default_payment_method"], &subscription["default_payment_method"]];
    let own = own.into_iter().find_map(|id| space.find_alive(Kind::PaymentMethod, id.as_str()?));
    own.or_else(|| method_of_customer(space, invoice["customer"].as_str()?))
}

/// The customer's default payment method.
pub fn method_of_customer(space: &Space, customer: &str) -> Option<u64> {
    let value = space.value(Kind::Customer, space.find_alive(Kind::Customer, customer)?)?;
    space.find_alive(Kind::PaymentMethod, value["invoice_settings"]["default_payment_method"].as_str()?)
}

/// What the bank will say to a payment method, without asking it.
pub fn refusal_of(space: &Space, method: u64) -> Option<Refusal> {
    Card::of(&space.value(Kind::PaymentMethod, method).unwrap_or_default()).refusal()
}

/// Stripe's answer where a payment would be needed and nothing is there to pay with.
pub fn nothing_to_pay_with() -> ApiError {
    ApiError::invalid(
        400,
        "This customer has no attached payment source or default payment method. Please consider adding a default \
         payment method. For more information, visit \
         https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .code("resource_missing")
}

/// The payment intent of that number, made first when it does not exist.
pub fn intent(space: &mut Space, cause: &Cause, ask: &Ask<'_>) -> Value {
    if let Some(intent) = space.value(Kind::PaymentIntent, ask.intent) {
        return intent;
    }
    let facts = IntentFacts {
        id: &space.ids.id(Kind::PaymentIntent, ask.intent),
        amount: ask.amount,
        currency: ask.currency,
        customer: ask.customer,
        description: ask.description,
        created: cause.now,
        live: space.live,
        keeps_card: ask.keeps_card,
    };
    let intent = facts.value();
    space.insert(Kind::PaymentIntent, ask.intent, cause.now, intent.clone());
    space.emit(cause, "payment_intent.created", (Kind::PaymentIntent, intent.clone()), None);
    intent
}

/// Asks the card and records a charge, succeeded or failed; returns the number of one that succeeded.
pub fn ask(space: &mut Space, cause: &Cause, ask: &Ask<'_>) -> Result<u64, Box<Refused>> {
    let mut intent = intent(space, cause, ask);
    let method = space.value(Kind::PaymentMethod, ask.method).unwrap_or_default();
    let card = Card::of(&method);
    let refusal = card.refusal();
    let (n, id) = space.reserve(Kind::Charge);
    let charge = facts(space, cause, ask, (n, &id), &method, card).value();
    space.insert(Kind::Charge, n, cause.now, charge.clone());
    space.charge_of.insert(ask.intent, n);
    let said = if refusal.is_none() { "charge.succeeded" } else { "charge.failed" };
    space.emit(cause, said, (Kind::Charge, charge), None);
    note_charge(&mut intent, &id, &method, refusal);
    let said = if refusal.is_none() { "payment_intent.succeeded" } else { "payment_intent.payment_failed" };
    space.replace(Kind::PaymentIntent, ask.intent, intent.clone());
    space.emit(cause, said, (Kind::PaymentIntent, intent.clone()), None);
    match refusal {
        None => Ok(n),
        Some(refusal) => Err(Box::new(Refused { refusal, charge: id, intent, method })),
    }
}

fn facts(
    space: &Space,
    cause: &Cause,
    ask: &Ask<'_>,
    (n, id): (u64, &str),
    method: &Value,
    card: Card,
) -> charge::Facts {
    let owner = ask
        .customer
        .and_then(|id| space.value(Kind::Customer, space.find_alive(Kind::Customer, id)?))
        .unwrap_or_default();
    let known = |name: &str| {
        let own = method["billing_details"][name].as_str();
        own.or(owner[name].as_str()).map(str::to_owned)
    };
    let address = if owner["address"].is_object() { &owner["address"] } else { &method["billing_details"]["address"] };
    let refusal = card.refusal();
    charge::Facts {
        id: id.to_owned(),
        live: space.live,
        amount: ask.amount,
        refunded: 0,
        refusal,
        created: cause.now,
        currency: ask.currency.to_owned(),
        customer: ask.customer.map(str::to_owned),
        name: known("name"),
        email: known("email"),
        address: address.to_string().into_bytes(),
        description: ask.description.map(str::to_owned),
        payment_intent: space.ids.id(Kind::PaymentIntent, ask.intent),
        payment_method: space.ids.id(Kind::PaymentMethod, ask.method),
        balance_transaction: refusal.is_none().then(|| space.ids.id(Kind::BalanceTransaction, n)),
        card,
    }
}

/// Takes back the payment intent of an invoice that nobody needs to pay any more.
pub fn cancel_intent(space: &mut Space, cause: &Cause, n: u64, reason: &str) {
    if let Some(mut intent) = space.value(Kind::PaymentIntent, n)
        && intent["status"] != "succeeded"
        && intent["status"] != "canceled"
    {
        intent["status"] = "canceled".into();
        intent["canceled_at"] = cause.now.into();
        intent["cancellation_reason"] = reason.into();
        change(space, cause, "payment_intent.canceled", Kind::PaymentIntent, n, intent);
    }
}
