//! A buyer comes to a checkout page by its address, pays or is refused, and is led back; the seller's program hears of it.

use billfold::standin::StandIn;
use serde_json::{Value, json};

use super::client::{Answer, Caller, advance, assert_refused, event_count, id, monthly, payer, seeded, types_since};
use super::description::faults;

const BACK: &str = "success_url=https://shop.example/done?s={CHECKOUT_SESSION_ID}&cancel_url=https://shop.example/cart";

fn assert_fits(name: &str, value: &Value) {
    assert_eq!(faults(name, value), Vec::<String>::new());
}

async fn session(stripe: &Caller, body: &str) -> Value {
    let made = stripe.change("/v1/checkout/sessions", &format!("{BACK}&{body}")).await;
    assert_fits("checkout.session", &made);
    made
}

/// What a browser does with the page: no key, a form, no script.
async fn press(stand_in: &StandIn, session: &Value, body: &str) -> Answer {
    Caller::new(stand_in, "").post(&path_of(stand_in, session), body).await
}

fn path_of(stand_in: &StandIn, session: &Value) -> String {
    session["url"].as_str().unwrap().strip_prefix(&stand_in.url()).unwrap().to_owned()
}

async fn again(stripe: &Caller, session: &Value) -> Value {
    let shown = stripe.ok(&format!("/v1/checkout/sessions/{}", id(session))).await;
    assert_fits("checkout.session", &shown);
    shown
}

#[tokio::test]
async fn a_new_customer_subscribes() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1500).await;
    let body = format!(
        "mode=subscription&line_items[0][price]={}&line_items[0][quantity]=2&client_reference_id=order-7\
         &metadata[team]=red&subscription_data[metadata][plan]=pro&allow_promotion_codes=true",
        id(&price)
    );
    let made = session(&stripe, &body).await;
    assert!(id(&made).starts_with("cs_test_a1"));
    assert_eq!(
        (&made["status"], &made["payment_status"], &made["amount_total"]),
        (&json!("open"), &json!("unpaid"), &json!(3000))
    );
    let page = Caller::new(&stand_in, "").get(&path_of(&stand_in, &made)).await;
    assert_eq!(page.status, 200);
    for wanted in [
        "<form method=\"post\">",
        "value=\"pay\"",
        "value=\"decline\"",
        "value=\"cancel\"",
        "2 × Seats",
        "$30.00",
        "promotion_code",
    ] {
        assert!(page.text.contains(wanted), "{wanted} is not on {}", page.text);
    }
    assert!(!page.text.contains("<script"));
    let canceled = press(&stand_in, &made, "do=cancel").await;
    assert_eq!((canceled.status, canceled.header("location")), (303, "https://shop.example/cart"));
    let refused = press(&stand_in, &made, "do=decline&email=eve@example.com&name=Eve").await;
    assert_eq!(refused.status, 402);
    assert!(refused.text.contains("Your card was declined.") && refused.text.contains("value=\"eve@example.com\""));
    assert_eq!(again(&stripe, &made).await["status"], "open");

    let before = event_count(&stripe).await;
    let paid = press(&stand_in, &made, "do=pay&email=eve@example.com&name=Eve").await;
    assert_eq!(paid.status, 303);
    assert_eq!(paid.header("location"), format!("https://shop.example/done?s={}", id(&made)));
    let done = again(&stripe, &made).await;
    assert_eq!(
        (&done["status"], &done["payment_status"], &done["url"]),
        (&json!("complete"), &json!("paid"), &Value::Null)
    );
    assert_eq!(
        (&done["customer_details"]["email"], &done["metadata"]["team"]),
        (&json!("eve@example.com"), &json!("red"))
    );
    let subscription = stripe.ok(&format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap())).await;
    assert_eq!((&subscription["status"], &subscription["metadata"]["plan"]), (&json!("active"), &json!("pro")));
    assert_eq!(subscription["customer"], done["customer"]);
    let method =
        stripe.ok(&format!("/v1/payment_methods/{}", subscription["default_payment_method"].as_str().unwrap())).await;
    assert_eq!(method["customer"], done["customer"]);
    let types = types_since(&stripe, before).await;
    for wanted in [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.paid",
        "charge.succeeded",
        "payment_intent.succeeded",
    ] {
        assert!(types.iter().any(|one| one == wanted), "{wanted} is not among {types:?}");
    }
    assert_eq!(types.last().unwrap(), "checkout.session.completed");
    let twice = press(&stand_in, &made, "do=pay&email=eve@example.com").await;
    assert_eq!((twice.status, event_count(&stripe).await), (200, before + types.len()));
}

#[tokio::test]
async fn what_was_bought_can_be_read_afterwards() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1500).await;
    let body = format!("mode=subscription&line_items[0][price]={}&line_items[0][quantity]=2", id(&price));
    let made = session(&stripe, &body).await;
    session(&stripe, &body).await;
    assert_eq!(press(&stand_in, &made, "do=pay&email=eve@example.com&name=Eve").await.status, 303);
    let done = again(&stripe, &made).await;
    let listed = stripe.all("/v1/checkout/sessions?status=complete", 10).await;
    assert_eq!(listed.len(), 1);
    let items = stripe.all(&format!("/v1/checkout/sessions/{}/line_items", id(&made)), 10).await;
    assert_fits("item", &items[0]);
    assert_eq!(items[0]["amount_total"], 3000);
    let expanded =
        stripe.ok(&format!("/v1/checkout/sessions/{}?expand[]=line_items&expand[]=subscription", id(&made))).await;
    assert_fits("checkout.session", &expanded);
    assert_eq!(
        (&expanded["line_items"]["data"][0]["id"], &expanded["subscription"]["id"]),
        (&items[0]["id"], &done["subscription"])
    );
}

#[tokio::test]
async fn a_known_customer_begins_a_trial_with_a_code() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1500).await;
    let customer = payer(&stripe).await;
    stripe.change("/v1/coupons", "percent_off=20&duration=forever&id=FIFTH").await;
    stripe.change("/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=FIFTH&code=HELLO").await;
    let product = price["product"].as_str().unwrap();
    let once = stripe.change("/v1/prices", &format!("product={product}&currency=usd&unit_amount=5000")).await;
    let body = format!(
        "mode=subscription&customer={}&line_items[0][price]={}&line_items[0][quantity]=1&line_items[1][price]={}\
         &line_items[1][quantity]=1&subscription_data[trial_period_days]=14&allow_promotion_codes=true",
        id(&customer),
        id(&price),
        id(&once)
    );
    let made = session(&stripe, &body).await;
    assert_eq!(made["amount_total"], 5000);
    let wrong = press(&stand_in, &made, "do=pay&promotion_code=NOPE").await;
    assert!(wrong.status == 402 && wrong.text.contains("This code is invalid."));
    assert_eq!(press(&stand_in, &made, "do=pay&promotion_code=hello").await.status, 303);
    let done = again(&stripe, &made).await;
    assert_eq!((&done["amount_total"], &done["total_details"]["amount_discount"]), (&json!(4000), &json!(1000)));
    assert_eq!(done["customer"], customer["id"]);
    let invoice = stripe.ok(&format!("/v1/invoices/{}", done["invoice"].as_str().unwrap())).await;
    assert_eq!((&invoice["total"], &invoice["status"]), (&json!(4000), &json!("paid")));
    let subscription = stripe.ok(&format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap())).await;
    assert_eq!((&subscription["status"], subscription["discounts"].as_array().unwrap().len()), (&json!("trialing"), 1));
}

#[tokio::test]
async fn something_is_sold_once_with_and_without_an_invoice() {
    let (stand_in, _, stripe) = seeded(1).await;
    let item = "mode=payment&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=2500\
                &line_items[0][price_data][product_data][name]=Book&line_items[0][quantity]=3";
    let body = format!("{item}&customer_email=bob@example.com&payment_intent_data[metadata][order]=9");
    let made = session(&stripe, &body).await;
    assert_eq!((&made["currency"], &made["customer_creation"]), (&json!("eur"), &json!("if_required")));
    assert_eq!(press(&stand_in, &made, "do=decline").await.status, 402);
    assert_eq!(press(&stand_in, &made, "do=pay&name=Bob").await.status, 303);
    let done = again(&stripe, &made).await;
    assert!(done["customer"].is_null() && done["invoice"].is_null());
    let intent = stripe.ok(&format!("/v1/payment_intents/{}", done["payment_intent"].as_str().unwrap())).await;
    assert_fits("payment_intent", &intent);
    assert_eq!(
        (&intent["status"], &intent["amount_received"], &intent["metadata"]["order"]),
        (&json!("succeeded"), &json!(7500), &json!("9"))
    );
    // The refused try and the one that paid belong to one payment.
    assert_eq!(stripe.all(&format!("/v1/charges?payment_intent={}", id(&intent)), 10).await.len(), 2);
    let refund = stripe.change("/v1/refunds", &format!("payment_intent={}", id(&intent))).await;
    assert_eq!(refund["amount"], 7500);

    let body = format!("{item}&customer_creation=always&invoice_creation[enabled]=true");
    let made = session(&stripe, &body).await;
    assert_eq!(press(&stand_in, &made, "do=pay").await.status, 402, "an e-mail address is needed");
    assert_eq!(press(&stand_in, &made, "do=pay&email=bo@example.com&name=Bo").await.status, 303);
    let done = again(&stripe, &made).await;
    let invoice = stripe.ok(&format!("/v1/invoices/{}", done["invoice"].as_str().unwrap())).await;
    assert_fits("invoice", &invoice);
    assert_eq!(
        (&invoice["status"], &invoice["total"], &invoice["customer"]),
        (&json!("paid"), &json!(7500), &done["customer"])
    );
}

#[tokio::test]
async fn a_card_is_saved_in_setup_mode() {
    let (stand_in, _, stripe) = seeded(1).await;
    let customer = stripe.change("/v1/customers", "name=Ada&email=ada@example.com").await;
    let body = format!("mode=setup&currency=usd&customer={}&setup_intent_data[metadata][why]=renewal", id(&customer));
    let made = session(&stripe, &body).await;
    assert_eq!((&made["payment_status"], &made["amount_total"]), (&json!("no_payment_required"), &Value::Null));
    let path = format!("/v1/setup_intents/{}", made["setup_intent"].as_str().unwrap());
    assert_eq!(stripe.ok(&path).await["status"], "requires_payment_method");
    assert_eq!(press(&stand_in, &made, "do=decline").await.status, 402);
    let failed = stripe.ok("/v1/events?type=setup_intent.setup_failed").await["data"][0].clone();
    assert_eq!(failed["data"]["object"]["last_setup_error"]["code"], "card_declined");
    assert_eq!(press(&stand_in, &made, "do=pay").await.status, 303);
    let intent = stripe.ok(&format!("{path}?expand[]=payment_method")).await;
    assert_fits("setup_intent", &intent);
    assert_eq!(
        (&intent["status"], &intent["customer"], &intent["metadata"]["why"]),
        (&json!("succeeded"), &customer["id"], &json!("renewal"))
    );
    assert_eq!(intent["payment_method"]["customer"], customer["id"]);
    assert!(
        stripe.ok(&format!("/v1/customers/{}", id(&customer))).await["invoice_settings"]["default_payment_method"]
            .is_null()
    );
}

#[tokio::test]
async fn sessions_expire_by_request_and_by_time() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1500).await;
    let body = format!("mode=subscription&line_items[0][price]={}&line_items[0][quantity]=1", id(&price));
    let made = session(&stripe, &body).await;
    let path = path_of(&stand_in, &made);
    let gone = stripe.change(&format!("/v1/checkout/sessions/{}/expire", id(&made)), "").await;
    assert_eq!((&gone["status"], &gone["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(Caller::new(&stand_in, "").get(&path).await.status, 410);
    let twice = stripe.post(&format!("/v1/checkout/sessions/{}/expire", id(&made)), "").await;
    assert_refused(&twice, 400, None, None);
    let short = session(&stripe, &format!("{body}&expires_at={}", 1_795_000_000 + 1900)).await;
    advance(&stand_in, 2000).await;
    assert_eq!(again(&stripe, &short).await["status"], "expired");
    assert_eq!(press(&stand_in, &short, "do=pay&email=a@example.com").await.status, 410);
    assert_eq!(stripe.ok("/v1/events?type=checkout.session.expired").await["data"].as_array().unwrap().len(), 2);
    assert_eq!(Caller::new(&stand_in, "").get("/c/pay/acct_none/cs_none").await.status, 404);
}

#[tokio::test]
async fn wrong_sessions_are_refused_as_stripe_does() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1500).await;
    let product = price["product"].as_str().unwrap();
    let once = stripe.change("/v1/prices", &format!("product={product}&currency=usd&unit_amount=500")).await;
    let recurring = format!("line_items[0][price]={}&line_items[0][quantity]=1", id(&price));
    let single = format!("line_items[0][price]={}&line_items[0][quantity]=1", id(&once));
    for (body, code, param) in [
        (recurring.clone(), Some("parameter_missing"), "mode"),
        ("mode=subscription".to_owned(), Some("parameter_missing"), "line_items"),
        (format!("mode=payment&{recurring}"), None, "line_items[0][price]"),
        (format!("mode=subscription&{single}"), None, "line_items"),
        (
            format!("mode=subscription&line_items[0][price]={}", id(&price)),
            Some("parameter_missing"),
            "line_items[0][quantity]",
        ),
        (
            "mode=subscription&line_items[0][price]=price_none".to_owned(),
            Some("resource_missing"),
            "line_items[0][price]",
        ),
        (
            format!("mode=subscription&{recurring}&payment_method_types[0]=card"),
            Some("parameter_unknown"),
            "payment_method_types",
        ),
        (format!("mode=subscription&{recurring}&customer=cus_none"), Some("resource_missing"), "customer"),
        (format!("mode=subscription&{recurring}&customer=&customer_email=a@b.example"), None, "customer"),
        (format!("mode=subscription&{recurring}&expires_at=1795000001"), None, "expires_at"),
        (
            format!("mode=subscription&{recurring}&subscription_data[trial_period_days]=0"),
            None,
            "subscription_data[trial_period_days]",
        ),
        (format!("mode=payment&{single}&subscription_data[trial_period_days]=7"), None, "subscription_data"),
        ("mode=setup".to_owned(), Some("parameter_missing"), "currency"),
    ] {
        let answer = stripe.post("/v1/checkout/sessions", &format!("{BACK}&{body}")).await;
        assert_refused(&answer, 400, code, Some(param));
    }
    let nowhere = stripe.post("/v1/checkout/sessions", &format!("mode=payment&{single}")).await;
    assert_refused(&nowhere, 400, Some("parameter_missing"), Some("success_url"));
    let odd = stripe.post("/v1/checkout/sessions", &format!("mode=payment&{single}&success_url=/done")).await;
    assert_refused(&odd, 400, Some("url_invalid"), Some("success_url"));
}
