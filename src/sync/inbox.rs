//! Group commit: deliveries that arrive while a commit is under way go into the next one together, without a timer.
//!
//! One task owns the writes, so a client that goes away cannot cancel a commit half-way, and one disk sync serves many
//! deliveries. Nothing is acknowledged that is not on disk; a full queue is an answer (503), not a wait.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::{
    app::{App, Deliveries},
    db::{Error, Result, Tx},
    domain::{
        event::{Envelope, EventStatus},
        ids::{ProjectId, TenantId},
        job::JobKind,
    },
    store::{
        connections,
        inbox::{self, NewEntry},
        jobs, mirror,
        webhook_events::{self, NewEvent},
    },
};

/// Deliveries waiting for a commit before new ones are turned away.
const QUEUE: usize = 4_096;
/// Most deliveries in one commit.
const GROUP: usize = 256;

/// A delivery whose signature was right.
#[derive(Debug)]
pub struct Delivery {
    /// Whose.
    pub tenant: TenantId,
    /// Which project's.
    pub project: ProjectId,
    /// The event.
    pub event: NewEvent,
}

/// What became of a delivery that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// It was here already.
    Repeated,
}

/// Why a delivery is not on disk. Stripe must try again.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// Too many deliveries wait.
    #[error("the inbox is full")]
    Full,
    /// The database cannot take writes now.
    #[error("{0}")]
    Unavailable(String),
}

struct Request {
    delivery: Delivery,
    answer: oneshot::Sender<Result<Stored, String>>,
}

/// The way into the inbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    queue: mpsc::Sender<Request>,
    waiting: Deliveries,
}

impl Inbox {
    /// Starts the task that commits. It ends when the last `Inbox` is dropped and everything queued is committed.
    pub fn start(app: App) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let waiting = app.deliveries.clone();
        tokio::spawn(commit_groups(app, requests));
        Self { queue, waiting }
    }

    /// Returns when the delivery is durable.
    pub async fn store(&self, delivery: Delivery) -> Result<Stored, NotStored> {
        let (answer, stored) = oneshot::channel();
        let _waiting = self.waiting.wait();
        self.queue.try_send(Request { delivery, answer }).map_err(|_| NotStored::Full)?;
        match stored.await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(cause)) => Err(NotStored::Unavailable(cause)),
            Err(_) => Err(NotStored::Unavailable("the inbox stopped".to_owned())),
        }
    }
}

/// Reads what the inbox needs from a verified body. A body that cannot be read, or an event that is not this connection's,
/// is kept as quarantined: Stripe must not retry what is stored.
pub fn read_event(body: &[u8], project: &ProjectId, account: Option<&str>, livemode: bool, now: i64) -> NewEvent {
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    let payload = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.into_owned() };
    let parsed = Envelope::parse(&payload);
    let cause = match &parsed {
        Err(error) => Some(format!("the body is not a readable event: {error}")),
        Ok(event) if event.id.is_empty() => Some("the body has no event id".to_owned()),
        Ok(event) if event.livemode.is_some_and(|mode| mode != livemode) => Some(format!(
            "the event is of {} mode, the connection of {} mode",
            mode_name(!livemode),
            mode_name(livemode)
        )),
        Ok(event) => match (&event.account, account) {
            (Some(named), Some(own)) if named != own => Some("the event is of another Stripe account".to_owned()),
            (Some(_), None) => Some("the event names a Stripe account, and the connection's is not known".to_owned()),
            (None, Some(own)) if event.is_of_another_than(own) => {
                Some("the event is of another Stripe account".to_owned())
            }
            _ => None,
        },
    };
    let event = parsed.unwrap_or_default();
    let subject = event.subject();
    NewEvent {
        id: stored_id(&event, &payload),
        arrival: 0,
        event_type: event.kind.clone(),
        api_version: event.api_version.clone(),
        created: event.created.map_or(now, |made| made.0),
        subject_id: subject.timeline_id(project),
        object_kind: subject.object,
        object_id: subject.id,
        status: if cause.is_some() { EventStatus::Quarantined } else { EventStatus::Received },
        cause,
        payload,
    }
}

fn mode_name(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}

async fn commit_groups(app: App, mut requests: mpsc::Receiver<Request>) {
    let mut group = Vec::with_capacity(GROUP);
    let mut last_arrival = 0;
    let mut last_seen = HashMap::new();
    while requests.recv_many(&mut group, GROUP).await > 0 {
        for request in &mut group {
            last_arrival = app.clock.micros().max(last_arrival + 1);
            request.delivery.event.arrival = last_arrival;
        }
        let stored = store_group(&app, &group, &mut last_seen).await;
        app.troubles.note_write(!matches!(stored, Err(Error::Unavailable(_))));
        app.wake.notify_one();
        answer(group.drain(..), stored);
    }
}

fn answer(group: impl Iterator<Item = Request>, stored: Result<Vec<Stored>>) {
    match stored {
        Ok(stored) => {
            for (request, stored) in group.zip(stored) {
                // A client that went away is answered by its retry, which is a repeat.
                let _ = request.answer.send(Ok(stored));
            }
        }
        Err(error) => {
            tracing::error!(error = %error, "a group of deliveries could not be stored");
            for request in group {
                let _ = request.answer.send(Err(error.to_string()));
            }
        }
    }
}

/// One transaction for the whole group; each tenant's rows are written under that tenant.
///
/// `last_seen` holds the second in which each project's connection was last marked as alive: once a second is enough.
async fn store_group(app: &App, group: &[Request], last_seen: &mut HashMap<ProjectId, i64>) -> Result<Vec<Stored>> {
    let now = app.clock.now();
    let mut by_project: HashMap<(&TenantId, &ProjectId), Vec<usize>> = HashMap::new();
    for (position, request) in group.iter().enumerate() {
        by_project.entry((&request.delivery.tenant, &request.delivery.project)).or_default().push(position);
    }
    let mut stored = vec![Stored::Repeated; group.len()];
    let mut projects: Vec<_> = by_project.into_iter().collect();
    projects.sort_unstable(); // one order for every process: no deadlock between two groups
    let Some(((first, _), _)) = projects.first() else { return Ok(stored) };
    let mut tx = app.db.write(first).await?;
    for ((tenant, project), positions) in projects {
        tx.enter(tenant).await?;
        let events: Vec<&NewEvent> = positions.iter().map(|position| &group[*position].delivery.event).collect();
        // Before the job is woken, as everybody does who changes a connection: whoever takes both never waits for another who does.
        if last_seen.insert(project.clone(), now) != Some(now) {
            connections::record_event(&mut tx, project, now).await?;
        }
        let mut new = store_project(&mut tx, project, &events, now).await?;
        for position in positions {
            // Of one event delivered twice within a group, the first counts as new.
            if new.remove(group[position].delivery.event.id.as_str()) {
                stored[position] = Stored::New;
            }
        }
    }
    fail::fail_point!("inbox.before_commit");
    tx.commit().await?;
    fail::fail_point!("inbox.committed");
    let new = group.iter().zip(&stored).filter(|(_, stored)| **stored == Stored::New);
    count_quarantined(quarantined(new.map(|(request, _)| &request.delivery.event)));
    Ok(stored)
}

/// How many of some events nothing can be done with.
fn quarantined<'e>(events: impl Iterator<Item = &'e NewEvent>) -> usize {
    events.filter(|event| event.status == EventStatus::Quarantined).count()
}

/// Counts events that are stored and that nothing can be done with.
fn count_quarantined(events: usize) {
    if events > 0 {
        metrics::counter!("billfold_events_quarantined_total").increment(events as u64);
    }
}

/// Events that billfold has fetched itself.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The ids of those that were not here.
    pub new: HashSet<String>,
    quarantined: usize,
}

impl Fetched {
    /// Counts them, once they are committed.
    pub fn count(&self) {
        metrics::counter!("billfold_events_fetched_total").increment(self.new.len() as u64);
        count_quarantined(self.quarantined);
    }
}

/// Stores events that billfold has fetched itself. The caller commits, and then counts them.
pub async fn store_fetched(tx: &mut Tx, project: &ProjectId, events: &[NewEvent], now: i64) -> Result<Fetched> {
    let events: Vec<&NewEvent> = events.iter().collect();
    let new = store_project(tx, project, &events, now).await?;
    if !new.is_empty() {
        webhook_events::mark_fetched(tx, project, new.iter().copied()).await?;
    }
    let quarantined = quarantined(events.into_iter().filter(|event| new.contains(event.id.as_str())));
    Ok(Fetched { new: new.into_iter().map(str::to_owned).collect(), quarantined })
}

/// The id under which an event of Stripe's list is stored.
pub fn id_of(raw: &RawValue) -> String {
    stored_id(&Envelope::parse(raw.get()).unwrap_or_default(), raw.get())
}

/// Stripe's id, or one made from a body that has none.
fn stored_id(event: &Envelope<'_>, payload: &str) -> String {
    if event.id.is_empty() || event.id.len() > 255 {
        format!("unreadable_{}", crate::vault::hash_token(payload))
    } else {
        event.id.clone()
    }
}

async fn store_project<'e>(
    tx: &mut Tx,
    project: &ProjectId,
    events: &[&'e NewEvent],
    now: i64,
) -> Result<HashSet<&'e str>> {
    // One order for every writer, so that a group of deliveries and a page of Stripe's list never wait for each other's events.
    let mut ordered = events.to_vec();
    ordered.sort_by(|a, b| a.id.cmp(&b.id));
    let new = webhook_events::insert_new(tx, project, &ordered).await?;
    let entries: Vec<NewEntry<'_>> = new
        .iter()
        .map(|event| NewEntry { state: event.status, arrival: event.arrival, event_id: &event.id, next_at: now })
        .collect();
    inbox::insert(tx, project, &entries).await?;
    let quarantined = entries.iter().filter(|entry| entry.state == EventStatus::Quarantined).count();
    if quarantined > 0 {
        let n = i64::try_from(quarantined).unwrap_or(i64::MAX);
        mirror::add_counts(tx, project, &[("event", EventStatus::Quarantined.as_str(), n)]).await?;
    }
    if entries.len() > quarantined {
        let tenant = tx.tenant().clone();
        jobs::wake(tx, JobKind::Apply, &tenant, project, now).await?;
    }
    Ok(new.into_iter().map(|event| event.id.as_str()).collect())
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{RawValue, id_of, read_event};
    use crate::{domain::event::EventStatus, vault::new_id};

    #[test]
    fn what_does_not_fit_is_quarantined_and_never_lost() {
        let project = new_id();
        let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (body, live) in [
            ("not json", false),
            (r#"{"object":"event"}"#, false),
            (r#"{"id":"evt_1","livemode":true}"#, false),
            (r#"{"id":"evt_1","account":"acct_other","livemode":false}"#, false),
            (nested.as_str(), false),
        ] {
            let event = read_event(body.as_bytes(), &project, Some("acct_own"), live, 5);
            assert_eq!(event.status, EventStatus::Quarantined, "{body}");
            assert!(!event.id.is_empty() && event.payload == body);
        }
        let fits = read_event(br#"{"id":"evt_1","livemode":false}"#, &project, Some("acct_own"), false, 5);
        assert_eq!((fits.status, fits.created), (EventStatus::Received, 5));
    }

    #[test]
    fn an_event_of_another_mode_or_account_is_named_as_such() {
        let project = new_id();
        let judged = |body: &str, account: Option<&str>, livemode: bool| {
            let event = read_event(body.as_bytes(), &project, account, livemode, 5);
            assert_eq!(event.status == EventStatus::Quarantined, event.cause.is_some());
            event.cause.unwrap_or_default()
        };
        let (test, live) = (r#"{"id":"evt_1","livemode":false}"#, r#"{"id":"evt_1","livemode":true}"#);
        assert_eq!(judged(test, None, true), "the event is of test mode, the connection of live mode");
        assert_eq!(judged(live, None, false), "the event is of live mode, the connection of test mode");
        let named = r#"{"id":"evt_1","account":"acct_own"}"#;
        assert_eq!(judged(named, Some("acct_own"), false), "");
        assert_eq!(judged(named, Some("acct_other"), false), "the event is of another Stripe account");
        assert!(judged(named, None, false).ends_with("the connection's is not known"));
        let thin = r#"{"id":"evt_1","context":"org_1/acct_own"}"#;
        assert_eq!(judged(thin, Some("acct_own"), false), "");
        assert_eq!(judged(thin, Some("acct_other"), false), "the event is of another Stripe account");
    }

    #[test]
    fn an_event_is_stored_under_its_id_unless_no_column_holds_it() {
        let project = new_id();
        for (length, kept) in [(1, true), (255, true), (256, false)] {
            let id = "e".repeat(length);
            let body = format!(r#"{{"id":"{id}"}}"#);
            let event = read_event(body.as_bytes(), &project, None, false, 5);
            assert_eq!(event.id == id, kept, "{length}");
            assert_eq!(id_of(&RawValue::from_string(body).unwrap()), event.id);
        }
        let nameless = |body: &[u8]| read_event(body, &project, None, false, 5).id;
        assert!(nameless(b"{}").starts_with("unreadable_") && nameless(b"{}") != nameless(b"[]"));
    }
}
