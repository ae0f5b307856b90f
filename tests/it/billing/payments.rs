//! Money: refunds, invoices, Checkout pages, prices in every model; each through its page.

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::{Value, json};

use super::{
    audit,
    fields::{form, tick},
    scope, wait_until_written, writes,
};
use crate::harness::{Account, Engine, Site, both_engines, oracle::differences};

both_engines!(
    money_is_given_back_in_parts_and_never_twice,
    an_invoice_is_finalized_sent_paid_voided_and_written_off,
    a_checkout_page_is_paid,
    every_pricing_model_is_made_and_read,
    lost_answers_of_every_kind_double_nothing,
);

const NOTHING: Vec<String> = Vec::new();

fn at_stripe(account: &Account<'_>, kind: Kind, id: &str) -> Value {
    account.dump(kind).into_iter().find(|object| object["id"] == id).expect("it is at Stripe")
}

fn paid_charge(account: &Account<'_>) -> Value {
    let paid = |charge: &Value| {
        charge["status"] == "succeeded"
            && charge["amount_refunded"] == 0
            && charge["amount"].as_i64() > Some(500)
            && charge["currency"] == "usd"
    };
    account.dump(Kind::Charge).into_iter().find(paid).expect("a paid charge in dollars")
}

async fn money_is_given_back_in_parts_and_never_twice(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let member = site.user(Role::Member).await;
    let charge = paid_charge(&account);
    let (id, amount) = (charge["id"].as_str().unwrap(), charge["amount"].as_i64().unwrap());
    let path = format!("charges/{id}/refund");
    let too_much = form(&member, &path).await.fill("amount", "99999999");
    let refused = member.submit(&too_much).await.expect(422);
    assert!(refused.one("#amount-error").contains("what is left"), "{}", refused.text());

    let part = form(&member, &path).await.fill("amount", "1.00");
    let (first, second) = tokio::join!(member.submit(&part), member.submit(&part));
    first.expect(303);
    second.expect(303);
    assert_eq!(at_stripe(&account, Kind::Charge, id)["amount_refunded"], 100, "a double click is one refund");
    let rest = form(&member, &path).await;
    let page = member.follow(member.submit(&rest).await.expect(303)).await.expect(200);
    assert!(page.text().contains("refunded"), "{}", page.text());
    assert_eq!(at_stripe(&account, Kind::Charge, id)["amount_refunded"], amount);
    assert_eq!(account.dump(Kind::Refund).iter().filter(|refund| refund["charge"] == id).count(), 2);
    let none_left = member.submit(&form(&member, &path).await).await.expect(422);
    assert!(none_left.text().contains("given back already"), "{}", none_left.text());
    assert_eq!(audit(&site).await.len(), 2);
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn an_invoice_is_finalized_sent_paid_voided_and_written_off(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let member = site.user(Role::Member).await;
    let customers = account.ids(Kind::Customer);
    let stripe = super::stripe_api(&site, &account);
    // Three drafts by hand.
    let mut drafts = Vec::new();
    for customer in &customers[..3] {
        stripe.post("invoiceitems", &[("customer", customer), ("amount", "1500"), ("currency", "usd")]).await;
        let fields = [
            ("customer", customer.as_str()),
            ("collection_method", "send_invoice"),
            ("days_until_due", "30"),
            ("pending_invoice_items_behavior", "include"),
            ("auto_advance", "false"),
        ];
        drafts.push(stripe.post("invoices", &fields).await["id"].as_str().unwrap().to_owned());
    }
    site.wait_until_idle().await;
    let act = |id: String, name: &'static str| {
        let member = &member;
        async move {
            let answer = member.submit(&form(member, &format!("invoices/{id}/{name}")).await).await;
            member.follow(answer.expect(303)).await.expect(200)
        }
    };
    for id in &drafts {
        let page = act(id.clone(), "finalize").await;
        assert!(page.text().contains("Open"), "{}", page.text());
    }
    let state = |id: &str| at_stripe(&account, Kind::Invoice, id)["status"].clone();
    act(drafts[0].clone(), "send").await;
    assert!(act(drafts[0].clone(), "void").await.text().contains("Void"));
    assert!(act(drafts[1].clone(), "write-off").await.text().contains("Uncollectible"));
    assert_eq!((state(&drafts[0]), state(&drafts[1])), (json!("void"), json!("uncollectible")));
    // Whether the customer has a card decides; a refusal stands on the page, in Stripe's words.
    let answer = member.submit(&form(&member, &format!("invoices/{}/pay", drafts[2])).await).await;
    match answer.status {
        303 => assert_eq!(state(&drafts[2]), "paid"),
        _ => assert!(answer.expect(422).has("#act [role=alert]")),
    }
    let voided = member.submit(&form(&member, &format!("invoices/{}/pay", drafts[0])).await).await.expect(422);
    assert!(voided.has("#act [role=alert]"), "{}", voided.text());
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_checkout_page_is_paid(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(6).await;
    let member = site.user(Role::Member).await;
    scope(&site).await.allow_origin("https://shop.example").await.unwrap();
    let prices = account.dump(Kind::Price);
    let licensed = |price: &&Value| price["active"] == true && price["recurring"]["usage_type"] == "licensed";
    let price = prices.iter().find(licensed).unwrap()["id"].as_str().unwrap();
    let new = form(&member, "checkout").await;
    assert!(new.value("success_url").starts_with("https://shop.example/"), "{}", new.value("success_url"));
    let new = new.fill("price", price).fill("quantity", "2").fill("subscription_data[trial_period_days]", "7");
    let new = tick(new.fill("customer_email", "eve@example.com"), "allow_promotion_codes", "true");
    let new = new.fill("metadata[0][key]", "order").fill("metadata[0][value]", "17");
    let (first, second) = tokio::join!(member.submit(&new), member.submit(&new));
    assert_eq!(first.expect(303).header("location"), second.header("location"));
    let sessions = account.dump(Kind::CheckoutSession);
    assert_eq!(sessions.len(), 1);
    assert_eq!(
        (&sessions[0]["metadata"]["order"], &sessions[0]["allow_promotion_codes"]),
        (&json!("17"), &json!(true))
    );
    let page = member.get(second.header("location")).await.expect(200);
    let url = page.attributes("a[rel~=noopener][href*='/c/pay/']", "href").remove(0);
    let paid = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let paid = paid
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("do=pay&name=Eve")
        .send()
        .await
        .unwrap();
    let landing = paid.headers()["location"].to_str().unwrap().to_owned();
    assert!(landing.starts_with("https://shop.example/?session=cs_"), "{landing}");
    site.wait_until_idle().await;
    let page = member.get(second.header("location")).await.expect(200);
    let subscription = page.attributes("a[href*='/subscriptions/ps_']", "href").remove(0);
    assert!(member.get(&subscription).await.expect(200).text().contains("Trial"), "{}", page.text());

    let setup = tick(form(&member, "checkout").await, "mode", "setup").fill("currency", "eur").fill("quantity", "");
    let customer = account.ids(Kind::Customer).remove(0);
    let made = member.submit(&setup.fill("customer", &customer)).await.expect(303);
    let session = made.header("location").split('=').nth(1).unwrap().to_owned();
    let expire = form(&member, &format!("checkout/{session}/expire")).await;
    let page = member.follow(member.submit(&expire).await.expect(303)).await.expect(200);
    assert!(page.text().contains("ended without a payment"), "{}", page.text());
    member.get("checkout/done?session=cs_test_nobody").await.expect(404);
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

/// Names and values that are typed.
type Fields<'a> = &'a [(&'a str, &'a str)];

async fn every_pricing_model_is_made_and_read(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let member = site.user(Role::Member).await;
    let stripe = super::stripe_api(&site, &account);
    let meter = [("display_name", "Calls"), ("event_name", "call"), ("default_aggregation[formula]", "sum")];
    let meter = stripe.post("billing/meters", &meter).await["id"].as_str().unwrap().to_owned();
    let made = form(&member, "products/new").await.fill("name", "Suite").fill("unit_label", "seat");
    let product = member.submit(&made).await.expect(303).header("location").to_owned();
    let path = format!("{product}/prices/new");
    let tiers = [("tiers[0][up_to]", "5"), ("tiers[0][unit_amount]", "0"), ("tiers[1][unit_amount]", "10")];
    let steps = [
        ("tiers[0][up_to]", "10"),
        ("tiers[0][unit_amount]", "5"),
        ("tiers[1][unit_amount]", "4"),
        ("tiers[1][flat_amount]", "1"),
    ];
    let models: [(&str, Fields<'_>, &str); 5] = [
        ("per_unit", &[("unit_amount", "10")], "$10.00 per seat per month"),
        ("package", &[("unit_amount", "5"), ("transform_quantity[divide_by]", "100")], "$5.00 per 100 seats per month"),
        ("graduated", &tiers, "$10.00 per seat per month, first 5 free"),
        ("volume", &steps, "Volume per seat"),
        (
            "per_unit",
            &[("unit_amount", "0.005"), ("recurring[meter]", &meter)],
            "$0.005 per seat, by usage, billed monthly",
        ),
    ];
    for (model, fields, sentence) in models {
        let mut new = tick(form(&member, &path).await, "model", model);
        for (name, value) in fields {
            new = new.fill(name, value);
        }
        let look = member.submit(&tick(new.clone(), "look", "true")).await.expect(200);
        assert!(look.text().contains(sentence), "{model}: {}", look.text());
        member.submit(&new).await.expect(303);
    }
    let page = member.get(&product).await.expect(200);
    for sentence in
        ["$10.00 per seat per month", "$5.00 per 100 seats per month", "Graduated", "Volume", "$0.005 per seat"]
    {
        assert!(page.text().contains(sentence), "{sentence}: {}", page.text());
    }
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

/// Three of ten writes are done and not answered, whatever they do.
async fn lost_answers_of_every_kind_double_nothing(engine: Engine) {
    use billfold::{
        billing::{Error, Nonce},
        domain::drafts::{
            CheckoutDraft, CheckoutMode, CouponDraft, Duration, Metadata, Off, ProductDraft, RefundDraft,
        },
    };
    const EACH: usize = 6;
    let site = Site::start(engine).await;
    let account = site.connect(30).await;
    let scope = scope(&site).await;
    scope.allow_origin("https://shop.example").await.unwrap();
    site.start_workers();
    let charges: Vec<String> = account
        .dump(Kind::Charge)
        .iter()
        .filter(|charge| charge["status"] == "succeeded" && charge["amount_refunded"] == 0)
        .filter_map(|charge| Some(charge["id"].as_str()?.to_owned()))
        .take(EACH)
        .collect();
    let products = account.ids(Kind::Product).len();
    let before = (account.dump(Kind::Refund).len(), account.dump(Kind::Coupon).len());
    site.chaos(json!({ "lose_answer": 0.3, "server_error": 0.2 }));
    for (n, charge) in charges.iter().enumerate() {
        let product = ProductDraft { name: Some(format!("Thing {n}")), ..ProductDraft::default() };
        let coupon = CouponDraft {
            name: format!("Off {n}"),
            id: None,
            off: Off::Percent(1_000),
            duration: Duration::Once,
            max_redemptions: None,
            redeem_by: None,
            metadata: Metadata::new(),
        };
        let setup = CheckoutDraft {
            mode: CheckoutMode::Setup,
            currency: Some("usd".to_owned()),
            success_url: "https://shop.example/ok".to_owned(),
            ..CheckoutDraft::default()
        };
        let outcomes = [
            scope.create_product(&Nonce::fresh(), &product).await,
            scope.create_coupon(&Nonce::fresh(), &coupon).await,
            scope.create_checkout(&Nonce::fresh(), &setup).await,
            scope.refund_charge(&Nonce::fresh(), charge, &RefundDraft::default()).await,
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(_) | Err(Error::Refused(_))), "{outcome:?}");
        }
    }
    site.chaos(json!({ "lose_answer": 0.0, "server_error": 0.0 }));
    wait_until_written(&site).await;
    let ended = writes(&site).await;
    assert!(ended.iter().all(|(state, ..)| state == "done"), "{ended:?}");
    assert_eq!(account.ids(Kind::Product).len(), products + charges.len());
    assert_eq!(account.dump(Kind::Coupon).len(), before.1 + charges.len());
    assert_eq!(account.dump(Kind::CheckoutSession).len(), charges.len());
    assert_eq!(account.dump(Kind::Refund).len(), before.0 + charges.len());
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}
