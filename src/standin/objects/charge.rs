//! Charges: payments by card, succeeded or failed.

use std::sync::LazyLock;

use crate::standin::dice::Dice;
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
    /// Succeeded; otherwise the card was declined.
    pub paid: bool,
    /// Unix seconds.
    pub created: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `cus_…`
    pub customer: String,
    /// Name on the bill.
    pub name: Option<String>,
    /// E-mail address on the bill.
    pub email: Option<String>,
    /// Address on the bill, as JSON.
    pub address: Vec<u8>,
    /// Country of the card.
    pub card_country: String,
    /// What it was for.
    pub description: String,
    /// `pi_…`
    pub payment_intent: String,
    /// `pm_…`
    pub payment_method: String,
    /// `txn_…`, when money moved.
    pub balance_transaction: Option<String>,
    /// Chooses the card: the same number is the same card.
    pub card: u64,
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
        let mut card = Dice::of(self.card, 13, 0);
        let brand = card.pick(&["visa", "visa", "mastercard", "amex"]).copied().unwrap_or("visa");
        let kept = if self.paid { self.amount } else { 0 };
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
            .flag("paid", self.paid)
            .int("created", self.created)
            .text("currency", &self.currency)
            .text("customer", &self.customer)
            .text("description", &self.description)
            .flag("livemode", self.live)
            .int("risk_score", card.between(1, 60))
            .text("payment_intent", &self.payment_intent)
            .text("payment_method", &self.payment_method)
            .int("amount_authorized", kept)
            .text("brand", brand)
            .text("card_country", &self.card_country)
            .int("exp_month", card.between(1, 12))
            .int("exp_year", card.between(2027, 2032))
            .text("fingerprint", &card.letters(16))
            .text("funding", card.pick(&["credit", "debit"]).copied().unwrap_or("credit"))
            .text("last4", &format!("{:04}", card.between(0, 9999)))
            .text("network_transaction_id", &card.between(100_000_000, 999_999_999).to_string())
            .text("receipt_url", &format!("https://pay.stripe.com/receipts/payment/{}", self.id))
            .flag("refunded", self.paid && self.refunded >= self.amount);
        if self.paid { approved(fields, &mut card) } else { declined(fields) }
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

fn declined(fields: Fields) -> Fields {
    fields
        .text("failure_code", "card_declined")
        .text("failure_message", "Your card was declined.")
        .text("advice_code", "try_again_later")
        .text("network_decline_code", "05")
        .text("network_status", "declined_by_network")
        .text("outcome_reason", "generic_decline")
        .text("seller_message", "The bank did not return any further details with this decline.")
        .text("outcome_type", "issuer_declined")
        .text("status", "failed")
}
