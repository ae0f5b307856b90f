//! A migrated database with a connected project, and what a story of its inbox asks of it.

use billfold::{
    app::App,
    clock::Clock,
    domain::{
        event::EventStatus,
        ids::{ProjectId, TenantId},
        job::Reach,
    },
    store::{
        connections, counts,
        inbox::{self, Pending},
        jobs::{self, Claim, Ending},
        projects, refetches,
        webhook_events::detail::{self, Event},
    },
    sync::{
        apply,
        inbox::{Delivery, Inbox, Stored, read_event},
    },
    vault::new_id,
};
use serde_json::Value;

use crate::harness::{Engine, TestDatabase, connection, parts};

/// The second in which every story begins.
pub const NOW: i64 = 1_790_000_000;
/// Seconds that a claim holds.
pub const LEASE: i64 = 30;

/// A migrated database with a connected project, and the parts of the program around it.
pub struct Ground {
    pub app: App,
    pub clock: Clock,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub database: TestDatabase,
}

impl Ground {
    pub async fn make(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let clock = Clock::manual(NOW);
        let app = parts(&database, clock.clone()).await;
        let ground = Self { app, clock, tenant: new_id(), project: new_id(), database };
        let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
        projects::insert(&mut tx, &ground.project, "Shop", 0).await.unwrap();
        assert!(connections::connect(&mut tx, &ground.project, &connection(NOW)).await.unwrap());
        tx.commit().await.unwrap();
        ground
    }

    pub fn delivery(&self, event: &impl ToString) -> Delivery {
        let event = read_event(event.to_string().as_bytes(), &self.project, Some("acct_1"), false, self.clock.now());
        Delivery { tenant: self.tenant.clone(), project: self.project.clone(), event }
    }

    /// Puts events into the inbox, one commit each.
    pub async fn store(&self, events: &[Value]) {
        let inbox = Inbox::start(self.app.clone());
        for event in events {
            assert_eq!(inbox.store(self.delivery(event)).await.unwrap(), Stored::New);
        }
    }

    pub async fn queued(&self) -> Vec<(String, i64)> {
        let mut tx = self.app.db.read(&self.tenant).await.unwrap();
        let mut counts = inbox::counts(&mut tx, &self.project).await.unwrap();
        counts.sort();
        counts
    }

    pub async fn counted(&self, status: EventStatus) -> i64 {
        let mut tx = self.app.db.read(&self.tenant).await.unwrap();
        let counts = counts::of_events(&mut tx, &self.project).await.unwrap();
        counts.iter().find(|(of, _)| of == status.as_str()).map_or(0, |(_, n)| *n)
    }

    pub async fn event(&self, id: &str) -> Event {
        let mut tx = self.app.db.read(&self.tenant).await.unwrap();
        detail::find(&mut tx, &self.project, id).await.unwrap().unwrap()
    }

    /// The next events, at most so many.
    pub async fn next(&self, limit: i64) -> Vec<Pending> {
        let mut tx = self.app.db.read(&self.tenant).await.unwrap();
        inbox::next(&mut tx, &self.project, self.clock.now(), inbox::BEGINNING, limit).await.unwrap()
    }

    /// Stripe's ids of objects to be read again.
    pub async fn wishes(&self) -> Vec<String> {
        let mut tx = self.app.db.read(&self.tenant).await.unwrap();
        let due = refetches::due(&mut tx, &self.project, self.clock.now(), 10).await.unwrap();
        due.into_iter().map(|wish| wish.stripe_id).collect()
    }

    /// How often and for when a run was wished for, of each kind of job.
    pub async fn jobs(&self) -> Vec<(String, i64)> {
        let mut tx = self.app.db.system_read().await.unwrap();
        let jobs = jobs::of_project(&mut tx, &self.tenant, &self.project).await.unwrap();
        jobs.into_iter().map(|job| (job.kind, job.run_at)).collect()
    }

    pub async fn claim(&self) -> Option<Claim> {
        let (mut tx, now) = (self.app.db.system_write().await.unwrap(), self.clock.now());
        let claim = jobs::claim(&mut tx, ("us", Reach::Everything), now, now + LEASE).await.unwrap();
        tx.commit().await.unwrap();
        claim
    }

    /// Applies what is due at a second, under a claim that ends with it; answers how many events that were.
    pub async fn apply_at(&self, second: i64) -> usize {
        self.clock.advance(second - self.clock.now());
        let claim = self.claim().await.expect("the job is due");
        let batch = apply::run_batch(&self.app, &claim, LEASE, inbox::BEGINNING).await.unwrap();
        let mut tx = self.app.db.system_read().await.unwrap();
        let jobs = jobs::newsworthy(&mut tx, 10).await.unwrap();
        drop(tx);
        let held = jobs.iter().find(|job| job.kind == claim.kind).expect("the job is there").lease_until;
        assert_eq!(held, second + LEASE, "the claim holds, and not for longer than it says");
        let mut tx = self.app.db.system_write().await.unwrap();
        jobs::finish(&mut tx, &claim, second, &Ending::Rest(second)).await.unwrap();
        tx.commit().await.unwrap();
        batch.events
    }

    pub async fn set_state(&self, event: &Pending, state: EventStatus, next_at: i64) {
        let mut tx = self.app.db.write(&self.tenant).await.unwrap();
        inbox::set_state(&mut tx, &self.project, event, state, next_at).await.unwrap();
        tx.commit().await.unwrap();
    }
}
