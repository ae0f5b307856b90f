//! How many signed, distinct deliveries a second are durable, and how many are applied.
//!
//! `cargo bench --bench ingest` · `-- --events 20000 --connections 32`. Postgres too when `BILLFOLD_BENCH_POSTGRES` names a
//! server whose role may create databases.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]

mod common;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use billfold::{
    domain::{
        event::EventStatus,
        ids::{ProjectId, TenantId},
    },
    store,
};
use common::{
    Site,
    account::Account,
    load::{self, Order, Requests},
    ms,
};

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(order) = load::order() {
        let report = runtime.block_on(load::run(order));
        println!("{}", serde_json::to_string(&report).unwrap());
        return;
    }
    let events = common::argument("--events", 20_000);
    let connections = match common::argument("--connections", 0) {
        0 => vec![1, 8, 32, 128],
        only => vec![only],
    };
    runtime.block_on(measure(events, &connections));
}

async fn measure(events: usize, connections: &[usize]) {
    println!("| engine | event | connections | durable/s | p50 ms | p99 ms | applied/s | processor ms/event |");
    println!("|---|---|---|---|---|---|---|---|");
    for engine in common::engines() {
        for &connections in connections {
            for (kind, event_type) in
                [("customer", "customer.updated"), ("subscription", "customer.subscription.updated")]
            {
                run(engine, kind, event_type, connections, events).await;
            }
        }
    }
}

/// Every run has a database of its own, in which the objects exist already: the events are real updates.
async fn run(engine: &str, kind: &str, event_type: &str, connections: usize, events: usize) {
    let account = Account::start(1).await;
    let site = Site::start(engine, &["--stripe-api-base", &account.url(), "--intake-tenant-rate", "10000000"]).await;
    let connection = account.connect(&site.app).await;
    let template = account.object(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let now = site.app.clock.now();
    for (round, created) in [("first", now - 60), ("second", now - 30)] {
        let payloads = folder.path().join(round);
        std::fs::write(&payloads, payload_lines(&template, event_type, round, created, events)).unwrap();
        let order = Order {
            address: site.address.clone(),
            connections,
            seconds: None,
            requests: Requests::Deliveries { path: connection.path.clone(), secret: connection.secret.clone(), now },
            lines: payloads.display().to_string(),
        };
        let (start, processor) = (Instant::now(), site.processor_time());
        let report = tokio::task::spawn_blocking(move || load::run_child(&order)).await.unwrap();
        let sent_in = Duration::from_secs_f64(report.seconds);
        wait_until_applied(&site, &connection.tenant, &connection.project).await;
        let (applied_in, processor) = (start.elapsed(), site.processor_time().saturating_sub(processor));
        assert_eq!((report.answered, report.refused), (events, 0));
        if round == "second" {
            println!(
                "| {engine} | {event_type} | {connections} | {:.0} | {} | {} | {:.0} | {:.3} |",
                events as f64 / sent_in.as_secs_f64(),
                ms(Duration::from_micros(report.p50)),
                ms(Duration::from_micros(report.p99)),
                events as f64 / applied_in.as_secs_f64(),
                processor.as_secs_f64() * 1_000.0 / events as f64,
            );
        }
    }
    site.stop().await;
}

/// Distinct events, each about an object of its own, as compact JSON.
fn payload_lines(template: &str, event_type: &str, round: &str, created: i64, events: usize) -> String {
    let id = serde_json::from_str::<serde_json::Value>(template).unwrap()["id"].as_str().unwrap().to_owned();
    let mut lines = String::with_capacity(events * (template.len() + 400));
    for n in 0..events {
        let object = template.replace(&id, &format!("{id}{n:07}"));
        let _ = writeln!(
            lines,
            "{{\"id\":\"evt_{round}{n:07}\",\"object\":\"event\",\"api_version\":\"2026-09-30.endive\",\"created\":{created},\
                 \"data\":{{\"object\":{object},\"previous_attributes\":{{\"metadata\":{{\"round\":null}}}}}},\
                 \"livemode\":false,\"pending_webhooks\":1,\"request\":{{\"id\":null,\"idempotency_key\":null}},\"type\":\"{event_type}\"}}"
        );
    }
    lines
}

async fn wait_until_applied(site: &Site, tenant: &TenantId, project: &ProjectId) {
    loop {
        let mut tx = site.app.db.read(tenant).await.unwrap();
        if store::inbox::count_up_to(&mut tx, project, EventStatus::Received, 1).await.unwrap() == 0 {
            return;
        }
        drop(tx);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
