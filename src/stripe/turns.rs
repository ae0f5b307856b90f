//! One rate for several processes. They ask in turns: each takes the next free stretch of an account's time, as many calls long
//! as fit into it, and asks evenly through it. Stretches never overlap, so all processes together stay within the rate; and a
//! process that is alone takes one stretch right behind the other, so it has the whole of it.
//!
//! A stretch lasts half a second while there is more to ask, so the sharing costs two queries a second and account, however many
//! calls there are. The first after a pause is short, so that a process with one question does not keep the others waiting.

use std::{num::NonZeroU32, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{sync::Mutex, time::Instant};

use crate::domain::mode::Mode;

/// Where processes agree whose turn it is.
#[async_trait]
pub trait Share: Send + Sync {
    /// Takes the next free stretch of an account's time. Answers in how long it begins.
    async fn take(&self, account: &str, mode: Mode, stretch: Duration) -> Result<Duration, Unagreed>;
}

/// Why no turn could be taken.
pub type Unagreed = Box<dyn std::error::Error + Send + Sync>;

/// A second has so many short stretches, and so many long ones.
const SHORT: u32 = 8;
const LONG: u32 = 2;
/// How long to wait when the others cannot be reached, and how many times. After that the process asks at its own pace: Stripe
/// refuses what is too much, and a call that is waited for is worth more than the certainty.
const TRY_AGAIN: (Duration, u32) = (Duration::from_millis(500), 10);

/// The turns of this process at one account and mode.
pub(super) struct Turns {
    share: Arc<dyn Share>,
    account: String,
    mode: Mode,
    rate: NonZeroU32,
    turn: Mutex<Turn>,
}

/// A stretch of time.
#[derive(Clone, Copy)]
struct Turn {
    ends: Instant,
    /// Calls that fit into it.
    calls: u32,
    /// Calls that were not made yet.
    left: u32,
}

impl Turns {
    pub(super) fn new(share: Arc<dyn Share>, (account, mode): (&str, Mode), rate: NonZeroU32) -> Self {
        let turn = Mutex::new(Turn { ends: Instant::now(), calls: 0, left: 0 });
        Self { share, account: account.to_owned(), mode, rate, turn }
    }

    /// Waits until this process may ask, and for `pace`, which spreads its calls. Who waited first asks first.
    pub(super) async fn permit(&self, pace: impl Future<Output = ()>) {
        let mut turn = self.turn.lock().await;
        let now = Instant::now();
        if turn.left == 0 || turn.ends <= now {
            *turn = self.take(self.next_calls(*turn, now)).await;
        }
        // Whoever waited for it before may have gone away, so each looks.
        tokio::time::sleep_until(turn.ends - self.lasting(turn.calls)).await;
        turn.left -= 1;
        pin!(pace).await;
    }

    /// How many calls the next turn has: twice as many as the last one while they are made without a pause.
    fn next_calls(&self, last: Turn, now: Instant) -> u32 {
        let (short, long) = (self.rate.get().div_ceil(SHORT), self.rate.get().div_ceil(LONG));
        let busy = last.left == 0 && last.calls > 0 && last.ends + self.lasting(1) > now;
        if busy { (last.calls * 2).min(long) } else { short }
    }

    fn lasting(&self, calls: u32) -> Duration {
        Duration::from_secs(1) * calls / self.rate.get()
    }

    async fn take(&self, calls: u32) -> Turn {
        let stretch = self.lasting(calls);
        let (pause, times) = TRY_AGAIN;
        for attempt in 1..=times {
            match self.share.take(&self.account, self.mode, stretch).await {
                Ok(wait) => return Turn { ends: Instant::now() + wait + stretch, calls, left: calls },
                Err(error) => {
                    tracing::warn!(%error, attempt, "the turns at Stripe could not be agreed on with other processes");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Turn { ends: Instant::now() + stretch, calls, left: calls }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroU32,
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::{Share, Turns, Unagreed};
    use crate::domain::mode::Mode;

    /// What the database does, for processes that are tasks.
    struct Together {
        taken_until: Mutex<Instant>,
        asked: AtomicUsize,
        reachable: bool,
    }

    impl Together {
        fn new(reachable: bool) -> Arc<Self> {
            Arc::new(Self { taken_until: Mutex::new(Instant::now()), asked: AtomicUsize::new(0), reachable })
        }
    }

    #[async_trait]
    impl Share for Together {
        async fn take(&self, _: &str, _: Mode, stretch: Duration) -> Result<Duration, Unagreed> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if !self.reachable {
                return Err("gone".into());
            }
            let now = Instant::now();
            let mut taken_until = self.taken_until.lock().unwrap();
            let begins = now.max(*taken_until);
            *taken_until = begins + stretch;
            Ok(begins - now)
        }
    }

    /// One process: asks so many times, a thousandth of a second apart. Answers when it ended.
    async fn asking(share: Arc<Together>, calls: u32) -> Instant {
        let turns = Turns::new(share, ("acct_1", Mode::Test), NonZeroU32::new(1_000).unwrap());
        let mut next = Instant::now();
        for _ in 0..calls {
            turns.permit(tokio::time::sleep_until(next)).await;
            next += Duration::from_millis(1);
        }
        Instant::now()
    }

    #[tokio::test]
    async fn alone_a_process_has_the_whole_rate_for_few_queries() {
        let (share, began) = (Together::new(true), Instant::now());
        let took = asking(share.clone(), 2_500).await - began;
        let queries = share.asked.load(Ordering::Relaxed);
        // Eight on an idle machine; whoever is held up while its stretch ends begins with a short one.
        assert!(queries <= 250, "{queries} queries for 2,500 calls");
        assert!(took < Duration::from_secs(15), "2,500 calls at 1,000/s took {took:?}");
    }

    #[tokio::test]
    async fn together_processes_stay_within_the_rate() {
        let (share, began) = (Together::new(true), Instant::now());
        let processes = [asking(share.clone(), 600), asking(share.clone(), 600), asking(share.clone(), 600)];
        let ended = futures_util::future::join_all(processes).await.into_iter().max().unwrap();
        assert!(ended - began >= Duration::from_millis(1_700), "1,800 calls at 1,000/s came in {:?}", ended - began);
    }

    #[tokio::test]
    async fn one_question_keeps_the_others_waiting_shortly() {
        let share = Together::new(true);
        asking(share.clone(), 1).await;
        assert!(*share.taken_until.lock().unwrap() <= Instant::now() + Duration::from_millis(125));
    }

    #[tokio::test]
    async fn without_the_others_it_goes_on_after_a_while() {
        let began = Instant::now();
        asking(Together::new(false), 5).await;
        let waited = began.elapsed();
        assert!(waited >= Duration::from_secs(4) && waited < Duration::from_secs(30), "{waited:?}");
    }
}
