//! Seeded subscriptions: their facts are arithmetic, their JSON is written on demand.

use std::sync::Arc;

use super::Seed;
use super::calendar::Calendar;
use super::catalog::Cycle;
use super::customer::place;
use super::payment;
use crate::standin::dice::Dice;
use crate::standin::kind::Kind;
use crate::standin::objects::price::PriceCard;
use crate::standin::objects::subscription::{Facts, ItemFacts};

const DAY: i64 = 86_400;
/// Items of one subscription share its number times this.
pub const ITEM_SLOTS: u64 = 16;
/// This many items are more than the ten that a sub-list shows.
const MANY_ITEMS: usize = 13;

/// The facts of a seeded subscription that others depend on.
#[derive(Clone, Debug)]
pub struct Sub {
    /// Its number.
    pub k: u64,
    /// The number of its customer.
    pub owner: u64,
    /// Unix seconds.
    pub created: i64,
    /// How often it renews.
    pub cycle: Cycle,
    /// Stripe's status.
    pub status: &'static str,
    /// How many invoices it has had.
    pub invoices: u32,
    /// When a canceled one ended.
    pub ended_at: Option<i64>,
    /// The end of a trial, running or past.
    pub trial_end: Option<i64>,
    /// Pays by invoice instead of by card.
    pub by_invoice: bool,
    /// Lower-case currency code.
    pub currency: &'static str,
}

impl Sub {
    /// The facts of subscription `k`.
    pub fn of(calendar: &Calendar, k: u64) -> Self {
        let owner = Calendar::owner(k);
        let created = calendar.subscription(k);
        let age = calendar.now - created;
        let mut dice = Dice::of(calendar.seed, 6, k);
        let currency = place(calendar.seed, owner).0;
        let cycle = cycle(currency, dice.below(100));
        let last = k + 1 == calendar.subscriptions();
        let status = status(k, age, last, &mut dice);
        let lived = dice.between(20, 95);
        let ended_at = (status == "canceled").then(|| created + (age * lived / 100).max(DAY));
        let trial_end = match status {
            "trialing" => Some(created + 30 * DAY),
            "paused" => Some(created + 14 * DAY),
            _ => None,
        };
        let single = trial_end.is_some() || status.starts_with("incomplete");
        let end = ended_at.unwrap_or(calendar.now);
        let renewals = if single { 0 } else { (end - 1 - created) / cycle.seconds() };
        Self {
            k,
            owner,
            created,
            cycle,
            status,
            invoices: u32::try_from(renewals + 1).unwrap_or(1),
            ended_at,
            trial_end,
            by_invoice: status == "active" && dice.chance(0.06),
            currency,
        }
    }

    /// Start and end of the current period.
    pub fn period(&self) -> (i64, i64) {
        if let Some(trial_end) = self.trial_end {
            return (self.created, trial_end);
        }
        let start = self.created + i64::from(self.invoices - 1) * self.cycle.seconds();
        (start, start + self.cycle.seconds())
    }
}

fn cycle(currency: &str, roll: u64) -> Cycle {
    match (currency, roll) {
        ("usd", 55..=64) => Cycle::Quarter,
        ("usd", 65..) | ("eur" | "gbp", 60..) => Cycle::Year,
        _ => Cycle::Month,
    }
}

/// Every status appears among the first subscriptions of any account; after them chance decides.
fn status(k: u64, age: i64, last: bool, dice: &mut Dice) -> &'static str {
    let (young, roll) = (dice.below(100), dice.below(1000));
    match k {
        5 => return "canceled",
        8 => return "past_due",
        11 => return "unpaid",
        14 => return "paused",
        17 => return "incomplete_expired",
        _ => {}
    }
    if age < 23 * 3600 && (last || young < 10) {
        return "incomplete";
    }
    match (age / DAY, roll) {
        (0..30, _) if young < 35 => "trialing",
        (0..3, _) => "active",
        (_, 0..120) => "canceled",
        (_, 120..160) => "past_due",
        (_, 160..180) => "unpaid",
        (14.., 180..195) => "paused",
        (_, 195..215) => "incomplete_expired",
        _ => "active",
    }
}

/// Prices and quantities of a subscription, in order.
pub fn basket(seed: &Seed, sub: &Sub) -> Vec<(Arc<PriceCard>, i64)> {
    let cards = seed.cards(sub.currency, sub.cycle);
    let mut dice = Dice::of(seed.calendar.seed, 7, sub.k);
    let many = cards.len() >= MANY_ITEMS && (sub.k == 2 || dice.chance(0.01));
    let wanted = match dice.below(100) {
        _ if many => MANY_ITEMS,
        0..15 => 2,
        _ => 1,
    };
    let first = dice.below(cards.len() as u64);
    (0..wanted.min(cards.len()))
        .filter_map(|i| {
            let at = usize::try_from(first).unwrap_or(0) + i;
            let card = cards.get(at % cards.len())?;
            let quantity = if dice.chance(0.5) { 1 } else { dice.between(2, 40) };
            Some((Arc::clone(card), quantity))
        })
        .collect()
}

/// Everything about subscription `k`, with all its items.
pub fn facts(seed: &Seed, k: u64) -> Facts {
    let sub = Sub::of(&seed.calendar, k);
    let mut dice = Dice::of(seed.calendar.seed, 8, k);
    let (start, end) = sub.period();
    let ending = sub.status == "active" && dice.chance(0.05);
    let item = |(i, (card, quantity)): (usize, (Arc<PriceCard>, i64))| ItemFacts {
        id: seed.ids.id(Kind::SubscriptionItem, k * ITEM_SLOTS + i as u64),
        created: sub.created,
        quantity: (!card.metered).then_some(quantity),
        price: card,
        period: (start, end),
    };
    let items = basket(seed, &sub).into_iter().enumerate().map(item).collect();
    let canceled_at = sub.ended_at.or(ending.then_some(start));
    Facts {
        id: seed.ids.id(Kind::Subscription, k),
        customer: seed.ids.id(Kind::Customer, sub.owner),
        currency: sub.currency.to_owned(),
        created: sub.created,
        status: sub.status,
        billing_cycle_anchor: sub.trial_end.unwrap_or(sub.created),
        cancel_at: ending.then_some(end),
        cancel_at_period_end: ending,
        canceled_at,
        cancel_reason: canceled_at.map(|_| "cancellation_requested"),
        cancel_feedback: canceled_at.and_then(|_| dice.pick(&["too_expensive", "unused", "switched_service"]).copied()),
        ended_at: sub.ended_at,
        days_until_due: sub.by_invoice.then_some(30),
        default_payment_method: (!sub.by_invoice && !payment::is_default(seed, sub.owner))
            .then(|| seed.ids.id(Kind::PaymentMethod, sub.owner)),
        latest_invoice: Some(seed.ids.id(Kind::Invoice, super::invoice::number(&sub, sub.invoices - 1))),
        live: seed.live,
        metadata: if dice.chance(0.2) { br#"{"channel":"partner"}"#.to_vec() } else { b"{}".to_vec() },
        pause_collection: sub.status == "active" && dice.chance(0.01),
        trial: sub.trial_end.map(|trial_end| (sub.created, trial_end)),
        items,
    }
}
