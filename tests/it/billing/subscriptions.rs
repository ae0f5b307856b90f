//! Changing what is subscribed to: the preview says what it costs, the confirmation costs that; pauses, discounts, new ones.

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::{Value, json};

use super::{audit, fields::form, sibling, writes};
use crate::harness::{Account, Engine, Site, both_engines, oracle::differences};

both_engines!(
    a_change_costs_what_its_preview_said,
    collection_is_paused_and_resumed,
    a_discount_is_given_and_taken_away,
    a_subscription_is_started,
);

const NOTHING: Vec<String> = Vec::new();

fn at_stripe(account: &Account<'_>, id: &str) -> Value {
    account.dump(Kind::Subscription).into_iter().find(|object| object["id"] == id).expect("it is at Stripe")
}

/// An active subscription of one licensed item.
fn licensed(account: &Account<'_>) -> Value {
    let found = account.dump(Kind::Subscription).into_iter().find(|subscription| {
        let items = subscription["items"]["data"].as_array().unwrap();
        subscription["status"] == "active"
            && subscription["cancel_at_period_end"] == false
            && items.len() == 1
            && items[0]["quantity"].as_i64().is_some()
            && items[0]["price"]["billing_scheme"] == "per_unit"
    });
    found.expect("an active subscription")
}

async fn a_change_costs_what_its_preview_said(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(25).await;
    let member = site.user(Role::Member).await;
    let subscription = licensed(&account);
    let id = subscription["id"].as_str().unwrap();
    let item = &subscription["items"]["data"][0];
    let quantity = item["quantity"].as_i64().unwrap();
    let path = format!("subscriptions/{id}/change");

    let empty = member.get(&path).await.expect(200);
    assert!(!empty.has("#act form[method=post]"), "nothing to confirm before the preview");
    let more = quantity + 3;
    let preview =
        member.get(&format!("{path}?price=&quantity={more}&proration_behavior=always_invoice")).await.expect(200);
    let text = preview.text();
    assert!(text.contains("Billed at once") && text.contains("Reckoned by Stripe"), "{text}");
    let shown = preview.one("section[aria-labelledby='preview-h'] strong");
    let confirm = preview.form("#act form[method=post]");
    assert_eq!(confirm.value("quantity"), more.to_string());
    let date: i64 = confirm.value("proration_date").parse().unwrap();
    assert_eq!(at_stripe(&account, id)["items"]["data"][0]["quantity"], quantity, "a preview changes nothing");

    let page = member.follow(member.submit(&confirm).await.expect(303)).await.expect(200);
    let there = at_stripe(&account, id);
    assert_eq!(there["items"]["data"][0]["quantity"], more);
    let invoice = there["latest_invoice"].as_str().unwrap();
    let invoice = account.dump(Kind::Invoice).into_iter().find(|object| object["id"] == invoice).unwrap();
    let billed =
        billfold::domain::money::format(invoice["total"].as_i64().unwrap(), invoice["currency"].as_str().unwrap());
    assert!(shown.contains(&billed), "{shown} was shown, {billed} was billed");
    assert!(page.text().contains(&format!("× {more}")), "{}", page.text());
    let invoices = member.get(&format!("invoices/{}", invoice["id"].as_str().unwrap())).await;
    assert_eq!(invoices.status, 200, "the invoice that it made is shown at once");
    let (action, target, detail) = audit(&site).await.pop().unwrap();
    assert_eq!((action.as_str(), target.as_str()), ("subscription.changed", id));
    assert_eq!(detail["sent"]["proration_date"], date.to_string());
    let change = json!({ "path": "items.data.0.quantity", "before": quantity.to_string(), "after": more.to_string() });
    assert!(detail["changes"].as_array().unwrap().contains(&change), "{detail}");

    let old = confirm.fill("proration_date", &(date - 4_000).to_string()).fill("nonce", "anothernonce");
    let refused = member.submit(&old).await.expect(422);
    assert!(refused.text().contains("older than an hour"), "{}", refused.text());
    let foreign = member.get(&format!("{path}?price=price_nobody&quantity=&proration_behavior=none")).await.expect(422);
    assert!(foreign.one("#price-error").contains("no such price"), "{}", foreign.text());
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn collection_is_paused_and_resumed(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(10).await;
    let member = site.user(Role::Member).await;
    let subscription = licensed(&account);
    let id = subscription["id"].as_str().unwrap();
    let pause = form(&member, &format!("subscriptions/{id}/pause")).await;
    let past = member.submit(&pause.clone().fill("pause_collection[resumes_at]", "2001-01-01")).await.expect(422);
    assert!(past.text().contains("A day in the future"), "{}", past.text());
    let page = member.follow(member.submit(&pause).await.expect(303)).await.expect(200);
    assert!(page.text().contains("Collection paused") && page.has("a[href$='/unpause']"), "{}", page.text());
    assert_eq!(at_stripe(&account, id)["pause_collection"]["behavior"], "keep_as_draft");
    let resume = form(&member, &format!("subscriptions/{id}/unpause")).await;
    let page = member.follow(member.submit(&resume).await.expect(303)).await.expect(200);
    assert!(page.has("a[href$='/pause']"), "{}", page.text());
    assert_eq!(at_stripe(&account, id)["pause_collection"], Value::Null);
}

async fn a_discount_is_given_and_taken_away(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(10).await;
    let member = site.user(Role::Member).await;
    let new = form(&member, "coupons/new").await;
    let wrong = member.submit(&new.fill("name", "Spring").fill("percent_off", "101")).await.expect(422);
    assert!(wrong.has("#percent_off-error"), "{}", wrong.text());
    let made = wrong.form("#act form[method=post]").fill("percent_off", "12.5").fill("id", "SPRING");
    let list = member.follow(member.submit(&made).await.expect(303)).await.expect(200);
    assert!(list.text().contains("Spring: 12.5% off once"), "{}", list.text());
    let code = member.get("coupons/SPRING").await.expect(200).form("#act form[method=post]").fill("code", "HELLO");
    let page = member.follow(member.submit(&code).await.expect(303)).await.expect(200);
    assert!(page.text().contains("HELLO"), "{}", page.text());

    let subscription = licensed(&account);
    let id = subscription["id"].as_str().unwrap();
    let path = format!("subscriptions/{id}/discount");
    let give = form(&member, &path).await.fill("discount", "coupon:SPRING");
    let page = member.follow(member.submit(&give).await.expect(303)).await.expect(200);
    assert!(page.text().contains("Discount"), "{}", page.text());
    assert_eq!(at_stripe(&account, id)["discounts"].as_array().unwrap().len(), 1);
    let take = form(&member, &path).await.fill("discount", "");
    member.submit(&take).await.expect(303);
    assert_eq!(at_stripe(&account, id)["discounts"], json!([]));

    let codes = member.get("coupons/SPRING").await.expect(200).attributes("a[href*='/codes/']", "href");
    let page = member.follow(member.submit(&form(&member, &codes[0]).await).await.expect(303)).await.expect(200);
    assert!(page.text().contains("Inactive"), "{}", page.text());
    let delete = form(&member, "coupons/SPRING/delete").await;
    let list = member.follow(member.submit(&delete).await.expect(303)).await.expect(200);
    assert!(list.text().contains("No coupons"), "{}", list.text());
    let states: Vec<String> = writes(&site).await.into_iter().map(|(state, ..)| state).collect();
    assert!(states.iter().all(|state| state == "done"), "{states:?}");
}

async fn a_subscription_is_started(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(10).await;
    let member = site.user(Role::Member).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let recurring = |price: &&Value| price["active"] == true && price["recurring"]["usage_type"] == "licensed";
    let prices = account.dump(Kind::Price);
    let price = prices.iter().find(recurring).unwrap();
    let second = sibling(&site, &account, price).await;
    let price = price["id"].as_str().unwrap();
    let new = form(&member, &format!("subscriptions/new?customer={customer}")).await;
    assert_eq!(new.value("customer"), customer);
    let new = new.fill("items[0][price]", price).fill("items[0][quantity]", "2");
    let unknown = member.submit(&new.clone().fill("customer", "cus_nobody")).await.expect(422);
    assert!(unknown.one("#customer-error").contains("no such customer"), "{}", unknown.text());
    let twice = member.submit(&new.clone().fill("items[2][price]", price)).await.expect(422);
    assert!(twice.one("[id='items[1][price]-error']").contains("already"), "{}", twice.text());
    let mut start =
        new.fill("items[1][price]", &second).fill("items[1][quantity]", "3").fill("trial_period_days", "14");
    start.fields.retain(|(name, _)| name != "collection");
    start.fields.push(("collection".to_owned(), "invoice".to_owned()));
    let before = account.ids(Kind::Subscription).len();
    let page = member.follow(member.submit(&start).await.expect(303)).await.expect(200);
    assert!(page.text().contains("Trial"), "{}", page.text());
    let all = account.dump(Kind::Subscription);
    assert_eq!(all.len(), before + 1);
    let made = all
        .iter()
        .find(|subscription| subscription["status"] == "trialing" && subscription["customer"] == customer.as_str())
        .unwrap();
    let items = made["items"]["data"].as_array().unwrap();
    let mut items: Vec<_> = items.iter().map(|item| (&item["price"]["id"], &item["quantity"])).collect();
    items.sort_by_key(|(_, quantity)| quantity.as_i64());
    assert_eq!(items, [(&json!(price), &json!(2)), (&json!(second), &json!(3))]);
    assert_eq!((&made["collection_method"], &made["days_until_due"]), (&json!("send_invoice"), &json!(30)));
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}
