//! The stand-in's own clock: unix seconds from an injectable source plus an offset that tests can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of unix seconds.
pub type Source = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The clock every created time, `Date` header and signature is taken from.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// A clock over `source`, without an offset.
    pub fn new(source: Source) -> Self {
        Self { source, offset: Arc::default() }
    }

    /// The current time in unix seconds.
    pub fn now(&self) -> i64 {
        (self.source)() + self.offset.load(Ordering::Relaxed)
    }

    /// Moves the clock by `seconds` and returns the new time.
    pub fn advance(&self, seconds: i64) -> i64 {
        self.offset.fetch_add(seconds, Ordering::Relaxed);
        self.now()
    }
}

/// The machine's own time.
#[expect(clippy::disallowed_methods, reason = "the stand-in shares nothing with the rest, its clock included")]
pub fn system() -> Source {
    Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()))
}
