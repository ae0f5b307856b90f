//! Seeded charges: one for each invoice that a card was asked to pay, with the invoice's number.

use super::Seed;
use super::customer::{push_address, who};
use super::invoice::{finalized_at, in_lane, is_free, split, state, total};
use super::subscription::Sub;
use crate::standin::dice::Dice;
use crate::standin::kind::Kind;
use crate::standin::objects::card::GENERIC;
use crate::standin::objects::charge::Facts;
use crate::standin::objects::invoice::State;

/// How long after its invoice's creation a charge of a lane is created.
pub fn lane_offset(lane: u64) -> i64 {
    super::invoice::lane_offset(lane) + if lane == 0 { 2 } else { 3602 }
}

/// Whether the invoice in this lane was charged: neither free, nor a draft, nor paid by bank transfer.
pub fn exists(seed: &Seed, sub: &Sub, lane: u64) -> bool {
    !sub.by_invoice
        && !is_free(sub)
        && in_lane(sub, lane)
            .is_some_and(|j| state(seed, sub, j) != State::Draft && finalized_at(sub, j) + 2 <= seed.calendar.now)
}

/// Everything about a charge.
pub fn facts(seed: &Seed, n: u64) -> Option<Facts> {
    let (k, lane) = split(n);
    let sub = Sub::of(&seed.calendar, k);
    if !exists(seed, &sub, lane) {
        return None;
    }
    let j = in_lane(&sub, lane)?;
    let who = who(seed.calendar.seed, sub.owner);
    let amount = total(seed, &sub, j);
    let paid = state(seed, &sub, j) == State::Paid;
    let mut dice = Dice::of(seed.calendar.seed, 11, n);
    let refunded = match dice.below(100) {
        0..2 if paid => amount,
        2..4 if paid => amount / 2,
        _ => 0,
    };
    let mut address = Vec::with_capacity(128);
    push_address(&who, &mut address);
    Some(Facts {
        id: seed.ids.id(Kind::Charge, n),
        live: seed.live,
        amount,
        refunded,
        refusal: (!paid).then_some(GENERIC),
        created: finalized_at(&sub, j) + 2,
        currency: sub.currency.to_owned(),
        customer: Some(seed.ids.id(Kind::Customer, sub.owner)),
        name: Some(who.name),
        email: Some(who.email),
        address,
        description: Some(if j == 0 { "Subscription creation" } else { "Subscription update" }.to_owned()),
        payment_intent: seed.ids.id(Kind::PaymentIntent, n),
        payment_method: seed.ids.id(Kind::PaymentMethod, sub.owner),
        balance_transaction: paid.then(|| seed.ids.id(Kind::BalanceTransaction, n)),
        card: super::payment::card(seed, sub.owner),
    })
}
