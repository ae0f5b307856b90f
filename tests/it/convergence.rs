//! Whatever happens to deliveries on their way, the mirror ends equal to Stripe.

use std::time::Duration;

use billfold::{
    app::By,
    connect::Scope,
    domain::kind::Kind,
    standin::{self, control::steer::MutateSpec},
    store::sync_runs,
    vault::SecretString,
};
use serde_json::json;

use crate::harness::{Engine, Site, both_engines, oracle::differences, setting};

both_engines!(
    a_backfill_copies_everything,
    shuffled_repeated_late_and_same_second_events_end_exact,
    deletion_is_final,
    changes_during_the_backfill_are_not_overwritten,
);

const NOTHING: Vec<String> = Vec::new();

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
        let mutation = MutateSpec {
            livemode: false,
            count: 60,
            kinds: Vec::new(),
            same_second: seed % 2 == 0,
            rng_seed: Some(seed),
        };
        let events = site.stripe.control().mutate(&account.keys.account, &mutation).unwrap();
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
    let tenant = site.tenant().await;
    let scope = Scope {
        app: site.app.clone(),
        tenant: tenant.id.clone(),
        project: tenant.project.clone(),
        by: By::part("story"),
    };
    scope.connect(SecretString::from(account.keys.restricted_key.clone())).await.unwrap();
    for _ in 0..10 {
        account.mutate(20);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    assert_eq!(sync_runs::list(&mut tx, &tenant.project, 1).await.unwrap()[0].state, "done");
}
