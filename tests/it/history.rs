//! Why an object is as it is: every state with what wrote it, what was ignored and why, and how it stood on a day.

use billfold::{
    clock::Clock,
    domain::{kind::Kind as Mirrored, role::Role},
    standin::kind::Kind,
};
use serde_json::json;

use crate::harness::{Answer, Engine, Site, both_engines};

both_engines!(
    every_state_is_told_with_what_wrote_it,
    a_day_shows_the_object_as_it_was,
    steps_and_days_of_any_age_are_found,
    an_import_that_finds_another_state_is_a_step,
    what_the_first_import_wrote_is_not_claimed_to_be_kept,
    what_is_not_here_has_no_history,
);

const START: i64 = 1_790_000_000; // 21 September 2026
const DAY: i64 = 86_400;

/// The lines of the page, newest first.
fn steps(page: &Answer) -> Vec<String> {
    page.all(".app-timeline > li")
}

async fn every_state_is_told_with_what_wrote_it(engine: Engine) {
    let clock = Clock::manual(START);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(5).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let ours = Mirrored::Customer.derive_id(&site.tenant().await.project, &customer);
    let path = format!("history/{ours}");
    let viewer = site.user(Role::Viewer).await;
    let first = viewer.get(&path).await.expect(200);
    assert_eq!(steps(&first).len(), 1, "{}", first.text());
    assert!(steps(&first)[0].starts_with("Read by an import"), "{}", first.text());

    clock.advance(60);
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    site.wait_until_idle().await;
    let old = site.last_event(&account).await;
    clock.advance(60);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    site.wait_until_idle().await;
    // The first one comes once more under another id, as if it had been held up on its way.
    let held_up = old.to_string().replace(old["id"].as_str().unwrap(), "evt_heldup");
    site.deliver(&account, &held_up).await.expect(200);
    site.wait_until_idle().await;
    // Something that no event tells is found by a comparison.
    clock.advance(300);
    account.change_silently(&customer, json!({ "phone": "+43 1 234" }));
    let member = site.user(Role::Member).await;
    let button = member.get("sync/freshness").await.expect(200).form("form[action$='/freshness/start']");
    member.submit(&button).await.expect(303);
    for _ in 0..6 {
        site.wait_until_idle().await;
        clock.advance(5);
    }

    let page = viewer.get(&path).await.expect(200);
    let told = steps(&page);
    assert!(told[0].starts_with("Mended by a comparison") && told[0].contains("phone"), "{told:?}");
    assert!(
        told[1].contains("Delivered by Stripe. The object was updated") && told[1].contains("Grace Hopper"),
        "{told:?}"
    );
    let ignored =
        told.iter().find(|line| line.contains("Ignored: a newer state")).unwrap_or_else(|| panic!("{told:?}"));
    assert!(ignored.contains("Customer details changed"), "{ignored}");
    let linked = viewer.get(&format!("customers/{ours}")).await.expect(200);
    assert!(linked.has(&format!("a[href$='/history/{ours}']")), "the customer's page leads here");
}

async fn a_day_shows_the_object_as_it_was(engine: Engine) {
    let clock = Clock::manual(START);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(5).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let ours = Mirrored::Customer.derive_id(&site.tenant().await.project, &customer);
    for name in ["Ada Lovelace", "Grace Hopper", "Mary Jackson"] {
        clock.advance(DAY);
        account.change(&customer, json!({ "name": name }));
        site.wait_until_idle().await;
    }
    clock.advance(DAY);
    account.delete(&customer);
    site.wait_until_idle().await;
    let viewer = site.user(Role::Viewer).await;
    let on = async |day: &str| viewer.get(&format!("history/{ours}?day={day}")).await.expect(200);
    for (day, name) in [("2026-09-22", "Ada Lovelace"), ("2026-09-23", "Grace Hopper"), ("2026-09-24", "Mary Jackson")]
    {
        let then = on(day).await.one("#then-json");
        assert!(then.contains(name), "{day}: {then}");
    }
    assert!(on("2026-09-25").await.text().contains("deleted in Stripe by then"));
    assert!(on("2020-01-01").await.text().contains("Stripe made it later"));
    assert!(on("yesterday").await.text().contains("That is no day"));
}

async fn steps_and_days_of_any_age_are_found(engine: Engine) {
    let clock = Clock::manual(START);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(2).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let path = format!("history/{}", Mirrored::Customer.derive_id(&site.tenant().await.project, &customer));
    for n in 1..=70 {
        clock.advance(if n <= 5 { DAY } else { 60 });
        account.change(&customer, json!({ "name": format!("Name {n:02}") }));
        site.wait_until_idle().await;
    }
    let viewer = site.user(Role::Viewer).await;
    for (day, name) in [("2026-09-22", "Name 01"), ("2026-09-24", "Name 03"), ("2026-09-26", "Name 70")] {
        let then = viewer.get(&format!("{path}?day={day}")).await.expect(200).one("#then-json");
        assert!(then.contains(name), "{day}: {then}");
    }

    let newest = viewer.get(&format!("{path}?day=2026-09-24")).await.expect(200);
    let told = steps(&newest);
    assert_eq!(told.len(), 50, "{told:?}");
    assert!(told[0].contains("Name 70") && told[49].contains("Name 20") && told[49].contains("Name 21"), "{told:?}");
    assert!(!newest.has("a[rel=first]") && !newest.text().contains("Older states are not kept"));
    let older = viewer.get(&newest.attributes("a[rel=next]", "href")[0]).await.expect(200);
    let told = steps(&older);
    assert_eq!(told.len(), 20, "{told:?}");
    assert!(told[0].contains("Name 20") && told[0].contains("Name 19") && told[19].contains("Name 01"), "{told:?}");
    assert!(!older.has("a[rel=next]") && older.text().contains("Older states are not kept"), "{}", older.text());
    assert!(older.one("#then-json").contains("Name 03"), "the day is still asked for");
    let again = viewer.get(&older.attributes("a[rel=first]", "href")[0]).await.expect(200);
    assert_eq!(steps(&again), steps(&newest));
    let odd = viewer.get(&format!("{path}?after=nonsense")).await.expect(200);
    assert_eq!(steps(&odd).len(), 50);
}

async fn an_import_that_finds_another_state_is_a_step(engine: Engine) {
    let clock = Clock::manual(START);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(3).await;
    let [customer, other] = [0, 1].map(|n| account.ids(Kind::Customer).remove(n));
    let project = &site.tenant().await.project;
    let path = |id: &str| format!("history/{}", Mirrored::Customer.derive_id(project, id));
    clock.advance(DAY);
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    site.wait_until_idle().await;
    clock.advance(DAY);
    site.wait_until_idle().await;
    // No event tells of it, and before a comparison finds it, everything is imported again.
    account.change_silently(&customer, json!({ "name": "Grace Hopper" }));
    let member = site.user(Role::Member).await;
    let button = member.get("sync").await.expect(200).form("form[action$='/sync/start']");
    member.submit(&button).await.expect(303);
    site.wait_until_idle().await;
    clock.advance(DAY);
    account.change(&customer, json!({ "name": "Mary Jackson" }));
    site.wait_until_idle().await;

    let member = site.user(Role::Member).await;
    for (day, name) in [("2026-09-22", "Ada Lovelace"), ("2026-09-23", "Grace Hopper"), ("2026-09-24", "Mary Jackson")]
    {
        let then = member.get(&format!("{}?day={day}", path(&customer))).await.expect(200).one("#then-json");
        assert!(then.contains(name), "{day}: {then}");
    }
    let told = steps(&member.get(&path(&customer)).await.expect(200));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("Mary Jackson") && told[2].contains("Ada Lovelace"), "{told:?}");
    assert!(told[1].starts_with("Read by an import") && told[1].contains("other than it was here"), "{told:?}");
    assert!(told[1].contains("Ada Lovelace") && told[1].contains("Grace Hopper"), "{told:?}");
    let told = steps(&member.get(&path(&other)).await.expect(200));
    assert_eq!(told.len(), 1, "what an import finds as it was is no step: {told:?}");
}

async fn what_the_first_import_wrote_is_not_claimed_to_be_kept(engine: Engine) {
    let clock = Clock::manual(START);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(2).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let path = format!("history/{}", Mirrored::Customer.derive_id(&site.tenant().await.project, &customer));
    let on = async |day: &str| site.user(Role::Viewer).await.get(&format!("{path}?day={day}")).await.expect(200);
    let (before, then) = (on("2026-09-20").await, on("2026-09-21").await);
    assert!(before.text().contains("No state of that day is kept"), "{}", before.text());
    assert!(!before.text().contains("that copy is not kept any more"), "{}", before.text());
    assert!(then.has("#then-json"), "{}", then.text());

    clock.advance(DAY);
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    site.wait_until_idle().await;
    let then = on("2026-09-21").await;
    assert!(!then.has("#then-json") && then.text().contains("that copy is not kept any more"), "{}", then.text());
    assert!(then.text().contains("Older states are not kept"), "{}", then.text());
    assert!(!steps(&then).iter().any(|step| step.starts_with("Read by an import")), "{}", then.text());
    assert!(on("2026-09-22").await.one("#then-json").contains("Ada Lovelace"));
}

async fn what_is_not_here_has_no_history(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await; // of two, chance may leave a kind without an object
    let viewer = site.user(Role::Viewer).await;
    let tenant = site.tenant().await;
    for kind in Mirrored::ALL {
        let theirs = account.ids(Kind::named(kind.as_str()).unwrap()).remove(0);
        let ours = kind.derive_id(&tenant.project, &theirs);
        let page = viewer.get(&format!("history/{ours}")).await.expect(200);
        assert!(page.text().contains(&theirs) && !steps(&page).is_empty(), "{kind}");
        viewer.get(&format!("history/{theirs}")).await.expect(404);
        viewer.get(&format!("history/{}", kind.derive_id(&tenant.project, "nobodys"))).await.expect(404);
        let stranger = site.user_of(&site.new_tenant(&format!("Bolt {kind}")).await, Role::Owner).await;
        stranger.get(&format!("{}history/{ours}", tenant.home())).await.expect(404);
    }
}
