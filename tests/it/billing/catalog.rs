//! What a price is called, which one is the default, and the page of everything that was asked of Stripe.

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::{Value, json};

use super::{fields::form, sibling, wait_until_written};
use crate::harness::{Account, Engine, Site, both_engines, oracle::differences};

both_engines!(
    a_price_is_renamed_and_made_the_default,
    a_program_names_prices_and_subscribes_to_several,
    the_changes_at_stripe_stand_on_a_page,
);

const NOTHING: Vec<String> = Vec::new();

fn price(account: &Account<'_>, is: impl Fn(&Value) -> bool) -> Value {
    account.dump(Kind::Price).into_iter().find(|price| price["active"] == true && is(price)).expect("such a price")
}

async fn a_price_is_renamed_and_made_the_default(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let member = site.user(Role::Member).await;
    let products = account.dump(Kind::Product);
    let defaults: Vec<&Value> = products.iter().map(|product| &product["default_price"]).collect();
    let chosen = price(&account, |price| !defaults.contains(&&price["id"]));
    let id = chosen["id"].as_str().unwrap();
    let edit = form(&member, &format!("prices/{id}/edit")).await;
    assert_eq!(edit.value("nickname"), chosen["nickname"].as_str().unwrap_or_default());
    let long = member.submit(&edit.clone().fill("nickname", &"x".repeat(251))).await.expect(422);
    assert!(long.one("#nickname-error").contains("250"), "{}", long.text());
    let named = edit.fill("nickname", "For teams").fill("lookup_key", "team_plan");
    let page = member.follow(member.submit(&named).await.expect(303)).await.expect(200);
    assert!(page.text().contains("For teams") && page.text().contains("team_plan"), "{}", page.text());
    let there = price(&account, |price| price["id"] == id);
    assert_eq!((&there["nickname"], &there["lookup_key"]), (&json!("For teams"), &json!("team_plan")));

    let link = page.attributes("a[href*='/prices/pri_'][href$='/default']", "href");
    assert!(!link.is_empty(), "{}", page.text());
    let done = member.submit(&form(&member, &format!("prices/{id}/default")).await).await.expect(303);
    let page = member.follow(done).await.expect(200);
    let ours = page.attributes("tr[id]", "id");
    assert!(page.text().contains("Default") && !ours.is_empty(), "{}", page.text());
    let products = account.dump(Kind::Product);
    let product = products.iter().find(|product| product["id"] == chosen["product"]).unwrap();
    assert_eq!(product["default_price"], id);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_program_names_prices_and_subscribes_to_several(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let program = site.program().await;
    let first = price(&account, |price| price["recurring"]["usage_type"] == "licensed");
    let second = sibling(&site, &account, &first).await;
    let path = format!("/v1/prices/{second}");
    let long = json!({ "nickname": "x", "lookup_key": "y".repeat(201) });
    let refused = program.post(&path, None, Some(long)).await.expect(422);
    assert_eq!(refused.json()["error"]["param"], "lookup_key");
    let product = program.post(&format!("{path}/make_default"), None, None).await.expect(200).json();
    assert_eq!(product["object"], "product");
    let ours = program.get(&path).await.expect(200).json();
    assert_eq!(product["default_price"], ours["id"]);

    let customer = account.ids(Kind::Customer).remove(0);
    let (one, other) = (&first["id"], &second);
    for (body, param) in [
        (json!({ "customer": customer, "price": one, "items": [{ "price": other }] }), "price"),
        (json!({ "customer": customer, "quantity": 2, "items": [{ "price": other }] }), "price"),
        (json!({ "customer": customer, "items": [] }), "items[0].price"),
        (json!({ "customer": customer, "items": [{ "price": one }, { "price": "price_nobody" }] }), "items[1].price"),
        (json!({ "customer": customer, "items": [{ "price": one }, { "price": one }] }), "items[1].price"),
        (json!({ "customer": customer, "price": "price_nobody" }), "price"),
        (json!({ "customer": customer, "price": one, "quantity": 0 }), "quantity"),
    ] {
        let refused = program.post("/v1/subscriptions", None, Some(body.clone())).await.expect(422);
        assert_eq!(refused.json()["error"]["param"], param, "{body}");
    }
    let wish = json!({ "customer": customer, "trial_period_days": 14,
        "items": [{ "price": one, "quantity": 2 }, { "price": ours["id"], "quantity": 5 }] });
    let made = program.post("/v1/subscriptions", Some("several"), Some(wish)).await.expect(200).json();
    assert_eq!(made["items"].as_array().map(Vec::len), Some(2), "{made}");
}

async fn the_changes_at_stripe_stand_on_a_page(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(3).await;
    let member = site.user(Role::Member).await;
    let empty = member.get("sync/writes").await.expect(200);
    assert!(empty.text().contains("Nothing here"), "{}", empty.text());
    let new = |name: &str| {
        let (member, name) = (&member, name.to_owned());
        async move { form(member, "customers/new").await.fill("name", &name).fill("email", "ada@example.com") }
    };
    member.submit(&new("Ada").await).await.expect(303);
    site.program().await.post("/v1/customers", None, Some(json!({ "name": "Grace" }))).await.expect(200);
    let id = site.program().await.get("/v1/customers?q=Grace").await.expect(200).json()["data"][0]["id"].clone();
    let taken = json!({ "coupon": "x", "code": "y" });
    site.program().await.post("/v1/promotion_codes", None, Some(taken)).await.expect(422);
    site.chaos(json!({ "cut_body": 1.0 }));
    let waits = member.submit(&new("Later").await).await.expect(303);
    assert!(waits.header("location").contains("customers"));

    let sync = member.get("sync").await.expect(200);
    assert!(sync.text().contains("1 under way") && sync.has("a[href$='/sync/writes']"), "{}", sync.text());
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("sync/writes").await.expect(200);
    let text = page.text();
    for part in
        ["Customer created", "Under way", "API key A program", "@example.com", "3 of 3", "Waiting", "Done", "next"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(page.has(&format!("a[href$='/customers/{}']", id.as_str().unwrap())), "{text}");
    let waiting = viewer.get("sync/writes?state=waiting").await.expect(200);
    assert!(waiting.text().contains("1 of 1"), "{}", waiting.text());
    viewer.get("sync/writes?state=odd&after=nonsense").await.expect(200);
    let other = site.new_tenant("Bolt Tea").await;
    let stranger = site.user_of(&other, Role::Owner).await;
    assert!(stranger.get("sync/writes").await.expect(200).text().contains("Nothing here"));

    site.chaos(json!({ "cut_body": 0.0 }));
    site.start_workers();
    wait_until_written(&site).await;
    let done = viewer.get("sync/writes?state=done").await.expect(200);
    assert!(done.text().contains("3 of 3"), "{}", done.text());
}
