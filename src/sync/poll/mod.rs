//! Fetches events from Stripe's own list into the same inbox: what no delivery has brought, and everything where none can come.
//!
//! A look reads all that was made since the cursor, oldest slice of time first. Every page is stored as it comes, and the cursor
//! follows with the last page of its slice, so a kill costs reading one slice again. The inbox drops what is here already, which
//! makes it safe to read a quarter of an hour before the cursor once more: events can be late in Stripe's list.

mod plan;

use serde_json::{json, value::RawValue};

use plan::{AFTER_GAP, GRACE, KEPT, OVERLAP, REFUSED, Slices, Start};

use super::inbox;
use crate::{
    app::{App, By, Scope, Stopped},
    db::Tx,
    domain::ids::{ProjectId, TenantId},
    store::{
        connections::{self, Connection},
        jobs::{self, Claim},
        polls::{self, Poll, outcome},
        reconciliations, sync_runs, webhook_events,
    },
    stripe::{
        self, Client,
        event_list::{EventParams, MOST_TYPES},
        events::SUBSCRIBED,
    },
    vault::new_id,
};

/// The actor of what follows from a look.
const POLL: &str = "poll";
/// Pages per claim: after that the next project has its turn.
const PAGES: usize = 200;
/// Pages of undelivered events per list: another endpoint of the account may have failed for weeks.
const UNDELIVERED_PAGES: usize = 10;

/// One look at the list, or the part of it that one claim does.
struct Look<'a> {
    app: &'a App,
    client: &'a Client,
    claim: &'a Claim,
    lease_seconds: i64,
    connection: Connection,
    pages: usize,
}

/// A page that was read to its end.
struct Slice {
    pages: usize,
    /// What happened before this second of Stripe's clock is in every list of the slice.
    as_of: i64,
}

/// Looks once. Answers when the job is due next, unix seconds.
///
/// # Errors
/// Stripe cannot be asked, or refuses the key: what is stored by then stays. That the key may not list events is no error; the page
/// Sync says so.
pub async fn run(app: &App, client: &Client, claim: &Claim, lease_seconds: i64) -> Result<i64, Stopped> {
    let project = &claim.project_id;
    let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
    let now = app.clock.now();
    let poll = polls::begin(&mut tx, project, now).await?;
    let connection = connections::find(&mut tx, project).await?;
    jobs::hold(&mut tx, claim, now + lease_seconds).await?;
    tx.commit().await?;
    let connection = connection.ok_or_else(|| Stopped::NoKey("nothing is connected".to_owned()))?;
    let mut look = Look { app, client, claim, lease_seconds, connection, pages: 0 };
    let looked = look.all(&poll).await;
    metrics::counter!("billfold_polls_total", "result" => result_of(&looked)).increment(1);
    match looked {
        Ok(true) => look.finish(&poll).await,
        Ok(false) => Ok(app.clock.now()), // the rest comes behind the other projects' work
        Err(Stopped::Stripe(error @ stripe::Error::Refused { .. })) => {
            look.fail((outcome::REFUSED, &error.to_string())).await?;
            Ok(app.clock.now() + REFUSED)
        }
        Err(Stopped::Stripe(error)) if !error.is_key_rejected() => {
            look.fail((outcome::FAILED, &error.to_string())).await?;
            Err(Stopped::Stripe(error))
        }
        Err(error) => Err(error),
    }
}

/// How a look ended, for the metrics.
fn result_of(looked: &Result<bool, Stopped>) -> &'static str {
    match looked {
        Ok(true) => "done",
        Ok(false) => "continued",
        Err(Stopped::Stripe(stripe::Error::Refused { .. })) => "refused",
        Err(_) => "failed",
    }
}

/// The lists that hold every type that is subscribed to.
fn lists() -> impl Iterator<Item = &'static [&'static str]> {
    SUBSCRIBED.chunks(MOST_TYPES)
}

impl Look<'_> {
    fn tenant(&self) -> &TenantId {
        &self.claim.tenant_id
    }

    fn project(&self) -> &ProjectId {
        &self.claim.project_id
    }

    /// The earlier of our clock and Stripe's: a cursor that is too early costs a call, one that is too late an event.
    fn now(&self) -> i64 {
        self.app.clock.now() + self.client.stripe_is_ahead().unwrap_or(0).min(0)
    }

    /// Fetches everything there is. Answers whether it came to the end.
    async fn all(&mut self, poll: &Poll) -> Result<bool, Stopped> {
        let now = self.now();
        let start = match plan::start(poll.cursor, self.connection.connected_at, now) {
            Start::At(start) => start,
            Start::Gap => {
                let start = now - AFTER_GAP;
                self.start_over(poll.cursor, start).await?;
                start
            }
        };
        if plan::is_thorough(poll, start, now) {
            for types in lists() {
                let params =
                    EventParams { types, undelivered: true, created_from: Some(now - KEPT), ..EventParams::default() };
                self.list(params, UNDELIVERED_PAGES).await?;
            }
        }
        let mut slices = Slices::new(start - OVERLAP, now);
        loop {
            let (from, to) = slices.next();
            let slice = self.slice(from, to).await?;
            let end = to.unwrap_or_else(|| slice.as_of.min(self.now()));
            self.advance(end).await?;
            let Some(to) = to else { return Ok(true) };
            if self.pages >= PAGES {
                return Ok(false);
            }
            slices.go_on(to, slice.pages, lists().count());
        }
    }

    /// Stores every event of a slice of time.
    async fn slice(&mut self, from: i64, to: Option<i64>) -> Result<Slice, Stopped> {
        let mut slice = Slice { pages: 0, as_of: i64::MAX };
        for types in lists() {
            let params = EventParams { types, created_from: Some(from), created_to: to, ..EventParams::default() };
            let read = self.list(params, usize::MAX).await?;
            slice = Slice { pages: slice.pages + read.pages, as_of: slice.as_of.min(read.as_of) };
        }
        Ok(slice)
    }

    /// Stores a list page by page, newest first. `as_of` is that of the first page: what came later stands before it.
    async fn list(&mut self, mut params: EventParams<'_>, most: usize) -> Result<Slice, Stopped> {
        let mut read = Slice { pages: 0, as_of: i64::MAX };
        while read.pages < most {
            let page = match self.client.events(&params).await {
                // The event at the cursor has become too old for the list, and so has everything behind it.
                Err(error) if is_lost_cursor(&error) => break,
                page => page?,
            };
            read = Slice { pages: read.pages + 1, as_of: read.as_of.min(page.as_of) };
            self.pages += 1;
            self.store(&page.data, page.as_of).await?;
            let last = page.data.last().map(|raw| inbox::id_of(raw)).filter(|_| page.has_more);
            let Some(last) = last else { break };
            params.starting_after = Some(last);
        }
        Ok(read)
    }

    /// Stores those of a page that are not here.
    async fn store(&self, page: &[Box<RawValue>], as_of: i64) -> Result<(), Stopped> {
        let mut tx = self.app.db.read(self.tenant()).await?;
        let ids: Vec<String> = page.iter().map(|raw| inbox::id_of(raw)).collect();
        let known = if ids.is_empty() {
            Vec::new()
        } else {
            webhook_events::known(&mut tx, self.project(), ids.iter().map(String::as_str)).await?
        };
        drop(tx);
        let (now, first) = (self.app.clock.now(), self.app.clock.micros());
        let (account, livemode) = (self.connection.account_id.as_deref(), self.connection.livemode);
        let missing = page.iter().zip(&ids).filter(|(_, id)| !known.contains(id)).rev(); // oldest first, as deliveries come
        let events: Vec<_> = missing
            .zip(first..)
            .map(|((raw, _), arrival)| {
                let event = inbox::read_event(raw.get().as_bytes(), self.project(), account, livemode, now);
                webhook_events::NewEvent { arrival, ..event }
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        let mut tx = self.app.db.write_relaxed(self.tenant()).await?;
        let fetched = inbox::store_fetched(&mut tx, self.project(), &events, now).await?;
        let overdue = |created: i64| created >= self.connection.connected_at && created < as_of - GRACE;
        let late = events.iter().any(|event| fetched.new.contains(&event.id) && overdue(event.created));
        let new = i64::try_from(fetched.new.len()).unwrap_or(i64::MAX);
        polls::add(&mut tx, self.project(), new, late.then_some(now)).await?;
        self.commit(tx).await?;
        fetched.count();
        self.app.wake.notify_one();
        Ok(())
    }

    async fn advance(&self, cursor: i64) -> Result<(), Stopped> {
        let mut tx = self.app.db.write_relaxed(self.tenant()).await?;
        polls::advance(&mut tx, self.project(), cursor).await?;
        self.commit(tx).await
    }

    /// Stripe has forgotten events that are not here: the whole account is read again, and the list of events from `start` on.
    async fn start_over(&self, cursor: Option<i64>, start: i64) -> Result<(), Stopped> {
        let (project, at) = (self.project(), self.app.clock.now());
        let mut tx = self.app.db.write_relaxed(self.tenant()).await?;
        let run = match sync_runs::current(&mut tx, project).await? {
            // One that began when Stripe still had the events reads what they have changed.
            Some(run) if run.started_at >= at - KEPT => run.id,
            unfit => {
                if unfit.is_some() {
                    sync_runs::stop(&mut tx, project, at).await?;
                }
                let run = new_id();
                sync_runs::start(&mut tx, project, &run, POLL, at).await?;
                let by = By::part(POLL);
                let scope =
                    Scope { app: self.app.clone(), tenant: self.tenant().clone(), project: project.clone(), by };
                let detail =
                    json!({ "reason": "events older than Stripe keeps were missed", "last_event_fetch": cursor });
                scope.audit(&mut tx, "backfill.started", run.as_str(), &detail).await?;
                run
            }
        };
        // The import reads what there is; what is gone at Stripe shows when everything is compared.
        // One that has compared a part already was of the time before.
        reconciliations::stop(&mut tx, project, at).await?;
        let comparison = (&new_id(), reconciliations::Scope::Full);
        reconciliations::start(&mut tx, project, comparison, POLL, at).await?;
        polls::note_gap(&mut tx, project, at).await?;
        polls::advance(&mut tx, project, start).await?;
        self.commit(tx).await?;
        tracing::warn!(
            tenant.id = %self.tenant(), project.id = %project, run.id = %run,
            "events older than Stripe keeps were missed; the whole account is read again"
        );
        self.app.wake.notify_one();
        Ok(())
    }

    async fn finish(&self, begun: &Poll) -> Result<i64, Stopped> {
        let now = self.app.clock.now();
        let mut tx = self.app.db.write_relaxed(self.tenant()).await?;
        polls::finish(&mut tx, self.project(), begun.wishes, now).await?;
        let late_at = polls::find(&mut tx, self.project()).await?.and_then(|poll| poll.late_at);
        let connection = connections::find(&mut tx, self.project()).await?;
        self.commit(tx).await?;
        let delivers = connection.is_some_and(|connection| plan::delivers(&connection, late_at));
        let config = &self.app.config;
        Ok(now + i64::from(if delivers { config.poll_delivered_seconds } else { config.poll_seconds }))
    }

    async fn fail(&self, outcome: (&str, &str)) -> Result<(), Stopped> {
        let mut tx = self.app.db.write_relaxed(self.tenant()).await?;
        polls::fail(&mut tx, self.project(), outcome, self.app.clock.now()).await?;
        self.commit(tx).await
    }

    /// Commits while the claim stands.
    async fn commit(&self, mut tx: Tx) -> Result<(), Stopped> {
        jobs::hold(&mut tx, self.claim, self.app.clock.now() + self.lease_seconds).await?;
        Ok(tx.commit().await?)
    }
}

fn is_lost_cursor(error: &stripe::Error) -> bool {
    error.answer().is_some_and(|answer| answer.param.as_deref() == Some("starting_after"))
}
