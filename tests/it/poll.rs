//! Events that no delivery brings: fetched from Stripe's own list, whatever broke meanwhile.

use std::time::Duration;

use billfold::{
    app::{By, Scope},
    clock::Clock,
    domain::{job::JobKind, money::grouped, role::Role},
    standin::kind::Kind,
    store::{
        audit_log, jobs,
        polls::{self, Poll},
        sync_runs,
    },
    vault::SecretString,
    worker,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::json;

use crate::{
    connect::{permissions_without, restricted_key},
    harness::{Account, Answer, Engine, Site, Visitor, both_engines, oracle::differences},
};

both_engines!(
    without_any_endpoint_changes_arrive_by_polling_alone,
    after_an_outage_one_look_converges,
    an_event_that_shows_up_late_in_the_list_is_found,
    looks_are_frequent_only_while_deliveries_are_missed,
    a_key_that_may_not_list_events_is_told_and_not_asked_again_at_once,
    a_gap_longer_than_stripe_keeps_reads_everything_again,
    a_permission_that_comes_after_a_month_reads_everything_again,
    a_wrong_clock_is_told_at_once_and_what_is_refused_is_fetched,
    killed_at_any_instant_nothing_is_lost_or_doubled,
    a_look_that_meets_an_outage_goes_on_later,
);

const NOTHING: Vec<String> = Vec::new();
const START: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

/// A site whose hands the story turns.
async fn site_at_start(engine: Engine) -> (Site, Clock) {
    let clock = Clock::manual(START);
    (Site::start_at(engine, clock.clone()).await, clock)
}

async fn scope(site: &Site) -> Scope {
    let tenant = site.tenant().await;
    let by = By::part("story");
    Scope { app: site.app.clone(), tenant: tenant.id.clone(), project: tenant.project.clone(), by }
}

/// Connects with a key that lacks these permissions.
pub(crate) async fn connect_without<'s>(site: &'s Site, missing: &[&str]) -> (Account<'s>, String) {
    let account = site.stripe_account(12);
    let key = restricted_key(site, &account.keys.account, permissions_without(missing));
    scope(site).await.connect(SecretString::from(key.clone())).await.unwrap();
    site.wait_until_idle().await;
    (account, key)
}

async fn poll(site: &Site) -> Poll {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    polls::find(&mut tx, &tenant.project).await.unwrap().unwrap_or_default()
}

/// Seconds until the next look.
async fn next_look(site: &Site) -> i64 {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.system_read().await.unwrap();
    let jobs = jobs::of_project(&mut tx, &tenant.id, &tenant.project).await.unwrap();
    jobs.iter().find(|job| job.kind == JobKind::Poll.as_str()).unwrap().run_at - site.app.clock.now()
}

/// Presses the button, as somebody who has just opened the page.
async fn press_fetch(visitor: &Visitor) -> Answer {
    let button = visitor.get("sync").await.expect(200).form("form[action$='/sync/fetch']");
    let pressed = visitor.submit(&button).await.expect(303);
    visitor.follow(pressed).await.expect(200)
}

/// The events that were not delivered but fetched.
async fn fetched(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT id FROM webhook_events WHERE tenant_id = $1 AND fetched = $2 ORDER BY arrival, id")
        .bind(true)
        .fetch_values()
        .await
        .unwrap()
}

/// How often Stripe's list of events was asked for.
fn calls(site: &Site, account: &Account<'_>) -> usize {
    let log = site.stripe.control().log(Some(&account.keys.account));
    log.iter().filter(|call| call.path.starts_with("/v1/events")).count()
}

async fn without_any_endpoint_changes_arrive_by_polling_alone(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, _) = connect_without(&site, &["rak_webhook_read"]).await;
    let viewer = site.user(Role::Viewer).await;
    assert!(viewer.get("sync").await.expect(200).text().contains("Events fetched not yet"));
    for round in 0..4 {
        clock.advance(10);
        account.mutate(60);
        if round == 2 {
            account.delete(&account.ids(Kind::Customer).remove(0));
        }
        clock.advance(50);
        site.wait_until_idle().await;
        assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING, "round {round}");
        assert_eq!(next_look(&site).await, 60, "where nothing is delivered, often");
    }
    assert_eq!(fetched(&site).await, site.event_ids().await, "all of them were fetched");
    let page = viewer.get("sync").await.expect(200);
    assert!(page.text().contains("events that no delivery had"), "{}", page.text());
    assert!(page.text().contains("Last delivery none yet"), "{}", page.text());

    let event = fetched(&site).await.remove(0);
    let list = viewer.get("events").await.expect(200);
    assert!(list.all("tbody tr").iter().all(|row| row.contains("fetched")), "{}", list.text());
    assert!(viewer.get(&format!("events/{event}")).await.expect(200).text().contains("Came by fetched"));
    let program = site.program().await;
    assert_eq!(program.get(&format!("/v1/events/{event}")).await.expect(200).json()["origin"], "fetched");
    let told = program.get("/v1/connection").await.expect(200).json()["event_fetch"].clone();
    assert_eq!((&told["outcome"], &told["at"]), (&json!("ok"), &json!(clock.now())), "{told}");
    assert!(told["brought_in_all"].as_i64().unwrap() > 100 && told["complete_until"].is_i64(), "{told}");

    // With nothing new a look costs one call for each part of the list, and writes no event.
    clock.advance(1_200);
    site.wait_until_idle().await;
    let before = (calls(&site, &account), site.event_ids().await.len());
    clock.advance(1_200);
    site.wait_until_idle().await;
    assert_eq!((calls(&site, &account), site.event_ids().await.len()), (before.0 + 3, before.1));
    let later = site.user(Role::Viewer).await; // the first session is over by now
    assert!(later.get("sync").await.text().contains("nothing was missing"));
}

async fn after_an_outage_one_look_converges(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let account = site.connect(30).await;
    site.chaos(json!({ "lose": 1.0 }));
    for _ in 0..12 {
        account.mutate(40);
        clock.advance(DAY);
    }
    site.chaos(json!({ "lose": 0.0 }));
    assert_ne!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING, "the outage was one");
    let member = site.user(Role::Member).await;
    let page = press_fetch(&member).await;
    assert!(
        page.text().contains("asks Stripe for events") && page.text().contains("being fetched now"),
        "{}",
        page.text()
    );
    assert!(page.has("#sync-live[hx-trigger='every 2s']"), "the page watches it");
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    let brought = poll(&site).await.brought;
    assert!(brought >= 400, "{brought}");
    let page = member.get("sync").await.expect(200);
    let told = format!("brought {} events that no delivery had", grouped(brought));
    assert!(page.text().contains(&told), "{}", page.text());
    assert_eq!(fetched(&site).await.len(), usize::try_from(brought).unwrap());

    press_fetch(&member).await;
    site.wait_until_idle().await;
    let again = poll(&site).await;
    assert_eq!((again.brought, again.total, again.is_wished()), (0, brought, false));
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let audited = audit_log::list::actions(&mut tx, &tenant.project).await.unwrap();
    assert_eq!(audited[audited.len() - 2..], ["event.fetch_asked", "event.fetch_asked"]);
}

async fn an_event_that_shows_up_late_in_the_list_is_found(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, _) = connect_without(&site, &["rak_webhook_read"]).await;
    clock.advance(3_600);
    site.wait_until_idle().await;
    let cursor = poll(&site).await.cursor.unwrap();
    assert!(clock.now() - cursor < 5, "the cursor is at {cursor}");
    // Made ten minutes before the cursor, and not in the list until now.
    clock.advance(-600);
    account.mutate(5);
    clock.advance(660);
    site.wait_until_idle().await;
    assert!(poll(&site).await.brought > 0);
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn looks_are_frequent_only_while_deliveries_are_missed(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let account = site.connect(5).await;
    let customer = account.ids(Kind::Customer).remove(0);
    assert_eq!(next_look(&site).await, 60, "the first one comes soon");
    clock.advance(60);
    site.wait_until_idle().await;
    assert_eq!(next_look(&site).await, 1_800, "an endpoint was made");
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    site.wait_until_idle().await;
    clock.advance(1_800);
    site.wait_until_idle().await;
    assert_eq!((next_look(&site).await, poll(&site).await.total), (1_800, 0), "deliveries bring everything");

    site.chaos(json!({ "lose": 1.0 }));
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    clock.advance(1_800);
    site.wait_until_idle().await;
    assert_eq!((next_look(&site).await, poll(&site).await.brought), (60, 1), "a delivery is overdue");
    clock.advance(60);
    site.wait_until_idle().await;
    assert_eq!((next_look(&site).await, poll(&site).await.brought), (60, 0), "and none has come since");
    site.chaos(json!({ "lose": 0.0 }));
    account.change(&customer, json!({ "name": "Alan Turing" }));
    site.wait_until_idle().await;
    clock.advance(60);
    site.wait_until_idle().await;
    assert_eq!(next_look(&site).await, 1_800, "deliveries come again");
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_key_that_may_not_list_events_is_told_and_not_asked_again_at_once(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, key) = connect_without(&site, &["rak_webhook_read", "rak_event_read"]).await;
    clock.advance(60);
    site.wait_until_idle().await;
    let member = site.user(Role::Member).await;
    let page = member.get("sync").await.expect(200);
    assert!(
        page.text().contains("may not list events") && page.text().contains("Tick Events: Read"),
        "{}",
        page.text()
    );
    assert_eq!(calls(&site, &account), 1);
    for _ in 0..60 {
        clock.advance(60);
        site.wait_until_idle().await;
    }
    assert_eq!(calls(&site, &account), 1, "it does not spin");
    let refused = site.program().await.get("/v1/connection").await.expect(200).json()["event_fetch"].clone();
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["cause"].as_str().unwrap().contains("rak_event_read"), "{refused}");
    assert!(poll(&site).await.cursor.is_none(), "nothing counts as seen");

    account.mutate(20);
    let all = permissions_without(&["rak_webhook_read"]).into_iter().collect();
    assert!(site.stripe.control().keys.restrict(&key, all));
    let member = site.user(Role::Member).await; // the first session is over by now
    press_fetch(&member).await;
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    assert!(!member.get("sync").await.text().contains("may not list events"));
}

async fn a_gap_longer_than_stripe_keeps_reads_everything_again(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, _) = connect_without(&site, &["rak_webhook_read"]).await;
    clock.advance(60);
    site.wait_until_idle().await;
    clock.advance(60);
    account.mutate(30);
    account.delete(&account.ids(Kind::Customer).remove(0));
    clock.advance(20 * DAY);
    account.mutate(30);
    clock.advance(15 * DAY);
    site.wait_until_idle().await;
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let runs = sync_runs::list(&mut tx, &tenant.project, 5).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.started_by.as_str()).collect::<Vec<_>>(), ["poll", "story"]);
    let audited = audit_log::list::actions(&mut tx, &tenant.project).await.unwrap();
    assert_eq!(audited.last().map(String::as_str), Some("backfill.started"));
    drop(tx);
    let page = site.user(Role::Viewer).await.get("sync").await.expect(200);
    assert!(page.text().contains("Events older than Stripe keeps were missed"), "{}", page.text());
    assert!(poll(&site).await.gap_at.is_some());
    let brought = fetched(&site).await.len();
    assert!(brought >= 30, "the events of the last weeks, which Stripe still has, are here: {brought}");

    account.mutate(20);
    clock.advance(60);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, tenant, &account).await, NOTHING, "what is gone at Stripe was found, too");
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    assert_eq!(sync_runs::list(&mut tx, &tenant.project, 5).await.unwrap().len(), 2, "one gap, one import");
}

async fn a_permission_that_comes_after_a_month_reads_everything_again(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, key) = connect_without(&site, &["rak_webhook_read", "rak_event_read"]).await;
    clock.advance(60);
    site.wait_until_idle().await;
    account.mutate(20); // nobody hears of it
    clock.advance(31 * DAY);
    let all = permissions_without(&["rak_webhook_read"]).into_iter().collect();
    assert!(site.stripe.control().keys.restrict(&key, all));
    for _ in 0..4 {
        site.wait_until_idle().await;
        clock.advance(60); // the comparison waits for the import
    }
    site.wait_until_idle().await;
    assert!(poll(&site).await.gap_at.is_some());
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_wrong_clock_is_told_at_once_and_what_is_refused_is_fetched(engine: Engine) {
    let (site, _) = site_at_start(engine).await;
    let account = site.connect(12).await;
    let told = async || -> bool {
        let page = site.user(Role::Viewer).await.get("customers").await.expect(200);
        page.text().contains("more than five minutes apart")
    };
    assert!(!told().await);
    // Stripe's clock runs ten minutes ahead: each delivery but one is lost on the way, and that one is signed too late.
    site.chaos(json!({ "clock_offset_s": 600, "lose": 1.0 }));
    account.mutate(20);
    let (event, at) = (r#"{"id":"evt_late","object":"event","type":"customer.updated"}"#, site.app.clock.now() + 600);
    let header = account.sign(event, at);
    let visitor = site.anonymous();
    let delivery = visitor.request(Method::POST, &account.webhook_url()).body(event).header("stripe-signature", header);
    visitor.send(delivery).await.expect(400);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING, "no minute has passed");
    assert!(fetched(&site).await.len() > 1 && told().await);
    site.chaos(json!({ "clock_offset_s": 0, "lose": 0.0 }));
    press_fetch(&site.user(Role::Member).await).await;
    site.wait_until_idle().await;
    assert!(!told().await);
}

async fn killed_at_any_instant_nothing_is_lost_or_doubled(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, _) = connect_without(&site, &["rak_webhook_read"]).await;
    for _ in 0..40 {
        account.mutate(15);
        clock.advance(1_800);
    }
    let seed = u64::from(rand::random::<u32>());
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..40 {
        let instant = Duration::from_millis(dice.random_range(1..60));
        let _ = tokio::time::timeout(instant, worker::run_one(&site.app)).await;
        clock.advance(31); // the lease of the killed one is over
    }
    // What was cut off goes on for a moment by itself and may have taken its lease anew: that has to run out as well.
    for _ in 0..20 {
        if tokio::time::timeout(Duration::from_secs(2), site.wait_until_idle()).await.is_ok() {
            break;
        }
        clock.advance(31);
    }
    site.wait_until_idle().await;
    let stored = site.event_ids().await;
    let distinct: std::collections::BTreeSet<_> = stored.iter().collect();
    assert_eq!(stored.len(), distinct.len(), "seed {seed}");
    assert_eq!(fetched(&site).await.len(), stored.len(), "seed {seed}");
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING, "seed {seed}");
    let applied: i64 = site.event_counts().await.iter().map(|(_, n)| n).sum();
    assert_eq!(applied, i64::try_from(stored.len()).unwrap(), "each was applied once, seed {seed}");
}

async fn a_look_that_meets_an_outage_goes_on_later(engine: Engine) {
    let (site, clock) = site_at_start(engine).await;
    let (account, _) = connect_without(&site, &["rak_webhook_read"]).await;
    account.mutate(30);
    site.chaos(json!({ "html_instead_of_json": 1.0 }));
    clock.advance(60);
    site.wait_until_idle().await;
    let page = site.user(Role::Viewer).await.get("sync").await.expect(200);
    assert!(page.text().contains("It did not work, and is tried again"), "{}", page.text());
    site.stripe.control().switches.reset();
    clock.advance(600);
    site.wait_until_idle().await;
    assert_eq!(poll(&site).await.outcome.as_deref(), Some("ok"));
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}
