//! How many signed, distinct deliveries a second are durable, and how many are applied.
//!
//! `cargo bench --bench ingest` · `-- --events 20000 --connections 32`, and with `--customers 1000000` in a business of that size
//! with its ten million events, which `--keep folder` keeps for the next bench. Postgres too when `BILLFOLD_BENCH_POSTGRES` names a
//! server whose role may create databases.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]

#[expect(dead_code, reason = "this bench needs a part of it")]
mod common;

use std::time::{Duration, Instant};

use billfold::{
    domain::{
        ids::{ProjectId, TenantId},
        kind::Kind,
    },
    store,
};
use common::{
    Site,
    account::{Account, Connection},
    business::Business,
    fill::{Filled, stripe_id},
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
    let customers = common::argument("--customers", 0);
    let events = common::argument("--events", 20_000);
    let connections = match common::argument("--connections", 0) {
        0 => vec![1, 8, 32, 128],
        only => vec![only],
    };
    runtime.block_on(measure(customers, events, &connections));
}

async fn measure(customers: usize, events: usize, connections: &[usize]) {
    for engine in common::engines() {
        let account = Account::start(1).await;
        let url = account.url();
        let settings = ["--stripe-api-base", &url, "--intake-tenant-rate", "10000000"];
        let mut grown = match customers {
            0 => None,
            _ => Some(Target::grown(engine, customers as u64, &account, &settings).await),
        };
        println!("| engine | event | connections | durable/s | p50 ms | p99 ms | applied/s | processor ms/event |");
        println!("|---|---|---|---|---|---|---|---|");
        for &connections in connections {
            for (kind, event_type) in
                [(Kind::Customer, "customer.updated"), (Kind::Subscription, "customer.subscription.updated")]
            {
                let target = match grown.take() {
                    Some(target) => target,
                    None => Target::new(engine, &account, &settings).await,
                };
                let template = account.object(kind.as_str()).await;
                print!("| {engine} | {event_type} | {connections} |");
                target.run(&template, (kind, event_type), connections, events).await;
                if target.filled.is_some() {
                    grown = Some(target);
                } else {
                    target.site.stop().await;
                }
            }
        }
        println!("\nat most {} MB of memory, with the stand-in", common::peak_memory());
        if let Some(target) = grown {
            target.site.stop().await;
        }
    }
}

/// A connected project. The objects that events are about exist already: they are real updates.
struct Target {
    site: Site,
    connection: Connection,
    /// The business, if it is a large one.
    filled: Option<Filled>,
}

impl Target {
    /// A new project on a database of its own.
    async fn new(engine: &str, account: &Account, settings: &[&str]) -> Self {
        let site = Site::start(engine, settings).await;
        let connection = account.connect(&site.app).await;
        Self { site, connection, filled: None }
    }

    /// The project of a business of so many customers.
    async fn grown(engine: &str, customers: u64, account: &Account, settings: &[&str]) -> Self {
        let Business { site, filled } = Business::start(engine, customers, settings).await;
        let connection = account.connect_project(&site.app, filled.tenant.clone(), filled.project.clone()).await;
        Self { site, connection, filled: Some(filled) }
    }

    /// Two rounds about the same objects; the second counts.
    async fn run(&self, template: &str, (kind, event_type): (Kind, &str), connections: usize, events: usize) {
        let folder = tempfile::tempdir().unwrap();
        let (now, run) = (self.site.app.clock.now(), &billfold::vault::new_token()[..8]);
        for (round, created) in [("first", now - 60), ("second", now - 30)] {
            let payloads = folder.path().join(round);
            let lines = (0..events).map(|n| {
                let object = template.replace(&own_id(template), &self.object(kind, template, n as u64));
                payload(&format!("evt_{run}{round}{n:07}"), &object, event_type, created)
            });
            std::fs::write(&payloads, lines.collect::<String>()).unwrap();
            let Connection { tenant, project, path, secret } = &self.connection;
            let order = Order {
                address: self.site.address.clone(),
                connections,
                seconds: None,
                requests: Requests::Deliveries { path: path.clone(), secret: secret.clone(), now },
                lines: payloads.display().to_string(),
            };
            let finished = finished(&self.site, tenant, project).await;
            let (start, processor) = (Instant::now(), self.site.processor_time());
            let report = tokio::task::spawn_blocking(move || load::run_child(&order)).await.unwrap();
            let sent_in = Duration::from_secs_f64(report.seconds);
            wait_until_finished(&self.site, tenant, project, finished + i64::try_from(events).unwrap()).await;
            let (applied_in, processor) = (start.elapsed(), self.site.processor_time().saturating_sub(processor));
            assert_eq!((report.answered, report.refused), (events, 0));
            if round == "second" {
                println!(
                    " {:.0} | {} | {} | {:.0} | {:.3} |",
                    events as f64 / sent_in.as_secs_f64(),
                    ms(Duration::from_micros(report.p50)),
                    ms(Duration::from_micros(report.p99)),
                    events as f64 / applied_in.as_secs_f64(),
                    processor.as_secs_f64() * 1_000.0 / events as f64,
                );
            }
        }
    }

    /// Stripe's id of the n-th object; in a large business scattered over all of them.
    fn object(&self, kind: Kind, template: &str, n: u64) -> String {
        const STEP: u64 = 7_919;
        match &self.filled {
            Some(filled) => stripe_id(kind, n * STEP % filled.customers),
            None => format!("{}{n:07}", own_id(template)),
        }
    }
}

fn own_id(object: &str) -> String {
    serde_json::from_str::<serde_json::Value>(object).unwrap()["id"].as_str().unwrap().to_owned()
}

/// An event as compact JSON, and a line's end.
fn payload(id: &str, object: &str, event_type: &str, created: i64) -> String {
    format!(
        "{{\"id\":\"{id}\",\"object\":\"event\",\"api_version\":\"2026-09-30.endive\",\"created\":{created},\
             \"data\":{{\"object\":{object},\"previous_attributes\":{{\"metadata\":{{\"round\":null}}}}}},\
             \"livemode\":false,\"pending_webhooks\":1,\"request\":{{\"id\":null,\"idempotency_key\":null}},\"type\":\"{event_type}\"}}\n"
    )
}

/// How many of the project's events are finished: a count that is kept, so that looking costs the database next to nothing.
async fn finished(site: &Site, tenant: &TenantId, project: &ProjectId) -> i64 {
    let mut tx = site.app.db.read(tenant).await.unwrap();
    store::counts::of_events(&mut tx, project).await.unwrap().into_iter().map(|(_, n)| n).sum()
}

async fn wait_until_finished(site: &Site, tenant: &TenantId, project: &ProjectId, events: i64) {
    while finished(site, tenant, project).await < events {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
