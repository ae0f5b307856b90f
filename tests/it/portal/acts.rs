//! What customers change by themselves: plan, quantity, card, tax ids; and what they have used.

use billfold::domain::{
    brand::PortalDraft,
    drafts::Proration,
    portal::{Flow, LinkDraft, Permit},
};
use billfold::standin::kind::Kind;
use serde_json::Value;

use super::{at_stripe, customer, enter, link, renewing};
use crate::billing::{audit, scope, stripe_api, writes};
use crate::harness::{Account, Answer, Engine, Form, Site, Visitor, both_engines};

both_engines!(
    a_plan_is_changed_at_the_price_of_its_preview,
    only_what_is_offered_can_be_chosen,
    a_card_is_replaced_on_stripes_page,
    a_card_that_is_not_typed_in_changes_nothing,
    tax_ids_come_and_go,
    what_was_used_is_shown,
    a_visit_begins_where_its_link_says,
);

/// A form that is sent by GET, as its address.
fn address(form: &Form) -> String {
    format!("{}?{}", form.action, serde_urlencoded::to_string(&form.fields).unwrap())
}

/// Offers every recurring price.
async fn offer(site: &Site, account: &Account<'_>, proration: Proration) {
    let prices = account.dump(Kind::Price).into_iter().filter(|price| !price["recurring"].is_null());
    let prices = prices.map(|price| price["id"].as_str().unwrap().to_owned()).collect();
    scope(site).await.save_portal(&PortalDraft { proration, prices, ..PortalDraft::default() }).await.unwrap();
}

/// A subscription by number that renews, whose currency has another price, and that price's amount.
fn changeable(account: &Account<'_>) -> (Value, Value) {
    let prices = account.dump(Kind::Price);
    for subscription in renewing(account) {
        let item = &subscription["items"]["data"][0];
        let only = account
            .dump(Kind::Subscription)
            .iter()
            .filter(|other| other["customer"] == subscription["customer"])
            .count()
            == 1;
        let other = prices.iter().find(|price| {
            price["id"] != item["price"]["id"]
                && price["currency"] == item["price"]["currency"]
                && price["active"] == true
                && price["unit_amount"].as_i64() > item["price"]["unit_amount"].as_i64()
                && price["recurring"]["usage_type"] == "licensed"
                && price["recurring"]["interval"] == item["price"]["recurring"]["interval"]
        });
        let single = subscription["items"]["data"].as_array().unwrap().len() == 1;
        if let Some(other) = other.filter(|_| only && single && item["quantity"].is_number()) {
            return (subscription.clone(), other.clone());
        }
    }
    panic!("no subscription can change");
}

async fn a_plan_is_changed_at_the_price_of_its_preview(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    offer(&site, &account, Proration::AlwaysInvoice).await;
    let (subscription, other) = changeable(&account);
    let id = &subscription["id"];
    let visitor = enter(&site, &link(&site, &LinkDraft::new(customer(&subscription))).await).await;
    let home = visitor.get("/portal").await.expect(200);
    let page = visitor.get(&home.attributes("a[href$='/change']", "href").remove(0)).await.expect(200);
    assert!(!page.has("form[method=post][action$='/change']"), "nothing to confirm before the preview");
    assert!(page.text().contains("Current") && !page.body.contains("pri_") && !page.body.contains("price_"));
    let form = page.form("form[method=get]");
    let same = visitor.get(&address(&form)).await.expect(422);
    assert!(same.text().contains("Choose another plan or another quantity"), "{}", same.text());
    for wrong in ["0", "-1", "1000001", "x"] {
        let refused = visitor.get(&address(&form.clone().fill("quantity", wrong))).await.expect(422);
        assert!(refused.one("#quantity-error").contains("A whole number"), "{wrong}");
    }

    let amount = other["unit_amount"].as_i64().unwrap();
    let handles = page.attributes("input[name=price]", "value");
    let offers = page.all(".app-offer");
    let wanted = billfold::domain::money::format(amount, other["currency"].as_str().unwrap());
    let place =
        offers.iter().position(|offer| offer.contains(&wanted)).unwrap_or_else(|| panic!("{wanted}: {offers:?}"));
    let more = (subscription["items"]["data"][0]["quantity"].as_i64().unwrap() + 1).to_string();
    let chosen = form.fill("price", &handles[place]).fill("quantity", &more);
    let preview = visitor.get(&address(&chosen)).await.expect(200);
    assert!(preview.text().contains("You pay now"), "{}", preview.text());
    let total = preview.all("section strong").pop().unwrap();
    assert_eq!(
        at_stripe(&account, Kind::Subscription, id)["items"]["data"][0]["quantity"],
        subscription["items"]["data"][0]["quantity"]
    );
    let confirm = preview.form("form[method=post][action$='/change']");
    let (first, second) = tokio::join!(visitor.submit(&confirm), visitor.submit(&confirm));
    second.expect(303);
    let home = visitor.follow(first.expect(303)).await.expect(200);
    assert!(
        home.text().contains("Your plan is changed") && home.text().contains(&format!("× {more}")),
        "{}",
        home.text()
    );
    assert!(home.text().contains(&total), "the invoice over {total} is there: {}", home.text());
    let item = at_stripe(&account, Kind::Subscription, id)["items"]["data"][0].clone();
    assert_eq!((item["quantity"].to_string(), item["price"]["unit_amount"].as_i64()), (more, Some(amount)));
    let changes = audit(&site).await.into_iter().filter(|(action, ..)| action == "subscription.changed").count();
    assert_eq!(changes, 1);
}

async fn only_what_is_offered_can_be_chosen(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    let (subscription, other) = changeable(&account);
    let draft = LinkDraft::new(customer(&subscription));
    let visitor = enter(&site, &link(&site, &draft).await).await;
    let home = visitor.get("/portal").await.expect(200);
    let path = home.attributes("a[href$='/change']", "href").remove(0);
    let page = visitor.get(&path).await.expect(200);
    assert_eq!(page.all("input[name=price]").len(), 1, "nothing is offered but what there is");
    let known = [other["id"].as_str().unwrap().to_owned(), "pri_aaaaaaaaaaaaaaaaaaaaaaaa".to_owned()];
    for price in known {
        visitor.get(&format!("{path}?price={price}&quantity=2")).await.expect(404);
    }
    // The handle of another visit means nothing here.
    offer(&site, &account, Proration::CreateProrations).await;
    let elsewhere = enter(&site, &link(&site, &draft).await).await;
    let theirs = elsewhere.get("/portal").await.attributes("a[href$='/change']", "href").remove(0);
    let theirs = elsewhere.get(&theirs).await.expect(200).attributes("input[name=price]", "value");
    assert!(theirs.len() > 1);
    for handle in &theirs {
        visitor.get(&format!("{path}?price={handle}&quantity=2")).await.expect(404);
    }
    let number_only = LinkDraft { permits: vec![Permit::Quantity], ..draft.clone() };
    let visitor = enter(&site, &link(&site, &number_only).await).await;
    let path = visitor.get("/portal").await.attributes("a[href$='/change']", "href").remove(0);
    let page = visitor.get(&path).await.expect(200);
    assert_eq!((page.all("input[name=price]").len(), page.all("#quantity").len()), (1, 1));
    let plan_only = LinkDraft { permits: vec![Permit::Plan], ..draft };
    let visitor = enter(&site, &link(&site, &plan_only).await).await;
    let path = visitor.get("/portal").await.attributes("a[href$='/change']", "href").remove(0);
    let page = visitor.get(&path).await.expect(200);
    assert_eq!(page.all("#quantity").len(), 0);
    let current = page.attributes("input[name=price][checked]", "value").remove(0);
    visitor.get(&format!("{path}?price={current}&quantity=9")).await.expect(422);
    assert_eq!(writes(&site).await.len(), 0);
}

/// Presses a button of the imitation's Checkout page; answers where it leads.
async fn press(url: &str, button: &str) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let form = client.post(url).header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body(format!("do={button}")).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn leave(visitor: &Visitor) -> (Answer, String) {
    let page = visitor.get("/portal/card").await.expect(200);
    let left = visitor.submit(&page.form("form[action='/portal/card']")).await.expect(200);
    let url = left.attributes("a.btn-primary", "href").remove(0);
    let refresh = left.attributes("meta[http-equiv=refresh]", "content").remove(0);
    assert_eq!(refresh, format!("0;url={url}"));
    (page, url)
}

async fn a_card_is_replaced_on_stripes_page(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let subscription = renewing(&account).remove(0);
    let stripe = stripe_api(&site, &account);
    let own = stripe.post("payment_methods", &[("type", "card"), ("card[token]", "tok_visa")]).await;
    let own = own["id"].as_str().unwrap();
    stripe.post(&format!("payment_methods/{own}/attach"), &[("customer", customer(&subscription))]).await;
    let path = format!("subscriptions/{}", subscription["id"].as_str().unwrap());
    stripe.post(&path, &[("default_payment_method", own)]).await;
    site.wait_until_idle().await;
    let visitor = enter(&site, &link(&site, &LinkDraft::new(customer(&subscription))).await).await;
    visitor.get("/portal/card/done").await.expect(303);
    let (before, url) = leave(&visitor).await;
    assert!(before.text().contains("Visa ···· 4242"), "{}", before.text());
    let back = press(&url, "pay").await;
    assert_eq!(back, format!("{}/portal/card/done", site.base));
    let home = visitor.follow(visitor.get("/portal/card/done").await.expect(303)).await.expect(200);
    assert!(home.text().contains("Your new card is saved"), "{}", home.text());
    let card =
        at_stripe(&account, Kind::Customer, &subscription["customer"])["invoice_settings"]["default_payment_method"]
            .clone();
    assert!(card.as_str().is_some_and(|card| card.starts_with("pm_") && card != own), "{card}");
    assert_eq!(at_stripe(&account, Kind::Subscription, &subscription["id"])["default_payment_method"], card);
    let again = visitor.get("/portal/card/done").await.expect(303);
    assert_eq!(again.header("location"), "/portal/card", "it is done once");
    let actions: Vec<String> = audit(&site).await.into_iter().map(|(action, ..)| action).collect();
    let own = account.dump(Kind::Subscription);
    let own =
        own.iter().filter(|it| it["customer"] == subscription["customer"] && it["default_payment_method"] == card);
    for (action, times) in
        [("checkout_session.created", 1), ("customer.card_set", 1), ("subscription.card_set", own.count())]
    {
        assert_eq!(actions.iter().filter(|it| *it == action).count(), times, "{action}");
    }
}

async fn a_card_that_is_not_typed_in_changes_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let subscriptions = renewing(&account);
    let ours = enter(&site, &link(&site, &LinkDraft::new(customer(&subscriptions[0]))).await).await;
    let theirs = enter(&site, &link(&site, &LinkDraft::new(customer(&subscriptions[1]))).await).await;
    let (_, url) = leave(&ours).await;
    assert_eq!(press(&url, "cancel").await, format!("{}/portal/card", site.base));
    assert_eq!(ours.get("/portal/card/done").await.expect(303).header("location"), "/portal/card");
    // Who types a card in on somebody else's page does not get it into the own account.
    press(&url, "pay").await;
    let before = at_stripe(&account, Kind::Customer, &subscriptions[1]["customer"])["invoice_settings"].clone();
    theirs.get("/portal/card/done").await.expect(303);
    let session = account.dump(Kind::CheckoutSession).remove(0)["id"].as_str().unwrap().to_owned();
    let stolen = scope(&site).await.finish_card(&their_id(&site, &subscriptions[1]).await, &session).await;
    assert!(stolen.is_err());
    assert_eq!(at_stripe(&account, Kind::Customer, &subscriptions[1]["customer"])["invoice_settings"], before);
}

async fn their_id(site: &Site, subscription: &Value) -> String {
    let tenant = site.tenant().await;
    billfold::domain::kind::Kind::Customer.derive_id(&tenant.project, customer(subscription))
}

async fn tax_ids_come_and_go(engine: Engine) {
    const FORM: &str = "form[action='/portal/tax-ids']";
    let site = Site::start(engine).await;
    let account = site.connect(6).await;
    let customers = account.ids(Kind::Customer);
    let visitor = enter(&site, &link(&site, &LinkDraft::new(&customers[0])).await).await;
    let page = visitor.get("/portal/tax-ids").await.expect(200);
    assert!(page.text().contains("None."), "{}", page.text());
    let form = page.form(FORM).fill("type", "eu_vat");
    let refused = visitor.submit(&form.clone().fill("value", "12")).await.expect(422);
    assert!(refused.one("#value-error").contains("not a number of this kind"), "{}", refused.text());
    visitor.submit(&refused.form(FORM).fill("type", "xx_none").fill("value", "DE123456789")).await.expect(422);
    let form = refused.form(FORM).fill("type", "eu_vat").fill("value", "DE123456789");
    let (first, second) = tokio::join!(visitor.submit(&form), visitor.submit(&form));
    second.expect(303);
    let page = visitor.follow(first.expect(303)).await.expect(200);
    assert!(page.text().contains("DE123456789") && page.text().contains("EU VAT"), "{}", page.text());
    assert_eq!(page.all("form[action$='/remove']").len(), 1, "a double click adds one");
    let remove = page.form("form[action$='/remove']");
    let other = enter(&site, &link(&site, &LinkDraft::new(&customers[1])).await).await;
    let token = other.get("/portal").await.form("form[action='/portal/end']").value("csrf").to_owned();
    other.submit(&remove.clone().fill("csrf", &token)).await.expect(404);
    let page = visitor.follow(visitor.submit(&remove).await.expect(303)).await.expect(200);
    assert!(page.text().contains("None."), "{}", page.text());
    let actions: Vec<String> = audit(&site).await.into_iter().map(|(action, ..)| action).collect();
    assert!(
        actions.ends_with(&[
            "customer.tax_id_added".into(),
            "portal_link.created".into(),
            "portal_link.used".into(),
            "customer.tax_id_removed".into()
        ]),
        "{actions:?}"
    );
}

async fn what_was_used_is_shown(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let stripe = stripe_api(&site, &account);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let meter = [("display_name", "Calls"), ("event_name", "call"), ("default_aggregation[formula]", "sum")];
    let meter = text(&stripe.post("billing/meters", &meter).await["id"]);
    let product = text(&stripe.post("products", &[("name", "Line"), ("unit_label", "calls")]).await["id"]);
    let price = [
        ("currency", "usd"),
        ("product", &product),
        ("unit_amount", "2"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", &meter),
    ];
    let price = text(&stripe.post("prices", &price).await["id"]);
    let customer = text(&stripe.post("customers", &[("email", "meter@example.com")]).await["id"]);
    stripe
        .post(
            "subscriptions",
            &[
                ("customer", &customer),
                ("items[0][price]", &price),
                ("collection_method", "send_invoice"),
                ("days_until_due", "30"),
            ],
        )
        .await;
    for value in ["1200", "34"] {
        let event = [("event_name", "call"), ("payload[stripe_customer_id]", &customer), ("payload[value]", value)];
        stripe.post("billing/meter_events", &event).await;
    }
    site.wait_until_idle().await;
    let visitor = enter(&site, &link(&site, &LinkDraft::new(&customer)).await).await;
    let home = visitor.get("/portal").await.expect(200);
    assert!(home.text().contains("$0.02 per calls, by usage"), "{}", home.text());
    let page = visitor.get(&home.attributes("a[href$='/usage']", "href").remove(0)).await.expect(200);
    assert!(page.text().contains("1,234 calls"), "{}", page.text());
    assert!(!visitor.get(&home.attributes("a[href$='/change']", "href").remove(0)).await.expect(200).has("#quantity"));
}

async fn a_visit_begins_where_its_link_says(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    let (subscription, _) = changeable(&account);
    let begins = async |flow: Flow| {
        let draft = LinkDraft { flow, ..LinkDraft::new(customer(&subscription)) };
        let path = link(&site, &draft).await;
        let visitor = site.anonymous();
        let page = visitor.follow(visitor.get(&format!("{path}?lang=en")).await).await.expect(200);
        let opened = visitor.submit(&super::button(&page, &path)).await.expect(303);
        (opened.header("location").to_owned(), visitor.follow(opened).await.expect(200).one("h1"))
    };
    assert_eq!(begins(Flow::Overview).await, ("/portal".to_owned(), "Your subscription".to_owned()));
    assert_eq!(begins(Flow::UpdateCard).await, ("/portal/card".to_owned(), "Payment card".to_owned()));
    assert_eq!(begins(Flow::ChangePlan).await.1, "Change plan");
    assert!(begins(Flow::Cancel).await.1.starts_with("Cancel "));
    assert_eq!(begins(Flow::Invoices).await.0, "/portal#invoices-h");
    let draft =
        LinkDraft { flow: Flow::Cancel, permits: vec![Permit::Invoices], ..LinkDraft::new(customer(&subscription)) };
    assert!(scope(&site).await.create_portal_link(&draft).await.is_err());
}
