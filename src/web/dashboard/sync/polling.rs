//! How the last look at Stripe's list of events went, in words.

use crate::domain::money::grouped;
use crate::domain::time::DAY_SECONDS;
use crate::store::polls::{Poll, outcome};

/// For so long a gap is spoken of.
const GAP_IS_NEWS: i64 = 7 * DAY_SECONDS;

/// The look, as people see it.
pub(super) struct Polling {
    poll: Poll,
    /// Unix seconds.
    now: i64,
}

impl Polling {
    pub(super) fn new(poll: Option<Poll>, now: i64) -> Self {
        Self { poll: poll.unwrap_or_default(), now }
    }

    /// Whether somebody waits for it.
    pub(super) fn is_wished(&self) -> bool {
        self.poll.is_wished()
    }

    /// Unix seconds: when the last one ended.
    pub(super) fn at(&self) -> Option<i64> {
        self.poll.polled_at
    }

    fn is(&self, outcome: &str) -> bool {
        self.poll.outcome.as_deref() == Some(outcome)
    }

    /// What came of it; empty before the first.
    pub(super) fn result(&self) -> String {
        match self.poll.brought {
            _ if !self.is(outcome::OK) => String::new(),
            0 => "nothing was missing".to_owned(),
            1 => "brought 1 event that no delivery had".to_owned(),
            n => format!("brought {} events that no delivery had", grouped(n)),
        }
    }

    /// Events that were fetched since the account was connected; empty when none.
    pub(super) fn total(&self) -> String {
        if self.poll.total > self.poll.brought { grouped(self.poll.total) } else { String::new() }
    }

    /// What a person should do or know, when it did not work.
    pub(super) fn trouble(&self) -> Option<String> {
        let cause = self.poll.cause.as_deref().unwrap_or_default();
        if self.is(outcome::REFUSED) {
            return Some(
                "The key may not list events, so what no delivery brings is not fetched. Tick Events: Read for this key in Stripe, then fetch again."
                    .to_owned(),
            );
        }
        self.is(outcome::FAILED).then(|| format!("It did not work, and is tried again: {cause}."))
    }

    /// Unix seconds: everything is read again because more time was missing than Stripe keeps.
    pub(super) fn gap_at(&self) -> Option<i64> {
        self.poll.gap_at.filter(|at| self.now - at < GAP_IS_NEWS)
    }
}

#[cfg(test)]
mod tests {
    use super::{Poll, Polling, outcome};

    #[test]
    fn it_says_what_came_of_it() {
        let polling = |outcome: Option<&str>, brought| {
            let poll = Poll { outcome: outcome.map(str::to_owned), brought, total: 5, ..Poll::default() };
            Polling::new(Some(poll), 100)
        };
        assert_eq!(Polling::new(None, 100).result(), "");
        assert_eq!(polling(Some(outcome::OK), 0).result(), "nothing was missing");
        assert_eq!(polling(Some(outcome::OK), 1).result(), "brought 1 event that no delivery had");
        assert_eq!(polling(Some(outcome::OK), 5).total(), "", "the same number once is enough");
        assert!(polling(Some(outcome::REFUSED), 0).trouble().unwrap().contains("Events: Read"));
        assert!(polling(Some(outcome::OK), 0).trouble().is_none());
    }
}
