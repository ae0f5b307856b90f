//! Seeded invoices: one per period of each subscription.
//!
//! Invoices are numbered by subscription and lane. A lane is "the first", "the third month", "the second quarter" …: within a
//! lane invoices are as ordered as their subscriptions, so a list merges a few ordered lanes instead of sorting millions.

use super::Seed;
use super::catalog::Cycle;
use super::customer::{push_address, who};
use super::subscription::{ITEM_SLOTS, Sub, basket};
use crate::standin::dice::Dice;
use crate::standin::kind::Kind;
use crate::standin::objects::invoice::{Facts, LineFacts, State};

/// Lanes of one subscription: the first, eleven months, three quarters.
pub const LANES: u64 = 15;
const SLOTS: u64 = 16;
/// A renewal stays a draft for an hour.
const DRAFT: i64 = 3600;

/// The number of invoice `j` of a subscription.
pub fn number(sub: &Sub, j: u32) -> u64 {
    let lane = match (sub.cycle, u64::from(j)) {
        (_, 0) => 0,
        (Cycle::Quarter, j) => 11 + j,
        (_, j) => j,
    };
    sub.k * SLOTS + lane
}

/// The subscription and lane of an invoice number.
pub fn split(number: u64) -> (u64, u64) {
    (number / SLOTS, number % SLOTS)
}

/// The number in a lane for subscription `k`.
pub fn join(k: u64, lane: u64) -> u64 {
    k * SLOTS + lane
}

/// How long after its subscription an invoice of a lane is created.
pub fn lane_offset(lane: u64) -> i64 {
    let (cycle, j) = lane_cycle(lane);
    cycle.seconds() * j
}

fn lane_cycle(lane: u64) -> (Cycle, i64) {
    match lane {
        0..=11 => (Cycle::Month, lane.cast_signed()),
        _ => (Cycle::Quarter, lane.cast_signed() - 11),
    }
}

/// Which invoice of the subscription sits in a lane, if there is one.
pub fn in_lane(sub: &Sub, lane: u64) -> Option<u32> {
    let (cycle, j) = lane_cycle(lane);
    let j = u32::try_from(j).ok()?;
    (lane < LANES && (lane == 0 || cycle == sub.cycle) && j < sub.invoices).then_some(j)
}

/// The state of invoice `j`.
pub fn state(seed: &Seed, sub: &Sub, j: u32) -> State {
    let created = sub.created + i64::from(j) * sub.cycle.seconds();
    let last = j + 1 == sub.invoices;
    if j > 0 && created + DRAFT > seed.calendar.now {
        return State::Draft;
    }
    let mut dice = Dice::of(seed.calendar.seed, 9, number(sub, j));
    match sub.status {
        "past_due" | "unpaid" | "incomplete" if last => State::Open,
        "incomplete_expired" => State::Void,
        "canceled" if last && dice.chance(0.2) => State::Uncollectible,
        "active" if last && sub.by_invoice => State::Open,
        _ => State::Paid,
    }
}

/// True when the invoice costs nothing, as the first one of a trial does.
pub fn is_free(sub: &Sub) -> bool {
    sub.trial_end.is_some()
}

/// The sum of an invoice in minor units.
pub fn total(seed: &Seed, sub: &Sub, j: u32) -> i64 {
    lines(seed, sub, j).iter().map(|line| line.amount).sum()
}

/// The unix second an invoice left its draft state.
pub fn finalized_at(sub: &Sub, j: u32) -> i64 {
    sub.created + i64::from(j) * sub.cycle.seconds() + if j == 0 { 0 } else { DRAFT }
}

fn lines(seed: &Seed, sub: &Sub, j: u32) -> Vec<LineFacts> {
    let n = number(sub, j);
    let start = sub.created + i64::from(j) * sub.cycle.seconds();
    let period = if is_free(sub) { sub.period() } else { (start, start + sub.cycle.seconds()) };
    let subscription = seed.ids.id(Kind::Subscription, sub.k);
    basket(seed, sub)
        .into_iter()
        .enumerate()
        .map(|(i, (price, quantity))| {
            let used = Dice::of(seed.calendar.seed, 10, n * ITEM_SLOTS + i as u64).between(200, 5000);
            let quantity = if price.metered { used } else { quantity };
            LineFacts {
                id: seed.ids.id(Kind::LineItem, n * ITEM_SLOTS + i as u64),
                amount: if is_free(sub) { 0 } else { price.amount(quantity) },
                quantity,
                price,
                period,
                subscription: subscription.clone(),
                subscription_item: seed.ids.id(Kind::SubscriptionItem, sub.k * ITEM_SLOTS + i as u64),
                proration: false,
            }
        })
        .collect()
}

/// Everything about an invoice, with all its lines.
pub fn facts(seed: &Seed, n: u64) -> Option<Facts> {
    let (k, lane) = split(n);
    let sub = Sub::of(&seed.calendar, k);
    let j = in_lane(&sub, lane)?;
    let who = who(seed.calendar.seed, sub.owner);
    let created = sub.created + i64::from(j) * sub.cycle.seconds();
    let state = state(seed, &sub, j);
    let sequence = seed.invoices_before(&sub) + i64::from(j) + 1;
    let mut address = Vec::with_capacity(128);
    push_address(&who, &mut address);
    Some(Facts {
        id: seed.ids.id(Kind::Invoice, n),
        account: seed.account.clone(),
        live: seed.live,
        customer: seed.ids.id(Kind::Customer, sub.owner),
        number: (state != State::Draft).then(|| format!("{}-{sequence:04}", who.prefix)),
        customer_name: Some(who.name),
        customer_email: Some(who.email),
        customer_address: address,
        subscription: Some(seed.ids.id(Kind::Subscription, k)),
        billing_reason: if j == 0 { "subscription_create" } else { "subscription_cycle" },
        by_invoice: sub.by_invoice,
        created,
        currency: sub.currency.to_owned(),
        finalized_at: (state != State::Draft).then(|| finalized_at(&sub, j)),
        settled_at: finalized_at(&sub, j) + 4,
        attempts: i64::from(!sub.by_invoice && !is_free(&sub)),
        period: if j == 0 { (created, created) } else { (created - sub.cycle.seconds(), created) },
        lines: lines(seed, &sub, j),
        state,
    })
}
