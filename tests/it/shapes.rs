//! Events in the shapes of four API versions, delivered as Stripe would: every mirrored type fills the same columns. And events that
//! nobody here has heard of: kept, and where they name an object, that object is read.

use billfold::{
    domain::{ids::ProjectId, kind::Kind},
    standin,
};
use serde_json::{Value, json};

use crate::harness::{Account, Engine, Site, both_engines};

both_engines!(
    four_years_of_shapes_fill_the_same_columns,
    a_thin_event_leads_to_its_object,
    a_thin_event_of_a_part_leads_to_the_whole,
    a_thin_event_of_something_else_is_kept,
    unknown_types_are_kept_and_those_of_mirrored_objects_applied,
);

/// What each version's `data.object` looks like, by type.
const SHAPES: [(&str, &str); 4] = [
    ("2024-12-18.acacia", include_str!("../data/shapes/2024-12-18.acacia.json")),
    ("2025-06-30.basil", include_str!("../data/shapes/2025-06-30.basil.json")),
    ("2025-11-17.clover", include_str!("../data/shapes/2025-11-17.clover.json")),
    ("2026-05-27.dahlia", include_str!("../data/shapes/2026-05-27.dahlia.json")),
];

/// When the objects of the shapes were made, unix seconds.
const MADE: i64 = 1_733_000_000;

/// The columns of each table, and what they hold then; `{customer}` and its like are our ids.
///
/// Not here: `charges.invoice_id`, which no version since Basil says.
const COLUMNS: [(Kind, &str, &str); 6] = [
    (
        Kind::Customer,
        "created status name email currency balance",
        "1732999960 delinquent Ada_Lovelace ada@example.com eur -250",
    ),
    (
        Kind::Product,
        "created status name description default_price_id",
        "1732999940 active Coffee Beans,_every_month {price}",
    ),
    (
        Kind::Price,
        "created status product_id nickname lookup_key currency unit_amount recurring_interval recurring_count usage_type billing_scheme",
        "1732999950 active {product} Quarterly quarterly eur 1000 month 3 licensed per_unit",
    ),
    (
        Kind::Subscription,
        "created status customer_id currency amount recurring_interval recurring_count price_id quantity item_count current_period_start current_period_end cancel_at_period_end cancel_at canceled_at ended_at trial_end",
        "1733000000 active {customer} eur 2000 month 3 {price} 2 1 1733000000 1735678400 yes 1735678400 1733000005 - 1732999990",
    ),
    (
        Kind::Invoice,
        "created status customer_id subscription_id number customer_name customer_email currency total amount_due amount_paid amount_remaining due_date period_start period_end paid_at attempt_count next_payment_attempt",
        "1733000010 open {customer} {subscription} A1B2C3D4-0001 Ada_Lovelace ada@example.com eur 2000 2000 500 1500 1735678407 1733000000 1735678400 1733000030 2 1735678499",
    ),
    (
        Kind::Charge,
        "created status customer_id payment_intent currency amount amount_refunded disputed failure_message description",
        "1733000025 failed {customer} pi_3QShape00000000001 eur 2000 300 yes Your_card_was_declined. Subscription_update",
    ),
];

/// An event about an object, as a delivery in `version` carries it.
fn event(id: &str, event_type: &str, version: &str, created: i64, object: &Value) -> String {
    let data = json!({ "object": object });
    json!({ "id": id, "object": "event", "type": event_type, "api_version": version, "created": created,
        "livemode": false, "pending_webhooks": 1, "data": data, "request": { "id": null, "idempotency_key": null } })
    .to_string()
}

async fn four_years_of_shapes_fill_the_same_columns(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(1).await;
    let project = &site.tenant().await.project;
    // Newest first and back again: what one version cannot say must not stay from another.
    for (turn, (version, shapes)) in SHAPES.iter().rev().chain(&SHAPES).enumerate() {
        let shapes: Value = serde_json::from_str(shapes).unwrap();
        for (n, (kind, ..)) in COLUMNS.iter().enumerate() {
            let object = &shapes[kind.as_str()];
            let event_type = match kind {
                Kind::Subscription => "customer.subscription.updated".to_owned(),
                kind => format!("{kind}.updated"),
            };
            let payload =
                event(&format!("evt_{turn}_{n}"), &event_type, version, MADE + i64::try_from(turn).unwrap(), object);
            site.deliver(&account, &payload).await.expect(200);
        }
        site.wait_until_idle().await;
        let ids = |kind: Kind| kind.derive_id(project, shapes[kind.as_str()]["id"].as_str().unwrap());
        for (kind, columns, holds) in COLUMNS {
            let mut holds = holds.to_owned();
            for named in Kind::ALL {
                holds = holds.replace(&format!("{{{named}}}"), &ids(named));
            }
            assert_eq!(columns_of(&site, kind, columns, &ids(kind)).await, holds, "{kind} in {version}");
        }
        assert_eq!(items(&site, project, &shapes).await, 1, "{version}");
    }
}

/// The columns of a row with a space between them: none is `-`, and blanks inside are `_`.
async fn columns_of(site: &Site, kind: Kind, columns: &str, id: &str) -> String {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let text = |column: &str| match column {
        "cancel_at_period_end" | "disputed" => format!("CASE WHEN {column} THEN 'yes' ELSE 'no' END"),
        column => format!("REPLACE(COALESCE(CAST({column} AS TEXT), '-'), ' ', '_')"),
    };
    let all: Vec<String> = columns.split(' ').map(text).collect();
    tx.query(format!(
        "SELECT {} FROM {} WHERE tenant_id = $1 AND project_id = $2 AND id = $3",
        all.join(" || ' ' || "),
        kind.plural()
    ))
    .bind(&tenant.project)
    .bind(id)
    .fetch_value()
    .await
    .unwrap()
}

/// How many items of the subscription have the shapes' price and product.
async fn items(site: &Site, project: &ProjectId, shapes: &Value) -> i64 {
    let id = |kind: Kind| kind.derive_id(project, shapes[kind.as_str()]["id"].as_str().unwrap());
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT COUNT(*) FROM subscription_items WHERE tenant_id = $1 AND project_id = $2 AND subscription_id = $3 AND price_id = $4 AND product_id = $5 AND quantity = 2")
        .bind(project)
        .bind(id(Kind::Subscription))
        .bind(id(Kind::Price))
        .bind(id(Kind::Product))
        .fetch_value()
        .await
        .unwrap()
}

/// A thin event: it names its object and says nothing of it.
fn thin(id: &str, event_type: &str, related: &Value) -> String {
    json!({ "id": id, "object": "v2.core.event", "type": event_type, "livemode": false, "context": null,
        "created": "2026-01-05T10:11:12.345Z", "related_object": related, "reason": null })
    .to_string()
}

/// The name that the mirror shows for a customer, and whether it is deleted.
async fn shown(site: &Site, stripe_id: &str) -> (String, bool) {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT name, (deleted_at IS NOT NULL) FROM customers WHERE tenant_id = $1 AND project_id = $2 AND stripe_id = $3")
        .bind(&tenant.project)
        .bind(stripe_id)
        .fetch_one()
        .await
        .unwrap()
}

/// Changes something at Stripe whose own event is lost.
async fn unheard(site: &Site, change: impl FnOnce()) {
    site.chaos(json!({ "lose": 1.0 }));
    change();
    site.wait_until_idle().await;
    site.chaos(json!({ "lose": 0.0 }));
}

fn first_customer(account: &Account<'_>) -> String {
    account.ids(standin::kind::Kind::Customer).remove(0)
}

async fn a_thin_event_leads_to_its_object(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let customer = first_customer(&account);
    let related = json!({ "id": customer, "type": "customer", "url": format!("/v1/customers/{customer}") });
    unheard(&site, || account.change(&customer, json!({ "name": "Grace Hopper" }))).await;
    site.deliver(&account, &thin("evt_thin1", "v1.customer.updated", &related)).await.expect(200);
    site.wait_until_idle().await;
    assert_eq!(shown(&site, &customer).await, ("Grace Hopper".to_owned(), false));
    assert_eq!(site.event("evt_thin1").await, ("done".to_owned(), Some("read_again".to_owned())));
    let program = site.program().await;
    let told = program.get("/v1/events/evt_thin1").await.expect(200).json();
    assert_eq!((&told["created"], &told["object_id"]), (&json!(1_767_607_872), &json!(customer)), "{told}");

    unheard(&site, || account.delete(&customer)).await;
    site.deliver(&account, &thin("evt_thin2", "v1.customer.deleted", &related)).await.expect(200);
    site.wait_until_idle().await;
    assert!(shown(&site, &customer).await.1, "what is gone at Stripe is gone here");
}

async fn a_thin_event_of_a_part_leads_to_the_whole(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(10).await;
    let subscriptions = account.dump(standin::kind::Kind::Subscription);
    let subscription = subscriptions.iter().find(|subscription| subscription["status"] == "active").unwrap();
    let (id, customer) = (subscription["id"].as_str().unwrap(), subscription["customer"].as_str().unwrap());
    let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
    unheard(&site, || account.change(id, json!({ "metadata": { "told": "by a part" } }))).await;
    let related = |object: &str, id: &str| json!({ "id": id, "type": object, "url": format!("/v1/{object}s/{id}") });
    let item = thin("evt_item", "v1.subscription_item.updated", &related("subscription_item", item));
    let nobodys = thin("evt_refund", "v1.refund.updated", &related("refund", "re_nobodys"));
    for event in [&item, &nobodys] {
        site.deliver(&account, event).await.expect(200);
    }
    site.wait_until_idle().await;
    for event in ["evt_item", "evt_refund"] {
        assert_eq!(site.event(event).await, ("done".to_owned(), Some("read_again".to_owned())));
    }
    let shown = site.program().await.get(&format!("/v1/subscriptions/{id}")).await.expect(200).json();
    assert_eq!(shown["metadata"]["told"], "by a part", "the subscription of {customer} was read again: {shown}");
}

async fn a_thin_event_of_something_else_is_kept(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(1).await;
    let meter = json!({ "id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1" });
    site.deliver(&account, &thin("evt_meter", "v1.billing.meter.error_report_triggered", &meter)).await.expect(200);
    site.deliver(&account, &thin("evt_none", "v2.core.health.event_generation_failure.resolved", &Value::Null))
        .await
        .expect(200);
    // Another account's event is kept apart, as that of a full event is.
    let other =
        thin("evt_other", "v1.customer.updated", &meter).replace("\"context\":null", "\"context\":\"acct_other\"");
    site.deliver(&account, &other).await.expect(200);
    site.wait_until_idle().await;
    for id in ["evt_meter", "evt_none"] {
        assert_eq!(site.event(id).await, ("ignored".to_owned(), Some("not_mirrored".to_owned())), "{id}");
    }
    assert_eq!(site.event("evt_other").await.0, "quarantined");
}

async fn unknown_types_are_kept_and_those_of_mirrored_objects_applied(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let customer = first_customer(&account);
    let newest = site.app.clock.now() + 60;
    let mut object = account.dump(standin::kind::Kind::Customer).remove(0);
    object["name"] = json!("Katherine Johnson");
    object["a_field_of_2031"] = json!({ "deep": [1, { "er": null }] });
    let payload = event("evt_new", "customer.something_of_2031", "2031-02-03.zinnia", newest, &object);
    site.deliver(&account, &payload).await.expect(200);
    let strange = json!({ "id": "hol_1", "object": "hologram", "customer": customer });
    let payload = event("evt_strange", "hologram.rotated", "2031-02-03.zinnia", newest, &strange);
    site.deliver(&account, &payload).await.expect(200);
    site.wait_until_idle().await;
    assert_eq!(shown(&site, &customer).await.0, "Katherine Johnson");
    assert_eq!(site.event("evt_new").await, ("done".to_owned(), Some("applied".to_owned())));
    assert_eq!(site.event("evt_strange").await, ("ignored".to_owned(), Some("not_mirrored".to_owned())));
    let program = site.program().await;
    let kept = program.get("/v1/events/evt_strange").await.expect(200).json();
    assert_eq!(kept["payload"]["data"]["object"], strange, "it is kept as it came");
}
