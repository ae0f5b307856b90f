//! When seeded things were created: a business that grows for a year.
//!
//! Customer `n` sits at position `n` of a line that `at` bends into time; everything else sits a little after its customer.
//! All positions rise with the number, so a range of time is a range of numbers.

use crate::standin::dice::Dice;

const YEAR: f64 = 31_536_000.0;
/// The seed ends a little before "now", so that whatever happens next is newer.
const MARGIN: i64 = 60;

/// The year of a seeded account.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// Chooses the world.
    pub seed: u64,
    /// How many customers.
    pub customers: u64,
    /// The end of the history in unix seconds.
    pub now: i64,
}

impl Calendar {
    /// The first second of the history.
    pub fn start(&self) -> i64 {
        self.now - MARGIN - 31_536_000
    }

    /// The number of subscriptions: three for two customers.
    pub fn subscriptions(&self) -> u64 {
        self.customers * 3 / 2
    }

    /// Half of the customers came in the last quarter: the square root bends the line.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a year in seconds")]
    fn at(&self, position: f64) -> i64 {
        let part = (position / self.customers.max(1) as f64).sqrt();
        self.start() + (YEAR * part) as i64
    }

    /// When customer `n` was created.
    pub fn customer(&self, n: u64) -> i64 {
        let late = Dice::of(self.seed, 1, n).fraction() * 0.3;
        self.at(n as f64 + late)
    }

    /// The customer of subscription `k`: an even one has two, an odd one has one.
    pub fn owner(k: u64) -> u64 {
        k / 3 * 2 + u64::from(k % 3 == 2)
    }

    /// The subscriptions of customer `n` as a range of numbers.
    pub fn owned(&self, n: u64) -> std::ops::Range<u64> {
        let first = n / 2 * 3;
        let range = if n.is_multiple_of(2) { first..first + 2 } else { first + 2..first + 3 };
        range.start.min(self.subscriptions())..range.end.min(self.subscriptions())
    }

    /// When subscription `k` was created, after its customer.
    pub fn subscription(&self, k: u64) -> i64 {
        let late = Dice::of(self.seed, 2, k).fraction();
        let offset = match k % 3 {
            0 => 0.35 + 0.25 * late,
            1 => 0.70 + 0.50 * late,
            _ => 1.35 + 0.50 * late,
        };
        self.at((k / 3 * 2) as f64 + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rise_with_numbers_and_follow_the_customer() {
        for customers in [1, 2, 7, 100, 5000] {
            let calendar = Calendar { seed: 9, customers, now: 1_790_000_000 };
            for n in 1..customers {
                assert!(calendar.customer(n - 1) <= calendar.customer(n));
            }
            for k in 0..calendar.subscriptions() {
                let owner = Calendar::owner(k);
                assert!(owner < customers && calendar.owned(owner).contains(&k));
                assert!(calendar.customer(owner) <= calendar.subscription(k));
                assert!(calendar.subscription(k) < calendar.now);
                assert!(k == 0 || calendar.subscription(k - 1) <= calendar.subscription(k));
            }
        }
    }
}
