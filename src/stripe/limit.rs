//! How fast Stripe is asked. Its limits belong to the account and mode, not to the key, and the tenant's own programs share
//! them; so all clients of one account and mode in this process take from one bucket, and the buckets of several processes take
//! [`turns`](super::turns). It also counts, so that people can see how much of the rate is used.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

use super::turns::{Share, Turns};
use crate::domain::mode::Mode;

/// From here on a rate counts as no limit: for benches against the stand-in.
const UNLIMITED: u32 = 10_000;

/// Work that can wait takes one of so many permits.
const SPARE: u32 = 4;

/// Requests per second and account.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// In live mode.
    pub live: u32,
    /// In test mode.
    pub test: u32,
}

/// How much of an account's rate this process has used in the last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Calls that may be made in a minute; none where there is no limit.
    pub per_minute: Option<u32>,
    /// Calls of the busiest minute.
    pub busiest_minute: u32,
    /// How often Stripe has asked to slow down.
    pub slowed: u32,
}

/// A bucket that hands out permits to ask.
#[derive(Clone)]
pub(super) struct Bucket(Arc<Inner>);

struct Inner {
    limiter: Option<DefaultDirectRateLimiter>,
    /// What work that can wait takes its permits from first.
    spare: Option<DefaultDirectRateLimiter>,
    rate: Option<NonZeroU32>,
    turns: Option<Turns>,
    since: Instant,
    minutes: Mutex<[Minute; MINUTES]>,
}

/// Minutes that a bucket remembers.
const MINUTES: usize = 60;

/// What happened in one minute since the bucket was made.
#[derive(Clone, Copy, Default)]
struct Minute {
    number: u64,
    calls: u32,
    slowed: u32,
}

impl Bucket {
    /// `turns` makes those of the account, where other processes ask as well.
    fn new(per_second: u32, turns: impl FnOnce(NonZeroU32) -> Option<Turns>) -> Self {
        let rate = NonZeroU32::new(per_second).filter(|rate| rate.get() < UNLIMITED);
        // Evenly spaced instead of a burst and a pause, so that no second sees more than the rate.
        let limiter = |rate: NonZeroU32| {
            let burst = NonZeroU32::new(rate.get() / 50).unwrap_or(NonZeroU32::MIN);
            RateLimiter::direct(Quota::per_second(rate).allow_burst(burst))
        };
        let spare = rate.map(|rate| NonZeroU32::new(rate.get() / SPARE).unwrap_or(NonZeroU32::MIN));
        Self(Arc::new(Inner {
            limiter: rate.map(limiter),
            spare: spare.map(limiter),
            rate,
            turns: rate.and_then(turns),
            since: Instant::now(),
            minutes: Mutex::new([Minute::default(); MINUTES]),
        }))
    }

    /// Waits for a permit.
    pub(super) async fn permit(&self) {
        if let Some(limiter) = &self.0.limiter {
            match &self.0.turns {
                Some(turns) => turns.permit(limiter.until_ready()).await,
                None => limiter.until_ready().await,
            }
        }
        self.note(|minute| minute.calls = minute.calls.saturating_add(1));
    }

    /// Waits for a permit that work which can wait may take: of every [`SPARE`] at most one, so that people find room.
    pub(super) async fn spare_permit(&self) {
        if let Some(spare) = &self.0.spare {
            spare.until_ready().await;
        }
        self.permit().await;
    }

    /// Stripe has asked to slow down.
    pub(super) fn slowed(&self) {
        self.note(|minute| minute.slowed = minute.slowed.saturating_add(1));
    }

    /// What was used in the last hour.
    pub(super) fn budget(&self) -> Budget {
        let now = self.minute();
        let minutes = *self.0.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = || minutes.iter().filter(|minute| now - minute.number < MINUTES as u64);
        Budget {
            per_minute: self.0.rate.map(|rate| rate.get().saturating_mul(60)),
            busiest_minute: recent().map(|minute| minute.calls).max().unwrap_or(0),
            slowed: recent().map(|minute| minute.slowed).fold(0, u32::saturating_add),
        }
    }

    fn note(&self, count: impl FnOnce(&mut Minute)) {
        let number = self.minute();
        let mut minutes = self.0.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(minute) = usize::try_from(number).ok().and_then(|number| minutes.get_mut(number % MINUTES)) else {
            return;
        };
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        count(minute);
    }

    fn minute(&self) -> u64 {
        self.0.since.elapsed().as_secs() / 60
    }
}

/// The buckets of this process. One that nobody used for a while is forgotten; it would be full by then.
#[derive(Clone)]
pub(super) struct Buckets {
    rates: Rates,
    share: Option<Arc<dyn Share>>,
    kept: Cache<(String, Mode), Bucket>,
}

impl Buckets {
    pub(super) fn new(rates: Rates) -> Self {
        let kept = Cache::builder().max_capacity(10_000).time_to_idle(std::time::Duration::from_mins(10)).build();
        Self { rates, share: None, kept }
    }

    /// From now on the rates are shared with other processes.
    pub(super) fn shared(self, share: Arc<dyn Share>) -> Self {
        Self { share: Some(share), ..self }
    }

    /// The bucket of an account and mode.
    pub(super) async fn of(&self, account: &str, mode: Mode) -> Bucket {
        let turns = |rate| self.share.clone().map(|share| Turns::new(share, (account, mode), rate));
        let bucket = async { Bucket::new(self.rate(mode), turns) };
        self.kept.get_with((account.to_owned(), mode), bucket).await
    }

    /// A bucket that this process alone takes from: for a key whose account is not known yet.
    pub(super) async fn of_unknown(&self, key: &str, mode: Mode) -> Bucket {
        let bucket = async { Bucket::new(self.rate(mode), |_| None) };
        self.kept.get_with((key.to_owned(), mode), bucket).await
    }

    fn rate(&self, mode: Mode) -> u32 {
        match mode {
            Mode::Live => self.rates.live,
            Mode::Test => self.rates.test,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Buckets, Budget, Rates};
    use crate::domain::mode::Mode;

    #[tokio::test]
    async fn work_that_can_wait_takes_a_quarter() {
        let bucket = Buckets::new(Rates { live: 10_000, test: 100 }).of("acct_1", Mode::Test).await;
        let started = Instant::now();
        for _ in 0..6 {
            bucket.spare_permit().await;
        }
        assert!(started.elapsed() >= Duration::from_millis(190), "six permits at 25/s came in {:?}", started.elapsed());
        let before = Instant::now();
        bucket.permit().await;
        assert!(before.elapsed() < Duration::from_millis(35), "a person waits for nobody");
    }

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
        let used = buckets.of("acct_1", Mode::Test).await.budget();
        assert_eq!(used, Budget { per_minute: Some(2_400), busiest_minute: 10, slowed: 0 });
        let unlimited = buckets.of("acct_1", Mode::Live).await;
        unlimited.slowed();
        assert_eq!(unlimited.budget(), Budget { per_minute: None, busiest_minute: 1_000, slowed: 1 });
    }
}
