//! The only place that asks what time it is. Tests turn the hands themselves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Hands);

#[derive(Clone, Debug)]
enum Hands {
    System,
    /// Unix microseconds.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Hands::System)
    }

    /// A clock that stands still at `now` (unix seconds) until it is advanced.
    pub fn manual(now: i64) -> Self {
        Self(Hands::Manual(Arc::new(AtomicI64::new(now.saturating_mul(1_000_000)))))
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.micros().div_euclid(1_000_000)
    }

    /// Unix microseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn micros(&self) -> i64 {
        match &self.0 {
            Hands::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |passed| i64::try_from(passed.as_micros()).unwrap_or(i64::MAX)),
            Hands::Manual(hands) => hands.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock forward; the machine's clock does not listen.
    pub fn advance(&self, seconds: i64) {
        if let Hands::Manual(hands) = &self.0 {
            hands.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.advance(60);
        assert_eq!((clock.now(), clock.clone().micros()), (1_060, 1_060_000_000));
    }
}
