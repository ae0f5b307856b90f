//! When a failed call is tried again, and how long to wait first.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::vault::random_bytes;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries in all.
    pub attempts: u32,
    /// From the start of a try to the first byte of its answer.
    pub first_byte: Duration,
    /// From the start of a try to the last byte of its answer.
    pub whole: Duration,
    /// The longest wait between two tries; a longer `Retry-After` ends the call.
    pub longest_wait: Duration,
    /// How long a page that makes no sense is asked for again, until that counts as what Stripe has to say.
    pub nonsense: Duration,
}

impl Patience {
    /// For work behind the scenes.
    pub const BACKGROUND: Self = Self {
        attempts: 5,
        first_byte: Duration::from_secs(10),
        whole: Duration::from_secs(30),
        longest_wait: Duration::from_secs(30),
        nonsense: Duration::from_secs(1),
    };
    /// For reading whole lists, where what counts as Stripe's word is given up.
    pub const IMPORT: Self = Self { nonsense: Duration::from_secs(14), ..Self::BACKGROUND };
    /// For a person who waits: the answer must come within the 30 seconds that a web request may take.
    pub const INTERACTIVE: Self = Self {
        attempts: 2,
        first_byte: Duration::from_secs(4),
        whole: Duration::from_secs(6),
        longest_wait: Duration::from_secs(1),
        nonsense: Duration::from_millis(500),
    };

    /// For a person who waits for a change: a payment takes Stripe longer than a look.
    pub const WRITE: Self = Self {
        attempts: 2,
        first_byte: Duration::from_secs(12),
        whole: Duration::from_secs(12),
        longest_wait: Duration::from_secs(1),
        nonsense: Duration::from_millis(500),
    };

    /// How long to wait after the page number `tried` that makes no sense, `elapsed` after the first was asked for: a moment longer each
    /// time, up to a second. `None`: do not ask again.
    pub(super) fn pause(&self, tried: u32, elapsed: Duration) -> Option<Duration> {
        let pause = Duration::from_millis(50 * u64::from(tried.min(20)));
        (elapsed + pause <= self.nonsense).then_some(pause)
    }

    /// How long to wait before try number `attempt + 1`, with full jitter, so that callers who failed together do not come
    /// back together. Stripe's `Retry-After` is the least. `None`: do not try again.
    pub(super) fn wait(&self, attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let least = retry_after.unwrap_or_default();
        if least > self.longest_wait {
            return None;
        }
        let cap = Duration::from_millis(500_u64 << attempt.saturating_sub(1).min(6)).min(self.longest_wait);
        let jitter = cap.mul_f64(f64::from(u32::from_be_bytes(random_bytes())) / f64::from(u32::MAX));
        Some(least + jitter)
    }
}

/// Whether Stripe wants to see the call again. Its own header decides; without it: locks, limits and faults.
pub(super) fn is_worth_retrying(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("stripe-should-retry").map(http::HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => matches!(status.as_u16(), 409 | 429 | 500..=599),
    }
}

/// Stripe sends whole seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::{Patience, is_worth_retrying, retry_after};

    #[test]
    fn nonsense_is_asked_for_again_for_a_while() {
        let (ms, import) = (Duration::from_millis, Patience::IMPORT);
        assert_eq!((import.pause(1, ms(0)), import.pause(20, ms(9_500))), (Some(ms(50)), Some(ms(1_000))));
        assert_eq!((import.pause(24, ms(13_000)), import.pause(24, ms(13_001))), (Some(ms(1_000)), None));
        assert_eq!(Patience::INTERACTIVE.pause(1, Patience::INTERACTIVE.whole), None, "somebody waits");
    }

    #[test]
    fn waits_grow_stay_under_the_cap_and_end() {
        let patience = Patience::BACKGROUND;
        for attempt in 1..5 {
            let cap = Duration::from_millis(500 << (attempt - 1));
            for _ in 0..50 {
                assert!(patience.wait(attempt, None).unwrap() <= cap, "{attempt}");
            }
        }
        assert_eq!(patience.wait(5, None), None);
        assert!(patience.wait(1, Some(Duration::from_secs(3))).unwrap() >= Duration::from_secs(3));
        assert_eq!(patience.wait(1, Some(Duration::from_hours(1))), None);
    }

    #[test]
    fn stripes_header_decides_over_the_status() {
        let mut headers = HeaderMap::new();
        assert!(is_worth_retrying(StatusCode::TOO_MANY_REQUESTS, &headers));
        assert!(is_worth_retrying(StatusCode::CONFLICT, &headers));
        assert!(!is_worth_retrying(StatusCode::BAD_REQUEST, &headers));
        headers.insert("stripe-should-retry", HeaderValue::from_static("false"));
        assert!(!is_worth_retrying(StatusCode::INTERNAL_SERVER_ERROR, &headers));
        headers.insert("stripe-should-retry", HeaderValue::from_static("true"));
        assert!(is_worth_retrying(StatusCode::BAD_REQUEST, &headers));
        headers.insert("retry-after", HeaderValue::from_static("7"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
    }
}
