//! How fast Stripe is asked. Its limits belong to the account and mode, not to the key, and the tenant's own programs share
//! them; so all clients of one account and mode in this process take from one bucket.

use std::{num::NonZeroU32, sync::Arc};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;

use crate::domain::mode::Mode;

/// From here on a rate counts as no limit: for benches against the stand-in.
const UNLIMITED: u32 = 10_000;

/// Requests per second and account.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// In live mode.
    pub live: u32,
    /// In test mode.
    pub test: u32,
}

/// A bucket that hands out permits to ask.
#[derive(Clone)]
pub(super) struct Bucket(Option<Arc<DefaultDirectRateLimiter>>);

impl Bucket {
    fn new(per_second: u32) -> Self {
        let Some(rate) = NonZeroU32::new(per_second).filter(|rate| rate.get() < UNLIMITED) else { return Self(None) };
        // Evenly spaced instead of a burst and a pause, so that no second sees more than the rate.
        let burst = NonZeroU32::new(per_second / 50).unwrap_or(NonZeroU32::MIN);
        Self(Some(Arc::new(RateLimiter::direct(Quota::per_second(rate).allow_burst(burst)))))
    }

    /// Waits for a permit.
    pub(super) async fn permit(&self) {
        if let Some(limiter) = &self.0 {
            limiter.until_ready().await;
        }
    }
}

/// The buckets of this process. One that nobody used for a while is forgotten; it would be full by then.
#[derive(Clone)]
pub(super) struct Buckets {
    rates: Rates,
    buckets: Cache<(String, Mode), Bucket>,
}

impl Buckets {
    pub(super) fn new(rates: Rates) -> Self {
        let buckets = Cache::builder().max_capacity(10_000).time_to_idle(std::time::Duration::from_mins(10)).build();
        Self { rates, buckets }
    }

    /// The bucket of an account and mode.
    pub(super) async fn of(&self, account: &str, mode: Mode) -> Bucket {
        let rate = match mode {
            Mode::Live => self.rates.live,
            Mode::Test => self.rates.test,
        };
        self.buckets.get_with((account.to_owned(), mode), async { Bucket::new(rate) }).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Buckets, Rates};
    use crate::domain::mode::Mode;

    #[tokio::test]
    async fn clients_of_one_account_share_its_rate() {
        let buckets = Buckets::new(Rates { live: 10_000, test: 40 });
        let started = Instant::now();
        for _ in 0..5 {
            buckets.of("acct_1", Mode::Test).await.permit().await;
            buckets.of("acct_1", Mode::Test).await.permit().await;
        }
        assert!(started.elapsed() >= Duration::from_millis(200), "ten permits at 40/s came in {:?}", started.elapsed());
        buckets.of("acct_2", Mode::Test).await.permit().await;
        for _ in 0..1_000 {
            buckets.of("acct_1", Mode::Live).await.permit().await;
        }
    }
}
