//! Whatever happens to deliveries on their way, the mirror ends equal to Stripe.

use std::time::Duration;

use billfold::{
    app::By,
    clock::Clock,
    connect::Scope,
    domain::kind::Kind,
    standin::{self, control::steer::MutateSpec},
    store::sync_runs,
    vault::SecretString,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;

use crate::{
    connect::{permissions_without, restricted_key},
    harness::{Account, Engine, Site, both_engines, oracle::differences, setting},
};

both_engines!(
    a_backfill_copies_everything,
    shuffled_repeated_late_and_same_second_events_end_exact,
    events_up_to_three_days_late_end_exact,
    deletion_is_final,
    changes_during_the_backfill_are_not_overwritten,
);

const NOTHING: Vec<String> = Vec::new();
const HOUR: i64 = 3_600;

/// Connects the story's project with a key, and waits for nothing.
async fn connect(site: &Site, key: &str) {
    let tenant = site.tenant().await;
    let by = By::part("story");
    let scope = Scope { app: site.app.clone(), tenant: tenant.id.clone(), project: tenant.project.clone(), by };
    scope.connect(SecretString::from(key.to_owned())).await.unwrap();
}

/// So many changes, by these dice.
fn mutate(site: &Site, account: &Account<'_>, count: usize, same_second: bool, seed: u64) -> Vec<String> {
    let mutation = MutateSpec { livemode: false, count, kinds: Vec::new(), same_second, rng_seed: Some(seed) };
    site.stripe.control().mutate(&account.keys.account, &mutation).unwrap()
}

async fn a_backfill_copies_everything(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(350).await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    assert_eq!(account.ids(standin::kind::Kind::Customer).len(), 350);
}

/// Forty customers with everything they have are over 300 objects; twenty rounds of changes, each with other dice, half of them
/// in one second. The long form: `BILLFOLD_TEST_CUSTOMERS=130 BILLFOLD_TEST_SEEDS=100 tests/run same_second`.
#[expect(clippy::print_stdout, reason = "a figure of the README")]
async fn shuffled_repeated_late_and_same_second_events_end_exact(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(setting("BILLFOLD_TEST_CUSTOMERS", 40)).await;
    let mirrored = Kind::ALL.into_iter().filter_map(|kind| standin::kind::Kind::named(kind.as_str()));
    let objects: usize = mirrored.map(|kind| account.ids(kind).len()).sum();
    site.start_workers();
    site.chaos(json!({ "duplicate": 0.4, "delay_ms": [0, 300], "reorder": true }));
    let seeds = setting("BILLFOLD_TEST_SEEDS", 20);
    for seed in 0..seeds {
        let events = mutate(&site, &account, 60, seed % 2 == 0, seed);
        assert!(events.len() >= 60, "seed {seed} made {} events", events.len());
        site.wait_until_idle().await;
        assert_eq!(
            differences(&site.app.db, site.tenant().await, &account).await,
            NOTHING,
            "seed {seed} on {engine:?}"
        );
    }
    println!("{engine:?}: {objects} objects, {seeds} seeds, differing=0");
}

/// Deliveries of a day's changes come up to three days after their second, in any order, two of five of them twice. The key may not list
/// events, so nothing else brings them; what the nightly sample reads again meanwhile must not be overwritten either. The long form:
/// `BILLFOLD_TEST_CUSTOMERS=130 BILLFOLD_TEST_SEEDS=100 tests/run three_days_late`.
#[expect(clippy::print_stdout, reason = "a figure of the README")]
async fn events_up_to_three_days_late_end_exact(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.stripe_account(setting("BILLFOLD_TEST_CUSTOMERS", 40));
    connect(&site, &restricted_key(&site, &account.keys.account, permissions_without(&["rak_event_read"]))).await;
    site.wait_until_idle().await;
    let seeds = setting("BILLFOLD_TEST_SEEDS", 2);
    for seed in 0..seeds {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut held_up: Vec<(i64, String)> = Vec::new();
        for step in 0.. {
            if step < 4 {
                site.chaos(json!({ "lose": 1.0 }));
                let events = mutate(&site, &account, 30, dice.random_bool(0.5), dice.random());
                site.wait_until_idle().await;
                site.chaos(json!({ "lose": 0.0 }));
                held_up.extend(events.into_iter().map(|id| (clock.now() + dice.random_range(0..=72 * HOUR), id)));
            } else if held_up.is_empty() {
                break;
            }
            let (mut arriving, waiting): (Vec<_>, Vec<_>) = held_up.into_iter().partition(|(at, _)| *at <= clock.now());
            held_up = waiting;
            arriving.shuffle(&mut dice);
            for (_, event) in &arriving {
                account.redeliver(event, if dice.random_bool(0.4) { 2 } else { 1 });
            }
            site.wait_until_idle().await;
            clock.advance(6 * HOUR);
        }
        assert_eq!(
            differences(&site.app.db, site.tenant().await, &account).await,
            NOTHING,
            "seed {seed} on {engine:?}"
        );
    }
    let events = site.event_ids().await.len();
    println!("{engine:?}: {events} events, {seeds} seeds, differing=0");
}

async fn deletion_is_final(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let customer = account.ids(standin::kind::Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Before the end" }));
    site.wait_until_idle().await;
    let late = site.last_event(&account).await;
    account.delete(&customer);
    site.wait_until_idle().await;
    // An event from before comes under another id, as if it had been held up on its way.
    let held_up = late.to_string().replace(late["id"].as_str().unwrap(), "evt_heldup");
    site.deliver(&account, &held_up).await.expect(200);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    let (status, outcome) = site.event("evt_heldup").await;
    assert_eq!((status.as_str(), outcome.as_deref()), ("ignored", Some("already_deleted")));
}

async fn changes_during_the_backfill_are_not_overwritten(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.stripe_account(900);
    site.chaos(json!({ "latency_ms": 20 }));
    site.start_workers();
    connect(&site, &account.keys.restricted_key).await;
    for _ in 0..10 {
        account.mutate(20);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    assert_eq!(sync_runs::list(&mut tx, &tenant.project, 1).await.unwrap()[0].state, "done");
}
