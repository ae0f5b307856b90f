//! The events' pages, as the staff who look for what happened, and as somebody of another business.

use billfold::{
    domain::{event::EventStatus, role::Role},
    standin::kind::Kind,
    store::{audit_log, event_attempts, inbox, webhook_events},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Account, Answer, Engine, Site, both_engines};

both_engines!(
    an_event_tells_what_it_changed,
    a_dead_event_is_put_back_by_a_member,
    put_back_by_three_at_once_it_is_done_once,
    every_failed_event_is_put_back_at_once,
    an_event_of_the_wrong_mode_is_kept_and_explained,
    a_refused_delivery_says_what_to_do,
    the_list_is_walked_and_narrowed_by_its_address,
    a_page_learns_of_new_events_without_moving,
    another_business_sees_nothing,
    what_an_event_says_is_text,
);

/// A payload of Stripe's that does not come from the account's own history.
pub fn event(id: &str, event_type: &str, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": 1_790_000_000, "livemode": false,
        "api_version": "2020-08-27", "data": { "object": object },
    })
}

/// Delivers a payload, signed like Stripe signs.
pub async fn deliver(site: &Site, account: &Account<'_>, payload: &Value) -> Answer {
    let body = payload.to_string();
    let signature = account.sign(&body, site.app.clock.now());
    deliver_signed(site, account, body, &signature).await
}

async fn deliver_signed(site: &Site, account: &Account<'_>, body: String, signature: &str) -> Answer {
    let stripe = site.anonymous();
    let request = stripe.request(Method::POST, &account.webhook_url()).header("stripe-signature", signature);
    stripe.send(request.body(body)).await
}

/// What a worker writes when an event cannot be applied.
pub async fn let_fail(site: &Site, event_id: &str, status: EventStatus, cause: &str) {
    let tenant = site.tenant().await;
    let now = site.app.clock.now();
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    let pending = inbox::next(&mut tx, &tenant.project, now, inbox::BEGINNING, 1_000).await.unwrap();
    let pending = pending.into_iter().find(|pending| pending.event_id == event_id).expect("the event waits");
    event_attempts::insert(&mut tx, &tenant.project, event_id, now, cause).await.unwrap();
    webhook_events::fail(&mut tx, &tenant.project, event_id, status, cause).await.unwrap();
    inbox::set_state(&mut tx, &tenant.project, &pending, status, now + 600).await.unwrap();
    if status == EventStatus::Dead {
        let deltas = [("event", status.as_str(), 1)];
        billfold::store::mirror::add_counts(&mut tx, &tenant.project, &deltas).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn audited(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    audit_log::list::actions(&mut tx, &tenant.project).await.unwrap()
}

/// The numbers of the tabs, by their words.
fn tab(page: &Answer, label: &str) -> String {
    let tabs = page.all(".tabs-row .nav-link");
    let found = tabs.iter().find_map(|tab| tab.strip_prefix(label));
    found.unwrap_or_else(|| panic!("no tab {label} in {tabs:?}")).trim().to_owned()
}

async fn an_event_tells_what_it_changed(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let customer = account.ids(Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    site.wait_until_idle().await;

    let viewer = site.user(Role::Viewer).await;
    let list = viewer.get("events").await.expect(200);
    assert_eq!(list.all("tbody tr").len(), 1, "{}", list.text());
    let row = list.one("tbody tr");
    assert!(row.contains("customer.updated") && row.contains("Applied") && row.contains("Grace Hopper"), "{row}");
    assert_eq!((tab(&list, "All"), tab(&list, "Applied"), tab(&list, "Dead")), ("1".into(), "1".into(), "0".into()));
    assert!(!list.has("form[action$='/requeue']"), "there is nothing to put back");

    let page = viewer.get(&list.attributes("tbody a.row-link", "href")[0]).await.expect(200);
    assert_eq!(page.one("h1"), "customer.updated");
    assert!(page.text().contains("The object was updated from this event."), "{}", page.text());
    let changes = page.all(".event-changes tbody tr");
    assert!(changes.iter().any(|row| row.starts_with("name") && row.ends_with("Grace Hopper")), "{changes:?}");
    let links = page.attributes("main a", "href");
    assert!(links.iter().any(|link| link.contains("/customers/pc_")), "{links:?}");
    assert!(page.one("#payload").contains(&customer));

    let download = viewer.get(&page.attributes("a[download]", "href")[0]).await.expect(200);
    assert!(download.header("content-disposition").starts_with("attachment; filename=\"evt_"));
    assert_eq!(download.json()["data"]["object"]["name"], "Grace Hopper");
}

/// Delivers `evt_late`, which tells of a customer what the mirror knows better.
async fn deliver_late(site: &Site, account: &Account<'_>) {
    let customer = account.ids(Kind::Customer).remove(0);
    let object = json!({ "id": customer, "object": "customer", "name": "Late Ada" });
    deliver(site, account, &event("evt_late", "customer.updated", &object)).await.expect(200);
}

async fn a_dead_event_is_put_back_by_a_member(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    deliver_late(&site, &account).await;
    let viewer = site.user(Role::Viewer).await;
    let waiting = viewer.get("events/evt_late").await.expect(200);
    assert!(waiting.text().contains("Waiting") && waiting.text().contains("applied in a moment"));

    let_fail(&site, "evt_late", EventStatus::Dead, "the database refused what the event would write").await;
    let page = viewer.get("events/evt_late").await.expect(200);
    assert!(page.text().contains("given up") && page.text().contains("the database refused"), "{}", page.text());
    assert!(page.one(".app-timeline li").starts_with("Try 1"));
    assert!(page.text().contains("2020-08-27") && page.text().contains("billfold reads both"), "{}", page.text());
    assert!(!page.has("form[action$='/requeue']"), "a viewer cannot put it back");
    viewer.post(&format!("{}events/evt_late/requeue", viewer.home()), &[]).await.expect(403);
    assert_eq!(viewer.get("events?status=dead").await.expect(200).all("tbody tr").len(), 1);

    let member = site.user(Role::Member).await;
    let page = member.get("events/evt_late").await.expect(200);
    let put_back = member.submit(&page.form("form[action$='/requeue']")).await.expect(303);
    let page = member.follow(put_back).await;
    assert!(page.text().contains("back in the queue") && !page.has("form[action$='/requeue']"), "{}", page.text());
    site.wait_until_idle().await;
    let page = member.get("events/evt_late").await.expect(200);
    assert!(page.text().contains("a newer state of the object was already here"), "{}", page.text());
    assert_eq!(tab(&member.get("events").await.expect(200), "Dead"), "0");
    assert_eq!(audited(&site).await.last().map(String::as_str), Some("event.requeued"));

    let again = member.post(&format!("{}events/evt_late/requeue", member.home()), &[]).await.expect(303);
    assert!(member.follow(again).await.text().contains("not waiting to be put back"));
    member.post(&format!("{}events/evt_unknown/requeue", member.home()), &[]).await.expect(404);
}

async fn put_back_by_three_at_once_it_is_done_once(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    deliver_late(&site, &account).await;
    let_fail(&site, "evt_late", EventStatus::Dead, "no luck").await;
    let member = site.user(Role::Member).await;
    let form = member.get("events/evt_late").await.expect(200).form("form[action$='/requeue']");
    let (first, second, third) = tokio::join!(member.submit(&form), member.submit(&form), member.submit(&form));
    for answer in [first, second, third] {
        answer.expect(303);
    }
    site.wait_until_idle().await;
    let page = member.get("events").await.expect(200);
    assert_eq!((tab(&page, "Dead"), tab(&page, "Retrying"), tab(&page, "All")), ("0".into(), "0".into(), "1".into()));
    assert_eq!(audited(&site).await.iter().filter(|action| *action == "event.requeued").count(), 1);
}

async fn every_failed_event_is_put_back_at_once(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    for (id, status) in [("evt_a", EventStatus::Dead), ("evt_b", EventStatus::Failed), ("evt_c", EventStatus::Failed)] {
        let object = json!({ "id": "cus_made_up", "object": "customer", "name": id });
        deliver(&site, &account, &event(id, "customer.updated", &object)).await.expect(200);
        let_fail(&site, id, status, "no luck").await;
    }
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("events").await.expect(200);
    assert_eq!((tab(&page, "Retrying"), tab(&page, "Dead"), tab(&page, "All")), ("2".into(), "1".into(), "3".into()));
    let retrying = viewer.get("events?status=failed").await.expect(200);
    assert_eq!(retrying.all("tbody tr").len(), 2);
    assert!(viewer.get("events/evt_b").await.expect(200).text().contains("Try 2 of 12 in"));
    viewer.post(&format!("{}events/requeue", viewer.home()), &[]).await.expect(403);

    let member = site.user(Role::Member).await;
    let page = member.get("events").await.expect(200);
    let form = page.form("form[action$='/events/requeue']");
    assert!(page.attributes("form[action$='/events/requeue']", "data-confirm")[0].contains("It is safe"));
    let put_back = member.submit(&form).await.expect(303);
    assert!(member.follow(put_back).await.text().contains("3 events are back in the queue"));
    site.wait_until_idle().await;
    let page = member.get("events").await.expect(200);
    assert_eq!((tab(&page, "Retrying"), tab(&page, "Dead")), ("0".into(), "0".into()));
    assert!(!page.has("form[action$='/events/requeue']"));
    assert_eq!(audited(&site).await.iter().filter(|action| *action == "event.all_requeued").count(), 1);
}

async fn an_event_of_the_wrong_mode_is_kept_and_explained(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let mut live = event("evt_live", "customer.created", &json!({ "id": "cus_live", "object": "customer" }));
    live["livemode"] = json!(true);
    deliver(&site, &account, &live).await.expect(200);
    site.wait_until_idle().await;
    let member = site.user(Role::Member).await;
    let list = member.get("events?status=quarantined").await.expect(200);
    assert!(list.one("tbody tr").contains("Quarantined"));
    let page = member.get("events/evt_live").await.expect(200);
    assert!(page.text().contains("the event is of live mode, the connection of test mode"), "{}", page.text());
    assert!(page.text().contains("check the endpoint in Stripe"));
    assert!(!page.has("form[action$='/requeue']"), "it would be wrong again");
    let forced = member.post(&format!("{}events/evt_live/requeue", member.home()), &[]).await.expect(303);
    assert!(member.follow(forced).await.text().contains("Quarantined"));
}

async fn a_refused_delivery_says_what_to_do(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let viewer = site.user(Role::Viewer).await;
    assert!(viewer.get("events/refusals").await.expect(200).text().contains("No delivery was refused"));
    let payload = event("evt_forged", "customer.deleted", &json!({ "id": "cus_1", "object": "customer" })).to_string();
    let late = account.sign(&payload, site.app.clock.now() - 3_600);
    deliver_signed(&site, &account, payload.clone(), &late).await.expect(400);
    deliver_signed(&site, &account, format!("{payload} "), &late).await.expect(400);
    let page = viewer.get("events/refusals").await.expect(200);
    let rows = page.all("tbody tr");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("The signature does not match") && row.contains("signing secret")));
    assert!(rows.iter().any(|row| row.contains("Signed more than 5 minutes ago") && row.contains("clock")));
    assert!(rows.iter().all(|row| row.contains("127.0.0.1") && row.contains("bytes")));
    viewer.get("events/evt_forged").await.expect(404);
}

async fn the_list_is_walked_and_narrowed_by_its_address(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(4).await;
    let viewer = site.user(Role::Viewer).await;
    assert!(viewer.get("events").await.expect(200).text().contains("No events yet"));
    let made = account.mutate(130);
    site.wait_until_idle().await;

    let mut seen = Vec::new();
    let mut page = viewer.get("events").await.expect(200);
    assert!(page.text().contains(&format!("1–50 of {}", made.len())), "{}", page.text());
    loop {
        let links = page.attributes("tbody a.row-link", "href");
        seen.extend(links.iter().map(|link| link.rsplit('/').next().unwrap().to_owned()));
        let Some(next) = page.attributes("a[rel=next]", "href").pop() else { break };
        page = viewer.get(&next).await.expect(200);
    }
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((distinct.len(), seen.len()), (made.len(), made.len()), "every event once");

    let jump = viewer.get(&format!("events?q={}", made[0])).await.expect(303);
    assert!(jump.header("location").ends_with(&format!("/events/{}", made[0])));

    let customer = account.ids(Kind::Customer).remove(0);
    let ours = billfold::domain::kind::Kind::Customer.derive_id(&site.tenant().await.project, &customer);
    let by_stripe = viewer.get(&format!("events?q={customer}")).await.expect(200).all("tbody tr");
    let by_ours = viewer.get(&format!("events?q={ours}")).await.expect(200).all("tbody tr");
    assert_eq!(by_stripe, by_ours);

    let narrowed = viewer.get("events?type=customer.updated&status=done").await.expect(200);
    let rows = narrowed.all("tbody tr");
    assert!(!rows.is_empty() && rows.iter().all(|row| row.contains("customer.updated") && row.contains("Applied")));
    let invoice = account.ids(Kind::Invoice).remove(0);
    for row in viewer.get(&format!("events?q={invoice}")).await.expect(200).all("tbody tr") {
        assert!(row.contains(&invoice), "{row}");
    }
    let none = viewer.get("events?q=evt_nothing").await.expect(200);
    assert!(none.text().contains("Check the id and the type"), "{}", none.text());
    let partial = viewer.get_partial("events?status=done").await.expect(200);
    assert!(partial.has("#list") && !partial.has("h1"), "htmx gets the list alone");
}

async fn a_page_learns_of_new_events_without_moving(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    account.mutate(3);
    site.wait_until_idle().await;
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("events").await.expect(200);
    let live = page.attributes("#event-live", "hx-get").remove(0);
    let quiet = viewer.get_partial(&live).await.expect(200);
    assert!(!quiet.has(".btn-pill") && quiet.has("#event-live[hx-get]"), "{}", quiet.body);

    let made = account.mutate(4);
    site.wait_until_idle().await;
    let news = viewer.get_partial(&live).await.expect(200);
    assert_eq!(news.one(".btn-pill"), format!("{} new events", made.len()));
    assert!(!news.has("table"), "the rows stay as they are");
    let other = live.replace("events/live?", "events/live?status=dead&");
    assert!(!viewer.get_partial(&other).await.expect(200).has(".btn-pill"), "no dead one came");

    let forgotten = live.split("&opened=").next().unwrap().to_owned() + "&opened=1";
    let stopped = viewer.get_partial(&forgotten).await.expect(200);
    assert!(!stopped.has("[hx-get]"), "a forgotten tab stops asking");
}

async fn another_business_sees_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let event = account.mutate(1).remove(0);
    site.wait_until_idle().await;
    let other = site.new_tenant("Bolt Bikes").await;
    let stranger = site.user_of(&other, Role::Owner).await;
    let unknown = stranger.get("events/evt_unknown").await.expect(404);
    let foreign = stranger.get(&format!("events/{event}")).await.expect(404);
    assert_eq!(unknown.text(), foreign.text());
    stranger.get(&format!("events/{event}/payload")).await.expect(404);
    stranger.post(&format!("{}events/{event}/requeue", stranger.home()), &[]).await.expect(404);
    assert!(stranger.get("events").await.expect(200).text().contains("No events yet"));
    let home = site.tenant().await.home();
    for path in ["events", "events/live", "events/refusals"] {
        stranger.get(&format!("{home}{path}")).await.expect(404);
    }
    stranger.post(&format!("{home}events/requeue"), &[]).await.expect(404);
}

async fn what_an_event_says_is_text(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let corpus = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "x onmouseover=alert(1)",
        "</title><b>",
        "</script><b>",
        "{{7*7}}",
        "javascript:alert(1)",
        "\",\"admin\":\"1",
        "');alert(1)//",
        "<div hx-get=/ hx-trigger=load>",
        "<meta name=htmx-config>",
        "hx-on::load",
        "../../logout?x=1#y z",
    ];
    let viewer = site.user(Role::Viewer).await;
    for (position, text) in corpus.iter().enumerate() {
        let id = format!("evt_{position}{text}");
        let mut odd = event(&id, text, &json!({ "id": customer, "object": "customer", "name": text }));
        odd["data"]["previous_attributes"] = json!({ (*text): text, "name": "before" });
        odd["api_version"] = json!(text);
        deliver(&site, &account, &odd).await.expect(200);
    }
    let of_dispute = event("evt_odd_object", "x", &json!({ "id": corpus[0], "object": corpus[1] }));
    deliver(&site, &account, &of_dispute).await.expect(200);
    site.wait_until_idle().await;

    let list = viewer.get("events").await.expect(200);
    let links = list.attributes("tbody a.row-link", "href");
    assert_eq!(links.len(), corpus.len() + 1);
    assert_only_text(&list);
    assert!(list.text().contains("{{7*7}}"), "{}", list.text());
    for link in links {
        let page = viewer.get(&link).await.expect(200);
        assert!(link.starts_with(viewer.home()) && page.has("#payload"), "{link}");
        assert_only_text(&page);
    }
    for text in corpus {
        let query = serde_urlencoded::to_string([("q", text), ("type", text), ("status", text)]).unwrap();
        assert_only_text(&viewer.get(&format!("events?{query}")).await.expect(200));
    }
}

/// Nothing of the corpus became an element, an attribute or an address.
#[track_caller]
fn assert_only_text(page: &Answer) {
    for trap in ["img", "b", "main script", "[onmouseover]", "[onerror]", "main meta", "main [hx-trigger=load]"] {
        assert!(!page.has(trap), "{} has {trap}", page.request);
    }
    let addresses = [page.attributes("a", "href"), page.attributes("form", "action")].concat();
    assert!(addresses.iter().all(|address| !address.starts_with("javascript:")), "{addresses:?}");
}
