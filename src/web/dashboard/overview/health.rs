//! Whether the mirror keeps up: events waiting, failed, dead; objects to be read again.

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::money::grouped;
use crate::store::counts::Count;
use crate::store::{inbox, refetches, webhook_events};
use crate::web::error::Result;

/// The figures of the card.
pub struct Health {
    /// Unix seconds: the newest event came, delivered or fetched.
    pub last_event_at: Option<i64>,
    /// One line per figure.
    pub figures: Vec<Figure>,
}

/// A figure.
pub struct Figure {
    /// What is counted.
    pub label: &'static str,
    /// How many.
    pub n: String,
    /// The page that shows them.
    pub path: &'static str,
    /// Whether there should be none, and there are.
    pub alarming: bool,
}

/// Reads the figures of a project.
pub async fn load(tx: &mut Tx, project: &ProjectId, counts: &[Count]) -> Result<Health> {
    let inbox = inbox::counts(tx, project).await?;
    let refetches = refetches::count(tx, project).await?;
    let arrival = webhook_events::list::newest_arrival(tx, project).await?;
    let in_state = |state: &str| inbox.iter().find(|(known, _)| known == state).map_or(0, |(_, n)| *n);
    let done = counts.iter().filter(|count| count.kind == "event" && count.status == "done").map(|count| count.n).sum();
    let figure = |label, n: i64, path, alarming| Figure { label, n: grouped(n), path, alarming: alarming && n > 0 };
    Ok(Health {
        last_event_at: arrival.map(|micros| micros.div_euclid(1_000_000)),
        figures: vec![
            figure("Events applied", done, "events?status=done", false),
            figure("Waiting", in_state("received"), "events?status=received", false),
            figure("Failed, will be retried", in_state("failed"), "events?status=failed", true),
            figure("Dead, waiting for you", in_state("dead"), "events?status=dead", true),
            figure("Quarantined", in_state("quarantined"), "events?status=quarantined", true),
            figure("Objects to read again", refetches, "sync", false),
        ],
    })
}
