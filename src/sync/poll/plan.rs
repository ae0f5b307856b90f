//! How a look at Stripe's list of events is cut into steps, and when the next one is due.

use crate::{domain::time::DAY_SECONDS, store::connections::Connection, store::polls::Poll};

/// Events are in Stripe's list so many seconds after they were made, at the latest. So much before the cursor is read again each
/// time; what is here already is dropped.
pub(super) const OVERLAP: i64 = 15 * 60;
/// After a gap of more than this, events are lost: Stripe keeps them for thirty days.
pub(super) const KEPT: i64 = 29 * DAY_SECONDS;
/// How far back a look begins after a gap: a day short of what counts as one, so that a look that takes its time is not behind again.
pub(super) const AFTER_GAP: i64 = KEPT - DAY_SECONDS;
/// A look so far behind goes for what Stripe could not deliver first.
const BEHIND: i64 = 60 * 60;
/// A delivery takes no longer than this, in seconds; what is older and was not delivered is overdue.
pub(super) const GRACE: i64 = 2 * 60;
/// A key that may not list events is asked with again after so many seconds: somebody may have ticked the permission.
pub(super) const REFUSED: i64 = 6 * 60 * 60;

/// The width of the first slice of time, in seconds.
const WIDTH: i64 = 60 * 60;
/// The narrowest one.
const NARROWEST: i64 = 60;
/// A slice of more pages than this makes the next one narrower: what a kill costs stays small.
const MANY_PAGES: usize = 12;

/// Where a look begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Unix seconds, before the overlap.
    At(i64),
    /// More is missing than Stripe keeps.
    Gap,
}

/// Where a look at `now` begins. The first one begins with the connection, whose import reads what was before.
pub(super) fn start(cursor: Option<i64>, connected_at: i64, now: i64) -> Start {
    let known_until = cursor.unwrap_or(connected_at);
    if now - known_until > KEPT { Start::Gap } else { Start::At(known_until) }
}

/// Whether what Stripe could not deliver is fetched before everything else.
pub(super) fn is_thorough(poll: &Poll, start: i64, now: i64) -> bool {
    poll.is_wished() || now - start > BEHIND
}

/// Slices of time, oldest first, so that the cursor can follow: wide where little happened, narrow where much did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slices {
    from: i64,
    width: i64,
    now: i64,
}

impl Slices {
    pub(super) fn new(from: i64, now: i64) -> Self {
        Self { from, width: WIDTH, now }
    }

    /// The next slice: from, inclusive, and to, exclusive; the last one is open.
    pub(super) fn next(&self) -> (i64, Option<i64>) {
        let to = self.from + self.width;
        (self.from, (to < self.now).then_some(to))
    }

    /// Goes on behind a slice that is stored, which took so many pages.
    pub(super) fn go_on(&mut self, to: i64, pages: usize, lists: usize) {
        self.from = to;
        if pages <= lists {
            self.width = self.width.saturating_mul(2);
        } else if pages > MANY_PAGES {
            self.width = (self.width / 2).max(NARROWEST);
        }
    }
}

/// Whether deliveries come, as far as is known: an endpoint was made, and nothing was overdue since the last delivery.
pub(super) fn delivers(connection: &Connection, late_at: Option<i64>) -> bool {
    match (connection.last_event_at, late_at) {
        (Some(delivered), Some(late)) => delivered > late,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => connection.endpoint_id.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AFTER_GAP, DAY_SECONDS, KEPT, Poll, Slices, Start, is_thorough, start};

    #[test]
    fn a_look_begins_where_the_last_one_ended_unless_stripe_has_forgotten() {
        let now = 1_790_000_000;
        assert_eq!(start(None, now - 60, now), Start::At(now - 60));
        assert_eq!(start(None, now - KEPT, now), Start::At(now - KEPT));
        assert_eq!(start(None, now - KEPT - 1, now), Start::Gap, "a key that could not list events until now");
        assert_eq!(start(Some(now - KEPT), 0, now), Start::At(now - KEPT));
        assert_eq!(start(Some(now - KEPT - 1), 0, now), Start::Gap);
        assert_eq!(
            start(Some(now - AFTER_GAP), 0, now + DAY_SECONDS),
            Start::At(now - AFTER_GAP),
            "no gap at once again"
        );
        assert_eq!(start(Some(now + 5), 0, now), Start::At(now + 5), "Stripe's clock may be ahead");
    }

    #[test]
    fn after_an_outage_and_for_a_person_what_was_not_delivered_goes_first() {
        assert!(!is_thorough(&Poll::default(), 10_000, 10_060));
        assert!(is_thorough(&Poll::default(), 10_000, 14_000));
        assert!(is_thorough(&Poll { wishes: 1, ..Poll::default() }, 10_000, 10_060));
    }

    proptest! {
        /// Whatever the slices hold, they touch each other, leave nothing out and end with an open one.
        #[test]
        fn slices_cover_all_time_once(behind in 0_i64..30 * 86_400, pages in prop::collection::vec(1_usize..40, 64)) {
            let now = 1_790_000_000;
            let mut slices = Slices::new(now - behind, now);
            let (mut end, mut steps) = (now - behind, pages.into_iter().cycle());
            for _ in 0..100_000 {
                let (from, to) = slices.next();
                prop_assert_eq!(from, end);
                let Some(to) = to else { return Ok(()) };
                prop_assert!(to > from && to < now);
                slices.go_on(to, steps.next().unwrap_or(1), 3);
                end = to;
            }
            prop_assert!(false, "no end");
        }
    }
}
