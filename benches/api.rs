//! Requests per second of the REST API at a million customers: `cargo bench --bench api`, with `-- --customers 100000` for less
//! `-- --connections 64` for more at once, and `-- --keep folder` on a database that stays for the next bench.
//!
//! Fills a database of its own through the mirror's own writes, makes a key, and asks over keep-alive connections from a process
//! of its own on the same machine. The key, its scope and its limit are checked on every request, and each is logged.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench fails by panicking and prints its table")]

#[expect(dead_code, reason = "this bench needs a part of it")]
mod common;

use std::time::Duration;

use billfold::{
    accounts::api_keys::KeyWish,
    app::{By, Scope},
    domain::{api_key::Preset, kind::Kind},
};
use common::{
    business::Business,
    engines,
    fill::{Filled, stripe_id},
    load::{self, Order, Requests},
    ms,
};

/// Different paths that are asked for in turn.
const PATHS: u64 = 20_000;

/// What is asked for: its name, and the path of the n-th one.
type Asked = (&'static str, fn(&Filled, u64) -> String);

const ASKED: [Asked; 4] = [
    ("one customer, by Stripe's id", |filled, n| {
        format!("/v1/customers/{}", stripe_id(Kind::Customer, filled.scattered(n + 1)))
    }),
    ("one customer, by our id", |filled, n| {
        let id = stripe_id(Kind::Customer, filled.scattered(n + 1));
        format!("/v1/customers/{}", Kind::Customer.derive_id(&filled.project, &id))
    }),
    ("a list of 100 customers, the newest", |_, _| "/v1/customers?limit=100".to_owned()),
    ("a list of 100 customers, anywhere", |filled, n| {
        let id = stripe_id(Kind::Customer, filled.scattered(n + 1));
        format!("/v1/customers?limit=100&starting_after={id}")
    }),
];

#[tokio::main]
async fn main() {
    if let Some(order) = load::order() {
        let report = load::run(order).await;
        println!("{}", serde_json::to_string(&report).unwrap());
        return;
    }
    let customers = u64::try_from(common::argument("--customers", 1_000_000)).unwrap();
    let connections = common::argument("--connections", 32);
    let seconds = common::argument("--seconds", 10);
    for engine in engines() {
        Box::pin(run(engine, customers, connections, seconds)).await;
    }
}

async fn run(engine: &str, customers: u64, connections: usize, seconds: usize) {
    let settings = ["--api-rate", "1000000", "--api-tenant-rate", "1000000"];
    let Business { site, filled } = Business::start(engine, customers, &settings).await;
    let scope = Scope {
        app: site.app.clone(),
        tenant: filled.tenant.clone(),
        project: filled.project.clone(),
        by: By::part("bench"),
    };
    let wish = KeyWish { name: "Bench".to_owned(), scopes: Preset::ReadOnly.scopes(), days: 1 };
    let key = scope.create_api_key(&wish).await.unwrap().key;
    println!("| request | connections | requests/s | p50 ms | p99 ms | processor ms per request |");
    println!("|---|---|---|---|---|---|");
    let folder = tempfile::tempdir().unwrap();
    for (name, path) in ASKED {
        let paths: Vec<String> = (0..PATHS).map(|n| path(&filled, n)).collect();
        let file = folder.path().join("paths");
        std::fs::write(&file, paths.join("\n")).unwrap();
        let order = Order {
            address: site.address.clone(),
            connections,
            seconds: Some(u64::try_from(seconds).unwrap()),
            requests: Requests::Reads { key: key.expose().to_owned() },
            lines: file.display().to_string(),
        };
        let processor = site.processor_time();
        let report = tokio::task::spawn_blocking(move || load::run_child(&order)).await.unwrap();
        let processor = site.processor_time().saturating_sub(processor);
        assert_eq!(report.refused, 0, "{name}");
        println!(
            "| {name} | {connections} | {:.0} | {} | {} | {:.3} |",
            report.answered as f64 / report.seconds,
            ms(Duration::from_micros(report.p50)),
            ms(Duration::from_micros(report.p99)),
            processor.as_secs_f64() * 1_000.0 / report.answered as f64,
        );
    }
    site.stop().await;
}
