//! Points in time as people read them: how long ago, and exactly when, in UTC.

use std::time::Duration;

use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const ABSOLUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:short] [year]");

/// Seconds in a day.
pub const DAY_SECONDS: i64 = 86_400;

fn format(at: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(format).unwrap_or_default()
}

/// For machines, such as the `datetime` attribute: `2023-11-14T22:13:20Z`. `at` is in unix seconds.
pub fn iso(at: i64) -> String {
    format(at, ISO)
}

/// The day as a date field of a form has it: `2023-11-14`.
pub fn date(at: i64) -> String {
    format(at, DATE)
}

/// `14 Nov 2023, 22:13:20 UTC`
pub fn absolute(at: i64) -> String {
    format(at, ABSOLUTE)
}

/// `14 Nov 2023`
pub fn day(at: i64) -> String {
    format(at, DAY)
}

/// `at` seen from `now`, both in unix seconds: `3 minutes ago`, `in 2 days`, `just now`.
pub fn relative(at: i64, now: i64) -> String {
    let mut words = timeago::Formatter::new();
    let distance = Duration::from_secs(at.abs_diff(now));
    if at > now {
        words.ago("");
        return format!("in {}", words.convert(distance).trim_end());
    }
    if distance.as_secs() < 5 { "just now".to_owned() } else { words.convert(distance) }
}

/// A length of time in its largest unit: `3 minutes`.
pub fn span(seconds: i64) -> String {
    let mut words = timeago::Formatter::new();
    words.ago("");
    words.convert(Duration::from_secs(seconds.unsigned_abs())).trim_end().to_owned()
}

/// The second of a moment written as `2023-11-14T22:13:20.5Z`, in unix seconds; None when it is none.
pub fn parse_iso(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// The first second (UTC) of a day written as `2023-11-14`; None when it is no day.
pub fn parse_date(text: &str) -> Option<i64> {
    let day = time::Date::parse(text, DATE).ok()?;
    Some(day.midnight().assume_utc().unix_timestamp())
}

/// The first second (UTC) of the month that `at` (unix seconds) lies in.
pub fn month_start(at: i64) -> i64 {
    let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.date().replace_day(1).unwrap_or(moment.date()).midnight().assume_utc().unix_timestamp()
}

/// The first second (UTC) of the month after the one that `at` (unix seconds) lies in.
pub fn next_month_start(at: i64) -> i64 {
    month_start(month_start(at) + 32 * DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn times_are_told_from_both_sides_of_now() {
        assert_eq!(relative(NOW - 2, NOW), "just now");
        assert_eq!(relative(NOW - 180, NOW), "3 minutes ago");
        assert_eq!(relative(NOW + 2 * DAY_SECONDS, NOW), "in 2 days");
        assert_eq!(span(90 * 60), "1 hour");
    }

    #[test]
    fn months_begin_at_midnight_utc() {
        assert_eq!(iso(month_start(NOW)), "2023-11-01T00:00:00Z");
        assert_eq!(iso(next_month_start(NOW)), "2023-12-01T00:00:00Z");
        assert_eq!(next_month_start(next_month_start(NOW) - 1), next_month_start(NOW));
    }

    #[test]
    fn the_exact_time_is_in_utc() {
        assert_eq!(iso(NOW), "2023-11-14T22:13:20Z");
        assert_eq!(absolute(NOW), "14 Nov 2023, 22:13:20 UTC");
        assert_eq!(day(NOW), "14 Nov 2023");
        assert_eq!(parse_date("2023-11-14"), Some(NOW - NOW % DAY_SECONDS));
        for wrong in ["", "2023-02-30", "14.11.2023", "2023-11-14T00:00", "x"] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_time_is_too_strange_to_show(at in any::<i64>(), now in any::<i64>()) {
            prop_assert!(!relative(at, now).is_empty());
            prop_assert!(!absolute(at).is_empty());
        }
    }
}
