//! Small things that templates show: points in time, states as badges.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// A point in time as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// For the `datetime` attribute.
    pub iso: String,
    /// For the tooltip, in UTC.
    pub absolute: String,
    /// Such as "3 minutes ago" or "in 2 days".
    pub relative: String,
    /// Day, month and year.
    pub day: String,
}

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const ABSOLUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:short] [year]");

/// Unix seconds, behind as many references as a template puts before a value.
pub trait Seconds {
    /// The value.
    fn seconds(&self) -> i64;
}

impl Seconds for i64 {
    fn seconds(&self) -> i64 {
        *self
    }
}

impl<T: Seconds + ?Sized> Seconds for &T {
    fn seconds(&self) -> i64 {
        (**self).seconds()
    }
}

/// `at` seen from `now`, both in unix seconds.
pub fn when(at: impl Seconds, now: impl Seconds) -> When {
    let (at, now) = (at.seconds(), now.seconds());
    let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let text = |format| moment.format(format).unwrap_or_default();
    When { iso: text(ISO), absolute: text(ABSOLUTE), relative: relative(at, now), day: text(DAY) }
}

fn relative(at: i64, now: i64) -> String {
    let mut words = timeago::Formatter::new();
    let distance = Duration::from_secs(at.abs_diff(now));
    if at > now {
        words.ago("");
        return format!("in {}", words.convert(distance).trim_end());
    }
    if distance.as_secs() < 5 { "just now".to_owned() } else { words.convert(distance) }
}

/// An address from outside (Stripe's pages, metadata) for `href`: itself when it is https, else one that leads nowhere.
pub fn safe_url(text: &str) -> &str {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) { text } else { "#" }
}

/// A state as colour, icon and word: never by colour alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The word.
    pub label: String,
    /// A class of `.badge-soft`: green, blue, orange, red or grey.
    pub tone: &'static str,
    /// A symbol of the icon sprite.
    pub icon: &'static str,
}

/// The badge of a state of ours or of Stripe's. A state we do not know is shown as it came.
pub fn badge(state: impl AsRef<str>) -> Badge {
    let state = state.as_ref();
    let (tone, icon) = match state {
        "active" | "paid" | "succeeded" | "done" | "applied" | "processed" | "ok" | "connected" | "enabled" => {
            ("green", "circle-check")
        }
        "trialing" | "open" | "pending" | "received" | "queued" => ("blue", "clock"),
        "working" | "running" | "retrying" => ("blue", "refresh"),
        "past_due" | "unpaid" | "incomplete" | "failed" | "requires_action" => ("orange", "alert-triangle"),
        "dead" | "error" | "refused" | "uncollectible" | "revoked" => ("red", "circle-x"),
        "quarantined" => ("orange", "shield-lock"),
        "paused" => ("grey", "player-pause"),
        "canceled" | "incomplete_expired" | "void" | "disabled" | "disconnected" => ("grey", "ban"),
        "deleted" => ("grey", "trash"),
        "archived" | "inactive" => ("grey", "archive"),
        "draft" => ("grey", "pencil"),
        "duplicate" => ("grey", "copy"),
        _ => ("grey", "circle-dashed"),
    };
    Badge { label: words(state), tone, icon }
}

/// `past_due` as "Past due".
fn words(state: &str) -> String {
    let text = state.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_both_sides_of_now() {
        let now = 1_700_000_000;
        assert_eq!(when(now - 2, now).relative, "just now");
        assert_eq!(when(now - 180, now).relative, "3 minutes ago");
        assert_eq!(when(now + 2 * 86_400, now).relative, "in 2 days");
        assert_eq!(when(now, now).iso, "2023-11-14T22:13:20Z");
        assert_eq!(when(now, now).absolute, "14 Nov 2023, 22:13:20 UTC");
    }

    #[test]
    fn only_https_leads_out() {
        assert_eq!(safe_url("https://invoice.stripe.com/i/x?s=1"), "https://invoice.stripe.com/i/x?s=1");
        for wrong in
            ["", "javascript:alert(1)", " https://x", "http://x", "https:/x", "//x", "java\nscript:x", "https://ü"]
        {
            assert_eq!(safe_url(wrong), "#", "{wrong:?}");
        }
    }

    #[test]
    fn a_state_stripe_adds_later_is_shown_as_it_came() {
        assert_eq!(
            badge("awaiting_moon"),
            Badge { label: "Awaiting moon".to_owned(), tone: "grey", icon: "circle-dashed" }
        );
        assert_eq!(badge("past_due").label, "Past due");
    }
}
