//! Every object fits Stripe's description, in lists, alone, in events, seeded, made and changed.

use std::collections::BTreeMap;

use billfold::standin::control::steer::MutateSpec;
use serde_json::Value;

use super::client::{Caller, id, payer, seeded};
use super::description::faults;

/// Path of the list and name in the description.
const KINDS: [(&str, &str); 6] = [
    ("/v1/customers", "customer"),
    ("/v1/products", "product"),
    ("/v1/prices", "price"),
    ("/v1/subscriptions?status=all", "subscription"),
    ("/v1/invoices", "invoice"),
    ("/v1/charges", "charge"),
];

fn assert_fits(name: &str, value: &Value) {
    let faults = faults(name, value);
    assert!(faults.is_empty(), "{faults:#?}\n{value:#}");
}

async fn assert_all_fit(stripe: &Caller) -> usize {
    let mut count = 0;
    for (path, name) in KINDS {
        let rows = stripe.all(path, 100).await;
        assert!(!rows.is_empty(), "{path} is empty");
        count += rows.len();
        for row in &rows {
            assert_fits(name, row);
        }
        let base = path.split('?').next().unwrap();
        for row in rows.iter().step_by(17) {
            assert_eq!(&stripe.ok(&format!("{base}/{}", id(row))).await, row);
        }
    }
    count
}

#[tokio::test]
async fn seeded_objects_fit_the_description() {
    let (_stand_in, _, stripe) = seeded(120).await;
    assert!(assert_all_fit(&stripe).await > 600);
    assert_fits("account", &stripe.ok("/v1/account").await);
}

#[tokio::test]
async fn made_and_changed_objects_fit_it_too_and_so_do_their_events() {
    let (stand_in, keys, stripe) = seeded(40).await;
    let spec = MutateSpec { livemode: false, count: 400, kinds: Vec::new(), same_second: false, rng_seed: Some(8) };
    let made = stand_in.control().mutate(&keys.account, &spec).unwrap();
    assert!(made.len() >= 400);
    assert_all_fit(&stripe).await;
    let events = stripe.all("/v1/events", 100).await;
    assert_eq!(events.len(), made.len());
    let mut types = std::collections::BTreeSet::new();
    for event in &events {
        let object = &event["data"]["object"];
        assert_fits(object["object"].as_str().unwrap(), object);
        types.insert(event["type"].as_str().unwrap().to_owned());
        let changed = event["data"].get("previous_attributes");
        assert!(changed.is_none_or(|changed| changed.as_object().is_some_and(|changed| !changed.is_empty())));
    }
    for expected in [
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "charge.succeeded",
        "product.created",
        "product.updated",
        "price.created",
        "price.updated",
    ] {
        assert!(types.contains(expected), "{expected} is not among {types:?}");
    }
}

#[tokio::test]
async fn the_events_alone_lead_from_the_seed_to_the_present() {
    let (stand_in, keys, stripe) = seeded(30).await;
    let mut mirror = everything(&stripe).await;
    let spec = MutateSpec { livemode: false, count: 300, kinds: Vec::new(), same_second: true, rng_seed: Some(4) };
    for event in stand_in.control().mutate(&keys.account, &spec).unwrap() {
        let event = stripe.ok(&format!("/v1/events/{event}")).await;
        let object = &event["data"]["object"];
        if KINDS.iter().all(|kind| object["object"] != kind.1) {
            continue;
        }
        if event["type"].as_str().unwrap().ends_with(".deleted") && object["object"] != "subscription" {
            mirror.remove(id(object));
        } else {
            mirror.insert(id(object).to_owned(), object.clone());
        }
    }
    let present = everything(&stripe).await;
    assert_eq!(mirror.keys().collect::<Vec<_>>(), present.keys().collect::<Vec<_>>());
    for (id, object) in &present {
        assert_eq!(&mirror[id], object);
    }
}

async fn everything(stripe: &Caller) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (path, _) in KINDS {
        for row in stripe.all(path, 100).await {
            all.insert(id(&row).to_owned(), row);
        }
    }
    all
}

#[tokio::test]
async fn a_subscription_is_made_changed_and_ended_by_its_routes() {
    let (_stand_in, _, stripe) = seeded(10).await;
    let prices = stripe.all("/v1/prices?currency=usd&type=recurring&active=true", 100).await;
    let price = prices.iter().find(|row| row["unit_amount"] == 2900).unwrap();
    let customer = payer(&stripe).await;
    let body = format!("customer={}&items[0][price]={}&items[0][quantity]=3", id(&customer), id(price));
    let made = stripe.change("/v1/subscriptions", &body).await;
    assert_fits("subscription", &made);
    assert_eq!(made["status"], "active");
    let invoice = stripe.ok(&format!("/v1/invoices/{}", made["latest_invoice"].as_str().unwrap())).await;
    assert_fits("invoice", &invoice);
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&"paid".into(), &8700.into()));
    let charges = stripe.all(&format!("/v1/charges?customer={}", id(&customer)), 10).await;
    assert_eq!((charges.len(), &charges[0]["amount"]), (1, &8700.into()));
    let path = format!("/v1/subscriptions/{}", id(&made));
    let ending = stripe.change(&path, "cancel_at_period_end=true&metadata[why]=test").await;
    assert_eq!(ending["cancel_at"], made["items"]["data"][0]["current_period_end"]);
    let resumed = stripe.change(&path, "cancel_at_period_end=false").await;
    assert!(resumed["cancel_at"].is_null() && resumed["canceled_at"].is_null());
    let item = made["items"]["data"][0]["id"].as_str().unwrap();
    let more = stripe.change(&path, &format!("items[0][id]={item}&items[0][quantity]=5")).await;
    assert_eq!(more["items"]["data"][0]["quantity"], 5);
    let ended = stripe.delete(&path).await.json();
    assert_eq!(ended["status"], "canceled");
    assert_fits("subscription", &ended);
    assert_eq!(stripe.post(&path, "metadata[a]=b&cancel_at_period_end=true").await.status, 400);
    assert_eq!(stripe.delete(&path).await.status, 404);
}
