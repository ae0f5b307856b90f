//! Reading Stripe's objects: old and new shapes fill the same columns, odd fields lose nothing.

use billfold::{
    domain::{
        ids::ProjectId,
        kind::Kind,
        objects::{Columns, Object},
    },
    vault::new_id,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(kind: Kind, project: &ProjectId, object: &Value) -> Object {
    Object::read(kind, project, &object.to_string()).unwrap()
}

fn price() -> Value {
    json!({ "id": "price_1", "currency": "usd", "unit_amount": 1_000, "product": "prod_1",
            "recurring": { "interval": "month", "interval_count": 1, "usage_type": "licensed" } })
}

/// 2024-06-20 (before Basil) says the period on the subscription, 2026-09-30 (Endive) on its items.
#[test]
fn a_subscription_of_2024_and_of_2026_fill_the_same_columns() {
    let project = new_id();
    let item = json!({ "id": "si_1", "quantity": 3, "price": price() });
    let old = json!({ "id": "sub_1", "object": "subscription", "created": 5, "status": "active", "customer": "cus_1",
        "currency": "usd", "current_period_start": 100, "current_period_end": 200, "cancel_at_period_end": true,
        "items": { "object": "list", "data": [item], "has_more": false } });
    let mut new = old.clone();
    for field in ["current_period_start", "current_period_end"] {
        let value = new.as_object_mut().unwrap().remove(field).unwrap();
        new["items"]["data"][0][field] = value;
    }
    new["customer"] = json!({ "id": "cus_1", "object": "customer" });
    for object in [old, new] {
        let Columns::Subscription(columns) = read(Kind::Subscription, &project, &object).columns else { panic!() };
        assert_eq!(columns.customer_id, Kind::Customer.derive_id(&project, "cus_1"));
        assert_eq!((columns.current_period_start, columns.current_period_end), (Some(100), Some(200)));
        assert_eq!((columns.amount, columns.items.len(), columns.cancel_at_period_end), (3_000, 1, true));
        assert_eq!(columns.items[0].price_id, Kind::Price.derive_id(&project, "price_1"));
    }
}

#[test]
fn an_invoice_names_its_subscription_in_both_shapes() {
    let project = new_id();
    let old = json!({ "id": "in_1", "status": "open", "customer": "cus_1", "subscription": "sub_1", "total": 5 });
    let new = json!({ "id": "in_1", "status": "open", "customer": "cus_1", "total": 5,
        "parent": { "subscription_details": { "subscription": "sub_1" } } });
    for object in [old, new] {
        let Columns::Invoice(columns) = read(Kind::Invoice, &project, &object).columns else { panic!() };
        assert_eq!(columns.subscription_id, Some(Kind::Subscription.derive_id(&project, "sub_1")));
    }
}

#[test]
fn an_odd_field_costs_only_itself() {
    let project = new_id();
    let object = json!({ "id": "cus_1", "created": "yesterday", "name": 7, "email": "a\u{0}b@example.com",
        "balance": 9_007_199_254_740_993_i64, "delinquent": "maybe", "brand_new_field": { "deep": [1, 2] } });
    let read = read(Kind::Customer, &project, &object);
    let Columns::Customer(columns) = &read.columns else { panic!() };
    assert_eq!((columns.name.as_str(), columns.email.as_str()), ("", "ab@example.com"));
    assert_eq!((columns.balance, read.created, read.status.as_str()), (9_007_199_254_740_993, 0, "active"));
    assert!(read.raw.contains("brand_new_field"));
}

#[test]
fn a_key_that_stands_twice_is_read_once() {
    let project = new_id();
    let object = Object::read(Kind::Customer, &project, r#"{"id":"cus_1","name":"A","name":"B"}"#).unwrap();
    let Columns::Customer(columns) = object.columns else { panic!() };
    assert_eq!(columns.name, "B");
}

/// A body may have a megabyte, and the thread that reads it two.
#[test]
fn a_megabyte_of_brackets_is_read_around() {
    let project = new_id();
    let (open, close) = ("[".repeat(500_000), "]".repeat(500_000));
    let text = format!(r#"{{"id":"cus_1","created":1,"created":2,"deep":{open}{close},"name":"B"}}"#);
    let object = Object::read(Kind::Customer, &project, &text).unwrap();
    let Columns::Customer(columns) = object.columns else { panic!() };
    assert_eq!((columns.name.as_str(), object.created, object.raw), ("B", 2, text));
}

#[test]
fn a_list_is_no_object() {
    let project = new_id();
    for kind in Kind::ALL {
        assert!(Object::read(kind, &project, r#"["cus_1",1]"#).is_err(), "{kind:?}");
    }
}

#[test]
fn what_postgres_cannot_keep_is_left_out_of_the_columns() {
    let project = new_id();
    let charge = json!({ "id": "ch_1", "payment_intent": "pi_\0" , "customer": { "id": "\0" } });
    let Columns::Charge(columns) = read(Kind::Charge, &project, &charge).columns else { panic!() };
    assert_eq!((columns.payment_intent.as_deref(), columns.customer_id), (Some("pi_"), None));
}

#[test]
fn a_cut_sub_list_is_noticed() {
    let project = new_id();
    let object = json!({ "id": "sub_1", "items": { "data": [], "has_more": true } });
    assert!(!read(Kind::Subscription, &project, &object).whole);
    let object = json!({ "id": "in_1", "lines": { "data": [], "has_more": true } });
    assert!(!read(Kind::Invoice, &project, &object).whole);
}

/// Any JSON at all.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// An object with an id is never refused, whatever its fields hold.
    #[test]
    fn an_object_with_an_id_is_always_read(mutation in any_json(), field in prop::sample::select(vec![
        "created", "customer", "items", "lines", "status", "currency", "total", "parent", "recurring", "price", "name",
        "deleted", "default_price", "status_transitions", "unit_amount", "product", "metadata",
    ])) {
        let project = new_id();
        for kind in Kind::ALL {
            let object = json!({ "id": "x_1", field: mutation });
            prop_assert!(Object::read(kind, &project, &object.to_string()).is_ok());
        }
    }

    /// And text that is not such an object is an answer, not a panic.
    #[test]
    fn garbage_is_refused_without_a_panic(text in ".*") {
        let project = new_id();
        for kind in Kind::ALL {
            let _ = Object::read(kind, &project, &text);
        }
    }
}
