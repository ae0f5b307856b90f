//! Every object fits Stripe's description, in lists, alone, in events, seeded, made and changed.

use serde_json::Value;

use super::client::{Caller, id, seeded};
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
