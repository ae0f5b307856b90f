//! The pages through which staff change things at Stripe: what they show, what a refusal looks like, what a click does.

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::{Value, json};

use super::{
    audit,
    fields::{form, tick},
    writes,
};
use crate::harness::{Account, Engine, Site, both_engines, oracle::differences};

both_engines!(
    a_customer_is_made_and_edited,
    a_product_gets_prices_and_is_archived,
    a_subscription_ends_later_goes_on_and_ends_now,
    a_form_that_is_sent_twice_counts_once,
    a_viewer_changes_nothing,
    addresses_that_the_project_does_not_allow_are_refused_at_their_field,
    without_a_connection_the_page_says_so,
);

const NOTHING: Vec<String> = Vec::new();

fn at_stripe(account: &Account<'_>, kind: Kind, id: &str) -> Value {
    account.dump(kind).into_iter().find(|object| object["id"] == id).expect("it is at Stripe")
}

async fn a_customer_is_made_and_edited(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(4).await;
    let member = site.user(Role::Member).await;
    let new = form(&member, "customers/new").await;
    let wrong = member.submit(&new.clone().fill("name", "Ada").fill("email", "nobody")).await.expect(422);
    assert!(wrong.one("#email-error").contains("not an e-mail address"), "{}", wrong.text());
    let again = wrong.form("#act form[method=post]");
    assert_eq!(again.value("name"), "Ada", "what was typed stays");
    assert_ne!(again.value("nonce"), new.value("nonce"), "what is sent next is another write");
    let typed = again.fill("email", "ada@example.com").fill("address[city]", "London").fill("address[country]", "gb");
    let typed = typed.fill("metadata[0][key]", "seat").fill("metadata[0][value]", "7");
    let made = member.submit(&typed).await.expect(303);
    let page = member.follow(made).await.expect(200);
    assert!(page.one("h1").contains("Ada") && page.text().contains("London, GB"), "{}", page.text());

    let id = page.attributes("a[href$='/edit']", "href").remove(0);
    let edit = form(&member, &id).await;
    assert_eq!((edit.value("email"), edit.value("metadata[0][key]")), ("ada@example.com", "seat"));
    let saved = member.submit(&edit.fill("name", "Ada Lovelace").fill("metadata[0][key]", "")).await.expect(303);
    let page = member.follow(saved).await.expect(200);
    assert!(page.one("h1").contains("Ada Lovelace"), "{}", page.text());
    let ada = account.dump(Kind::Customer).into_iter().find(|customer| customer["name"] == "Ada Lovelace").unwrap();
    assert_eq!((&ada["email"], &ada["metadata"]["seat"]), (&json!("ada@example.com"), &Value::Null));
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_product_gets_prices_and_is_archived(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let member = site.user(Role::Member).await;
    let new = form(&member, "products/new").await;
    member.submit(&new.clone()).await.expect(422);
    let made =
        member.submit(&form(&member, "products/new").await.fill("name", "Desk").fill("unit_label", "seat")).await;
    let page = member.follow(made.expect(303)).await.expect(200);
    assert_eq!(page.one("h1"), "Desk");
    let price = page.attributes("a[href$='/prices/new']", "href").remove(0);
    let new = form(&member, &price).await;
    let wrong = member.submit(&new.fill("unit_amount", "ten")).await.expect(422);
    assert!(wrong.one("[id='unit_amount-error']").contains("An amount"), "{}", wrong.text());
    let look = tick(wrong.form("#act form[method=post]").fill("unit_amount", "10"), "look", "true");
    let shown = member.submit(&look).await.expect(200);
    assert!(shown.text().contains("Customers read: $10.00 per seat per month"), "{}", shown.text());
    let made = member.submit(&shown.form("#act form[method=post]")).await.expect(303);
    let page = member.follow(made).await.expect(200);
    assert!(page.text().contains("$10.00 per seat per month"), "{}", page.text());

    let archive = page.attributes("a[href*='/prices/pri_'][href$='/archive']", "href").remove(0);
    let done = member.submit(&form(&member, &archive).await).await.expect(303);
    let page = member.follow(done).await.expect(200);
    assert!(page.has("a[href*='/prices/pri_'][href$='/unarchive']"), "{}", page.text());
    let archive = page.attributes("a[href*='/products/pp_'][href$='/archive']", "href").remove(0);
    let done = member.submit(&form(&member, &archive).await).await.expect(303);
    assert!(member.follow(done).await.text().contains("Archived"));
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_subscription_ends_later_goes_on_and_ends_now(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(10).await;
    let member = site.user(Role::Member).await;
    let active = |object: &&Value| object["status"] == "active" && object["cancel_at_period_end"] == false;
    let subscriptions = account.dump(Kind::Subscription);
    let id = subscriptions.iter().find(active).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("subscriptions/{id}");

    let cancel = form(&member, &format!("{path}/cancel")).await;
    let cancel = tick(cancel, "cancellation_details[feedback]", "too_expensive");
    let cancel = cancel.fill("cancellation_details[comment]", "It is a lot.");
    let page = member.follow(member.submit(&cancel).await.expect(303)).await.expect(200);
    assert!(page.text().contains("It ends") && page.has("a[href$='/keep']"), "{}", page.text());
    let there = at_stripe(&account, Kind::Subscription, &id);
    assert_eq!(
        (&there["cancel_at_period_end"], &there["cancellation_details"]["feedback"]),
        (&json!(true), &json!("too_expensive"))
    );

    let kept = member.submit(&form(&member, &format!("{path}/keep")).await).await.expect(303);
    assert!(!member.follow(kept).await.text().contains("It ends"));
    assert_eq!(at_stripe(&account, Kind::Subscription, &id)["cancel_at_period_end"], false);

    let now = tick(form(&member, &format!("{path}/cancel")).await, "when", "now");
    let page = member.follow(member.submit(&now).await.expect(303)).await.expect(200);
    assert!(page.text().contains("Canceled") && !page.has("a[href$='/cancel']"), "{}", page.text());
    // The form of before is still open in another window: Stripe's refusal is shown on it.
    let late = form(&member, &format!("{path}/keep")).await;
    let refused = member.submit(&late).await.expect(422);
    assert!(refused.has("#act [role=alert]"), "{}", refused.text());
    let actions: Vec<String> = audit(&site).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["subscription.cancel_at_period_end", "subscription.resumed", "subscription.canceled"]);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_form_that_is_sent_twice_counts_once(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let member = site.user(Role::Member).await;
    site.chaos(json!({ "latency_ms": 200 }));
    let new = form(&member, "customers/new").await.fill("name", "Once").fill("email", "once@example.com");
    let (first, second) = tokio::join!(member.submit(&new), member.submit(&new));
    let late = member.submit(&new).await;
    let places: Vec<String> =
        [first, second, late].into_iter().map(|answer| answer.expect(303).header("location").to_owned()).collect();
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    let once = account.dump(Kind::Customer).into_iter().filter(|customer| customer["name"] == "Once").count();
    assert_eq!((once, writes(&site).await.len()), (1, 1));
    let changed = member.submit(&new.fill("name", "Twice")).await.expect(409);
    assert!(changed.text().contains("sent before with other values"), "{}", changed.text());
}

async fn a_viewer_changes_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let (viewer, member) = (site.user(Role::Viewer).await, site.user(Role::Member).await);
    let customer = account.ids(Kind::Customer).remove(0);
    let page = viewer.get(&format!("customers/{customer}")).await.expect(200);
    assert!(!page.has("a[href$='/edit']") && !page.has("a[href*='/refund']"), "{}", page.text());
    for path in ["customers/new", "products/new", "subscriptions/new", "checkout", "coupons/new"] {
        viewer.get(path).await.expect(403);
        let form = form(&member, path).await;
        let fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| *n != "csrf").collect();
        viewer.post(path, &fields).await.expect(403);
    }
    assert_eq!(writes(&site).await.len(), 0);
}

async fn addresses_that_the_project_does_not_allow_are_refused_at_their_field(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let (admin, member) = (site.user(Role::Admin).await, site.user(Role::Member).await);
    let settings = admin.get("settings").await.expect(200).form("form[action$='/origins']");
    let refused = admin.submit(&settings.clone().fill("origin", "http://shop.example")).await.expect(422);
    assert!(refused.one("#origin-error").contains("https://"), "{}", refused.text());
    let added = admin.submit(&settings.fill("origin", "https://Shop.example/")).await.expect(303);
    assert!(admin.follow(added).await.text().contains("https://shop.example"));
    member.post("settings/origins", &[("origin", "https://evil.example")]).await.expect(403);

    // What another business allows is of no use here.
    let stranger = site.new_tenant("Bolt Tea").await;
    site.connect_project(&stranger.id, &stranger.project, 1).await;
    super::scope_of(&site, &stranger).allow_origin("https://other.example").await.unwrap();
    let price = account.dump(Kind::Price).into_iter().find(|price| price["active"] == true).unwrap();
    let price = price["id"].as_str().unwrap();
    for url in
        ["https://other.example/", "http://shop.example/", "https://shop.example@evil.example", "javascript:alert(1)"]
    {
        let checkout = form(&member, "checkout").await.fill("price", price).fill("success_url", url);
        let refused = member.submit(&checkout).await.expect(422);
        assert!(refused.has("#success_url-error"), "{url}: {}", refused.text());
        let checkout = form(&member, "checkout").await.fill("price", price).fill("cancel_url", url);
        assert!(member.submit(&checkout).await.expect(422).has("#cancel_url-error"), "{url}");
    }
    assert_eq!(writes(&site).await.len(), 0);
}

async fn without_a_connection_the_page_says_so(engine: Engine) {
    let site = Site::start(engine).await;
    let member = site.user(Role::Member).await;
    let refused = member.submit(&form(&member, "customers/new").await.fill("name", "Ada")).await.expect(409);
    assert!(refused.one("#act [role=alert]").contains("not connected"), "{}", refused.text());
    assert!(member.get("coupons").await.expect(200).text().contains("not connected"));
}
