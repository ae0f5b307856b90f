//! How a type is cut into ranges of time that can be read in parallel.

use crate::{domain::kind::Kind, store::sync_runs::Range};

/// Ranges per type that is longer than a page.
const SLICES: i64 = 8;
/// Seconds in a year, for the probes.
const YEAR: i64 = 31_557_600;
/// Stripe opened in 2011; nothing is older. Unix seconds.
pub(super) const STRIPE_OPENED: i64 = 1_293_840_000;

/// The points in time before which the reader asks "is there anything older?", newest first.
pub(super) fn probes(now: i64) -> impl Iterator<Item = i64> {
    [1, 2, 4, 8].into_iter().map(move |years| now - years * YEAR)
}

/// The type's only range, when its first page was all there is.
pub(super) fn single(kind: Kind) -> Vec<Range> {
    vec![range(kind, 0, None, None, true)]
}

/// Cuts the time between the first page's oldest object (`position`) and `oldest` into equal slices. The first range goes on
/// behind the page that has been read; the last one is open towards the past unless `oldest` is known to be the end.
pub(super) fn slices(kind: Kind, cursor: &str, position: i64, oldest: Option<i64>) -> Vec<Range> {
    let from = oldest.unwrap_or(STRIPE_OPENED);
    let width = ((position - from) / SLICES).max(1);
    let bounds: Vec<i64> =
        (1..SLICES).map(|slice| position - slice * width).take_while(|bound| *bound > from).collect();
    let mut ranges = Vec::with_capacity(bounds.len() + 1);
    let mut newer = None;
    for (number, bound) in bounds.iter().copied().map(Some).chain(std::iter::once(oldest)).enumerate() {
        let mut slice = range(kind, i64::try_from(number).unwrap_or(i64::MAX), bound, newer, false);
        if number == 0 {
            slice.cursor = Some(cursor.to_owned());
            slice.position = Some(position);
        }
        ranges.push(slice);
        newer = bound;
    }
    ranges
}

fn range(kind: Kind, range_no: i64, created_from: Option<i64>, created_to: Option<i64>, finished: bool) -> Range {
    Range { kind: kind.as_str().to_owned(), range_no, created_from, created_to, cursor: None, position: None, finished }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{STRIPE_OPENED, slices};
    use crate::domain::kind::Kind;

    proptest! {
        /// Whatever the times, the ranges touch each other, leave nothing out and end where the past does.
        #[test]
        fn ranges_cover_all_time_once(position in STRIPE_OPENED..2_000_000_000_i64, age in prop::option::of(0_i64..400_000_000)) {
            let oldest = age.map(|age| position - age);
            let ranges = slices(Kind::Customer, "cus_1", position, oldest);
            prop_assert!(!ranges.is_empty() && ranges.len() <= 8);
            prop_assert_eq!(ranges[0].created_to, None);
            prop_assert_eq!(ranges.last().unwrap().created_from, oldest);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].created_from, pair[1].created_to);
                prop_assert!(pair[1].created_from < pair[1].created_to);
            }
        }
    }
}
