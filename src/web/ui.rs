//! Small things that templates show: points in time, states as badges. Templates hand over references, hence the generics.

use crate::domain::{status, time};

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

/// A number behind any number of references: a template's macros and `if let`s each add one.
pub trait Integer {
    /// The number itself.
    fn value(&self) -> i64;
}

impl Integer for i64 {
    fn value(&self) -> i64 {
        *self
    }
}

impl<T: Integer + ?Sized> Integer for &T {
    fn value(&self) -> i64 {
        (**self).value()
    }
}

/// `at` seen from `now`, both in unix seconds.
pub fn when(at: impl Integer, now: impl Integer) -> When {
    let (at, now) = (at.value(), now.value());
    When { iso: time::iso(at), absolute: time::absolute(at), relative: time::relative(at, now), day: time::day(at) }
}

/// Whether there is any of something.
pub fn is_positive(number: impl Integer) -> bool {
    number.value() > 0
}

/// An address from outside (Stripe's pages, metadata) for `href`: itself when it is https, else one that leads nowhere.
pub fn safe_url(text: &str) -> &str {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) { text } else { "#" }
}

/// The badge of a state of ours or of Stripe's.
pub fn badge(state: impl AsRef<str>) -> status::Badge {
    status::badge(state.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leads_out() {
        assert_eq!(safe_url("https://invoice.stripe.com/i/x?s=1"), "https://invoice.stripe.com/i/x?s=1");
        for wrong in
            ["", "javascript:alert(1)", " https://x", "http://x", "https:/x", "//x", "java\nscript:x", "https://ü"]
        {
            assert_eq!(safe_url(wrong), "#", "{wrong:?}");
        }
    }
}
