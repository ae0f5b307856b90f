//! A program asks what a change would cost, and is then billed exactly that.

use serde_json::{Value, json};

use super::client::{Caller, advance, assert_refused, event_count, id, monthly, payer, seeded};
use super::description::faults;

const MONTH: i64 = 2_628_000;

async fn preview(stripe: &Caller, body: &str) -> Value {
    let before = event_count(stripe).await;
    let invoice = stripe.change("/v1/invoices/create_preview", body).await;
    assert_eq!(faults("invoice", &invoice), Vec::<String>::new());
    assert_eq!(event_count(stripe).await, before, "a preview changes nothing");
    invoice
}

fn amounts(invoice: &Value) -> Vec<i64> {
    invoice["lines"]["data"].as_array().unwrap().iter().map(|line| line["amount"].as_i64().unwrap()).collect()
}

async fn subscribe(stripe: &Caller, price: &Value, quantity: u32) -> Value {
    let customer = payer(stripe).await;
    let body = format!("customer={}&items[0][price]={}&items[0][quantity]={quantity}", id(&customer), id(price));
    stripe.change("/v1/subscriptions", &body).await
}

#[tokio::test]
async fn the_change_charges_exactly_what_the_preview_said() {
    let (stand_in, _, stripe) = seeded(1).await;
    let (price, other) = (monthly(&stripe, 999).await, monthly(&stripe, 1733).await);
    for (seconds, quantity) in [(1, 7), (777_777, 3), (MONTH - 10, 1)] {
        let made = subscribe(&stripe, &price, 2).await;
        let item = id(&made["items"]["data"][0]);
        advance(&stand_in, seconds).await;
        let at = made["created"].as_i64().unwrap() + seconds;
        let change = |prefix: &str, open: &str, close: &str| {
            format!(
                "{prefix}{open}items{close}[0][id]={item}&{prefix}{open}items{close}[0][price]={}\
                 &{prefix}{open}items{close}[0][quantity]={quantity}\
                 &{prefix}{open}proration_behavior{close}=always_invoice&{prefix}{open}proration_date{close}={at}",
                id(&other)
            )
        };
        let asked = format!("subscription={}&{}", id(&made), change("subscription_details", "[", "]"));
        let said = preview(&stripe, &asked).await;
        assert!(said["id"].as_str().unwrap().starts_with("upcoming_in_"));
        assert_eq!(said["parent"]["subscription_details"]["subscription_proration_date"], at);
        // Time goes on between the look and the decision.
        advance(&stand_in, 3).await;
        let changed = stripe.change(&format!("/v1/subscriptions/{}", id(&made)), &change("", "", "")).await;
        let billed = stripe.ok(&format!("/v1/invoices/{}", changed["latest_invoice"].as_str().unwrap())).await;
        assert_eq!(amounts(&billed), amounts(&said));
        for name in ["subtotal", "total", "amount_due"] {
            assert_eq!(billed[name], said[name], "{name}");
        }
        assert_eq!(billed["status"], "paid");
    }
}

#[tokio::test]
async fn prorations_that_wait_are_on_the_next_invoice() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let made = subscribe(&stripe, &price, 1).await;
    let item = id(&made["items"]["data"][0]);
    advance(&stand_in, MONTH / 2).await;
    let plain = preview(&stripe, &format!("subscription={}", id(&made))).await;
    assert_eq!((amounts(&plain), &plain["created"]), (vec![1000], &made["items"]["data"][0]["current_period_end"]));
    assert_eq!(plain["billing_reason"], "upcoming");
    let body = format!(
        "subscription={}&subscription_details[items][0][id]={item}&subscription_details[items][0][quantity]=3",
        id(&made)
    );
    let with = preview(&stripe, &body).await;
    assert_eq!(amounts(&with), [-500, 1500, 3000]);
    let none = preview(&stripe, &format!("{body}&subscription_details[proration_behavior]=none")).await;
    assert_eq!(amounts(&none), [3000]);
    stripe
        .change(&format!("/v1/subscriptions/{}", id(&made)), &format!("items[0][id]={item}&items[0][quantity]=3"))
        .await;
    let after = preview(&stripe, &format!("customer={}", made["customer"].as_str().unwrap())).await;
    assert_eq!((amounts(&after), &after["total"]), (vec![-500, 1500, 3000], &with["total"]));
}

#[tokio::test]
async fn a_cancellation_is_previewed_too() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let made = subscribe(&stripe, &price, 1).await;
    advance(&stand_in, MONTH / 2).await;
    let subscription = format!("subscription={}", id(&made));
    let now = preview(&stripe, &format!("{subscription}&subscription_details[cancel_now]=true")).await;
    assert_eq!((amounts(&now), &now["amount_due"]), (vec![-500], &json!(0)));
    let later = format!("{subscription}&subscription_details[cancel_at_period_end]=true");
    let answer = stripe.post("/v1/invoices/create_preview", &later).await;
    assert_refused(&answer, 404, Some("invoice_upcoming_none"), None);
    stripe.delete(&format!("/v1/subscriptions/{}", id(&made))).await;
    let answer = stripe.post("/v1/invoices/create_preview", &subscription).await;
    assert_refused(&answer, 404, Some("invoice_upcoming_none"), None);
}

#[tokio::test]
async fn a_subscription_that_does_not_exist_yet_can_be_previewed() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let body = format!(
        "customer={}&subscription_details[items][0][price]={}&subscription_details[items][0][quantity]=4",
        id(&customer),
        id(&price)
    );
    assert_eq!(preview(&stripe, &body).await["total"], 4000);
    for (body, code, param) in [
        (String::new(), Some("parameter_missing"), Some("customer")),
        ("subscription=sub_none".to_owned(), Some("resource_missing"), Some("subscription")),
        (
            format!("{body}&subscription_details[colour]=red"),
            Some("parameter_unknown"),
            Some("subscription_details[colour]"),
        ),
        (
            format!("customer={}&subscription_details[items][0][price]=price_none", id(&customer)),
            Some("resource_missing"),
            Some("subscription_details[items][0][price]"),
        ),
    ] {
        let answer = stripe.post("/v1/invoices/create_preview", &body).await;
        assert_refused(&answer, 400, code, param);
    }
    let made = subscribe(&stripe, &price, 1).await;
    let body = format!("subscription={}&subscription_details[proration_date]=5", id(&made));
    let answer = stripe.post("/v1/invoices/create_preview", &body).await;
    assert_refused(&answer, 400, None, Some("subscription_details[proration_date]"));
}
