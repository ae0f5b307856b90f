//! Turns stored events into changes of the mirror: a batch per transaction, effect and `done` together.

use std::{
    collections::BTreeMap,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::{
    app::App,
    db::{Error, Result, Tx},
    domain::{
        event::{Envelope, EventStatus, Outcome, Subject},
        ids::{ProjectId, TenantId},
        kind::Kind,
        objects::Object,
        part::{self, Part},
        retry,
    },
    mirror::{self, Change, Source},
    store::{
        event_attempts,
        inbox::{self, Pending},
        jobs, mirror as rows, webhook_events,
    },
};

/// Events per transaction: enough to share its cost, few enough that the deliveries of the moment do not wait for long.
pub const BATCH: usize = 128;
/// A batch takes milliseconds, and deliveries wait behind it on SQLite: one that takes longer than this is taken for one without an end.
const LIMIT: Duration = Duration::from_secs(10);

/// The reading of one event.
enum Reading {
    Change(Change),
    Finished(Outcome),
    Failed(String),
}

/// A batch that was applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch {
    /// How many events it took; 0 means that nothing is due.
    pub events: usize,
    /// When the first of them arrived, unix microseconds.
    pub first_arrival: i64,
    /// When the last of them arrived, unix microseconds.
    pub last_arrival: i64,
}

/// Applies the next batch under a claim: of the fresh events those that arrived after `after`, see [`inbox::next`].
///
/// A batch that the database refuses, or whose application panics or does not end, is applied one by one, so that a poison event hurts
/// only itself.
pub async fn run_batch(app: &App, claim: &jobs::Claim, lease_seconds: i64, after: i64) -> Result<Batch> {
    let (tenant, project) = (&claim.tenant_id, &claim.project_id);
    let now = app.clock.now();
    // SQLite's writer has just stored them and holds their pages; a reader would fetch each from the file. Nobody else touches
    // them under this claim, so deliveries have the writer while the bodies are parsed.
    let mut tx = app.db.write_relaxed(tenant).await?;
    let events = inbox::next(&mut tx, project, now, after, i64::try_from(BATCH).unwrap_or(i64::MAX)).await?;
    drop(tx);
    let (Some(first), Some(last_arrival)) = (events.first(), events.iter().map(|event| event.arrival).max()) else {
        return Ok(Batch::default());
    };
    let batch = Batch { events: events.len(), first_arrival: first.arrival, last_arrival };
    let readings = events.iter().map(|event| (event, read(project, event))).collect();
    let mut tx = app.db.write_relaxed(tenant).await?;
    let applied = match survive(apply_events(&mut tx, project, readings, now)).await {
        Ok(given_up) => {
            jobs::hold(&mut tx, claim, now + lease_seconds).await?;
            fail::fail_point!("apply.before_commit");
            tx.commit().await.map(|()| given_up)
        }
        Err(error) => {
            drop(tx);
            Err(error)
        }
    };
    match applied {
        Err(Error::Fault(_) | Error::Conflict(_) | Error::GivenUp(_)) => {
            for event in &events {
                apply_alone(app, tenant, project, event, claim, lease_seconds).await?;
            }
        }
        other => tell_given_up(claim, &other?),
    }
    fail::fail_point!("apply.committed");
    Ok(batch)
}

async fn apply_alone(
    app: &App,
    tenant: &TenantId,
    project: &ProjectId,
    event: &Pending,
    claim: &jobs::Claim,
    lease_seconds: i64,
) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.write_relaxed(tenant).await?;
    let reading = vec![(event, read(project, event))];
    let given_up = match survive(apply_events(&mut tx, project, reading, now)).await {
        Ok(given_up) => given_up,
        Err(error @ (Error::Unavailable(_) | Error::LeaseLost)) => return Err(error),
        Err(error) => {
            drop(tx);
            tracing::warn!(stripe.event_id = %event.event_id, error = %error, "an event could not be applied");
            tx = app.db.write_relaxed(tenant).await?;
            let cause = match error {
                Error::GivenUp(why) => why,
                _ => "the database refused what the event would write",
            };
            record_failure(&mut tx, project, event, cause, now).await?.into_iter().collect()
        }
    };
    jobs::hold(&mut tx, claim, now + lease_seconds).await?;
    tx.commit().await?;
    tell_given_up(claim, &given_up);
    Ok(())
}

/// Counts and tells, once it is stored, which events wait for a person. Not the cause, which may quote the event: its page tells it.
fn tell_given_up(claim: &jobs::Claim, events: &[&Pending]) {
    for event in events {
        metrics::counter!("billfold_events_dead_total").increment(1);
        tracing::warn!(
            tenant.id = %claim.tenant_id, project.id = %claim.project_id, stripe.event_id = %event.event_id,
            attempts = event.attempts + 1, "an event was given up after all tries and waits for a person"
        );
    }
}

/// A panic, or work without an end, is the fault of the events at hand, not the job's end: whatever comes behind them is applied all the
/// same.
async fn survive<T>(applying: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(LIMIT, AssertUnwindSafe(applying).catch_unwind()).await {
        Ok(Ok(applied)) => applied,
        Ok(Err(_)) => Err(Error::GivenUp("billfold panicked while it applied the event")),
        Err(_) => Err(Error::GivenUp("applying the event took longer than ten seconds")),
    }
}

/// Answers the events that were given up.
async fn apply_events<'e>(
    tx: &mut Tx,
    project: &ProjectId,
    readings: Vec<(&'e Pending, Reading)>,
    now: i64,
) -> Result<Vec<&'e Pending>> {
    let mut given_up = Vec::new();
    let mut changes = Vec::with_capacity(readings.len());
    let mut changing = Vec::with_capacity(readings.len());
    let mut finished: BTreeMap<&'static str, (Outcome, Vec<&Pending>)> = BTreeMap::new();
    let mut finish = |outcome: Outcome, event| {
        finished.entry(outcome.as_str()).or_insert_with(|| (outcome, Vec::new())).1.push(event);
    };
    for (event, reading) in readings {
        match reading {
            Reading::Change(change) => {
                changes.push(change);
                changing.push(event);
            }
            Reading::Finished(outcome) => finish(outcome, event),
            Reading::Failed(cause) => given_up.extend(record_failure(tx, project, event, &cause, now).await?),
        }
    }
    fail::fail_point!("apply.writing");
    if is_endless(&changing) {
        pending::<()>().await;
    }
    let outcomes = mirror::apply(tx, project, &changes, now).await?;
    for (outcome, event) in outcomes.into_iter().zip(changing) {
        finish(outcome, event);
    }
    let mut deltas: BTreeMap<&str, i64> = BTreeMap::new();
    for (outcome, events) in finished.values() {
        let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        webhook_events::finish(tx, project, *outcome, &ids, now).await?;
        if inbox::remove(tx, project, events).await? != events.len() as u64 {
            return Err(Error::Unavailable("the queue was changed meanwhile".to_owned()));
        }
        *deltas.entry(outcome.status().as_str()).or_default() += i64::try_from(events.len()).unwrap_or(0);
    }
    let deltas: Vec<(&str, &str, i64)> = deltas.into_iter().map(|(status, n)| ("event", status, n)).collect();
    rows::add_counts(tx, project, &deltas).await?;
    Ok(given_up)
}

/// Whether a test wants one of the events to be one without an end; never so in a program without fail points.
#[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "what a fail point alone looks at"))]
fn is_endless(changing: &[&Pending]) -> bool {
    fail::fail_point!("apply.endless", |id| changing
        .iter()
        .any(|event| id.as_deref() == Some(event.event_id.as_str())));
    false
}

/// Answers the event if that was its last try.
async fn record_failure<'e>(
    tx: &mut Tx,
    project: &ProjectId,
    event: &'e Pending,
    cause: &str,
    now: i64,
) -> Result<Option<&'e Pending>> {
    let attempts = event.attempts + 1;
    let (status, next_at) = match retry::event_delay(attempts) {
        Some(delay) => (EventStatus::Failed, now + delay),
        None => (EventStatus::Dead, now),
    };
    event_attempts::insert(tx, project, &event.event_id, now, cause).await?;
    webhook_events::fail(tx, project, &event.event_id, status, cause).await?;
    inbox::set_state(tx, project, event, status, next_at).await?;
    if status != EventStatus::Dead {
        return Ok(None);
    }
    rows::add_counts(tx, project, &[("event", status.as_str(), 1)]).await?;
    Ok(Some(event))
}

/// The payload is input: a panic in reading it is that event's failure, not the worker's end.
fn read(project: &ProjectId, event: &Pending) -> Reading {
    catch_unwind(AssertUnwindSafe(|| read_payload(project, event)))
        .unwrap_or_else(|_| Reading::Failed("reading the event panicked".to_owned()))
}

fn read_payload(project: &ProjectId, event: &Pending) -> Reading {
    let envelope = match Envelope::parse(&event.payload) {
        Ok(envelope) => envelope,
        Err(error) => return Reading::Failed(format!("the event cannot be read: {error}")),
    };
    let Some(kind) = Kind::parse(&event.object_kind) else {
        return read_related(&envelope, &envelope.subject());
    };
    if event.object_id.is_empty() {
        return Reading::Finished(Outcome::NoObject);
    }
    let Some(raw) = envelope.data_object() else {
        // A thin event only names its object.
        return Reading::Change(Change::ReadAgain(kind, event.object_id.clone()));
    };
    match Object::read(kind, project, raw.get()) {
        Err(error) => Reading::Failed(error.to_string()),
        // A subscription's "deleted" event is its end, not its disappearance: the object stays at Stripe as canceled.
        Ok(object) if event.event_type.ends_with(".deleted") && kind != Kind::Subscription => {
            Reading::Change(Change::Gone { last: Box::new(object), at: event.created })
        }
        Ok(object) => Reading::Change(Change::State(Box::new(object), Source::Event(event.created))),
    }
}

/// Events of objects that are part of a mirrored one: that one is read again.
fn read_related(envelope: &Envelope<'_>, subject: &Subject) -> Reading {
    let whole = match (envelope.data_object(), Part::parse(&subject.object)) {
        (Some(raw), _) => part::whole_of(&subject.object, raw.get()).map(|(kind, id)| Change::ReadAgain(kind, id)),
        // A thin event only names the part, and only Stripe knows what it is part of.
        (None, Some(part)) if !subject.id.is_empty() => Some(Change::ReadPart(part, subject.id.clone())),
        (None, _) => None,
    };
    whole.map_or(Reading::Finished(Outcome::NotMirrored), Reading::Change)
}
