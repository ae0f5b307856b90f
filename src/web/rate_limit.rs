//! A limit per key (client address, API key, tenant) that cannot grow without bound.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::future::Cache;

use super::error::Error;

/// Keys remembered at once; the least used are forgotten first.
const KEYS: u64 = 50_000;

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// What a client is told about its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Uses at once.
    pub limit: u32,
    /// Uses that are left of them now.
    pub remaining: u32,
    /// Seconds until all are there again.
    pub reset: u64,
}

/// One bucket per key: `burst` at once, refilled over `per`.
#[derive(Clone)]
pub struct RateLimit<K> {
    buckets: Cache<K, Arc<Bucket>>,
    quota: Quota,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Send + Sync + Clone + 'static> RateLimit<K> {
    /// `burst` uses per `per` and key; at least one.
    pub fn new(burst: u32, per: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(per / burst.get()).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let buckets = Cache::builder().max_capacity(KEYS).time_to_idle(per * 2).build();
        Self { buckets, quota, clock: DefaultClock::default() }
    }

    /// Takes one use.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the seconds to wait.
    pub async fn take(&self, key: K) -> Result<Left, Error> {
        let quota = self.quota;
        let bucket = async move { Arc::new(RateLimiter::direct(quota).with_middleware()) };
        let bucket: Arc<Bucket> = self.buckets.get_with(key, bucket).await;
        match bucket.check() {
            Ok(state) => {
                let (limit, remaining) = (self.limit(), state.remaining_burst_capacity());
                let reset = quota.replenish_interval() * limit.saturating_sub(remaining);
                let reset = reset.as_secs() + u64::from(reset.subsec_nanos() > 0);
                Ok(Left { limit, remaining, reset })
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                Err(Error::TooManyRequests { retry_after: wait.as_secs() + 1 })
            }
        }
    }

    /// Uses at once.
    pub fn limit(&self) -> u32 {
        self.quota.burst_size().get()
    }
}

/// The part of an address that one client holds: all of an IPv4 address, the /64 network of an IPv6 one.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_third_of_two_waits_and_other_keys_do_not() {
        let limit = RateLimit::new(2, Duration::from_mins(1));
        limit.take("a").await.expect("first");
        let left = limit.take("a").await.expect("second");
        assert_eq!(left, Left { limit: 2, remaining: 0, reset: 60 });
        let refused = limit.take("a").await.expect_err("third");
        assert!(matches!(refused, Error::TooManyRequests { retry_after: 1..=31 }));
        limit.take("b").await.expect("another key");
    }

    #[test]
    fn one_ipv6_client_is_one_key_however_many_addresses_it_uses() {
        let one = network("2001:db8:1:2:aaaa::1".parse().expect("address"));
        let two = network("2001:db8:1:2:bbbb::2".parse().expect("address"));
        assert_eq!(one, two);
        assert_ne!(network("2001:db8:1:3::1".parse().expect("address")), one);
    }
}
