//! Charges: payments by card, succeeded or failed.

use std::sync::LazyLock;

use super::card::{Card, Refusal};
use crate::standin::dice::{Dice, hash_text};
use crate::standin::shape::{Fields, Shape};

/// The shape of a charge.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/charge.json")));

/// Everything a charge is written from.
#[derive(Debug)]
pub struct Facts {
    /// `ch_…`
    pub id: String,
    /// Live or test.
    pub live: bool,
    /// Minor units.
    pub amount: i64,
    /// Minor units given back.
    pub refunded: i64,
    /// Why the card was declined; none when it paid.
    pub refusal: Option<Refusal>,
    /// Unix seconds.
    pub created: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `cus_…`
    pub customer: Option<String>,
    /// Name on the bill.
    pub name: Option<String>,
    /// E-mail address on the bill.
    pub email: Option<String>,
    /// Address on the bill, as JSON.
    pub address: Vec<u8>,
    /// What it was for.
    pub description: Option<String>,
    /// `pi_…`
    pub payment_intent: String,
    /// `pm_…`
    pub payment_method: String,
    /// `txn_…`, when money moved.
    pub balance_transaction: Option<String>,
    /// The card that was asked.
    pub card: Card,
}

impl Facts {
    /// Writes the charge.
    pub fn write(&self, out: &mut Vec<u8>) {
        SHAPE.write(&self.fields(), out);
    }

    /// The charge as a value.
    pub fn value(&self) -> serde_json::Value {
        SHAPE.value(&self.fields())
    }

    fn fields(&self) -> Fields {
        let mut dice = Dice::of(hash_text(&self.id), 13, 1);
        let paid = self.refusal.is_none();
        let kept = if paid { self.amount } else { 0 };
        let fields = Fields::new()
            .text("id", &self.id)
            .int("amount", self.amount)
            .int("amount_captured", kept)
            .int("amount_refunded", self.refunded)
            .opt_text("balance_transaction", self.balance_transaction.as_deref())
            .raw("address", &self.address)
            .opt_text("email", self.email.as_deref())
            .opt_text("name", self.name.as_deref())
            .text("descriptor", "BILLFOLD STAND-IN")
            .flag("paid", paid)
            .int("created", self.created)
            .text("currency", &self.currency)
            .opt_text("customer", self.customer.as_deref())
            .opt_text("description", self.description.as_deref())
            .flag("livemode", self.live)
            .int("risk_score", dice.between(1, 60))
            .text("payment_intent", &self.payment_intent)
            .text("payment_method", &self.payment_method)
            .int("amount_authorized", kept)
            .text("network_transaction_id", &dice.between(100_000_000, 999_999_999).to_string())
            .text("receipt_url", &format!("https://pay.stripe.com/receipts/payment/{}", self.id))
            .flag("refunded", paid && self.refunded >= self.amount);
        let fields = self.card.fields(fields);
        match self.refusal {
            None => approved(fields, &mut dice),
            Some(refusal) => declined(fields, refusal),
        }
    }
}

fn approved(fields: Fields, card: &mut Dice) -> Fields {
    fields
        .text("authorization_code", &format!("{:06}", card.between(0, 999_999)))
        .text("network_status", "approved_by_network")
        .text("seller_message", "Payment complete.")
        .text("outcome_type", "authorized")
        .text("status", "succeeded")
}

fn declined(fields: Fields, refusal: Refusal) -> Fields {
    fields
        .text("failure_code", refusal.code)
        .text("failure_message", refusal.message)
        .text("advice_code", "try_again_later")
        .text("network_decline_code", "05")
        .text("network_status", "declined_by_network")
        .text("outcome_reason", refusal.decline_code)
        .text("seller_message", "The bank did not return any further details with this decline.")
        .text("outcome_type", "issuer_declined")
        .text("status", "failed")
}
