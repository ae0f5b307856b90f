//! A program reads lists: order, cursors, ranges, filters, and objects that appear or vanish meanwhile.

use billfold::standin::control::steer::MutateSpec;
use proptest::strategy::{Strategy, ValueTree};
use serde_json::Value;

use super::client::{Caller, id, seeded};

const PATHS: [&str; 4] = ["/v1/customers", "/v1/subscriptions?status=all", "/v1/invoices", "/v1/charges"];

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| id(row).to_owned()).collect()
}

fn created(row: &Value) -> i64 {
    row["created"].as_i64().unwrap()
}

async fn changed() -> (billfold::standin::StandIn, String, Caller) {
    let (stand_in, keys, stripe) = seeded(60).await;
    let spec = MutateSpec { livemode: false, count: 80, kinds: Vec::new(), same_second: false, rng_seed: Some(3) };
    stand_in.control().mutate(&keys.account, &spec).unwrap();
    (stand_in, keys.account, stripe)
}

#[tokio::test]
async fn every_page_size_gives_the_same_list_newest_first() {
    let (_stand_in, _, stripe) = changed().await;
    for path in PATHS {
        let whole = stripe.all(path, 100).await;
        assert!(whole.len() > 40, "{path}");
        assert!(whole.windows(2).all(|pair| created(&pair[0]) >= created(&pair[1])), "{path} is not newest first");
        let mut unique = ids(&whole);
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), whole.len(), "{path} repeats");
        for limit in [1, 7, 50] {
            assert_eq!(ids(&stripe.all(path, limit).await), ids(&whole), "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn going_back_gives_the_page_before() {
    let (_stand_in, _, stripe) = changed().await;
    let whole = ids(&stripe.all("/v1/invoices", 100).await);
    for (at, limit) in [(5, 10), (30, 10), (30, 30), (whole.len() - 1, 3)] {
        let page = stripe.ok(&format!("/v1/invoices?ending_before={}&limit={limit}", whole[at])).await;
        let start = at.saturating_sub(limit);
        assert_eq!(ids(page["data"].as_array().unwrap()), &whole[start..at]);
        assert_eq!(page["has_more"], start > 0);
    }
}

#[tokio::test]
async fn ranges_cut_the_list_exactly() {
    let (_stand_in, _, stripe) = changed().await;
    for path in PATHS {
        let whole = stripe.all(path, 100).await;
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..6 {
            let pick = 0..whole.len();
            let (a, b, shift) = (pick.clone(), pick, -1_i64..2).new_tree(&mut runner).unwrap().current();
            let low = created(&whole[a.max(b)]) + shift;
            let high = created(&whole[a.min(b)]);
            for (from, to) in [("gte", "lte"), ("gt", "lt"), ("gte", "lt"), ("gt", "lte")] {
                let found = stripe.all(&format!("{path}{joint}created[{from}]={low}&created[{to}]={high}"), 100).await;
                let fits = |at: i64| {
                    (if from == "gt" { at > low } else { at >= low })
                        && (if to == "lt" { at < high } else { at <= high })
                };
                let wanted: Vec<Value> = whole.iter().filter(|row| fits(created(row))).cloned().collect();
                assert_eq!(ids(&found), ids(&wanted), "{path} {from} {low} {to} {high}");
            }
        }
    }
}

#[tokio::test]
async fn objects_made_while_paging_neither_repeat_nor_skip() {
    let (_stand_in, _, stripe) = seeded(45).await;
    let before = ids(&stripe.all("/v1/customers", 100).await);
    let mut seen: Vec<String> = Vec::new();
    loop {
        let cursor = seen.last().map_or_else(String::new, |last| format!("&starting_after={last}"));
        let page = stripe.ok(&format!("/v1/customers?limit=10{cursor}")).await;
        seen.extend(ids(page["data"].as_array().unwrap()));
        if page["has_more"] == false {
            break;
        }
        stripe.change("/v1/customers", "name=Latecomer").await;
        let gone = before.iter().find(|id| !seen.contains(id)).unwrap();
        stripe.change(&format!("/v1/customers/{gone}"), "name=Renamed").await;
    }
    assert_eq!(seen, before);
    assert_eq!(stripe.all("/v1/customers", 100).await.len(), before.len() + 4);
}

#[tokio::test]
async fn lists_answer_wrong_parameters_as_stripe_does() {
    let (_stand_in, _, stripe) = seeded(4).await;
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("starting_after=cus_nobody", "starting_after"),
        ("created[before]=3", "before"),
        ("created[gt]=soon", "gt"),
        ("colour=red", "colour"),
    ] {
        let answer = stripe.get(&format!("/v1/customers?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(answer.error()["param"], param, "{query}");
    }
    let first = stripe.ok("/v1/customers?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let both = stripe.get(&format!("/v1/customers?starting_after={first}&ending_before={first}")).await;
    assert_eq!(both.status, 400);
}

#[tokio::test]
async fn filters_select_what_they_name() {
    let (_stand_in, _, stripe) = changed().await;
    let all = stripe.all("/v1/subscriptions?status=all", 100).await;
    let canceled = stripe.all("/v1/subscriptions?status=canceled", 100).await;
    let usual = stripe.all("/v1/subscriptions", 100).await;
    assert!(!canceled.is_empty() && canceled.iter().all(|row| row["status"] == "canceled"));
    assert!(usual.iter().all(|row| row["status"] != "canceled"));
    assert_eq!(usual.len() + canceled.len(), all.len());
    let customer = all[all.len() / 2]["customer"].as_str().unwrap().to_owned();
    for (path, rows) in [
        ("/v1/subscriptions", all.clone()),
        ("/v1/invoices", stripe.all("/v1/invoices", 100).await),
        ("/v1/charges", stripe.all("/v1/charges", 100).await),
    ] {
        let wanted: Vec<Value> = rows.into_iter().filter(|row| row["customer"] == *customer).collect();
        let status = if path == "/v1/subscriptions" { "&status=all" } else { "" };
        let found = stripe.all(&format!("{path}?customer={customer}{status}"), 2).await;
        assert_eq!(ids(&found), ids(&wanted), "{path}");
    }
    let one = id(&all[0]).to_owned();
    let invoices = stripe.all(&format!("/v1/invoices?subscription={one}"), 100).await;
    assert!(!invoices.is_empty());
    assert!(invoices.iter().all(|row| row["parent"]["subscription_details"]["subscription"] == *one));
    let open = stripe.all("/v1/invoices?status=open", 100).await;
    assert!(!open.is_empty() && open.iter().all(|row| row["status"] == "open"));
    let known = &stripe.ok("/v1/customers?limit=1").await["data"][0];
    let found = stripe.all(&format!("/v1/customers?email={}", known["email"].as_str().unwrap()), 10).await;
    assert_eq!(ids(&found), [id(known)]);
}

#[tokio::test]
async fn long_sub_lists_stop_at_ten_rows_and_go_on_by_page() {
    let (_stand_in, _, stripe) = seeded(60).await;
    let subscriptions = stripe.all("/v1/subscriptions?status=all", 100).await;
    let long = subscriptions.iter().find(|row| row["items"]["has_more"] == true).unwrap();
    assert_eq!(long["items"]["data"].as_array().unwrap().len(), 10);
    let items = stripe.all(&format!("/v1/subscription_items?subscription={}", id(long)), 4).await;
    assert_eq!(items.len(), 13);
    assert_eq!(ids(&items[..10]), ids(long["items"]["data"].as_array().unwrap()));
    assert_eq!(stripe.ok(&format!("/v1/subscription_items/{}", id(&items[12]))).await, items[12]);
    let invoices = stripe.all(&format!("/v1/invoices?subscription={}", id(long)), 100).await;
    let invoice = &invoices[0];
    assert_eq!(invoice["lines"]["has_more"], true);
    let lines = stripe.all(&format!("/v1/invoices/{}/lines", id(invoice)), 5).await;
    assert_eq!(lines.len(), 13);
    let sum: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap()).sum();
    assert_eq!(invoice["total"], sum);
}

#[tokio::test]
async fn the_seed_is_repeatable_and_its_objects_know_each_other() {
    let (_one, _, first) = seeded(80).await;
    let (stand_in, keys, second) = seeded(80).await;
    let names = |rows: Vec<Value>| rows.iter().map(|row| row["name"].to_string()).collect::<Vec<_>>();
    assert_eq!(names(first.all("/v1/customers", 100).await), names(second.all("/v1/customers", 100).await));
    let customers = ids(&second.all("/v1/customers", 100).await);
    let subscriptions = second.all("/v1/subscriptions?status=all", 100).await;
    let known = ids(&subscriptions);
    let prices = ids(&second.all("/v1/prices", 100).await);
    for row in &subscriptions {
        assert!(customers.contains(&row["customer"].as_str().unwrap().to_owned()));
        let latest = second.ok(&format!("/v1/invoices/{}", row["latest_invoice"].as_str().unwrap())).await;
        assert_eq!(latest["parent"]["subscription_details"]["subscription"], row["id"]);
        assert_eq!(latest["customer"], row["customer"]);
    }
    let mut statuses: Vec<&str> = subscriptions.iter().map(|row| row["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses.len(), 8, "{statuses:?}");
    for invoice in second.all("/v1/invoices", 100).await {
        let subscription = invoice["parent"]["subscription_details"]["subscription"].as_str().unwrap();
        assert!(known.contains(&subscription.to_owned()));
        for line in invoice["lines"]["data"].as_array().unwrap() {
            assert!(prices.contains(&line["pricing"]["price_details"]["price"].as_str().unwrap().to_owned()));
        }
    }
    let dump = Caller::new(&stand_in, "").get(&format!("/_control/accounts/{}/dump?kind=customer", keys.account)).await;
    assert_eq!(dump.text.lines().count(), 80);
}

#[tokio::test]
async fn a_million_customers_are_there_at_once() {
    let (_stand_in, _, stripe) = seeded(1_000_000).await;
    let page = stripe.ok("/v1/subscriptions?limit=100&status=all&created[lt]=1780000000").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 100);
    assert!(page["data"].as_array().unwrap().iter().all(|row| created(row) < 1_780_000_000));
}
