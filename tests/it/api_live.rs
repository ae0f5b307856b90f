//! What programs see and do with what the mirror does not keep: refunds, coupons, promotion codes, meters; and portal links.

use billfold::clock::Clock;
use billfold::domain::{api_key::Preset, ids::PortalLinkId};
use serde_json::{Value, json};

use crate::harness::{Engine, Program, Site, both_engines, scope};

both_engines!(
    coupons_and_codes_are_made_listed_and_ended,
    refunds_are_listed_by_pages,
    meters_are_listed,
    a_portal_link_is_made_once_used_and_revoked,
);

fn data(list: &Value) -> &Vec<Value> {
    list["data"].as_array().unwrap()
}

async fn coupons_and_codes_are_made_listed_and_ended(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(3).await;
    let program = site.program().await;
    for (body, param) in [
        (json!({ "name": "x" }), "percent_off"),
        (json!({ "name": "x", "percent_off": 10, "amount_off": 5, "currency": "usd" }), "percent_off"),
        (json!({ "name": "x", "percent_off": 0 }), "percent_off"),
        (json!({ "name": "x", "percent_off": 100.01 }), "percent_off"),
        (json!({ "name": "x", "percent_off": 1.005 }), "percent_off"),
        (json!({ "name": "x", "amount_off": 500 }), "currency"),
        (json!({ "name": "x", "percent_off": 5, "duration": "repeating" }), "duration_in_months"),
        (json!({ "name": "x", "percent_off": 5, "duration_in_months": 3 }), "duration_in_months"),
        (json!({ "name": "x", "percent_off": 5, "duration": "weekly" }), "duration"),
        (json!({ "name": "x", "percent_off": 5, "id": "no spaces" }), "id"),
        (json!({ "name": "x", "percent_off": 5, "redeem_by": 1 }), "redeem_by"),
    ] {
        let refused = program.post("/v1/coupons", None, Some(body.clone())).await.expect(422);
        assert_eq!(refused.json()["error"]["param"], param, "{body}");
    }
    let spring = json!({ "id": "SPRING", "name": "Spring", "percent_off": 12.5, "duration": "repeating",
        "duration_in_months": 3, "metadata": { "campaign": "7" } });
    let made = program.post("/v1/coupons", Some("c"), Some(spring.clone())).await.expect(200).json();
    assert_eq!(
        (&made["stripe_id"], &made["percent_off"], &made["valid"]),
        (&json!("SPRING"), &json!(12.5), &json!(true))
    );
    assert_eq!(made["metadata"]["campaign"], "7");
    assert_eq!(program.post("/v1/coupons", Some("c"), Some(spring)).await.expect(200).json(), made, "made once");
    let five = json!({ "name": "Five", "amount_off": 500, "currency": "EUR" });
    let five = program.post("/v1/coupons", None, Some(five)).await.expect(200).json();
    assert_eq!((&five["amount_off"], &five["currency"]), (&json!(500), &json!("eur")));
    assert_eq!(program.get("/v1/coupons/SPRING").await.expect(200).json()["name"], "Spring");
    let first = program.get("/v1/coupons?limit=1").await.expect(200).json();
    assert_eq!((data(&first).len(), first["has_more"].as_bool()), (1, Some(true)));
    let rest = format!("/v1/coupons?starting_after={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(data(&program.get(&rest).await.expect(200).json()).len(), 1);
    let lost = program.get("/v1/coupons?starting_after=nobody").await.expect(404);
    assert_eq!(lost.json()["error"]["param"], "starting_after");

    let nothing = json!({ "coupon": "WINTER", "code": "HELLO" });
    let nothing = program.post("/v1/promotion_codes", None, Some(nothing)).await.expect(422);
    assert_eq!(nothing.json()["error"]["param"], "coupon");
    let hello = json!({ "coupon": "SPRING", "code": "HELLO", "first_time_transaction": true });
    let hello = program.post("/v1/promotion_codes", None, Some(hello)).await.expect(200).json();
    assert_eq!((&hello["coupon"], &hello["active"]), (&json!("SPRING"), &json!(true)));
    let listed = program.get("/v1/promotion_codes?coupon=SPRING&code=HELLO").await.expect(200).json();
    assert_eq!(data(&listed), std::slice::from_ref(&hello));
    let path = format!("/v1/promotion_codes/{}", hello["stripe_id"].as_str().unwrap());
    let off = program.post(&format!("{path}/deactivate"), None, None).await.expect(200).json();
    assert_eq!(off["active"], false);
    assert_eq!(program.get(&path).await.expect(200).json(), off);
    assert_eq!(program.post(&format!("{path}/activate"), None, None).await.expect(200).json()["active"], true);

    let ended = program.post("/v1/coupons/SPRING/delete", None, None).await.expect(200).json();
    assert_eq!((&ended["deleted"], &ended["valid"], &ended["name"]), (&json!(true), &json!(false), &json!("Spring")));
    program.get("/v1/coupons/SPRING").await.expect(404);
    program.post("/v1/coupons/SPRING/delete", None, None).await.expect(404);
    program.get("/v1/coupons/..%2Fcustomers").await.expect(404);
}

async fn refunds_are_listed_by_pages(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(40).await;
    let program = site.program().await;
    let charges = program.get("/v1/charges?limit=100").await.expect(200).json();
    let paid = |charge: &&Value| charge["status"] == "succeeded" && charge["amount_refunded"] == 0;
    let charge = data(&charges).iter().find(paid).expect("a paid charge").clone();
    for amount in [1, 2, 3] {
        let part =
            json!({ "charge": charge["stripe_id"], "amount": amount, "metadata": { "part": amount.to_string() } });
        program.post("/v1/refunds", None, Some(part)).await.expect(200);
    }
    for id in [&charge["id"], &charge["stripe_id"]] {
        let path = format!("/v1/refunds?charge={}&limit=2", id.as_str().unwrap());
        let page = program.get(&path).await.expect(200).json();
        assert_eq!(page["has_more"], true);
        let amounts: Vec<_> = data(&page).iter().map(|refund| refund["amount"].as_i64()).collect();
        assert_eq!(amounts, [Some(3), Some(2)]);
        assert_eq!((&data(&page)[0]["charge"], &data(&page)[0]["metadata"]["part"]), (&charge["id"], &json!("3")));
        let rest = format!("{path}&starting_after={}", page["next_cursor"].as_str().unwrap());
        let rest = program.get(&rest).await.expect(200).json();
        assert_eq!((data(&rest).len(), &rest["next_cursor"]), (1, &Value::Null));
    }
    let one = data(&program.get("/v1/refunds?limit=1").await.expect(200).json())[0].clone();
    let path = format!("/v1/refunds/{}", one["stripe_id"].as_str().unwrap());
    assert_eq!(program.get(&path).await.expect(200).json(), one);
    assert_eq!(data(&program.get("/v1/refunds?charge=ch_nobody").await.expect(200).json()), &[] as &[Value]);
    program.get("/v1/refunds/re_nobody").await.expect(404);
}

async fn meters_are_listed(engine: Engine) {
    let site = Site::start(engine).await;
    let program = site.program().await;
    let unconnected = program.get("/v1/meters").await.expect(409);
    assert!(unconnected.json()["error"]["message"].as_str().unwrap().contains("not connected"));
    site.connect(3).await;
    let active = program.get("/v1/meters?status=active").await.expect(200).json();
    let meter = data(&active).first().expect("the account has a meter").clone();
    assert!(meter["event_name"].is_string() && meter["aggregation"].is_string(), "{meter}");
    let path = format!("/v1/meters/{}", meter["stripe_id"].as_str().unwrap());
    assert_eq!(program.get(&path).await.expect(200).json(), meter);
    assert_eq!(data(&program.get("/v1/meters?status=inactive").await.expect(200).json()), &[] as &[Value]);
}

async fn a_portal_link_is_made_once_used_and_revoked(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    site.connect(3).await;
    let program = site.program_of(site.tenant().await, Preset::PortalLinks.scopes()).await;
    let customers = site.program().await.get("/v1/customers?limit=2").await.expect(200).json();
    let (ada, bob) = (data(&customers)[0].clone(), data(&customers)[1].clone());
    for (body, param) in [
        (json!({ "customer": "cus_nobody" }), "customer"),
        (json!({ "customer": ada["id"], "expires_in": 299 }), "expires_in"),
        (json!({ "customer": ada["id"], "actions": ["cancel", "everything"] }), "actions[1]"),
        (json!({ "customer": ada["id"], "actions": [], "flow": "cancel" }), "flow"),
        (json!({ "customer": ada["id"], "flow": "away" }), "flow"),
        (json!({ "customer": ada["id"], "return_url": "https://shop.example/" }), "return_url"),
    ] {
        let refused = program.post("/v1/portal_links", None, Some(body.clone())).await.expect(422);
        assert_eq!(refused.json()["error"]["param"], param, "{body}");
    }
    scope(&site.app, site.tenant().await).allow_origin("https://shop.example").await.unwrap();
    let wish = json!({ "customer": ada["stripe_id"], "actions": ["invoices", "card"], "flow": "update_card",
        "return_url": "https://shop.example/account" });
    let made = program.post("/v1/portal_links", Some("l"), Some(wish.clone())).await.expect(200).json();
    let url = made["url"].as_str().expect("its address").to_owned();
    assert!(url.starts_with(&format!("{}/portal/", site.base)), "{url}");
    assert_eq!((&made["customer"], &made["actions"]), (&ada["id"], &json!(["card", "invoices"])));
    assert_eq!((&made["status"], &made["flow"]), (&json!("unused"), &json!("update_card")));

    let again = program.post("/v1/portal_links", Some("l"), Some(wish)).await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), ("true", &made["id"]));
    assert_eq!(again.json()["url"], Value::Null, "the way in is stored");
    let mut tx = site.app.db.read(&site.tenant().await.id).await.unwrap();
    let kept: Vec<String> =
        tx.query("SELECT COALESCE(body, '') FROM idempotency WHERE tenant_id = $1").fetch_values().await.unwrap();
    let token = url.rsplit('/').next().unwrap();
    assert!(!kept.is_empty() && kept.iter().all(|body| !body.contains(token)), "the way in is stored");
    drop(tx);

    clock.advance(1); // the newest is the first of the list
    program.post("/v1/portal_links", None, Some(json!({ "customer": bob["id"] }))).await.expect(200);
    let page = program.get("/v1/portal_links?limit=1").await.expect(200).json();
    assert_eq!((&data(&page)[0]["customer"], &data(&page)[0]["url"]), (&bob["id"], &Value::Null));
    let rest = format!("/v1/portal_links?starting_after={}", page["next_cursor"].as_str().unwrap());
    let rest = program.get(&rest).await.expect(200).json();
    assert_eq!((data(&rest).len(), &data(&rest)[0]["id"]), (1, &made["id"]));
    let of_ada = format!("/v1/portal_links?customer={}", ada["stripe_id"].as_str().unwrap());
    assert_eq!(data(&program.get(&of_ada).await.expect(200).json()).len(), 1);
    let unknown = billfold::vault::new_id::<PortalLinkId>();
    program.get(&format!("/v1/portal_links?starting_after={unknown}")).await.expect(404);

    let guest = Program::new(&site.base, None);
    let path = url.strip_prefix(&site.base).unwrap();
    assert_eq!(guest.get(path).await.status, 200);
    let link = format!("/v1/portal_links/{}", made["id"].as_str().unwrap());
    let revoked = program.post(&format!("{link}/revoke"), None, None).await.expect(200).json();
    assert_eq!(revoked["status"], "revoked");
    program.post(&format!("{link}/revoke"), None, None).await.expect(200);
    assert_eq!(program.get(&link).await.expect(200).json(), revoked);
    assert_ne!(guest.get(path).await.status, 200);
    program.post(&format!("/v1/portal_links/{unknown}/revoke"), None, None).await.expect(404);
}
