//! Seeded payment methods, one per customer, and payment intents, one per charge.

use super::Seed;
use super::charge;
use super::customer::{push_address, who};
use crate::standin::dice::Dice;
use crate::standin::kind::Kind;
use crate::standin::objects::card::Card;
use crate::standin::objects::{payment_intent, payment_method};

/// The card of customer `n`.
pub fn card(seed: &Seed, n: u64) -> Card {
    Card::drawn(Dice::of(seed.calendar.seed, 12, n).roll(), who(seed.calendar.seed, n).place.1)
}

/// Whether customer `n` made their card the default; otherwise it is named by each subscription.
pub fn is_default(seed: &Seed, n: u64) -> bool {
    Dice::of(seed.calendar.seed, 16, n).chance(0.9)
}

/// Writes the payment method of customer `n`.
pub fn write_method(seed: &Seed, n: u64, out: &mut Vec<u8>) {
    let who = who(seed.calendar.seed, n);
    let mut address = Vec::with_capacity(128);
    push_address(&who, &mut address);
    let facts = payment_method::Facts {
        id: &seed.ids.id(Kind::PaymentMethod, n),
        card: &card(seed, n),
        created: seed.calendar.customer(n),
        customer: Some(&seed.ids.id(Kind::Customer, n)),
        billing: (Some(&who.name), Some(&who.email), &address),
        live: seed.live,
    };
    payment_method::SHAPE.write(&facts.fields(), out);
}

/// Writes the payment intent of charge `n`; false when there is no such charge.
pub fn write_intent(seed: &Seed, n: u64, out: &mut Vec<u8>) -> bool {
    let Some(charge) = charge::facts(seed, n) else {
        return false;
    };
    let facts = payment_intent::Facts {
        id: &charge.payment_intent,
        amount: charge.amount,
        currency: &charge.currency,
        customer: charge.customer.as_deref(),
        description: charge.description.as_deref(),
        created: charge.created,
        live: charge.live,
        keeps_card: true,
    };
    let fields = facts.fields().text("latest_charge", &charge.id);
    let fields = match charge.refusal {
        None => fields
            .int("amount_received", charge.amount)
            .text("payment_method", &charge.payment_method)
            .text("status", "succeeded"),
        Some(refusal) => {
            let mut method = Vec::new();
            write_method(
                seed,
                super::subscription::Sub::of(&seed.calendar, super::invoice::split(n).0).owner,
                &mut method,
            );
            let method = serde_json::from_slice(&method).unwrap_or_default();
            let mut error = payment_intent::last_error(refusal, &method);
            error["charge"] = charge.id.clone().into();
            fields
                .int("amount_received", 0)
                .text("status", "requires_payment_method")
                .raw("last_payment_error", error.to_string().as_bytes())
        }
    };
    payment_intent::SHAPE.write(&fields, out);
    true
}
