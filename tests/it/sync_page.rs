//! The sync page, as those who watch an import and those who steer it.

use std::time::Duration;

use billfold::{
    clock::Clock,
    domain::{kind::Kind, role::Role},
    store::{audit_log, sync_runs},
    stripe::{self, Patience, list::ListParams},
    worker,
};
use serde_json::json;

use crate::harness::{Answer, Engine, Site, Visitor, both_engines};

both_engines!(
    an_import_is_watched_to_its_end,
    an_import_is_paused_and_goes_on,
    a_refused_type_names_its_permission_and_is_tried_again,
    a_list_that_lies_for_a_while_is_no_failure,
    without_a_connection_there_is_nothing_to_start,
    a_viewer_watches_and_another_business_sees_nothing,
);

/// The row of an object type.
#[track_caller]
fn row(page: &Answer, name: &str) -> String {
    let rows = page.all("section[aria-labelledby=types] tbody tr");
    rows.iter().find(|row| row.starts_with(name)).cloned().unwrap_or_else(|| panic!("no {name} in {rows:?}"))
}

/// Presses a button of the page and opens where it leads.
async fn press(visitor: &Visitor, page: &Answer, action: &str) -> Answer {
    let pressed = visitor.submit(&page.form(&format!("form[action$='/sync/{action}']"))).await.expect(303);
    visitor.follow(pressed).await.expect(200)
}

async fn audited(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    audit_log::list::actions(&mut tx, &tenant.project).await.unwrap()
}

async fn an_import_is_watched_to_its_end(engine: Engine) {
    let clock = Clock::manual(1_795_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    site.connect(40).await;
    clock.advance(60);
    let member = site.user(Role::Member).await;
    let done = member.get("sync").await.expect(200);
    assert!(row(&done, "Customers").contains("40") && row(&done, "Customers").contains("Ok"), "{}", done.text());
    assert!(done.text().contains("Import finished") && done.text().contains("100 %"));
    assert!(!done.has("#sync-live[hx-get]"), "nothing moves, so nothing asks");
    assert_eq!(done.all("section[aria-labelledby=history] tbody tr").len(), 1);

    let started = press(&member, &done, "start").await;
    assert!(started.text().contains("The import has started"), "{}", started.text());
    assert!(started.has("#sync-live[hx-trigger='every 2s']") && started.text().contains("Import is running"));
    assert!(!started.has("form[action$='/sync/start']"), "one import at a time");
    let live = started.attributes("#sync-live", "hx-get").remove(0);
    let partial = member.get_partial(&live).await.expect(200);
    assert!(partial.has("#sync-live") && !partial.has("h1"), "htmx gets the changing part alone");

    site.wait_until_idle().await;
    let over = member.get_partial(&live).await.expect(200);
    assert!(!over.has("#sync-live[hx-get]") && over.body.contains("Import finished"), "{}", over.body);
    let history = over.all("section[aria-labelledby=history] tbody tr");
    assert_eq!(history.len(), 2);
    assert!(history[0].contains("@example.com") && history[1].contains("billfold"), "{history:?}");
    assert_eq!(audited(&site).await.last().map(String::as_str), Some("backfill.started"));
}

async fn an_import_is_paused_and_goes_on(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(10).await;
    let member = site.user(Role::Member).await;
    let started = press(&member, &member.get("sync").await, "start").await;
    let paused = press(&member, &started, "pause").await;
    assert!(paused.text().contains("Import is paused") && !paused.has("#sync-live[hx-get]"), "{}", paused.text());
    while worker::run_one(&site.app).await.unwrap() {}
    assert!(member.get("sync").await.text().contains("Import is paused"), "a worker leaves it alone");
    let late = member.submit(&started.form("form[action$='/sync/pause']")).await.expect(303);
    assert!(member.follow(late).await.text().contains("not in that state any more"));
    let again = member.submit(&member.get("sync").await.form("form[action$='/sync/resume']")).await.expect(303);
    assert!(member.follow(again).await.text().contains("goes on where it stopped"));
    site.wait_until_idle().await;
    assert!(member.get("sync").await.text().contains("Import finished"));
    let audited = audited(&site).await;
    assert_eq!(audited[audited.len() - 3..], ["backfill.started", "backfill.paused", "backfill.resumed"]);
}

async fn a_refused_type_names_its_permission_and_is_tried_again(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(10).await;
    let tenant = site.tenant().await;
    let now = site.app.clock.now();
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    let run = sync_runs::list(&mut tx, &tenant.project, 1).await.unwrap().remove(0);
    let refused = ("refused", Some("the key lacks the permission rak_charge_read"));
    sync_runs::end_type(&mut tx, &tenant.project, &run.id, Kind::Charge, refused, now).await.unwrap();
    tx.commit().await.unwrap();

    let member = site.user(Role::Member).await;
    let page = member.get("sync").await.expect(200);
    assert!(page.text().contains("Import finished, with gaps"), "{}", page.text());
    let charges = row(&page, "Charges");
    assert!(charges.contains("Refused") && charges.contains("Charges and refunds: Read"), "{charges}");
    let retried = press(&member, &page, "retry").await;
    assert!(retried.text().contains("are read again"), "{}", retried.text());
    site.wait_until_idle().await;
    let page = member.get("sync").await.expect(200);
    assert!(row(&page, "Charges").contains("Ok"), "{}", page.text());
    assert!(!page.has("form[action$='/sync/retry']"));
    let late = member.post(&format!("{}sync/retry", member.home()), &[]).await.expect(303);
    assert!(member.follow(late).await.text().contains("No object type was refused or failed"));
}

/// Every list promises more than there is. In the run in which such a type would be given up it is asked so long that this may pass.
async fn a_list_that_lies_for_a_while_is_no_failure(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(10).await;
    let (member, tenant) = (site.user(Role::Member).await, site.tenant().await);
    site.chaos(json!({ "has_more_lies": 1.0 }));
    let client = site.app.stripe_client(&tenant.id, &tenant.project).await.unwrap().unwrap();
    let client = client.with_patience(Patience::INTERACTIVE);
    let after_all = ListParams { limit: 1, created_to: Some(1), ..ListParams::default() };
    let lie = client.list(Kind::Customer, &after_all).await.unwrap_err();
    assert!(matches!(&lie, stripe::Error::Unreadable(what) if what.contains("promises more")), "{lie}");

    press(&member, &member.get("sync").await, "start").await;
    let mut tx = site.app.db.system_write().await.unwrap();
    tx.query("UPDATE jobs SET attempts = 100 WHERE kind = 'backfill'").execute().await.unwrap();
    tx.commit().await.unwrap();
    let passes = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(member.get("sync").await.text().contains("Import is running"));
        site.stripe.control().switches.reset();
    };
    tokio::join!(site.wait_until_idle(), passes);
    let page = member.get("sync").await.expect(200);
    assert!(page.text().contains("Import finished") && !page.text().contains("with gaps"), "{}", page.text());
}

async fn without_a_connection_there_is_nothing_to_start(engine: Engine) {
    let site = Site::start(engine).await;
    let member = site.user(Role::Member).await;
    let page = member.get("sync").await.expect(200);
    assert!(page.text().contains("No Stripe account is connected") && !page.has("main form"), "{}", page.text());
    let forced = member.post(&format!("{}sync/start", member.home()), &[]).await.expect(303);
    assert!(member.follow(forced).await.text().contains("nothing to read from"));
    assert!(audited(&site).await.is_empty());
}

async fn a_viewer_watches_and_another_business_sees_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(3).await;
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("sync").await.expect(200);
    assert!(row(&page, "Customers").contains('3') && !page.has("main form"), "{}", page.text());
    let home = site.tenant().await.home();
    let stranger = site.user_of(&site.new_tenant("Bolt Bikes").await, Role::Owner).await;
    stranger.get(&format!("{home}sync")).await.expect(404);
    for action in ["fetch", "start", "pause", "resume", "retry"] {
        viewer.post(&format!("{home}sync/{action}"), &[]).await.expect(403);
        stranger.post(&format!("{home}sync/{action}"), &[]).await.expect(404);
    }
}
