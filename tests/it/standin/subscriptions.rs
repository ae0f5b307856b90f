//! A program makes subscriptions and changes them: payment, prorations, cancellation, pauses, and what is said of it.

use serde_json::{Value, json};

use super::client::{
    Caller, advance, assert_refused, catch_up, event_count, id, monthly, payer, payer_with, seeded, types_since,
};
use super::description::faults;

const MONTH: i64 = 2_628_000;

fn assert_fits(name: &str, value: &Value) {
    assert_eq!(faults(name, value), Vec::<String>::new());
}

async fn subscribe(stripe: &Caller, customer: &Value, price: &Value, more: &str) -> Value {
    let body = format!("customer={}&items[0][price]={}{more}", id(customer), id(price));
    let made = stripe.change("/v1/subscriptions", &body).await;
    assert_fits("subscription", &made);
    made
}

fn item(subscription: &Value) -> &str {
    id(&subscription["items"]["data"][0])
}

async fn invoice_of(stripe: &Caller, subscription: &Value) -> Value {
    let invoice = stripe.ok(&format!("/v1/invoices/{}", subscription["latest_invoice"].as_str().unwrap())).await;
    assert_fits("invoice", &invoice);
    invoice
}

#[tokio::test]
async fn the_first_payment_decides_the_status() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let refused = payer_with(&stripe, "pm_card_chargeCustomerFail").await;
    let body = format!("customer={}&items[0][price]={}", id(&refused), id(&price));
    let before = event_count(&stripe).await;
    let strict = stripe.post("/v1/subscriptions", &format!("{body}&payment_behavior=error_if_incomplete")).await;
    assert_refused(&strict, 402, Some("card_declined"), None);
    assert_eq!(strict.error()["decline_code"], "generic_decline");
    assert_eq!(event_count(&stripe).await, before);

    let made = subscribe(&stripe, &refused, &price, "").await;
    let invoice = invoice_of(&stripe, &made).await;
    assert_eq!(made["status"], "incomplete");
    assert_eq!((&invoice["status"], &invoice["attempt_count"]), (&json!("open"), &json!(1)));
    let types = types_since(&stripe, before).await;
    for wanted in ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"] {
        assert!(types.iter().any(|one| one == wanted), "{wanted} is not among {types:?}");
    }
    let waits = subscribe(&stripe, &payer(&stripe).await, &price, "&payment_behavior=default_incomplete").await;
    assert_eq!(waits["status"], "incomplete");
    let paid = stripe.change(&format!("/v1/invoices/{}/pay", waits["latest_invoice"].as_str().unwrap()), "").await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(stripe.ok(&format!("/v1/subscriptions/{}", id(&waits))).await["status"], "active");

    let nobody = stripe.change("/v1/customers", "name=Nobody").await;
    let body = format!("customer={}&items[0][price]={}", id(&nobody), id(&price));
    assert_refused(&stripe.post("/v1/subscriptions", &body).await, 400, Some("resource_missing"), None);
    let trial = subscribe(&stripe, &nobody, &price, "&trial_period_days=14&items[0][quantity]=3").await;
    assert_eq!((&trial["status"], &invoice_of(&stripe, &trial).await["total"]), (&json!("trialing"), &json!(0)));
    assert_eq!(trial["trial_end"], trial["created"].as_i64().unwrap() + 14 * 86_400);
    let sent = subscribe(&stripe, &nobody, &price, "&collection_method=send_invoice&days_until_due=7").await;
    let invoice = invoice_of(&stripe, &sent).await;
    assert_eq!((&sent["status"], &invoice["status"]), (&json!("active"), &json!("open")));
    assert_eq!(invoice["due_date"], invoice["created"].as_i64().unwrap() + 7 * 86_400);
}

#[tokio::test]
async fn wrong_items_are_refused_at_their_parameter() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let product = price["product"].as_str().unwrap();
    let once = stripe.change("/v1/prices", &format!("product={product}&currency=usd&unit_amount=500")).await;
    let body = format!("product={product}&currency=eur&unit_amount=500&recurring[interval]=month");
    let euro = stripe.change("/v1/prices", &body).await;
    let body = format!("product={product}&currency=usd&unit_amount=700&recurring[interval]=month");
    let old = stripe.change("/v1/prices", &body).await;
    stripe.change(&format!("/v1/prices/{}", id(&old)), "active=false").await;
    let (customer, price) = (id(&customer), id(&price));
    for (items, code, param) in [
        ("items[0][price]=price_none".to_owned(), Some("resource_missing"), "items[0][price]"),
        ("items[0][quantity]=2".to_owned(), Some("parameter_missing"), "items[0][price]"),
        (format!("items[0][price]={}", id(&once)), None, "items[0][price]"),
        (format!("items[0][price]={}", id(&old)), None, "items[0][price]"),
        (format!("items[0][price]={price}&items[1][price]={}", id(&euro)), None, "items[1][price]"),
        (format!("items[0][price]={price}&items[1][price]={price}"), None, "items"),
        (format!("items[0][price]={price}&items[0][color]=red"), Some("parameter_unknown"), "color"),
        (
            format!("items[0][price]={price}&items[0][quantity]=-1"),
            Some("parameter_invalid_integer"),
            "items[0][quantity]",
        ),
        (format!("items[0][price]={price}&payment_behavior=maybe"), None, "payment_behavior"),
        (format!("items[0][price]={price}&coupon=OLD"), Some("parameter_unknown"), "coupon"),
        (
            format!("items[0][price]={price}&trial_period_days=900"),
            Some("parameter_invalid_integer"),
            "trial_period_days",
        ),
        (
            format!("items[0][price]={price}&default_payment_method=pm_none"),
            Some("resource_missing"),
            "default_payment_method",
        ),
    ] {
        let answer = stripe.post("/v1/subscriptions", &format!("customer={customer}&{items}")).await;
        assert_refused(&answer, 400, code, Some(param));
    }
    assert!(stripe.all(&format!("/v1/subscriptions?customer={customer}&status=all"), 10).await.is_empty());
}

#[tokio::test]
async fn a_change_waits_as_invoice_items_or_is_billed_at_once() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let made = subscribe(&stripe, &payer(&stripe).await, &price, "&items[0][quantity]=2").await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    advance(&stand_in, MONTH / 2).await;
    let before = event_count(&stripe).await;
    let more = stripe.change(&path, &format!("items[0][id]={}&items[0][quantity]=4", item(&made))).await;
    assert_eq!(more["items"]["data"][0]["quantity"], 4);
    assert_eq!(more["latest_invoice"], made["latest_invoice"]);
    let waiting = stripe.all("/v1/invoiceitems?pending=true", 10).await;
    let amounts: Vec<i64> = waiting.iter().map(|row| row["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [2000, -1000]);
    for row in &waiting {
        assert_fits("invoiceitem", row);
    }
    let types = types_since(&stripe, before).await;
    assert_eq!(types, ["customer.subscription.updated", "invoiceitem.created", "invoiceitem.created"]);
    let event = stripe.ok("/v1/events?type=customer.subscription.updated&limit=1").await["data"][0].clone();
    let old = &event["data"]["previous_attributes"]["items"]["data"][0];
    assert_eq!(old["quantity"], 2);

    let none = format!("items[0][id]={}&items[0][quantity]=5&proration_behavior=none", item(&made));
    stripe.change(&path, &none).await;
    assert_eq!(stripe.all("/v1/invoiceitems?pending=true", 10).await.len(), 2);
    let billed = format!("items[0][id]={}&items[0][quantity]=7&proration_behavior=always_invoice", item(&made));
    let billed = stripe.change(&path, &billed).await;
    let invoice = invoice_of(&stripe, &billed).await;
    // 1000 that waited, and two more seats for half a month.
    assert_eq!((&invoice["status"], &invoice["total"]), (&json!("paid"), &json!(2000)));
    assert_eq!(invoice["billing_reason"], "subscription_update");
    assert!(stripe.all("/v1/invoiceitems?pending=true", 10).await.is_empty());
    let line = &invoice["lines"]["data"][0];
    let details = &line["parent"]["subscription_item_details"];
    assert_eq!((&details["proration"], &details["subscription_item"]), (&json!(true), &json!(item(&made))));

    advance(&stand_in, MONTH).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    let renewed = stripe.ok(&path).await;
    let invoice = invoice_of(&stripe, &renewed).await;
    assert_eq!((&invoice["billing_reason"], &invoice["total"]), (&json!("subscription_cycle"), &json!(7000)));
    let fewer = format!("items[0][id]={}&items[0][quantity]=1&proration_behavior=always_invoice", item(&made));
    let fewer = stripe.change(&path, &fewer).await;
    let credit = invoice_of(&stripe, &fewer).await;
    assert_eq!((&credit["status"], &credit["amount_due"]), (&json!("paid"), &json!(0)));
    let customer = stripe.ok(&format!("/v1/customers/{}", made["customer"].as_str().unwrap())).await;
    assert_eq!(customer["balance"], credit["total"]);
}

#[tokio::test]
async fn another_interval_begins_a_new_period_and_is_billed_at_once() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let product = price["product"].as_str().unwrap();
    let body = format!("product={product}&currency=usd&unit_amount=10000&recurring[interval]=year");
    let yearly = stripe.change("/v1/prices", &body).await;
    let made = subscribe(&stripe, &payer(&stripe).await, &price, "").await;
    advance(&stand_in, MONTH / 4).await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    let body = format!("items[0][id]={}&items[0][price]={}", item(&made), id(&yearly));
    let changed = stripe.change(&path, &body).await;
    let row = &changed["items"]["data"][0];
    assert_eq!(row["current_period_end"], row["current_period_start"].as_i64().unwrap() + 31_536_000);
    assert_eq!(invoice_of(&stripe, &changed).await["total"], 10_000 - 750);
    assert_eq!(changed["items"]["data"][0]["plan"]["id"], yearly["id"]);
    let stale = stripe.post(&path, &format!("items[0][id]={}&items[0][deleted]=true", item(&made))).await;
    assert_refused(&stale, 400, None, None);
    let stranger = stripe.post(&path, "items[0][id]=si_none&items[0][quantity]=2").await;
    assert_refused(&stranger, 400, Some("resource_missing"), Some("items[0][id]"));
}

#[tokio::test]
async fn items_are_added_changed_and_removed_by_their_own_routes() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let (first, second) = (monthly(&stripe, 1000).await, monthly(&stripe, 500).await);
    let made = subscribe(&stripe, &payer(&stripe).await, &first, "").await;
    let body = format!("subscription={}&price={}&quantity=2&metadata[kind]=extra", id(&made), id(&second));
    let added = stripe.change("/v1/subscription_items", &body).await;
    assert_fits("subscription_item", &added);
    assert_eq!((&added["quantity"], &added["metadata"]["kind"]), (&json!(2), &json!("extra")));
    let path = format!("/v1/subscription_items/{}", id(&added));
    assert_eq!(stripe.change(&path, "quantity=3&proration_behavior=none").await["quantity"], 3);
    assert_eq!(stripe.ok(&path).await["quantity"], 3);
    assert_eq!(stripe.all(&format!("/v1/subscription_items?subscription={}", id(&made)), 1).await.len(), 2);
    let gone = stripe.delete(&path).await.json();
    assert_eq!(gone, json!({"id": added["id"], "object": "subscription_item", "deleted": true}));
    assert_eq!(stripe.get(&path).await.status, 404);
    let last = stripe.delete(&format!("/v1/subscription_items/{}", item(&made))).await;
    assert_refused(&last, 400, None, None);
    assert_refused(
        &stripe.post("/v1/subscription_items", "price=price_1").await,
        400,
        Some("parameter_missing"),
        Some("subscription"),
    );
}

#[tokio::test]
async fn cancellation_now_later_and_undone() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let made = subscribe(&stripe, &customer, &price, "").await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    let end = &made["items"]["data"][0]["current_period_end"];
    let body =
        "cancel_at_period_end=true&cancellation_details[feedback]=too_expensive&cancellation_details[comment]=Bye";
    let ending = stripe.change(&path, body).await;
    assert_eq!((&ending["cancel_at"], &ending["status"]), (end, &json!("active")));
    assert_eq!(
        ending["cancellation_details"],
        json!({"comment": "Bye", "feedback": "too_expensive", "feedback_option": null, "reason": "cancellation_requested"})
    );
    let event = stripe.ok("/v1/events?type=customer.subscription.updated&limit=1").await["data"][0].clone();
    let before = &event["data"]["previous_attributes"];
    assert_eq!((&before["cancel_at_period_end"], &before["cancel_at"]), (&json!(false), &Value::Null));
    let kept = stripe.change(&path, "cancel_at_period_end=false").await;
    assert!(kept["cancel_at"].is_null() && kept["canceled_at"].is_null());
    assert!(kept["cancellation_details"]["feedback"].is_null());
    assert_refused(&stripe.post(&path, "cancellation_details[feedback]=rude").await, 400, None, Some("feedback"));
    assert_refused(&stripe.post(&path, "cancel_at=1").await, 400, None, Some("cancel_at"));
    let later = end.as_i64().unwrap() + 86_400;
    assert_eq!(stripe.change(&path, &format!("cancel_at={later}")).await["cancel_at_period_end"], false);
    assert!(stripe.change(&path, "cancel_at=").await["cancel_at"].is_null());
    stripe.change(&path, "cancel_at_period_end=true").await;
    advance(&stand_in, MONTH + 1).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    let ended = stripe.ok(&path).await;
    assert_eq!((&ended["status"], ended["ended_at"].is_i64()), (&json!("canceled"), true));
    assert_eq!(ended["cancel_at_period_end"], true);

    let other = subscribe(&stripe, &customer, &price, "").await;
    advance(&stand_in, MONTH / 2).await;
    let path = format!("/v1/subscriptions/{}", id(&other));
    let body = "prorate=true&invoice_now=true&cancellation_details[comment]=Now";
    let ended = stripe.send("DELETE", &path, body, &[]).await.json();
    assert_fits("subscription", &ended);
    assert_eq!((&ended["status"], &ended["cancellation_details"]["comment"]), (&json!("canceled"), &json!("Now")));
    assert_eq!(invoice_of(&stripe, &ended).await["total"], -500);
    assert_refused(&stripe.delete(&path).await, 404, Some("resource_missing"), Some("id"));
    assert_refused(&stripe.post(&path, "description=x").await, 400, None, None);
}

#[tokio::test]
async fn collection_and_subscriptions_are_paused_and_resumed() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let made = subscribe(&stripe, &payer(&stripe).await, &price, "").await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    let paused = stripe.change(&path, "pause_collection[behavior]=void").await;
    assert_eq!(paused["pause_collection"], json!({"behavior": "void", "resumes_at": null}));
    assert_refused(&stripe.post(&path, "pause_collection[behavior]=never").await, 400, None, Some("behavior"));
    advance(&stand_in, MONTH + 5).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    let renewed = stripe.ok(&path).await;
    assert_eq!(
        (&renewed["status"], &invoice_of(&stripe, &renewed).await["status"]),
        (&json!("active"), &json!("void"))
    );
    assert!(stripe.change(&path, "pause_collection=").await["pause_collection"].is_null());
    assert_refused(&stripe.post(&format!("{path}/resume"), "").await, 400, None, None);

    let before = event_count(&stripe).await;
    let paused = stripe.change(&format!("{path}/pause"), "type=subscription").await;
    assert_fits("subscription", &paused);
    assert_eq!(paused["status"], "paused");
    let types = types_since(&stripe, before).await;
    assert_eq!(types, ["customer.subscription.updated", "customer.subscription.paused"]);
    advance(&stand_in, 3 * MONTH).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    assert_eq!(stripe.ok(&path).await["latest_invoice"], renewed["latest_invoice"]);
    let before = event_count(&stripe).await;
    let old = stripe.post(&format!("{path}/resume"), "billing_cycle_anchor=now").await;
    assert_refused(&old, 400, None, Some("billing_cycle_anchor"));
    let resumed = stripe.change(&format!("{path}/resume"), "billing_cycle_anchor[type]=now").await;
    assert_fits("subscription", &resumed);
    assert_eq!((&resumed["status"], resumed.get("status_details")), (&json!("active"), None));
    let types = types_since(&stripe, before).await;
    for wanted in ["customer.subscription.updated", "customer.subscription.resumed", "invoice.paid"] {
        assert!(types.iter().any(|one| one == wanted), "{wanted} is not among {types:?}");
    }
    assert_ne!(stripe.ok(&path).await["latest_invoice"], renewed["latest_invoice"]);
}

#[tokio::test]
async fn a_renewal_that_is_refused_leaves_the_subscription_past_due_until_it_is_paid() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let made = subscribe(&stripe, &customer, &price, "").await;
    let owner = format!("customer={}", id(&customer));
    let bad = stripe.change("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &owner).await;
    let path = format!("/v1/customers/{}", id(&customer));
    stripe.change(&path, &format!("invoice_settings[default_payment_method]={}", id(&bad))).await;
    advance(&stand_in, MONTH + 5).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    let late = stripe.ok(&format!("/v1/subscriptions/{}", id(&made))).await;
    let invoice = invoice_of(&stripe, &late).await;
    assert_eq!((&late["status"], &invoice["status"]), (&json!("past_due"), &json!("open")));
    assert_eq!(stripe.ok(&path).await["delinquent"], true);
    let pay = format!("/v1/invoices/{}/pay", id(&invoice));
    assert_refused(&stripe.post(&pay, "").await, 402, Some("card_declined"), None);
    assert_eq!(invoice_of(&stripe, &late).await["attempt_count"], 2);
    let good = stripe.change("/v1/payment_methods/pm_card_visa/attach", &owner).await;
    assert_eq!(stripe.change(&pay, &format!("payment_method={}", id(&good))).await["status"], "paid");
    assert_eq!(stripe.ok(&format!("/v1/subscriptions/{}", id(&made))).await["status"], "active");
    assert_eq!(stripe.ok(&path).await["delinquent"], false);
}
