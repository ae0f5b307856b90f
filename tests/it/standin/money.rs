//! A program keeps cards and tax ids, gives discounts, and gives money back.

use serde_json::{Value, json};

use super::client::{Caller, advance, assert_refused, catch_up, event_count, id, monthly, payer, seeded, types_since};
use super::description::faults;

const MONTH: i64 = 2_628_000;

fn assert_fits(name: &str, value: &Value) {
    assert_eq!(faults(name, value), Vec::<String>::new());
}

async fn subscribe(stripe: &Caller, customer: &Value, price: &Value, more: &str) -> Value {
    let body = format!("customer={}&items[0][price]={}{more}", id(customer), id(price));
    stripe.change("/v1/subscriptions", &body).await
}

async fn invoice_of(stripe: &Caller, subscription: &Value) -> Value {
    let invoice = stripe.ok(&format!("/v1/invoices/{}", subscription["latest_invoice"].as_str().unwrap())).await;
    assert_fits("invoice", &invoice);
    invoice
}

#[tokio::test]
async fn payment_methods_are_attached_listed_and_detached() {
    let (_stand_in, _, stripe) = seeded(3).await;
    let customer = stripe.change("/v1/customers", "name=Ada&email=ada@example.com").await;
    let owner = format!("customer={}", id(&customer));
    let before = event_count(&stripe).await;
    let method = stripe.change("/v1/payment_methods/pm_card_visa/attach", &owner).await;
    assert_fits("payment_method", &method);
    assert_eq!((&method["customer"], &method["card"]["last4"]), (&customer["id"], &json!("4242")));
    assert_eq!(types_since(&stripe, before).await, ["payment_method.attached"]);
    let card = "type=card&card[number]=5555555555554444&card[exp_month]=3&card[exp_year]=2031&card[cvc]=123";
    let other = stripe.change("/v1/payment_methods", card).await;
    assert!(other["customer"].is_null() && other["card"]["brand"] == "mastercard");
    stripe.change(&format!("/v1/payment_methods/{}/attach", id(&other)), &owner).await;
    for path in
        [format!("/v1/payment_methods?{owner}&type=card"), format!("/v1/customers/{}/payment_methods", id(&customer))]
    {
        assert_eq!(stripe.all(&path, 1).await.len(), 2, "{path}");
    }
    let path = format!("/v1/customers/{}", id(&customer));
    let body = format!("invoice_settings[default_payment_method]={}", id(&method));
    let chosen = stripe.change(&path, &body).await;
    assert_eq!(chosen["invoice_settings"]["default_payment_method"], method["id"]);
    assert_fits("customer", &chosen);
    let gone = stripe.change(&format!("/v1/payment_methods/{}/detach", id(&method)), "").await;
    assert!(gone["customer"].is_null());
    let event = stripe.ok("/v1/events?type=payment_method.detached").await["data"][0].clone();
    assert_eq!(event["data"]["previous_attributes"], json!({"customer": customer["id"]}));
    assert!(stripe.ok(&path).await["invoice_settings"]["default_payment_method"].is_null());
    let again = stripe.post(&format!("/v1/payment_methods/{}/attach", id(&method)), &owner).await;
    assert_refused(&again, 400, None, None);
    let declined = stripe.post("/v1/payment_methods/pm_card_chargeDeclined/attach", &owner).await;
    assert_refused(&declined, 402, Some("card_declined"), None);
    assert_eq!(declined.error()["decline_code"], "generic_decline");
    let none = stripe.post("/v1/payment_methods/pm_none/attach", &owner).await;
    assert_refused(&none, 404, Some("resource_missing"), Some("id"));
    assert_eq!(none.error()["message"], "No such PaymentMethod: 'pm_none'");
    let foreign = stripe.post(&path, "invoice_settings[default_payment_method]=pm_none").await;
    assert_refused(&foreign, 400, Some("resource_missing"), Some("invoice_settings[default_payment_method]"));
    let wrong = stripe.post("/v1/payment_methods", "type=card&card[number]=4111").await;
    assert_eq!((wrong.status, wrong.error()["code"].as_str()), (402, Some("incorrect_number")));
}

#[tokio::test]
async fn seeded_customers_have_the_cards_that_their_charges_name() {
    let (_stand_in, _, stripe) = seeded(20).await;
    for charge in stripe.all("/v1/charges?limit=20", 20).await.iter().take(20) {
        let method = stripe.ok(&format!("/v1/payment_methods/{}", charge["payment_method"].as_str().unwrap())).await;
        assert_fits("payment_method", &method);
        let shown = &charge["payment_method_details"]["card"];
        assert_eq!((&method["card"]["last4"], &method["customer"]), (&shown["last4"], &charge["customer"]));
        let intent = stripe.ok(&format!("/v1/payment_intents/{}", charge["payment_intent"].as_str().unwrap())).await;
        assert_fits("payment_intent", &intent);
        assert_eq!((&intent["latest_charge"], &intent["amount"]), (&charge["id"], &charge["amount"]));
    }
    let customer = stripe.ok("/v1/customers?limit=1&expand[]=data.invoice_settings.default_payment_method").await;
    assert_eq!(customer["data"][0]["invoice_settings"]["default_payment_method"]["object"], "payment_method");
}

#[tokio::test]
async fn tax_ids_belong_to_their_customer() {
    let (_stand_in, _, stripe) = seeded(2).await;
    let body = "name=Ada&tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=DE123456789";
    let customer = stripe.change("/v1/customers", body).await;
    let path = format!("/v1/customers/{}/tax_ids", id(&customer));
    let before = event_count(&stripe).await;
    let made = stripe.change(&path, "type=gb_vat&value=GB123456789").await;
    assert_fits("tax_id", &made);
    assert_eq!(types_since(&stripe, before).await, ["customer.tax_id.created"]);
    let listed = stripe.all(&path, 10).await;
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[1]["country"], &listed[1]["type"]), (&json!("DE"), &json!("eu_vat")));
    let expanded = stripe.ok(&format!("/v1/customers/{}?expand[]=tax_ids", id(&customer))).await;
    assert_eq!(expanded["tax_ids"]["data"].as_array().unwrap().len(), 2);
    let stranger = stripe.ok("/v1/customers?limit=2").await["data"][1]["id"].as_str().unwrap().to_owned();
    let foreign = stripe.delete(&format!("/v1/customers/{stranger}/tax_ids/{}", id(&made))).await;
    assert_refused(&foreign, 404, Some("resource_missing"), Some("id"));
    let gone = stripe.delete(&format!("{path}/{}", id(&made))).await.json();
    assert_eq!(gone, json!({"id": made["id"], "object": "tax_id", "deleted": true}));
    assert_eq!(stripe.all(&path, 10).await.len(), 1);
    for (body, code, param) in [
        ("type=eu_vat&value=DE1", Some("tax_id_invalid"), "value"),
        ("type=moon_vat&value=1", None, "type"),
        ("type=eu_vat", Some("parameter_missing"), "value"),
    ] {
        assert_refused(&stripe.post(&path, body).await, 400, code, Some(param));
    }
}

#[tokio::test]
async fn coupons_reduce_what_they_are_for_and_as_often_as_they_may() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let half = stripe.change("/v1/coupons", "percent_off=50&duration=once&name=Half&id=HALF&max_redemptions=1").await;
    assert_fits("coupon", &half);
    let made = subscribe(&stripe, &customer, &price, "&discounts[0][coupon]=HALF").await;
    let invoice = invoice_of(&stripe, &made).await;
    assert_eq!(
        (&invoice["subtotal"], &invoice["total"], &invoice["amount_paid"]),
        (&json!(1000), &json!(500), &json!(500))
    );
    assert_eq!(invoice["total_discount_amounts"][0]["amount"], 500);
    assert_eq!(invoice["lines"]["data"][0]["discount_amounts"][0]["amount"], 500);
    let path = format!("/v1/invoices/{}?expand[]=discounts.source.coupon", id(&invoice));
    let discount = stripe.ok(&path).await["discounts"][0].clone();
    assert_eq!(discount["source"]["coupon"]["name"], "Half");
    assert_fits("discount", &discount);
    let used = stripe.ok("/v1/coupons/HALF").await;
    assert_eq!((&used["times_redeemed"], &used["valid"]), (&json!(1), &json!(false)));
    let again = format!("customer={}&items[0][price]={}&discounts[0][coupon]=HALF", id(&customer), id(&price));
    assert_refused(
        &stripe.post("/v1/subscriptions", &again).await,
        400,
        Some("coupon_expired"),
        Some("discounts[0][coupon]"),
    );
    assert_eq!(stripe.ok(&format!("/v1/subscriptions/{}", id(&made))).await["discounts"], json!([]));

    let three = "amount_off=300&currency=usd&duration=repeating&duration_in_months=2&id=THREE";
    stripe.change("/v1/coupons", three).await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    let given = stripe.change(&path, "discounts[0][coupon]=THREE").await;
    assert_eq!(given["discounts"].as_array().unwrap().len(), 1);
    let mut totals = Vec::new();
    for _ in 0..3 {
        advance(&stand_in, MONTH + 1).await;
        catch_up(&stand_in, &keys.account, id(&made)).await;
        totals.push(invoice_of(&stripe, &stripe.ok(&path).await).await["total"].as_i64().unwrap());
    }
    assert_eq!(totals, [700, 1000, 1000]);
    let deleted = stripe.delete("/v1/coupons/THREE").await.json();
    assert_eq!(deleted, json!({"id": "THREE", "object": "coupon", "deleted": true}));
    for (body, code, param) in [
        ("duration=once", Some("parameter_missing"), "percent_off"),
        ("percent_off=101&duration=once", None, "percent_off"),
        ("percent_off=5&amount_off=5&duration=once", None, "amount_off"),
        ("amount_off=5&duration=once", Some("parameter_missing"), "currency"),
        ("percent_off=5&duration=repeating", None, "duration_in_months"),
        ("percent_off=5&duration=always", None, "duration"),
        ("percent_off=5&id=HALF", Some("resource_already_exists"), "id"),
    ] {
        assert_refused(&stripe.post("/v1/coupons", body).await, 400, code, Some(param));
    }
}

#[tokio::test]
async fn a_discount_for_one_invoice_waits_for_the_end_of_a_trial() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    stripe.change("/v1/coupons", "percent_off=30&duration=once&id=FIRST").await;
    let more = "&trial_period_days=7&discounts[0][coupon]=FIRST";
    let made = subscribe(&stripe, &payer(&stripe).await, &price, more).await;
    assert_eq!((&made["status"], made["discounts"].as_array().unwrap().len()), (&json!("trialing"), 1));
    advance(&stand_in, 7 * 86_400 + 1).await;
    catch_up(&stand_in, &keys.account, id(&made)).await;
    let begun = stripe.ok(&format!("/v1/subscriptions/{}", id(&made))).await;
    assert_eq!((&begun["status"], &begun["discounts"]), (&json!("active"), &json!([])));
    assert_eq!(invoice_of(&stripe, &begun).await["amount_paid"], 700);
}

#[tokio::test]
async fn promotion_codes_have_conditions() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    stripe.change("/v1/coupons", "percent_off=25&duration=forever&id=QUARTER").await;
    let promotion = "promotion[type]=coupon&promotion[coupon]=QUARTER";
    let now = 1_795_000_000;
    let new_code = async |more: &str| stripe.change("/v1/promotion_codes", &format!("{promotion}&{more}")).await;
    let good = new_code("code=FALL25&max_redemptions=1").await;
    assert_fits("promotion_code", &good);
    let taken = stripe.post("/v1/promotion_codes", &format!("{promotion}&code=fall25")).await;
    assert_refused(&taken, 400, None, Some("code"));
    let made = subscribe(&stripe, &customer, &price, &format!("&discounts[0][promotion_code]={}", id(&good))).await;
    assert_eq!(invoice_of(&stripe, &made).await["total"], 750);
    let used = stripe.ok(&format!("/v1/promotion_codes/{}", id(&good))).await;
    assert_eq!((&used["times_redeemed"], &used["active"]), (&json!(1), &json!(false)));

    let first = new_code("code=NEW&restrictions[first_time_transaction]=true").await;
    let big = new_code("code=BIG&restrictions[minimum_amount]=5000&restrictions[minimum_amount_currency]=usd").await;
    let short = new_code(&format!("code=SHORT&expires_at={}", now + 60)).await;
    let off = new_code("code=OFF&active=false").await;
    advance(&stand_in, 120).await;
    for (code, wanted) in [
        (&first, "customer_not_first_time"),
        (&big, "promotion_code_minimum_amount"),
        (&short, "promotion_code_expired"),
        (&off, "promotion_code_inactive"),
        (&good, "promotion_code_expired"),
    ] {
        let body = format!(
            "customer={}&items[0][price]={}&discounts[0][promotion_code]={}",
            id(&customer),
            id(&price),
            id(code)
        );
        let answer = stripe.post("/v1/subscriptions", &body).await;
        assert_refused(&answer, 400, Some(wanted), Some("discounts[0][promotion_code]"));
    }
    let on = stripe.change(&format!("/v1/promotion_codes/{}", id(&off)), "active=true").await;
    assert_eq!(on["active"], true);
    let found = stripe.all("/v1/promotion_codes?code=off&active=true", 10).await;
    assert_eq!(found.len(), 1);
    let event = stripe.ok("/v1/events?type=promotion_code.updated&limit=1").await["data"][0].clone();
    assert_eq!(event["data"]["previous_attributes"], json!({"active": false}));
    let none = stripe.post("/v1/promotion_codes", "promotion[coupon]=NOPE&promotion[type]=coupon").await;
    assert_refused(&none, 400, Some("resource_missing"), Some("promotion[coupon]"));
    assert_refused(
        &stripe.post("/v1/promotion_codes", "code=X").await,
        400,
        Some("parameter_missing"),
        Some("promotion"),
    );
}

#[tokio::test]
async fn charges_are_refunded_in_part_and_in_full() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    let customer = payer(&stripe).await;
    let made = subscribe(&stripe, &customer, &price, "").await;
    let invoice =
        stripe.ok(&format!("/v1/invoices/{}?expand[]=payments", made["latest_invoice"].as_str().unwrap())).await;
    assert_fits("invoice", &invoice);
    let payment = invoice["payments"]["data"][0]["payment"]["payment_intent"].as_str().unwrap();
    let charge = stripe.ok(&format!("/v1/charges?payment_intent={payment}")).await["data"][0].clone();
    let before = event_count(&stripe).await;
    let body = format!("charge={}&amount=400&reason=requested_by_customer&metadata[case]=7", id(&charge));
    let part = stripe.change("/v1/refunds", &body).await;
    assert_fits("refund", &part);
    assert_eq!(types_since(&stripe, before).await, ["refund.created", "charge.refunded"]);
    let event = stripe.ok("/v1/events?type=charge.refunded").await["data"][0].clone();
    assert_eq!(event["data"]["previous_attributes"], json!({"amount_refunded": 0}));
    let shown = stripe.ok(&format!("/v1/charges/{}?expand[]=refunds", id(&charge))).await;
    assert_fits("charge", &shown);
    assert_eq!((&shown["amount_refunded"], &shown["refunded"]), (&json!(400), &json!(false)));
    assert_eq!(shown["refunds"]["data"][0]["id"], part["id"]);
    let much = stripe.post("/v1/refunds", &format!("charge={}&amount=601", id(&charge))).await;
    assert_refused(&much, 400, None, Some("amount"));
    let rest = stripe.change("/v1/refunds", &format!("payment_intent={payment}")).await;
    assert_eq!(rest["amount"], 600);
    assert_eq!(stripe.ok(&format!("/v1/charges/{}", id(&charge))).await["refunded"], true);
    let done = stripe.post("/v1/refunds", &format!("charge={}", id(&charge))).await;
    assert_refused(&done, 400, Some("charge_already_refunded"), None);
    assert_eq!(stripe.all(&format!("/v1/refunds?charge={}", id(&charge)), 1).await.len(), 2);
    let reason = stripe.post("/v1/refunds", &format!("charge={}&reason=bored", id(&charge))).await;
    assert_eq!(reason.status, 400);
    assert_refused(&stripe.post("/v1/refunds", "charge=ch_none").await, 400, Some("resource_missing"), Some("charge"));
    assert_refused(&stripe.post("/v1/refunds", "amount=5").await, 400, Some("parameter_missing"), Some("charge"));
}

#[tokio::test]
async fn discounts_come_and_go_with_their_events_in_both_shapes() {
    let (stand_in, _, stripe) = seeded(1).await;
    let price = monthly(&stripe, 1000).await;
    stripe.change("/v1/coupons", "percent_off=10&duration=forever&id=TENTH").await;
    let made = subscribe(&stripe, &payer(&stripe).await, &price, "&discounts[0][coupon]=TENTH").await;
    let path = format!("/v1/subscriptions/{}", id(&made));
    let old = [("stripe-version", "2024-06-20")];
    let older = stripe.send("GET", &path, "", &old).await.json();
    assert_eq!(
        (&older["discount"]["coupon"]["id"], &older["discount"]["subscription"]),
        (&json!("TENTH"), &made["id"])
    );
    advance(&stand_in, MONTH / 2).await;
    let item = id(&made["items"]["data"][0]);
    let body = format!("items[0][id]={item}&items[0][quantity]=2&proration_behavior=always_invoice");
    let changed = stripe.change(&path, &body).await;
    // Two seats for half a month less one, at nine tenths.
    let invoice = invoice_of(&stripe, &changed).await;
    assert_eq!((&invoice["total"], &invoice["total_discount_amounts"][0]["amount"]), (&json!(450), &json!(0)));
    let older = stripe.send("GET", &format!("/v1/invoices/{}", id(&invoice)), "", &old).await.json();
    let line = &older["lines"]["data"][0];
    assert_eq!((&line["type"], &line["proration"]), (&json!("invoiceitem"), &json!(true)));
    assert!(line["invoice_item"].as_str().unwrap().starts_with("ii_"));
    let before = event_count(&stripe).await;
    let bare = stripe.change(&path, "discounts=").await;
    assert_eq!(bare["discounts"], json!([]));
    assert_eq!(types_since(&stripe, before).await, ["customer.discount.deleted", "customer.subscription.updated"]);
    let event = stripe.ok("/v1/events?type=customer.discount.deleted").await["data"][0].clone();
    assert_fits("deleted_discount", &event["data"]["object"]);
}
