//! What became of events after processes have died: what was acknowledged is there once, and the mirror is exact.

use std::collections::BTreeMap;

use billfold::standin::deliveries::Delivery;

use super::{Account, oracle::differences, people::Tenant, process::Ground};

/// What was lost, doubled or left different.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Distinct events that are stored.
    pub events: usize,
    /// Acknowledged, and not stored or not finished.
    pub lost: Vec<String>,
    /// Effects beyond one per event; negative when there are fewer.
    pub doubled: i64,
    /// In which mirror and account differ.
    pub differing: Vec<String>,
}

impl Verdict {
    /// Looks at one business.
    pub async fn of(ground: &Ground, tenant: &Tenant, account: &Account<'_>) -> Self {
        let stored = stored(ground, tenant).await;
        let finished = |event: &String| matches!(stored.get(event).map(String::as_str), Some("done" | "ignored"));
        Self {
            events: stored.len(),
            lost: acknowledged(ground, account).into_iter().filter(|event| !finished(event)).collect(),
            doubled: kept_count(ground, tenant).await - i64::try_from(stored.len()).unwrap(),
            differing: differences(&ground.app.db, tenant, account).await,
        }
    }

    /// The same over several.
    pub fn and(mut self, other: Self) -> Self {
        self.events += other.events;
        self.lost.extend(other.lost);
        self.doubled += other.doubled;
        self.differing.extend(other.differing);
        self
    }

    /// Fails when anything is.
    pub fn expect_exact(&self) {
        let Self { lost, doubled, differing, .. } = self;
        assert_eq!(*lost, Vec::<String>::new(), "acknowledged, and lost");
        assert_eq!(*doubled, 0, "an event was counted twice or not at all");
        assert_eq!(*differing, Vec::<String>::new());
    }
}

fn ledger(ground: &Ground, account: &Account<'_>) -> Vec<Delivery> {
    ground.stripe.control().ledger.of(&account.keys.account)
}

/// Events that were answered 2xx.
pub fn acknowledged(ground: &Ground, account: &Account<'_>) -> Vec<String> {
    ledger(ground, account).into_iter().filter(|delivery| delivery.delivered).map(|delivery| delivery.event).collect()
}

/// Delivers again what the stand-in has given up on; the real Stripe would go on for days. Answers how many there were.
pub fn repeat_refused(ground: &Ground, account: &Account<'_>) -> usize {
    let refused: Vec<_> = ledger(ground, account).into_iter().filter(|delivery| !delivery.delivered).collect();
    for delivery in &refused {
        account.redeliver(&delivery.event, 1);
    }
    refused.len()
}

/// The status of every stored event.
async fn stored(ground: &Ground, tenant: &Tenant) -> BTreeMap<String, String> {
    let mut tx = ground.app.db.read(&tenant.id).await.unwrap();
    let rows: Vec<(String, String)> =
        tx.query("SELECT id, status FROM webhook_events WHERE tenant_id = $1").fetch_all().await.unwrap();
    rows.into_iter().collect()
}

/// How often an event was finished, by the count that is kept in the transaction of the effect.
async fn kept_count(ground: &Ground, tenant: &Tenant) -> i64 {
    let mut tx = ground.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts WHERE tenant_id = $1 AND kind = 'event'")
        .fetch_value()
        .await
        .unwrap()
}
