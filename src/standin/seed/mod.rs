//! A year in the life of an account, computed on demand.
//!
//! Nothing here is stored: object number `n` is a function of the seed and `n`, so an account of a million customers starts
//! at once and costs no memory. What changes later lies over it, in [`super::space`].

pub mod calendar;
pub mod catalog;
pub mod charge;
pub mod customer;
pub mod invoice;
pub mod names;
pub mod payment;
pub mod subscription;

use std::sync::Arc;

use self::calendar::Calendar;
use self::catalog::Cycle;
use self::subscription::Sub;
use super::ids::Ids;
use super::kind::Kind;
use super::objects::invoice::Seller;
use super::objects::price::PriceCard;

/// Prices of one currency and cycle.
type CardGroup = ((String, i64), Vec<Arc<PriceCard>>);

/// A seeded account in one mode.
#[derive(Debug)]
pub struct Seed {
    /// When everything happened.
    pub calendar: Calendar,
    /// The account's identifiers.
    pub ids: Ids,
    /// Live or test.
    pub live: bool,
    /// The account as invoices show it.
    pub account: Arc<Seller>,
    groups: Vec<CardGroup>,
}

impl Seed {
    /// A seed over the recurring prices of its catalogue.
    pub fn new(calendar: Calendar, ids: Ids, live: bool, account: Arc<Seller>, prices: &[serde_json::Value]) -> Self {
        let mut groups: Vec<CardGroup> = Vec::new();
        for price in prices {
            let card = Arc::new(PriceCard::of(price));
            let key = (card.currency.clone(), card.period());
            match groups.iter_mut().find(|group| group.0 == key) {
                Some(group) => group.1.push(card),
                None => groups.push((key, vec![card])),
            }
        }
        Self { calendar, ids, live, account, groups }
    }

    /// The prices of a currency and cycle, in the order of the catalogue.
    pub fn cards(&self, currency: &str, cycle: Cycle) -> &[Arc<PriceCard>] {
        self.groups
            .iter()
            .find(|group| group.0.0 == currency && group.0.1 == cycle.seconds())
            .map_or(&[], |group| &group.1)
    }

    /// How many ordered lanes a kind has; 0 for kinds that are not seeded.
    pub fn lanes(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Customer | Kind::PaymentMethod | Kind::Subscription => 1,
            Kind::Invoice | Kind::Charge | Kind::PaymentIntent => invoice::LANES,
            _ => 0,
        }
    }

    /// How many places a lane has; some may be empty.
    pub fn lane_len(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Customer | Kind::PaymentMethod => self.calendar.customers,
            _ => self.calendar.subscriptions(),
        }
    }

    /// The number and creation time at place `at` of a lane, whether or not something is there.
    pub fn place(&self, kind: Kind, lane: u64, at: u64) -> (i64, u64) {
        match kind {
            Kind::Customer | Kind::PaymentMethod => (self.calendar.customer(at), at),
            Kind::Invoice => (self.calendar.subscription(at) + invoice::lane_offset(lane), invoice::join(at, lane)),
            Kind::Charge | Kind::PaymentIntent => {
                (self.calendar.subscription(at) + charge::lane_offset(lane), invoice::join(at, lane))
            }
            _ => (self.calendar.subscription(at), at),
        }
    }

    /// The creation time of object `n`, if there is one.
    pub fn created(&self, kind: Kind, n: u64) -> Option<i64> {
        let (at, lane) = match kind {
            Kind::Invoice | Kind::Charge | Kind::PaymentIntent => invoice::split(n),
            _ => (n, 0),
        };
        (self.exists(kind, n)).then(|| self.place(kind, lane, at).0)
    }

    /// Whether object `n` was seeded.
    pub fn exists(&self, kind: Kind, n: u64) -> bool {
        let sub_in_lane = |check: fn(&Self, &Sub, u64) -> bool| {
            let (k, lane) = invoice::split(n);
            k < self.calendar.subscriptions() && check(self, &Sub::of(&self.calendar, k), lane)
        };
        match kind {
            Kind::Customer | Kind::PaymentMethod => n < self.calendar.customers,
            Kind::Subscription => n < self.calendar.subscriptions(),
            Kind::Invoice => sub_in_lane(|_, sub, lane| invoice::in_lane(sub, lane).is_some()),
            Kind::Charge | Kind::PaymentIntent => sub_in_lane(charge::exists),
            _ => false,
        }
    }

    /// Writes object `n` with at most `rows` rows in its sub-list; false when it does not exist.
    pub fn write(&self, kind: Kind, n: u64, rows: usize, out: &mut Vec<u8>) -> bool {
        if !self.exists(kind, n) {
            return false;
        }
        match kind {
            Kind::Customer => customer::write(self, n, out),
            Kind::Subscription => subscription::facts(self, n).write(rows, out),
            Kind::Invoice => match invoice::facts(self, n) {
                Some(facts) => facts.write(rows, out),
                None => return false,
            },
            Kind::Charge => match charge::facts(self, n) {
                Some(facts) => facts.write(out),
                None => return false,
            },
            Kind::PaymentMethod => payment::write_method(self, n, out),
            Kind::PaymentIntent => return payment::write_intent(self, n, out),
            _ => return false,
        }
        true
    }

    /// The invoices of a customer's earlier subscriptions, which come before this one's in the numbering.
    pub fn invoices_before(&self, sub: &Sub) -> i64 {
        let earlier = self.calendar.owned(sub.owner).take_while(|k| *k < sub.k);
        earlier.map(|k| i64::from(Sub::of(&self.calendar, k).invoices)).sum()
    }

    /// The number the customer's next invoice gets.
    pub fn next_invoice_sequence(&self, customer: u64) -> i64 {
        let owned = self.calendar.owned(customer);
        1 + owned.map(|k| i64::from(Sub::of(&self.calendar, k).invoices)).sum::<i64>()
    }

    /// Whether the latest payment of one of the customer's subscriptions failed.
    pub fn is_delinquent(&self, customer: u64) -> bool {
        let mut owned = self.calendar.owned(customer);
        owned.any(|k| matches!(Sub::of(&self.calendar, k).status, "past_due" | "unpaid"))
    }

    /// The numbers of a kind that belong to a customer.
    pub fn of_customer(&self, kind: Kind, customer: u64) -> Vec<u64> {
        let owned = self.calendar.owned(customer);
        match kind {
            Kind::Subscription => owned.collect(),
            Kind::PaymentMethod => vec![customer],
            Kind::Invoice | Kind::Charge | Kind::PaymentIntent => {
                owned.flat_map(|k| self.of_subscription(kind, k)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The numbers of invoices or charges that belong to a subscription.
    pub fn of_subscription(&self, kind: Kind, k: u64) -> Vec<u64> {
        (0..self.lanes(kind)).map(|lane| invoice::join(k, lane)).filter(|n| self.exists(kind, *n)).collect()
    }

    /// A filterable attribute of object `n` without writing the whole object; nothing when it must be written.
    pub fn attribute(&self, kind: Kind, n: u64, name: &str) -> Option<String> {
        match (kind, name) {
            (Kind::Subscription, "status") => Some(Sub::of(&self.calendar, n).status.to_owned()),
            (Kind::Customer, "email") => Some(customer::who(self.calendar.seed, n).email),
            (Kind::Invoice, "status") => {
                let (k, lane) = invoice::split(n);
                let sub = Sub::of(&self.calendar, k);
                let j = invoice::in_lane(&sub, lane)?;
                Some(invoice::state(self, &sub, j).name().to_owned())
            }
            _ => None,
        }
    }
}
