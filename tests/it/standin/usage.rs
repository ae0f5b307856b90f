//! A program reports usage and sells in every model: what is counted comes to the invoice.

use serde_json::{Value, json};

use super::client::{Caller, advance, assert_refused, catch_up, id, payer, seeded};
use super::description::faults;

const MONTH: i64 = 2_628_000;
const NOW: i64 = 1_795_000_000;

fn assert_fits(name: &str, value: &Value) {
    assert_eq!(faults(name, value), Vec::<String>::new());
}

async fn meter(stripe: &Caller, event: &str) -> Value {
    let body = format!("display_name=Calls&event_name={event}&default_aggregation[formula]=sum");
    let made = stripe.change("/v1/billing/meters", &body).await;
    assert_fits("billing.meter", &made);
    made
}

fn report(event: &str, customer: &str, value: u32, more: &str) -> String {
    format!("event_name={event}&payload[stripe_customer_id]={customer}&payload[value]={value}{more}")
}

#[tokio::test]
async fn meters_are_made_listed_and_switched_off() {
    let (_stand_in, _, stripe) = seeded(2).await;
    let made = meter(&stripe, "calls").await;
    assert!(id(&made).starts_with("mtr_test_"));
    let path = format!("/v1/billing/meters/{}", id(&made));
    assert_eq!(stripe.change(&path, "display_name=Requests").await["display_name"], "Requests");
    let twice =
        stripe.post("/v1/billing/meters", "display_name=X&event_name=calls&default_aggregation[formula]=sum").await;
    assert_refused(&twice, 400, Some("resource_already_exists"), Some("event_name"));
    assert_eq!(stripe.all("/v1/billing/meters?status=active", 1).await.len(), 2, "one is seeded");
    let off = stripe.change(&format!("{path}/deactivate"), "").await;
    assert_eq!((&off["status"], &off["status_transitions"]["deactivated_at"]), (&json!("inactive"), &json!(NOW)));
    assert_refused(&stripe.post(&format!("{path}/deactivate"), "").await, 400, None, None);
    assert_eq!(stripe.change(&format!("{path}/reactivate"), "").await["status"], "active");
    let event = stripe.ok("/v1/events?type=billing.meter.reactivated").await["data"][0].clone();
    assert_eq!(event["data"]["previous_attributes"]["status"], "inactive");
    for (body, param) in [
        ("event_name=x&default_aggregation[formula]=sum", "display_name"),
        ("display_name=X&event_name=x", "default_aggregation[formula]"),
    ] {
        assert_refused(&stripe.post("/v1/billing/meters", body).await, 400, Some("parameter_missing"), Some(param));
    }
}

#[tokio::test]
async fn a_report_counts_once_and_within_its_window() {
    let (stand_in, _, stripe) = seeded(1).await;
    let made = meter(&stripe, "calls").await;
    let customer = payer(&stripe).await;
    let path = "/v1/billing/meter_events";
    let first = stripe.change(path, &report("calls", id(&customer), 5, "&identifier=one")).await;
    assert_fits("billing.meter_event", &first);
    assert_eq!((&first["timestamp"], &first["payload"]["value"]), (&json!(NOW), &json!("5")));
    let again = stripe.post(path, &report("calls", id(&customer), 5, "&identifier=one")).await;
    assert_refused(&again, 400, Some("duplicate_meter_event"), Some("identifier"));
    for (more, code) in [
        (format!("&timestamp={}", NOW - 35 * 86_400 - 1), "timestamp_too_far_in_past"),
        (format!("&timestamp={}", NOW + 301), "timestamp_in_future"),
    ] {
        assert_refused(
            &stripe.post(path, &report("calls", id(&customer), 1, &more)).await,
            400,
            Some(code),
            Some("timestamp"),
        );
    }
    assert_refused(
        &stripe.post(path, &report("none", id(&customer), 1, "")).await,
        400,
        Some("no_meter"),
        Some("event_name"),
    );
    let stranger = stripe.post(path, &report("calls", "cus_none", 1, "")).await;
    assert_refused(&stranger, 400, Some("resource_missing"), Some("payload[stripe_customer_id]"));
    let body = format!("event_name=calls&payload[stripe_customer_id]={}&payload[value]=many", id(&customer));
    assert_refused(&stripe.post(path, &body).await, 400, Some("meter_event_invalid_value"), Some("payload[value]"));
    stripe.change(path, &report("calls", id(&customer), 7, &format!("&timestamp={}", NOW - 7200))).await;

    let start = (NOW - 86_400) / 3600 * 3600;
    let end = (NOW + 3600) / 3600 * 3600;
    let query = format!(
        "/v1/billing/meters/{}/event_summaries?customer={}&start_time={start}&end_time={end}",
        id(&made),
        id(&customer)
    );
    let sums = stripe.all(&query, 10).await;
    assert_fits("billing.meter_event_summary", &sums[0]);
    assert_eq!((sums.len(), &sums[0]["aggregated_value"]), (1, &json!(12.0)));
    let hours = stripe.all(&format!("{query}&value_grouping_window=hour"), 1).await;
    assert_eq!(hours.iter().map(|row| row["aggregated_value"].as_f64().unwrap()).collect::<Vec<_>>(), [5.0, 7.0]);
    let odd = stripe.get(&query.replace(&format!("start_time={start}"), "start_time=61")).await;
    assert_refused(&odd, 400, None, Some("start_time"));

    let cancel = "event_name=calls&type=cancel&cancel[identifier]=one";
    let taken = stripe.change("/v1/billing/meter_event_adjustments", cancel).await;
    assert_fits("billing.meter_event_adjustment", &taken);
    assert_eq!(stripe.all(&query, 10).await[0]["aggregated_value"], json!(7.0));
    advance(&stand_in, 86_401).await;
    let late = stripe.post("/v1/billing/meter_event_adjustments", cancel).await;
    assert_refused(&late, 400, Some("resource_missing"), Some("cancel[identifier]"));
    stripe.change(path, &report("calls", id(&customer), 5, "&identifier=one")).await;
}

#[tokio::test]
async fn usage_is_on_the_preview_and_on_the_renewal() {
    let (stand_in, keys, stripe) = seeded(1).await;
    let made = meter(&stripe, "calls").await;
    let customer = payer(&stripe).await;
    let body = format!(
        "currency=usd&product_data[name]=Calls&unit_amount_decimal=0.25&recurring[interval]=month\
         &recurring[usage_type]=metered&recurring[meter]={}",
        id(&made)
    );
    let price = stripe.change("/v1/prices", &body).await;
    assert_fits("price", &price);
    let wrong = format!("customer={}&items[0][price]={}&items[0][quantity]=3", id(&customer), id(&price));
    assert_refused(&stripe.post("/v1/subscriptions", &wrong).await, 400, None, Some("items[0][quantity]"));
    let body = format!("customer={}&items[0][price]={}", id(&customer), id(&price));
    let subscription = stripe.change("/v1/subscriptions", &body).await;
    assert!(subscription["items"]["data"][0].get("quantity").is_none());
    advance(&stand_in, 1000).await;
    stripe.change("/v1/billing/meter_events", &report("calls", id(&customer), 1000, "")).await;
    let ask = format!("subscription={}", id(&subscription));
    let preview = stripe.change("/v1/invoices/create_preview", &ask).await;
    assert_eq!((&preview["total"], &preview["lines"]["data"][0]["quantity"]), (&json!(250), &json!(1000)));
    stripe.change("/v1/billing/meter_events", &report("calls", id(&customer), 2000, "")).await;
    advance(&stand_in, MONTH).await;
    stripe.change("/v1/billing/meter_events", &report("calls", id(&customer), 400, "")).await;
    catch_up(&stand_in, &keys.account, id(&subscription)).await;
    let renewed = stripe.ok(&format!("/v1/subscriptions/{}", id(&subscription))).await;
    let invoice = stripe.ok(&format!("/v1/invoices/{}", renewed["latest_invoice"].as_str().unwrap())).await;
    assert_eq!((&invoice["total"], &invoice["status"]), (&json!(750), &json!("paid")));
    let next = stripe.change("/v1/invoices/create_preview", &ask).await;
    assert_eq!(next["total"], 100);
    let bare =
        "currency=usd&product_data[name]=X&unit_amount=1&recurring[interval]=month&recurring[usage_type]=metered";
    assert_refused(&stripe.post("/v1/prices", bare).await, 400, Some("parameter_missing"), Some("recurring[meter]"));
    stripe.change(&format!("/v1/billing/meters/{}/deactivate", id(&made)), "").await;
    let body = format!("{bare}&recurring[meter]={}", id(&made));
    assert_refused(&stripe.post("/v1/prices", &body).await, 400, None, Some("recurring[meter]"));
}

#[tokio::test]
async fn prices_of_every_model_cost_what_they_say() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let customer = payer(&stripe).await;
    let tiers = "billing_scheme=tiered&tiers[0][up_to]=5&tiers[0][flat_amount]=500&tiers[1][up_to]=inf\
                 &tiers[1][unit_amount_decimal]=33.5";
    for (model, quantity, total) in [
        ("unit_amount=700".to_owned(), 3, 2100),
        ("unit_amount_decimal=0.5".to_owned(), 7, 4),
        (format!("tiers_mode=graduated&{tiers}"), 7, 500 + 67),
        (format!("tiers_mode=volume&{tiers}"), 7, 235),
        (format!("tiers_mode=volume&{tiers}"), 5, 500),
        ("unit_amount=900&transform_quantity[divide_by]=5&transform_quantity[round]=up".to_owned(), 11, 2700),
        ("unit_amount=900&transform_quantity[divide_by]=5&transform_quantity[round]=down".to_owned(), 11, 1800),
    ] {
        let body = format!("currency=usd&product_data[name]=Thing&recurring[interval]=month&{model}");
        let price = stripe.change("/v1/prices", &body).await;
        assert_fits("price", &price);
        assert!(price.get("tiers").is_none());
        let body = format!(
            "customer={}&subscription_details[items][0][price]={}&subscription_details[items][0][quantity]={quantity}",
            id(&customer),
            id(&price)
        );
        assert_eq!(stripe.change("/v1/invoices/create_preview", &body).await["total"], total, "{model} × {quantity}");
    }
    let body = format!(
        "currency=usd&product_data[name]=Thing&recurring[interval]=month&tiers_mode=volume&{tiers}&expand[]=tiers"
    );
    let shown = stripe.change("/v1/prices", &body).await;
    assert_fits("price", &shown);
    assert_eq!(
        (&shown["tiers"][0]["flat_amount"], &shown["tiers"][1]["unit_amount"], &shown["tiers"][1]["up_to"]),
        (&json!(500), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn prices_and_products_follow_stripes_rules() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let body = "name=Plan&default_price_data[currency]=usd&default_price_data[unit_amount]=900\
                &default_price_data[recurring][interval]=month&marketing_features[0][name]=Fast";
    let product = stripe.change("/v1/products", body).await;
    assert_fits("product", &product);
    let default = product["default_price"].as_str().unwrap().to_owned();
    assert_eq!(stripe.ok(&format!("/v1/prices/{default}")).await["product"], product["id"]);
    let archived = stripe.post(&format!("/v1/prices/{default}"), "active=false").await;
    assert_refused(&archived, 400, None, None);
    let dollars = format!("product={}&currency=usd&unit_amount=100", id(&product));
    let first = stripe.change("/v1/prices", &format!("{dollars}&lookup_key=main")).await;
    let path = format!("/v1/prices/{}", id(&first));
    for fixed in ["unit_amount=5", "currency=eur", "recurring[interval]=year", "product=prod_1"] {
        let name = fixed.split(['=', '[']).next().unwrap();
        assert_refused(&stripe.post(&path, fixed).await, 400, Some("parameter_unknown"), Some(name));
    }
    let taken = stripe.post("/v1/prices", &format!("{dollars}&lookup_key=main")).await;
    assert_refused(&taken, 400, Some("resource_already_exists"), Some("lookup_key"));
    let second = stripe.change("/v1/prices", &format!("{dollars}&lookup_key=main&transfer_lookup_key=true")).await;
    assert_eq!((&second["lookup_key"], &stripe.ok(&path).await["lookup_key"]), (&json!("main"), &Value::Null));
    assert_eq!(stripe.change(&path, "active=false&nickname=Old").await["active"], false);
    for (body, code, param) in [
        ("currency=usd&unit_amount=1".to_owned(), Some("parameter_missing"), "product"),
        (format!("{dollars}&unit_amount_decimal=1"), None, "unit_amount"),
        (format!("product={}&currency=usd", id(&product)), Some("parameter_missing"), "unit_amount"),
        (format!("product={}&currency=dollars&unit_amount=1", id(&product)), None, "currency"),
        (format!("{dollars}&recurring[interval]=hour"), None, "recurring[interval]"),
        (format!("{dollars}&recurring[interval]=year&recurring[interval_count]=4"), None, "recurring[interval_count]"),
        (format!("{dollars}&tiers_mode=volume"), None, "tiers_mode"),
        (
            format!("product={}&currency=usd&billing_scheme=tiered&tiers_mode=volume", id(&product)),
            Some("parameter_missing"),
            "tiers",
        ),
        (
            format!(
                "product={}&currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=5&tiers[0][unit_amount]=1",
                id(&product)
            ),
            None,
            "tiers[0][up_to]",
        ),
        (
            format!("{dollars}&transform_quantity[divide_by]=1&transform_quantity[round]=up"),
            None,
            "transform_quantity[divide_by]",
        ),
    ] {
        assert_refused(&stripe.post("/v1/prices", &body).await, 400, code, Some(param));
    }
    let busy = stripe.delete(&format!("/v1/products/{}", id(&product))).await;
    assert_refused(&busy, 400, None, None);
    let gone = stripe.change(&format!("/v1/products/{}", id(&product)), "active=false").await;
    assert_eq!(gone["active"], false);
}
