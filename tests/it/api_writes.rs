//! What programs change at Stripe: done once, shown at once, refused in Stripe's words.

use billfold::{domain::api_key::Preset, standin::kind::Kind as AtStripe, store::audit_log};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Program, Site, both_engines, new_key, scope};

both_engines!(
    a_customer_is_made_once_and_shown_at_once,
    a_body_that_does_not_fit_is_refused_by_the_name_of_its_field,
    a_subscription_is_looked_at_changed_ended_and_taken_back,
    products_and_prices_are_made_and_archived,
    invoices_are_voided_and_money_is_given_back,
    a_checkout_session_leads_back_to_allowed_origins_alone,
);

async fn a_customer_is_made_once_and_shown_at_once(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let tenant = site.tenant().await.clone();
    let made = new_key(&site.app, &tenant, Preset::Everything.scopes()).await;
    let program = Program::new(&site.base, Some(made.key.expose()));
    let before = account.ids(AtStripe::Customer).len();
    let body = json!({ "name": "Ada Lovelace", "email": "ada@example.com", "metadata": { "tier": "gold" },
        "address": { "line1": "12 St James's Square", "city": "London", "country": "GB" } });
    let first = program.post("/v1/customers", Some("order-1"), Some(body.clone())).await.expect(200);
    let customer = first.json();
    assert_eq!(
        (customer["name"].as_str(), customer["metadata"]["tier"].as_str()),
        (Some("Ada Lovelace"), Some("gold"))
    );
    assert_eq!(customer["address"]["country"], "GB");
    let again = program.post("/v1/customers", Some("order-1"), Some(body.clone())).await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", customer.clone()));
    assert_eq!(account.ids(AtStripe::Customer).len(), before + 1, "one customer was made");
    let other = program.post("/v1/customers", Some("order-1"), Some(json!({ "name": "Grace" }))).await.expect(409);
    assert_eq!(other.json()["error"]["code"], "idempotency_mismatch");
    let elsewhere = program.post("/v1/products", Some("order-1"), Some(body)).await.expect(409);
    assert_eq!(elsewhere.json()["error"]["type"], "conflict_error");

    let path = format!("/v1/customers/{}", customer["stripe_id"].as_str().unwrap());
    let changed = program.post(&path, None, Some(json!({ "phone": "+44 20 7946 0000" }))).await.expect(200).json();
    assert_eq!((changed["phone"].as_str(), changed["name"].as_str()), (Some("+44 20 7946 0000"), Some("Ada Lovelace")));
    assert_eq!(program.get(&path).await.expect(200).json(), changed);

    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let actions = audit_log::list::actions(&mut tx, &tenant.project).await.unwrap();
    assert!(actions.ends_with(&["customer.created".to_owned(), "customer.updated".to_owned()]), "{actions:?}");
    let actors: Vec<String> = tx
        .query("SELECT DISTINCT actor FROM audit_log WHERE tenant_id = $1 AND action LIKE 'customer.%'")
        .fetch_values()
        .await
        .unwrap();
    assert_eq!(actors, [made.id.as_str()]);
}

async fn a_body_that_does_not_fit_is_refused_by_the_name_of_its_field(engine: Engine) {
    let site = Site::start(engine).await;
    let program = site.program().await;
    let unconnected = program.post("/v1/customers", None, Some(json!({ "name": "Ada" }))).await.expect(409);
    assert_eq!(unconnected.json()["error"]["type"], "conflict_error");
    site.connect(3).await;
    for (path, body, param) in [
        ("/v1/customers", json!({ "nmae": "Ada" }), "nmae"),
        ("/v1/customers", json!({ "name": 5 }), "name"),
        ("/v1/customers", json!({ "email": "nowhere" }), "email"),
        ("/v1/customers", json!({ "address": { "street": "x" } }), "address.street"),
        ("/v1/customers", json!({ "address": { "country": "England" } }), "address.country"),
        ("/v1/subscriptions", json!({ "customer": "cus_nobody" }), "price"),
        ("/v1/subscriptions", json!({ "customer": "cus_nobody", "price": "price_none" }), "customer"),
        ("/v1/refunds", json!({ "charge": "ch_nobody" }), "charge"),
        ("/v1/refunds", json!({ "charge": "ch_nobody", "amount": "1" }), "amount"),
        ("/v1/prices", json!({ "product": "x", "currency": "usd" }), "unit_amount"),
        ("/v1/prices", json!({ "product": "x", "currency": "usd", "unit_amount": "much" }), "unit_amount"),
    ] {
        let refused = program.post(path, None, Some(body.clone())).await.expect(422);
        assert_eq!(refused.json()["error"]["param"], param, "{path} {body}: {}", refused.body);
    }
    let raw = |kind: Option<&'static str>, body: String| {
        let request = program.request(Method::POST, "/v1/customers").body(body);
        program.send(if let Some(kind) = kind { request.header("content-type", kind) } else { request })
    };
    raw(Some("text/xml"), "<a/>".to_owned()).await.expect(415);
    raw(None, "{}".to_owned()).await.expect(415);
    raw(Some("application/json"), "{".to_owned()).await.expect(400);
    raw(Some("application/json"), "{} more".to_owned()).await.expect(400);
    raw(Some("application/json"), format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20))).await.expect(413);
    let key = program.request(Method::POST, "/v1/customers").header("idempotency-key", "x".repeat(256));
    assert_eq!(program.send(key).await.expect(400).json()["error"]["code"], "idempotency_key_invalid");
}

async fn a_subscription_is_looked_at_changed_ended_and_taken_back(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(30).await;
    let program = site.program().await;
    let list = program.get("/v1/subscriptions?status=active&limit=100").await.expect(200).json();
    let seats = |subscription: &&Value| {
        subscription["items"]
            .as_array()
            .is_some_and(|items| items.len() == 1 && items[0]["quantity"].as_i64() >= Some(1))
    };
    let subscription = list["data"].as_array().unwrap().iter().find(seats).expect("one with a quantity").clone();
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let quantity = subscription["items"][0]["quantity"].as_i64().unwrap() + 2;
    let looked = program.post(&format!("{path}/preview"), None, Some(json!({ "quantity": quantity }))).await;
    let looked = looked.expect(200).json();
    assert!(!looked["lines"].as_array().unwrap().is_empty(), "{looked}");
    assert_eq!(program.get(&path).await.expect(200).json(), subscription, "a look changes nothing");
    let change = json!({ "quantity": quantity, "proration_date": looked["proration_date"] });
    let changed = program.post(&path, Some("more"), Some(change)).await.expect(200).json();
    assert_eq!(changed["items"][0]["quantity"], quantity);

    let end = json!({ "feedback": "unused", "comment": "No time" });
    let ending = program.post(&format!("{path}/cancel"), None, Some(end)).await.expect(200).json();
    assert_eq!(ending["cancel_at_period_end"], true);
    let kept = program.post(&format!("{path}/resume"), None, None).await.expect(200).json();
    assert_eq!(kept["cancel_at_period_end"], false);
    program.post(&format!("{path}/pause"), None, Some(json!({ "behavior": "void" }))).await.expect(200);
    program.post(&format!("{path}/unpause"), None, None).await.expect(200);
    let over = program.post(&format!("{path}/cancel"), None, Some(json!({ "at": "now" }))).await.expect(200).json();
    assert_eq!(over["status"], "canceled");
    let at_stripe = account.dump(AtStripe::Subscription);
    let theirs = at_stripe.iter().find(|object| object["id"] == subscription["stripe_id"]).unwrap();
    assert_eq!(theirs["status"], "canceled");
    let refused = program.post(&path, None, Some(json!({ "quantity": 3 }))).await;
    assert!(matches!(refused.status, 409 | 422), "{}: {}", refused.status, refused.body);
    assert!(!refused.json()["error"]["code"].as_str().unwrap().is_empty());
}

async fn products_and_prices_are_made_and_archived(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(3).await;
    let program = site.program().await;
    let product = program.post("/v1/products", None, Some(json!({ "name": "Team", "unit_label": "seat" }))).await;
    let product = product.expect(200).json();
    let id = product["id"].as_str().unwrap();
    let flat = json!({ "product": id, "currency": "USD", "unit_amount": "1000", "recurring": { "interval": "month" } });
    let flat = program.post("/v1/prices", None, Some(flat)).await.expect(200).json();
    assert_eq!(flat["sentence"], "$10.00 per seat per month");
    let tiers = json!({ "product": id, "currency": "usd", "tiers_mode": "graduated", "recurring": { "interval": "month" },
        "tiers": [{ "up_to": 5, "unit_amount": "0" }, { "unit_amount": "900" }] });
    let tiers = program.post("/v1/prices", None, Some(tiers)).await.expect(200).json();
    assert_eq!((tiers["tiers_mode"].as_str(), tiers["unit_amount"].as_i64()), (Some("graduated"), None));
    let named = json!({ "nickname": "Monthly", "lookup_key": "team_monthly" });
    let path = format!("/v1/prices/{}", flat["id"].as_str().unwrap());
    let renamed = program.post(&path, None, Some(named)).await.expect(200).json();
    assert_eq!(renamed["nickname"], "Monthly");
    let archived = program.post(&format!("{path}/archive"), None, None).await.expect(200).json();
    assert_eq!(archived["status"], "archived");
    let path = format!("/v1/products/{id}");
    assert_eq!(program.post(&format!("{path}/archive"), None, None).await.expect(200).json()["status"], "archived");
    assert_eq!(program.post(&format!("{path}/unarchive"), None, None).await.expect(200).json()["status"], "active");
}

async fn invoices_are_voided_and_money_is_given_back(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(80).await;
    let program = site.program().await;
    let open = program.get("/v1/invoices?status=open&limit=1").await.expect(200).json()["data"][0].clone();
    let path = format!("/v1/invoices/{}", open["stripe_id"].as_str().expect("an open invoice"));
    let void = program.post(&format!("{path}/void"), Some("v"), None).await.expect(200).json();
    assert_eq!(void["status"], "void");
    let again = program.post(&format!("{path}/void"), Some("w"), None).await;
    assert!(matches!(again.status, 409 | 422), "{}", again.body);

    let charges = program.get("/v1/charges?limit=100").await.expect(200).json();
    let paid = |charge: &&Value| charge["status"] == "succeeded" && charge["amount_refunded"] == 0;
    let charge = charges["data"].as_array().unwrap().iter().find(paid).expect("a paid charge").clone();
    let part = json!({ "charge": charge["id"], "amount": 1, "reason": "requested_by_customer" });
    let refund = program.post("/v1/refunds", Some("r"), Some(part.clone())).await.expect(200).json();
    assert_eq!((refund["amount"].as_i64(), &refund["charge"]), (Some(1), &charge["id"]));
    program.post("/v1/refunds", Some("r"), Some(part)).await.expect(200);
    site.wait_until_idle().await;
    let now = program.get(&format!("/v1/charges/{}", charge["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(now["amount_refunded"], 1, "given back once");
    let more = json!({ "charge": charge["id"], "amount": charge["amount"] });
    let more = program.post("/v1/refunds", None, Some(more)).await.expect(422);
    assert_eq!(more.json()["error"]["param"], "amount");
}

async fn a_checkout_session_leads_back_to_allowed_origins_alone(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(10).await;
    let program = site.program().await;
    let prices = program.get("/v1/prices?limit=100&status=active").await.expect(200).json();
    let monthly = |price: &&Value| price["recurring"]["usage_type"] == "licensed";
    let price = prices["data"].as_array().unwrap().iter().find(monthly).expect("a recurring price")["id"].clone();
    let session = json!({ "mode": "subscription", "line_items": [{ "price": price, "quantity": 1 }],
        "success_url": "https://shop.example/thanks", "client_reference_id": "order-7" });
    let refused = program.post("/v1/checkout_sessions", None, Some(session.clone())).await.expect(422);
    assert_eq!(refused.json()["error"]["param"], "success_url");
    scope(&site.app, site.tenant().await).allow_origin("https://shop.example").await.unwrap();
    let made = program.post("/v1/checkout_sessions", Some("c"), Some(session)).await.expect(200).json();
    assert_eq!((made["status"].as_str(), made["client_reference_id"].as_str()), (Some("open"), Some("order-7")));
    assert!(made["url"].as_str().is_some_and(|url| url.contains("/c/pay/") || url.starts_with("http")), "{made}");
    let path = format!("/v1/checkout_sessions/{}", made["stripe_id"].as_str().unwrap());
    assert_eq!(program.get(&path).await.expect(200).json()["status"], "open");
    let over = program.post(&format!("{path}/expire"), None, None).await.expect(200).json();
    assert_eq!(over["status"], "expired");
    for id in ["cs_test_nobody", "nobody", "..%2Fcustomers"] {
        program.get(&format!("/v1/checkout_sessions/{id}")).await.expect(404);
    }
}
