//! Stripe's rate limits: per account and mode, and per endpoint.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::errors::ApiError;
use super::state::lock;

const LIVE: f64 = 100.0;
const TEST: f64 = 25.0;
const ENDPOINT: f64 = 25.0;

/// Method and path of a route; empty for the whole account.
type Endpoint = (&'static str, &'static str);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Takes a token; a bucket holds one second's worth.
    fn take(&mut self, rate: f64, now: Instant) -> bool {
        let earned = now.duration_since(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + earned).min(rate);
        self.at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// Token buckets in real time.
#[derive(Debug, Default)]
pub struct Limits {
    off: AtomicBool,
    buckets: Mutex<HashMap<(String, bool, Endpoint), Bucket>>,
}

impl Limits {
    /// Switches all limits off or on.
    pub fn set_unlimited(&self, off: bool) {
        self.off.store(off, Ordering::Relaxed);
    }

    /// Counts a request, or refuses it with 429.
    pub fn take(&self, account: &str, live: bool, endpoint: Endpoint) -> Result<(), ApiError> {
        if self.off.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = Instant::now();
        let mut buckets = lock(&self.buckets);
        let mut take = |name, rate| {
            buckets.entry((account.to_owned(), live, name)).or_insert(Bucket { tokens: rate, at: now }).take(rate, now)
        };
        if !take(endpoint, ENDPOINT) {
            return Err(too_many("endpoint-rate"));
        }
        if !take(("", ""), if live { LIVE } else { TEST }) {
            return Err(too_many("global-rate"));
        }
        Ok(())
    }
}

/// Stripe's 429, which promises no `Retry-After`.
pub fn too_many(reason: &'static str) -> ApiError {
    ApiError::invalid(
        429,
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
    )
    .code("rate_limit")
    .header("stripe-rate-limited-reason", reason)
}
