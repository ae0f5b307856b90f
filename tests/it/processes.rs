//! Several processes on one database: they share the work and the rate, and when one dies another goes on.
//!
//! The long form of the story about kills: `BILLFOLD_TEST_EVENTS=20000 BILLFOLD_TEST_KILL_EVERY=10 tests/run killed_by_turns`.

use std::time::Duration;

use billfold::{
    accounts::throttle,
    app::App,
    clock::Clock,
    domain::{
        job::{JobKind, Reach, no_project, no_tenant},
        kind::Kind,
    },
    store::{
        jobs,
        login_failures::{self, Failures},
    },
    stripe::list::ListParams,
    vault::{Keyring, SecretString},
    worker,
};
use tokio::time::Instant;

use crate::harness::{
    Account, Engine, Site, Tenant, Verdict, both_engines,
    fleet::{Fleet, Watch},
    process::Ground,
    setting,
    verdict::repeat_refused,
};

both_engines!(a_sweep_is_done_by_one_and_taken_over_with_its_lease, work_of_a_newer_version_is_left_to_it);

/// Businesses, each with an account of its own: so many jobs can be in the hands of one that is killed.
const TENANTS: usize = 3;
/// Changes at a time in each account.
const AT_ONCE: usize = 10;
/// Deliveries that may be under way before more are made.
const UNDER_WAY: usize = 400;
/// How long a kill may hold anything up: the lease, and a look at the queue.
const RESUMED: Duration = Duration::from_secs(35);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_killed_by_turns_do_every_event_once() {
    let wanted: usize = setting("BILLFOLD_TEST_EVENTS", 2_000);
    let every = Duration::from_secs(setting("BILLFOLD_TEST_KILL_EVERY", 4));
    let ground = Ground::make(Engine::Postgres).await;
    let mut tenants = vec![ground.tenant.clone()];
    for n in 1..TENANTS {
        tenants.push(ground.new_tenant(&format!("Business {n}")).await);
    }
    let mut accounts = Vec::new();
    for tenant in &tenants {
        accounts.push(ground.connect_of(tenant, 40).await);
    }
    let mut fleet = Fleet::start(&ground, 2, 10).await;
    ground.wait_until_idle().await;
    let watch = Watch::start(&ground, &tenants);
    let (mut made, mut kills, mut last_kill) = (0, 0, Instant::now());
    while made < wanted || kills < 2 {
        if ground.stripe.control().deliveries_under_way() < UNDER_WAY && made < wanted {
            made += accounts.iter().map(|account| account.mutate(AT_ONCE).len()).sum::<usize>();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if last_kill.elapsed() >= every {
            let unlucky = kills % fleet.len();
            fleet.kill(unlucky).await;
            (kills, last_kill) = (kills + 1, Instant::now());
            fleet.restart(unlucky).await;
        }
    }
    settle(&ground, &accounts).await;
    let resumed = watch.end().await;
    let verdict = verdict(&ground, &tenants, &accounts).await;
    println!(
        "engine=postgres kills={kills} events={} lost={} doubled={} differing={} resumed_within={:.1}s",
        verdict.events,
        verdict.lost.len(),
        verdict.doubled,
        verdict.differing.len(),
        resumed.as_secs_f64()
    );
    verdict.expect_exact();
    assert!(verdict.events >= made, "{} of {made} events arrived", verdict.events);
    assert!(resumed <= RESUMED, "events waited for {resumed:?} after a kill");
}

/// Until everything that was refused has been delivered, and all is applied.
async fn settle(ground: &Ground, accounts: &[Account<'_>]) {
    let patience = Duration::from_mins(3);
    ground.wait_until_idle_within(patience).await;
    while accounts.iter().map(|account| repeat_refused(ground, account)).sum::<usize>() > 0 {
        ground.wait_until_idle_within(patience).await;
    }
}

async fn verdict(ground: &Ground, tenants: &[Tenant], accounts: &[Account<'_>]) -> Verdict {
    let mut all = Verdict::default();
    for (tenant, account) in tenants.iter().zip(accounts) {
        all = all.and(Verdict::of(ground, tenant, account).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_ask_stripe_within_one_rate() {
    let ground = Ground::make(Engine::Postgres).await;
    ground.connect(3).await;
    let keys = ground.settings.iter().find(|(name, _)| *name == "BILLFOLD_MASTER_KEYS").unwrap().1.clone();
    let keyring = Keyring::parse(&SecretString::from(keys)).unwrap();
    let config = (*ground.app.config).clone();
    assert_eq!(config.stripe_test_rate, 8);
    let other = App::new(ground.database.open().await, Clock::system(), keyring, config).unwrap();
    let began = Instant::now();
    let (one, two) = tokio::join!(ask(&ground.app, &ground.tenant, 14), ask(&other, &ground.tenant, 14));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(3), "28 calls at 8/s in {took:?}");
    assert!(one > began + Duration::from_secs(2) && two > began + Duration::from_secs(2), "they take turns");
    let mut tx = ground.app.db.system_read().await.unwrap();
    let shared: i64 = tx.query("SELECT COUNT(*) FROM stripe_turns").fetch_value().await.unwrap();
    assert_eq!(shared, 1);
}

/// Asks Stripe so many times; answers when it was done.
async fn ask(app: &App, tenant: &Tenant, times: usize) -> Instant {
    let client = app.stripe_client(&tenant.id, &tenant.project).await.unwrap().unwrap();
    for _ in 0..times {
        client.list(Kind::Customer, &ListParams { limit: 1, ..ListParams::default() }).await.unwrap();
    }
    Instant::now()
}

async fn a_sweep_is_done_by_one_and_taken_over_with_its_lease(engine: Engine) {
    let site = Site::start_at(engine, Clock::manual(1_790_000_000)).await;
    let now = site.app.clock.now();
    let mut tx = site.app.db.system_write().await.unwrap();
    let old = Failures { failures: 1, first_at: now - throttle::MEMORY - 1, blocked_until: 0 };
    login_failures::put(&mut tx, "somebody", &old).await.unwrap();
    jobs::wake(&mut tx, JobKind::Sweep, &no_tenant(), &no_project(), now).await.unwrap();
    tx.commit().await.unwrap();
    // A process takes it and dies.
    let mut tx = site.app.db.system_write().await.unwrap();
    let dead = jobs::claim(&mut tx, ("dead", Reach::Everything), now, now + worker::LEASE).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert!(!worker::run_one(&site.app).await.unwrap(), "it is in the hands of another");
    site.app.clock.advance(worker::LEASE + 1);
    assert!(worker::run_one(&site.app).await.unwrap(), "its lease is over");
    let mut tx = site.app.db.system_write().await.unwrap();
    let left: i64 = tx.query("SELECT COUNT(*) FROM login_failures").fetch_value().await.unwrap();
    assert_eq!(left, 0);
    assert!(jobs::hold(&mut tx, &dead, i64::MAX).await.is_err(), "who comes back has lost it");
    drop(tx);
    assert!(!worker::run_one(&site.app).await.unwrap(), "the next one is ten minutes away");
    site.app.clock.advance(600);
    assert!(worker::run_one(&site.app).await.unwrap());
}

async fn work_of_a_newer_version_is_left_to_it(engine: Engine) {
    let site = Site::start(engine).await;
    let now = site.app.clock.now();
    let mut tx = site.app.db.system_write().await.unwrap();
    tx.query(
        "INSERT INTO jobs (kind, tenant_id, project_id, run_at, wakes, fence, lease_until, leased_by, attempts)
         VALUES ('teleport', $1, $2, $3, 1, 0, 0, '', 0)",
    )
    .bind(no_tenant())
    .bind(no_project())
    .bind(now)
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert!(!worker::run_one(&site.app).await.unwrap());
    let mut tx = site.app.db.system_read().await.unwrap();
    let (run_at, fence): (i64, i64) =
        tx.query("SELECT run_at, fence FROM jobs WHERE kind = 'teleport'").fetch_one().await.unwrap();
    assert_eq!((run_at, fence), (now, 0));
}
