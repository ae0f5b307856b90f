//! How many deliveries wait for a commit at this moment, so that work with time to spare lets them pass.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// The deliveries that wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Deliveries(Arc<State>);

#[derive(Debug, Default)]
struct State {
    waiting: AtomicUsize,
    none_left: Notify,
}

impl Deliveries {
    /// One more waits, until the answer is dropped.
    pub fn wait(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self.0.clone())
    }

    /// Returns when none waits, or after `most`.
    pub async fn pass(&self, most: Duration) {
        let none_left = async {
            loop {
                let notified = self.0.none_left.notified();
                if self.0.waiting.load(Ordering::Relaxed) == 0 {
                    return;
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(most, none_left).await;
    }
}

/// A delivery that waits.
#[derive(Debug)]
pub struct Waiting(Arc<State>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.none_left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Deliveries;

    #[tokio::test]
    async fn what_has_time_waits_for_deliveries_but_not_for_ever() {
        let (deliveries, long, short) = (Deliveries::default(), Duration::from_mins(1), Duration::from_millis(20));
        let start = Instant::now();
        deliveries.pass(long).await;
        let (first, second) = (deliveries.wait(), deliveries.wait());
        drop(first);
        deliveries.pass(short).await;
        assert!(start.elapsed() >= short, "one still waits");
        tokio::spawn(async move {
            tokio::time::sleep(short).await;
            drop(second);
        });
        deliveries.pass(long).await;
        assert!(start.elapsed() < long, "nobody waits any more");
    }
}
