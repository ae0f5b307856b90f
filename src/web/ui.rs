//! Small things that templates show: points in time, states as badges. Templates hand over references, hence the generics.

use crate::domain::reading::Reading;
use crate::domain::{money, status, time};
use crate::store::users::Taste;

/// A point in time as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// For the `datetime` attribute.
    pub iso: String,
    /// For the tooltip.
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

/// The moment at which a page is shown, and how its reader reads times.
#[derive(Clone, Debug)]
pub struct Now {
    /// Unix seconds.
    pub at: i64,
    /// Zone and style.
    pub reading: Reading,
}

impl Now {
    /// For somebody of this taste. `at` in unix seconds.
    pub fn of(taste: &Taste, at: i64) -> Self {
        Self { at, reading: Reading::new(&taste.time_zone, &taste.locale) }
    }

    /// For nobody in particular.
    pub fn anywhere(at: i64) -> Self {
        Self { at, reading: Reading::default() }
    }
}

/// A [`Now`] behind any number of references.
pub trait Moment {
    /// The moment itself.
    fn now(&self) -> &Now;
}

impl Moment for Now {
    fn now(&self) -> &Now {
        self
    }
}

impl<T: Moment + ?Sized> Moment for &T {
    fn now(&self) -> &Now {
        (**self).now()
    }
}

/// `at`, in unix seconds, seen from `now`.
pub fn when(at: impl Integer, now: impl Moment) -> When {
    let (at, now) = (at.value(), now.now());
    When {
        iso: time::iso(at),
        absolute: now.reading.absolute(at),
        relative: time::relative(at, now.at),
        day: now.reading.day(at),
    }
}

/// `1,234,567`.
pub fn grouped(number: impl Integer) -> String {
    money::grouped(number.value())
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
