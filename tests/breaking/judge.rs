//! What is counted, and who decides.

use std::{collections::BTreeSet, fmt, ops::AddAssign, time::Duration};

use billfold::store::jobs;
use tokio::time::Instant;

use crate::harness::{Account, Engine, Verdict, process::Ground, verdict::acknowledged};

/// How long work may take that goes on by itself after a fault.
const PATIENCE: Duration = Duration::from_mins(4);

/// The figures of a story.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Processes that died.
    pub kills: usize,
    /// Distinct events that are stored.
    pub events: usize,
    /// Acknowledged, and not stored or not done.
    pub lost: usize,
    /// Effects without an event of their own, or events without one.
    pub doubled: usize,
    /// Objects in which the mirror and the stand-in differ.
    pub differing: usize,
    /// What else was seen; of a story alone.
    pub note: String,
}

impl Tally {
    /// Whether nothing was lost, doubled or different.
    pub fn is_sound(&self) -> bool {
        self.lost + self.doubled + self.differing == 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.events += other.events;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.differing += other.differing;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, events, lost, doubled, differing, note } = self;
        let gap = if note.is_empty() { "" } else { ", " };
        write!(
            formatter,
            "kills={kills} events={events} lost={lost} doubled={doubled} differing={differing}{gap}{note}"
        )
    }
}

/// The events that were not, or not yet.
pub fn refused(ground: &Ground, account: &Account<'_>) -> BTreeSet<String> {
    let taken: BTreeSet<String> = acknowledged(ground, account).into_iter().collect();
    let tried = ground.stripe.control().ledger.of(&account.keys.account).into_iter();
    tried.map(|delivery| delivery.event).filter(|event| !taken.contains(event)).collect()
}

/// Delivers again what was refused until nothing is: the stand-in gives up soon, Stripe would go on for days. Then waits until
/// all work is done, that which waits for its next try included.
pub async fn settle(ground: &Ground, account: &Account<'_>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        while ground.stripe.control().deliveries_under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let refused = refused(ground, account);
        if refused.is_empty() && work_left(ground).await == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{} refused, {} to do", refused.len(), work_left(ground).await);
        for event in &refused {
            account.redeliver(event, 1);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Events that are not finished, objects to be read again, and copies that are not at their end. A database that cannot be asked
/// has something to do.
pub async fn work_left(ground: &Ground) -> i64 {
    let count = async {
        let mut tx = ground.app.db.read(&ground.tenant.id).await?;
        let text = "SELECT (SELECT COUNT(*) FROM inbox WHERE tenant_id = $1 AND state IN ('received', 'failed'))
                + (SELECT COUNT(*) FROM refetches WHERE tenant_id = $1)
                + (SELECT COUNT(*) FROM sync_runs WHERE tenant_id = $1 AND state = 'running')";
        tx.query(text).fetch_value().await
    };
    count.await.unwrap_or(1)
}

/// Compares what was promised with what is there. A process must be running, so that work can come to its end.
pub async fn judge(ground: &Ground, account: &Account<'_>) -> Tally {
    settle(ground, account).await;
    let verdict = Verdict::of(ground, &ground.tenant, account).await;
    for line in verdict.lost.iter().map(|event| format!("lost: {event}")).chain(verdict.differing.clone()).take(20) {
        println!("{line}");
    }
    Tally {
        kills: 0,
        events: verdict.events,
        lost: verdict.lost.len(),
        doubled: usize::try_from(verdict.doubled.unsigned_abs()).unwrap(),
        differing: verdict.differing.len(),
        note: String::new(),
    }
}

/// The half minute in which nobody takes over what a dead process was doing is over. Of Postgres: on SQLite there is no other
/// process, so the next one knows that nobody is doing it.
pub async fn lapse(ground: &Ground) {
    if ground.database.engine == Engine::Postgres {
        let mut tx = ground.app.db.system_write().await.unwrap();
        jobs::release_of_all(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
