//! How the events of a project are doing, in five numbers.

use std::collections::HashMap;

use crate::db::Tx;
use crate::domain::event::EventStatus;
use crate::domain::ids::ProjectId;
use crate::domain::money::grouped;
use crate::store::connections::{self, state};
use crate::store::{counts, inbox};
use crate::web::error::Result;

/// Waiting events are counted up to here: a burst must not slow the page.
const COUNTED: i64 = 10_000;

/// The numbers of the health strip and of the tabs.
#[derive(Clone, Debug, Default)]
pub struct Health {
    counts: HashMap<&'static str, i64>,
    /// Unix seconds of the last verified delivery.
    pub last_event_at: Option<i64>,
    /// Whether a Stripe account is connected, its key rejected or not.
    pub connected: bool,
}

impl Health {
    /// Reads the numbers: the finished ones are kept, the others are few.
    pub async fn load(tx: &mut Tx, project: &ProjectId) -> Result<Self> {
        let mut health = Self::default();
        for (status, n) in counts::of_events(tx, project).await? {
            if let Some(status) = EventStatus::parse(&status) {
                health.counts.insert(status.as_str(), n);
            }
        }
        for state in [EventStatus::Received, EventStatus::Failed] {
            let n = inbox::count_up_to(tx, project, state, COUNTED + 1).await?;
            health.counts.insert(state.as_str(), n);
        }
        if let Some(connection) = connections::find(tx, project).await? {
            health.last_event_at = connection.last_event_at;
            health.connected = connection.state != state::DISCONNECTED;
        }
        Ok(health)
    }

    /// How many events stand there.
    pub fn count(&self, status: EventStatus) -> i64 {
        self.counts.get(status.as_str()).copied().unwrap_or(0)
    }

    /// How many there are.
    pub fn total(&self) -> i64 {
        self.counts.values().sum()
    }

    /// As people read it: `1,204`, or `10,000+`.
    pub fn shown(&self, status: EventStatus) -> String {
        let n = self.count(status);
        let capped = matches!(status, EventStatus::Received | EventStatus::Failed) && n > COUNTED;
        if capped { format!("{}+", grouped(COUNTED)) } else { grouped(n) }
    }

    /// Waiting to be applied.
    pub fn waiting(&self) -> String {
        self.shown(EventStatus::Received)
    }

    /// Failed, and tried again by themselves.
    pub fn retrying(&self) -> String {
        self.shown(EventStatus::Failed)
    }

    /// Given up.
    pub fn dead(&self) -> String {
        self.shown(EventStatus::Dead)
    }

    /// Kept, never applied.
    pub fn quarantined(&self) -> String {
        self.shown(EventStatus::Quarantined)
    }

    /// Whether a person could put events back.
    pub fn has_failed(&self) -> bool {
        self.count(EventStatus::Failed) + self.count(EventStatus::Dead) > 0
    }
}
