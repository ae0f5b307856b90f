//! A program makes requests: keys, permissions, refusals, repeated requests, versions, chaos.

use billfold::standin::control::accounts::{AccountSpec, KeySpec};
use billfold::standin::{Options, StandIn};
use serde_json::json;

use super::client::{Caller, id, seeded};

#[tokio::test]
async fn keys_open_their_own_account_and_mode_only() {
    let (stand_in, keys, stripe) = seeded(3).await;
    let other = stand_in.account(AccountSpec::default());
    let ours = stripe.ok("/v1/customers?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let live = KeySpec { kind: "secret".into(), livemode: true, permissions: Vec::new() };
    let live = stand_in.control().new_key(&keys.account, live).unwrap();
    for key in [&other.secret_key, &live] {
        let stranger = stripe.with_key(key);
        let answer = stranger.get(&format!("/v1/customers/{ours}")).await;
        assert_eq!((answer.status, answer.error()["code"].as_str()), (404, Some("resource_missing")));
        assert_eq!(answer.error()["message"], format!("No such customer: '{ours}'"));
        assert!(stranger.all("/v1/customers", 10).await.is_empty());
    }
    assert_eq!(stripe.ok("/v1/account").await["id"], *keys.account);
}

#[tokio::test]
async fn wrong_keys_are_refused_with_stripes_words() {
    let (_stand_in, keys, stripe) = seeded(1).await;
    let none = stripe.with_key("").get("/v1/customers").await;
    assert_eq!(none.status, 401);
    assert!(none.error()["message"].as_str().unwrap().starts_with("You did not provide an API key."));
    let wrong = stripe.with_key("sk_test_51notreallyakeyWXYZ").get("/v1/customers").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.error()["message"], "Invalid API Key provided: sk_test_*****WXYZ");
    let public = stripe.with_key(&keys.publishable_key).get("/v1/customers").await;
    assert_eq!(public.error()["code"], "secret_key_required");
    let revoked = stripe.with_key("").delete(&format!("/_control/keys/{}", keys.secret_key)).await;
    assert_eq!(revoked.status, 200);
    let expired = stripe.get("/v1/customers").await;
    assert_eq!((expired.status, expired.error()["code"].as_str()), (401, Some("api_key_expired")));
    let basic = stripe.with_key("");
    let pair = data_encoding::BASE64.encode(format!("{}:", keys.restricted_key).as_bytes());
    let answer = basic.send("GET", "/v1/customers", "", &[("authorization", &format!("Basic {pair}"))]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn restricted_keys_do_what_they_may_and_hear_what_they_lack() {
    let (stand_in, keys, stripe) = seeded(2).await;
    for (method, path, permission) in [
        ("GET", "/v1/customers", "rak_customer_read"),
        ("POST", "/v1/customers", "rak_customer_write"),
        ("GET", "/v1/products", "rak_product_read"),
        ("GET", "/v1/prices", "rak_plan_read"),
        ("GET", "/v1/subscriptions", "rak_subscription_read"),
        ("GET", "/v1/invoices", "rak_invoice_read"),
        ("GET", "/v1/charges", "rak_charge_read"),
        ("GET", "/v1/events", "rak_event_read"),
        ("GET", "/v1/webhook_endpoints", "rak_webhook_read"),
        ("GET", "/v1/account", "rak_connected_account_read"),
        ("GET", "/v1/coupons", "rak_coupon_read"),
        ("GET", "/v1/promotion_codes", "rak_promotion_code_read"),
        ("GET", "/v1/refunds", "rak_charge_read"),
        ("GET", "/v1/invoiceitems", "rak_invoice_read"),
        ("GET", "/v1/invoice_payments", "rak_invoice_read"),
        ("GET", "/v1/payment_intents", "rak_payment_intent_read"),
        ("GET", "/v1/setup_intents", "rak_setup_intent_read"),
        ("GET", "/v1/checkout/sessions", "rak_checkout_session_read"),
        ("GET", "/v1/billing/meters", "rak_billing_meter_read"),
    ] {
        let key = |permissions: Vec<String>| {
            let spec = KeySpec { kind: "restricted".into(), livemode: false, permissions };
            stripe.with_key(&stand_in.control().new_key(&keys.account, spec).unwrap())
        };
        let refused = key(vec![]).send(method, path, "", &[]).await;
        assert_eq!(refused.status, 403, "{path}");
        let message = refused.error()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(permission) && message.contains(&keys.account), "{message}");
        assert_eq!(refused.error().get("code"), None);
        let allowed = key(vec![permission.to_owned()]).send(method, path, "", &[]).await;
        assert_eq!(allowed.status, 200, "{path}: {}", allowed.text);
        let write = permission.replace("_read", "_write");
        assert_eq!(key(vec![write]).send(method, path, "", &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let key = [("idempotency-key", "order-1")];
    let first = stripe.send("POST", "/v1/customers", "name=Ada", &key).await;
    let again = stripe.send("POST", "/v1/customers", "name=Ada", &key).await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    let other = stripe.send("POST", "/v1/customers", "name=Bob", &key).await;
    assert_eq!((other.status, other.error()["type"].as_str()), (400, Some("idempotency_error")));
    assert_eq!(stripe.all("/v1/customers", 10).await.len(), 2);
    // Refused parameters leave the key free.
    let key = [("idempotency-key", "order-2")];
    assert_eq!(stripe.send("POST", "/v1/customers", "colour=red", &key).await.status, 400);
    assert_eq!(stripe.send("POST", "/v1/customers", "name=Eve", &key).await.status, 200);
    let events = stripe.ok("/v1/events").await;
    assert_eq!(events["data"][0]["request"]["idempotency_key"], "order-2");
    // While the first request runs, the second is told to wait.
    let slow = json!({"account": keys.account, "latency_ms": 300});
    assert_eq!(Caller::new(&stand_in, "").post("/_control/chaos", &slow.to_string()).await.status, 200);
    let key = [("idempotency-key", "order-3")];
    let late = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        stripe.send("POST", "/v1/customers", "name=Mia", &key).await
    };
    let (first, second) = tokio::join!(stripe.send("POST", "/v1/customers", "name=Mia", &key), late);
    assert_eq!((first.status, second.status), (200, 409));
    assert_eq!(second.error()["code"], "idempotency_key_in_use");
}

#[tokio::test]
async fn wrong_requests_get_stripes_errors() {
    let (_stand_in, _, stripe) = seeded(2).await;
    for (method, path, body, status, code, param) in [
        ("GET", "/v1/customers/cus_nobody", "", 404, "resource_missing", "id"),
        ("GET", "/v1/invoices/in_none", "", 404, "resource_missing", "id"),
        ("GET", "/v1/subscriptions?customer=cus_nobody", "", 400, "resource_missing", "customer"),
        ("POST", "/v1/customers", "nmae=Ada", 400, "parameter_unknown", "nmae"),
        ("POST", "/v1/products", "active=true", 400, "parameter_missing", "name"),
        ("POST", "/v1/subscriptions", "items[0][price]=price_1", 400, "parameter_missing", "customer"),
        ("POST", "/v1/customers", "balance=much", 400, "parameter_invalid_integer", "balance"),
    ] {
        let answer = stripe.send(method, path, body, &[]).await;
        let error = answer.error();
        assert_eq!((answer.status, &error["code"], &error["param"]), (status, &json!(code), &json!(param)), "{path}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(answer.header("request-id").starts_with("req_"));
    }
    assert_eq!(stripe.post("/v1/customers", "{\"name\":\"Ada\"}").await.status, 400);
    assert_eq!(stripe.get("/v1/nonsense").await.status, 404);
    let future = stripe.send("GET", "/v1/customers", "", &[("stripe-version", "2031-01-01.nope")]).await;
    assert_eq!(future.status, 400);
    let other = stripe.send("GET", "/v1/customers", "", &[("stripe-account", "acct_other")]).await;
    assert_eq!((other.status, other.error()["code"].as_str()), (403, Some("account_invalid")));
}

#[tokio::test]
async fn the_older_version_shows_the_older_shapes() {
    let (_stand_in, _, stripe) = seeded(30).await;
    let old = [("stripe-version", "2024-06-20")];
    let answer = stripe.send("GET", "/v1/subscriptions?status=active&limit=100", "", &old).await;
    assert_eq!(answer.header("stripe-version"), "2024-06-20");
    let new = stripe.ok("/v1/subscriptions?status=active&limit=100").await;
    for (old, new) in answer.json()["data"].as_array().unwrap().iter().zip(new["data"].as_array().unwrap()) {
        let item = &new["items"]["data"][0];
        assert_eq!(old["id"], new["id"]);
        assert_eq!(old["current_period_end"], item["current_period_end"]);
        assert!(new.get("current_period_end").is_none() && old["items"]["data"][0].get("current_period_end").is_none());
        assert!(old.get("billing_mode").is_none() && old["discount"].is_null());
    }
    let paid = &stripe.ok("/v1/invoices?status=paid&limit=100").await["data"];
    let invoice = paid.as_array().unwrap().iter().find(|row| row["amount_paid"].as_i64() > Some(0)).unwrap();
    let older = stripe.send("GET", &format!("/v1/invoices/{}", id(invoice)), "", &old).await.json();
    assert_eq!(older["subscription"], invoice["parent"]["subscription_details"]["subscription"]);
    assert_eq!(older["paid"], true);
    assert!(older.get("parent").is_none());
    let charge = stripe.send("GET", &format!("/v1/charges/{}", older["charge"].as_str().unwrap()), "", &old).await;
    assert_eq!(charge.json()["invoice"], invoice["id"]);
    let line = &older["lines"]["data"][0];
    assert_eq!(line["price"]["id"], invoice["lines"]["data"][0]["pricing"]["price_details"]["price"]);
}

#[tokio::test]
async fn expanding_needs_the_permission_of_what_is_put_in() {
    let (stand_in, keys, stripe) = seeded(5).await;
    let page = stripe
        .ok("/v1/invoices?limit=3&expand[]=data.customer&expand[]=data.parent.subscription_details.subscription")
        .await;
    assert!(page["data"].as_array().unwrap().iter().all(|row| row["customer"]["object"] == "customer"));
    let parent = &page["data"][0]["parent"]["subscription_details"];
    assert_eq!(parent["subscription"]["object"], "subscription");
    let tiered = stripe.all("/v1/prices", 100).await.into_iter().find(|row| row["tiers_mode"] == "volume").unwrap();
    assert!(tiered.get("tiers").is_none());
    let expanded = stripe.ok(&format!("/v1/prices/{}?expand[]=tiers", id(&tiered))).await;
    assert_eq!(expanded["tiers"].as_array().unwrap().len(), 3);
    assert_eq!(stripe.get("/v1/invoices?expand[]=data.number").await.status, 400);
    let spec = KeySpec { kind: "restricted".into(), livemode: false, permissions: vec!["rak_invoice_read".into()] };
    let reader = stripe.with_key(&stand_in.control().new_key(&keys.account, spec).unwrap());
    assert_eq!(reader.get("/v1/invoices?limit=1").await.status, 200);
    assert_eq!(reader.get("/v1/invoices?limit=1&expand[]=data.customer").await.status, 403);
}

#[tokio::test]
async fn deleted_customers_leave_a_tombstone_and_others_nothing() {
    let (_stand_in, _, stripe) = seeded(4).await;
    let customer = stripe.ok("/v1/customers?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let stone = json!({"id": customer, "object": "customer", "deleted": true});
    assert_eq!(stripe.delete(&format!("/v1/customers/{customer}")).await.json(), stone);
    assert_eq!(stripe.ok(&format!("/v1/customers/{customer}")).await, stone);
    assert_eq!(stripe.all("/v1/customers", 10).await.len(), 3);
    assert_eq!(stripe.delete(&format!("/v1/customers/{customer}")).await.status, 404);
    let left = stripe.all(&format!("/v1/subscriptions?customer={customer}&status=all"), 10).await;
    assert!(left.iter().all(|row| ["canceled", "incomplete_expired"].contains(&row["status"].as_str().unwrap())));
    let product = stripe.change("/v1/products", "name=Short-lived&id=short").await;
    assert_eq!(product["id"], "short");
    assert_eq!(stripe.delete("/v1/products/short").await.json()["deleted"], true);
    assert_eq!(stripe.get("/v1/products/short").await.status, 404);
}

#[tokio::test]
async fn too_many_requests_are_refused_with_the_reason() {
    let stand_in = StandIn::start(Options { seed: 1, ..Options::default() }).await.unwrap();
    let keys = stand_in.account(AccountSpec::default());
    let stripe = Caller::new(&stand_in, &keys.secret_key);
    let mut refused = None;
    for _ in 0..60 {
        let answer = stripe.get("/v1/customers").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("sixty requests at once are more than twenty-five a second");
    assert_eq!(refused.error()["code"], "rate_limit");
    assert!(refused.header("stripe-rate-limited-reason").ends_with("-rate"));
    assert_eq!(refused.header("retry-after"), "");
    let log = Caller::new(&stand_in, "").get(&format!("/_control/log?account={}", keys.account)).await.json();
    assert_eq!(log.as_array().unwrap().last().unwrap()["status"], 429);
    assert_eq!(log[0]["key_last4"], keys.secret_key[keys.secret_key.len() - 4..]);
}

#[tokio::test]
async fn writes_of_restricted_keys_name_the_permission_they_lack() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let spec = KeySpec { kind: "restricted".into(), livemode: false, permissions: vec!["rak_customer_read".into()] };
    let reader = stripe.with_key(&stand_in.control().new_key(&keys.account, spec).unwrap());
    for (method, path, permission) in [
        ("POST", "/v1/subscriptions/sub_1/resume", "rak_subscription_write"),
        ("POST", "/v1/subscriptions/sub_1/pause", "rak_subscription_write"),
        ("POST", "/v1/subscription_items", "rak_subscription_write"),
        ("DELETE", "/v1/subscription_items/si_1", "rak_subscription_write"),
        ("POST", "/v1/invoices", "rak_invoice_write"),
        ("POST", "/v1/invoices/create_preview", "rak_invoice_write"),
        ("POST", "/v1/invoices/in_1/send", "rak_invoice_write"),
        ("POST", "/v1/invoiceitems", "rak_invoice_write"),
        ("POST", "/v1/payment_methods/pm_1/attach", "rak_payment_method_write"),
        ("POST", "/v1/customers/cus_1/tax_ids", "rak_customer_write"),
        ("POST", "/v1/coupons", "rak_coupon_write"),
        ("DELETE", "/v1/coupons/X", "rak_coupon_write"),
        ("POST", "/v1/promotion_codes", "rak_promotion_code_write"),
        ("POST", "/v1/refunds", "rak_charge_write"),
        ("POST", "/v1/prices", "rak_plan_write"),
        ("POST", "/v1/checkout/sessions", "rak_checkout_session_write"),
        ("POST", "/v1/checkout/sessions/cs_1/expire", "rak_checkout_session_write"),
        ("POST", "/v1/billing/meters", "rak_billing_meter_write"),
        ("POST", "/v1/billing/meter_events", "rak_billing_meter_write"),
    ] {
        let refused = reader.send(method, path, "", &[]).await;
        let message = refused.error()["message"].as_str().unwrap().to_owned();
        assert_eq!(refused.status, 403, "{path}");
        assert!(message.contains(&format!("Having the '{permission}' permission")), "{path}: {message}");
    }
}

#[tokio::test]
async fn a_lost_answer_was_an_executed_write_and_the_same_key_gets_it_back() {
    let (stand_in, _, stripe) = seeded(1).await;
    let control = Caller::new(&stand_in, "");
    assert_eq!(control.post("/_control/chaos", "{\"lose_answer\": 1.0}").await.status, 200);
    let key = [("idempotency-key", "lost-1")];
    assert!(stripe.try_send("POST", "/v1/customers", "name=Ada", &key).await.is_err());
    // Reading goes on as ever.
    assert_eq!(stripe.all("/v1/customers", 10).await.len(), 2);
    control.post("/_control/chaos", "{}").await;
    let again = stripe.send("POST", "/v1/customers", "name=Ada", &key).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(stripe.all("/v1/customers", 10).await.len(), 2);
    let log = control.ok("/_control/log").await;
    assert!(log.as_array().unwrap().iter().any(|row| row["method"] == "POST" && row["status"] == 0));
}

#[tokio::test]
async fn the_new_writes_are_limited_like_all_others() {
    let stand_in = StandIn::start(Options { seed: 1, ..Options::default() }).await.unwrap();
    let keys = stand_in.account(AccountSpec::default());
    let stripe = Caller::new(&stand_in, &keys.secret_key);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(stripe.post("/v1/coupons", "percent_off=5").await.status);
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}
