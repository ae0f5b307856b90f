//! The mirror compared with Stripe: what nobody was told of is found, mended and shown, by night and when somebody asks.

use std::{collections::BTreeSet, time::Duration};

use billfold::{
    clock::Clock,
    domain::{job::next_night, kind::Kind as Mirrored, role::Role},
    standin::kind::Kind,
    store::{
        audit_log,
        reconciliations::{self, Run, TypeResult},
    },
    worker,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::harness::{Answer, Engine, Site, Visitor, both_engines, oracle::differences};

both_engines!(
    a_full_comparison_finds_and_mends_what_nobody_was_told_of,
    each_night_a_sample_is_compared,
    more_differences_than_may_be_raise_an_alarm,
    what_changes_meanwhile_is_not_overwritten,
    killed_at_any_instant_a_comparison_ends_exact,
    a_type_that_cannot_be_read_is_told_and_the_others_are_compared,
    a_viewer_watches_and_another_business_sees_nothing,
);

const NOTHING: Vec<String> = Vec::new();
const START: i64 = 1_790_000_000;

async fn site_at_start(engine: Engine, flags: &[&str]) -> (Site, Clock) {
    let clock = Clock::manual(START);
    (Site::start_with(engine, clock.clone(), flags).await, clock)
}

/// The comparisons of the story's project, newest first, with what each found.
async fn comparisons(site: &Site) -> Vec<(Run, Vec<TypeResult>)> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let runs = reconciliations::list(&mut tx, &tenant.project, 20).await.unwrap();
    let mut found = Vec::new();
    for run in runs {
        let types = reconciliations::types(&mut tx, &tenant.project, [&run.id]).await.unwrap();
        found.push((run, types.into_iter().map(|(_, of_type)| of_type).collect()));
    }
    found
}

fn of_kind(types: &[TypeResult], kind: Mirrored) -> &TypeResult {
    types.iter().find(|of_type| of_type.kind == kind.as_str()).unwrap()
}

async fn audited(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    audit_log::list::actions(&mut tx, &tenant.project).await.unwrap()
}

async fn press(visitor: &Visitor, action: &str) -> Answer {
    let button = visitor.get("sync/freshness").await.expect(200).form(&format!("form[action$='/freshness/{action}']"));
    let pressed = visitor.submit(&button).await.expect(303);
    visitor.follow(pressed).await.expect(200)
}

/// The row of an object type.
#[track_caller]
fn row(page: &Answer, name: &str) -> String {
    let rows = page.all("section[aria-labelledby=types] tbody tr");
    rows.iter().find(|row| row.starts_with(name)).cloned().unwrap_or_else(|| panic!("no {name} in {rows:?}"))
}

/// Lets a due comparison come to its end. It waits for seconds in between, which nobody turns on but here.
async fn let_it_end(site: &Site, clock: &Clock) {
    for _ in 0..20 {
        site.wait_until_idle().await;
        if comparisons(site).await.first().is_none_or(|(run, _)| run.state != "running") {
            return;
        }
        clock.advance(5);
    }
    panic!("the comparison does not end");
}

/// Removes an object's row here, as no event ever would.
async fn lose_row(site: &Site, kind: Mirrored, stripe_id: &str) {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    let sql = format!("DELETE FROM {} WHERE tenant_id = $1 AND project_id = $2 AND stripe_id = $3", kind.plural());
    assert_eq!(tx.query(sql).bind(&tenant.project).bind(stripe_id).execute().await.unwrap(), 1);
    let count =
        "UPDATE counts SET n = n - 1 WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 AND status = 'active'";
    tx.query(count).bind(&tenant.project).bind(kind.as_str()).execute().await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_full_comparison_finds_and_mends_what_nobody_was_told_of(engine: Engine) {
    let (site, clock) = site_at_start(engine, &[]).await;
    let account = site.connect(230).await; // more than two pages, many of them of one second
    clock.advance(300);
    let customers = account.ids(Kind::Customer);
    for customer in &customers[..3] {
        account.change_silently(customer, json!({ "name": "Ada Lovelace", "email": "ada@example.com" }));
    }
    account.change_silently(&customers[200], json!({ "phone": "+43 1 234" }));
    let gone = account.ids(Kind::Customer).remove(100);
    account.delete_silently(&gone);
    let product = account.ids(Kind::Product).remove(0);
    lose_row(&site, Mirrored::Product, &product).await;
    assert_ne!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);

    let member = site.user(Role::Member).await;
    assert!(member.get("sync").await.expect(200).has("a[href$='/sync/freshness']"));
    let before = member.get("sync/freshness").await.expect(200);
    assert!(before.text().contains("Nothing was compared yet"), "{}", before.text());
    let started = press(&member, "start").await;
    assert!(started.text().contains("Everything is being compared"), "{}", started.text());
    assert!(started.has("#freshness-live[hx-trigger='every 3s']") && !started.has("form[action$='/freshness/start']"));
    let_it_end(&site, &clock).await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);

    let (run, types) = comparisons(&site).await.remove(0);
    assert_eq!((run.scope.as_str(), run.state.as_str()), ("full", "done"));
    let of_customers = of_kind(&types, Mirrored::Customer);
    assert_eq!((of_customers.compared, of_customers.differed, of_customers.gone), (229, 4, 1), "{of_customers:?}");
    assert_eq!(of_customers.repaired, 5);
    let fields: Vec<_> = of_customers.fields().into_iter().collect();
    assert_eq!(fields, [("email".to_owned(), 3), ("name".to_owned(), 3), ("phone".to_owned(), 1)]);
    assert_eq!(of_kind(&types, Mirrored::Product).missing, 1);
    assert_eq!(types.iter().map(TypeResult::found).sum::<i64>(), 6, "{types:?}");

    let page = member.get("sync/freshness").await.expect(200);
    assert!(page.text().contains("6 differed, and all of them are mended"), "{}", page.text());
    let told = row(&page, "Customers");
    assert!(told.contains("4 differed, 1 gone at Stripe") && told.contains("name in 3"), "{told}");
    assert!(row(&page, "Products").contains("1 missing"), "{}", page.text());
    let program = site.program().await;
    let told = program.get("/v1/freshness").await.expect(200).json();
    assert_eq!(told["types"][0]["differed_fields"], json!({ "email": 3, "name": 3, "phone": 1 }), "{told}");
    assert_eq!((&told["comparing"], &told["drift_since"]), (&json!(false), &json!(null)));

    // A second one has nothing to say.
    clock.advance(10);
    press(&member, "start").await;
    let_it_end(&site, &clock).await;
    let (_, types) = comparisons(&site).await.remove(0);
    assert_eq!(types.iter().map(TypeResult::found).sum::<i64>(), 0, "{types:?}");
    let page = member.get("sync/freshness").await.expect(200);
    assert!(page.text().contains("each is here as Stripe has it"), "{}", page.text());
    let started = audited(&site).await.into_iter().filter(|action| action == "mirror.comparison_started");
    assert_eq!(started.count(), 2);
}

async fn each_night_a_sample_is_compared(engine: Engine) {
    let (site, clock) = site_at_start(engine, &["--reconcile-sample", "20"]).await;
    let account = site.connect(130).await;
    let tenant = site.tenant().await;
    // One of the newest, which every sample holds, and a third of the others, of which chance picks some.
    let customers = account.ids(Kind::Customer);
    account.change_silently(&customers[5], json!({ "name": "Grace Hopper" }));
    for customer in customers[100..].iter().step_by(3) {
        account.change_silently(customer, json!({ "description": "changed" }));
    }
    for night in 1..=3 {
        clock.advance(next_night(&tenant.project, clock.now()) - clock.now());
        let_it_end(&site, &clock).await;
        let compared = comparisons(&site).await;
        assert_eq!(compared.len(), night, "once a night");
        let of_customers = of_kind(&compared[0].1, Mirrored::Customer);
        assert_eq!((compared[0].0.scope.as_str(), of_customers.compared), ("sample", 120));
        clock.advance(600);
        site.wait_until_idle().await;
        assert_eq!(comparisons(&site).await.len(), night);
    }
    let all: Vec<TypeResult> = comparisons(&site).await.into_iter().flat_map(|(_, types)| types).collect();
    assert_eq!(all.iter().map(|one| one.fields().get("name").copied().unwrap_or(0)).sum::<i64>(), 1, "found once");
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("sync/freshness").await.expect(200);
    assert!(
        page.text().contains("A sample was compared") && row(&page, "Customers").contains("120"),
        "{}",
        page.text()
    );
    assert_eq!(audited(&site).await, ["connection.connected"], "a night without an alarm is no news");
}

async fn more_differences_than_may_be_raise_an_alarm(engine: Engine) {
    let (site, clock) = site_at_start(engine, &["--drift-alarm", "2"]).await;
    let account = site.connect(12).await;
    clock.advance(300);
    for customer in &account.ids(Kind::Customer)[..3] {
        account.change_silently(customer, json!({ "name": "Katherine Johnson" }));
    }
    let owner = site.user(Role::Owner).await;
    let alarm = "data differed from Stripe than should";
    assert!(!owner.get("customers").await.expect(200).text().contains(alarm));
    press(&owner, "start").await;
    let_it_end(&site, &clock).await;
    assert!(audited(&site).await.contains(&"mirror.drift_found".to_owned()));
    let page = owner.get("customers").await.expect(200);
    assert!(page.text().contains(alarm) && page.has("a[href$='/sync/freshness']"), "{}", page.text());
    assert!(owner.get("sync/freshness").await.expect(200).text().contains("more differences than it should"));
    let told = site.program().await.get("/v1/freshness").await.expect(200).json();
    assert!(told["drift_since"].is_i64(), "{told}");

    press(&owner, "start").await;
    let_it_end(&site, &clock).await;
    assert!(!owner.get("customers").await.expect(200).text().contains(alarm), "a clean full comparison ends it");
}

async fn what_changes_meanwhile_is_not_overwritten(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(220).await;
    site.start_workers();
    site.chaos(json!({ "latency_ms": 15, "delay_ms": [0, 120], "reorder": true }));
    let member = site.user(Role::Member).await;
    press(&member, "start").await;
    for _ in 0..12 {
        account.mutate(25);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(50);
    while comparisons(&site).await[0].0.state == "running" {
        assert!(tokio::time::Instant::now() < deadline, "the comparison does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn killed_at_any_instant_a_comparison_ends_exact(engine: Engine) {
    let (site, clock) = site_at_start(engine, &[]).await;
    let account = site.connect(320).await;
    clock.advance(300);
    site.wait_until_idle().await;
    let customers = account.ids(Kind::Customer);
    // Every one of them: more than are judged in one transaction lie on each page.
    let changed: BTreeSet<&String> = customers.iter().collect();
    for customer in &changed {
        account.change_silently(customer, json!({ "name": "Annie Easley" }));
    }
    let member = site.user(Role::Member).await;
    press(&member, "start").await;
    let seed = u64::from(rand::random::<u32>());
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..24 {
        // Some die at once, some behind the first half of a page.
        let instant = Duration::from_millis(dice.random_range(1..if round % 2 == 0 { 50 } else { 500 }));
        let _ = tokio::time::timeout(instant, worker::run_one(&site.app)).await;
        clock.advance(31); // the lease of the killed one is over
    }
    let_it_end(&site, &clock).await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING, "seed {seed}");
    let (_, types) = comparisons(&site).await.into_iter().find(|(run, _)| run.is_full()).unwrap();
    let of_customers = of_kind(&types, Mirrored::Customer);
    assert_eq!(of_customers.compared, 320, "each page counts once, seed {seed}");
    assert_eq!(of_customers.differed, i64::try_from(changed.len()).unwrap(), "seed {seed}");
    assert_eq!((of_customers.gone, of_customers.missing), (0, 0), "seed {seed}");
}

async fn a_type_that_cannot_be_read_is_told_and_the_others_are_compared(engine: Engine) {
    let (site, clock) = site_at_start(engine, &[]).await;
    let account = site.connect(8).await;
    clock.advance(300);
    let left = crate::connect::permissions_without(&["rak_charge_read"]).into_iter().collect();
    assert!(site.stripe.control().keys.restrict(&account.keys.restricted_key, left));
    account.change_silently(&account.ids(Kind::Customer)[0], json!({ "name": "Mary Jackson" }));
    let member = site.user(Role::Member).await;
    press(&member, "start").await;
    let_it_end(&site, &clock).await;
    let page = member.get("sync/freshness").await.expect(200);
    assert!(row(&page, "Charges").contains("lacks the permission rak_charge_read"), "{}", page.text());
    assert!(row(&page, "Customers").contains("1 differed"), "{}", page.text());
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
    // Somebody stops one that has just begun.
    clock.advance(10);
    press(&member, "start").await;
    let stopped = press(&member, "stop").await;
    assert!(stopped.text().contains("The comparison is stopped"), "{}", stopped.text());
    site.wait_until_idle().await;
    assert_eq!(comparisons(&site).await[0].0.state, "stopped");
}

async fn a_viewer_watches_and_another_business_sees_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let viewer = site.user(Role::Viewer).await;
    let home = site.tenant().await.home();
    let empty = viewer.get("sync/freshness").await.expect(200);
    assert!(empty.text().contains("Nothing is compared while Stripe cannot be asked"), "{}", empty.text());
    let member = site.user(Role::Member).await;
    member.get("sync/freshness").await.expect(200); // its form token is what the next line sends
    let forced = member.post(&format!("{home}sync/freshness/start"), &[]).await.expect(303);
    assert!(member.follow(forced).await.text().contains("nothing to read from"));
    site.connect(3).await;
    let page = viewer.get("sync/freshness").await.expect(200);
    assert!(row(&page, "Customers").contains('3') && !page.has("main form"), "{}", page.text());
    let stranger = site.user_of(&site.new_tenant("Bolt Bikes").await, Role::Owner).await;
    stranger.get(&format!("{home}sync/freshness")).await.expect(404);
    for action in ["start", "stop"] {
        viewer.post(&format!("{home}sync/freshness/{action}"), &[]).await.expect(403);
        stranger.post(&format!("{home}sync/freshness/{action}"), &[]).await.expect(404);
    }
}
