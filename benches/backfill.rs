//! How many objects a second a first full copy stores: without the token bucket, and exactly at its rate with it.
//!
//! `cargo bench --bench backfill` · `-- --customers 20000`. Postgres too when `BILLFOLD_BENCH_POSTGRES` names a server whose
//! role may create databases. Stripe's side is a process of its own that has given every answer before and only repeats it: what
//! is measured is billfold.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]

#[expect(dead_code, reason = "the other benches use the rest")]
mod common;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};

use billfold::{
    clock::Clock,
    standin::{Options, StandIn, control::accounts::AccountSpec},
    store::sync_runs,
};
use bytes::Bytes;
use common::{Site, account};

/// Seconds over which the throttled rate is watched.
const WATCHED: u64 = 10;

fn main() {
    let customers = common::argument("--customers", 20_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::args().any(|argument| argument == "stand-in") {
        runtime.block_on(serve_account(customers));
        return;
    }
    runtime.block_on(measure(customers));
}

/// The child's side: prints where it listens and the key, and serves until it is killed.
async fn serve_account(customers: usize) {
    let standin = StandIn::start(Options { unlimited_rate: true, seed: 7, ..Options::default() }).await.unwrap();
    let spec = AccountSpec { customers: customers as u64, seed: 7, ..AccountSpec::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{} {}", listener.local_addr().unwrap(), standin.account(spec).secret_key);
    let repeater = Arc::new(Repeater { behind: standin.url(), ..Repeater::default() });
    axum::serve(listener, axum::Router::new().fallback(answer).with_state(repeater)).await.unwrap();
}

/// Passes requests on to the stand-in, and repeats what it answered to a GET.
#[derive(Default)]
struct Repeater {
    behind: String,
    http: reqwest::Client,
    known: RwLock<HashMap<String, Bytes>>,
}

async fn answer(State(repeater): State<Arc<Repeater>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (path, is_get) = (parts.uri.to_string(), parts.method == http::Method::GET);
    let json = [(http::header::CONTENT_TYPE, "application/json")];
    if let Some(known) = repeater.known.read().unwrap().get(&path) {
        return (json, known.clone()).into_response();
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut passed = repeater.http.request(parts.method, format!("{}{path}", repeater.behind)).body(body);
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != http::header::HOST) {
        passed = passed.header(name, value);
    }
    let answer = passed.send().await.unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    if is_get && status.is_success() {
        repeater.known.write().unwrap().insert(path, body.clone());
    }
    (status, json, body).into_response()
}

struct Stripe {
    child: Child,
    url: String,
    key: String,
}

impl Stripe {
    fn start(customers: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["stand-in", "--customers", &customers.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (url, key) = line.trim().split_once(' ').unwrap();
        Self { url: url.to_owned(), key: key.to_owned(), child }
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(customers: usize) {
    let (stripe, now) = (Stripe::start(customers), Clock::system().now());
    run("sqlite", None, &stripe, now).await; // after this, every answer is known
    println!("| engine | bucket | objects | seconds | objects/s | calls/s | processor ms/object |");
    println!("|---|---|---|---|---|---|---|");
    for engine in common::engines() {
        for rate in [None, Some(25)] {
            println!("{}", run(engine, rate, &stripe, now).await);
        }
    }
}

/// `rate`: calls per second; none for a bucket that never empties.
async fn run(engine: &str, rate: Option<u32>, stripe: &Stripe, now: i64) -> String {
    let setting = rate.unwrap_or(10_000).to_string();
    let flags = ["--stripe-api-base", &stripe.url, "--stripe-test-rate", &setting];
    // each run asks for the same ranges
    let site = Site::start_at(engine, &flags, Clock::manual(now)).await;
    let connection = account::connect(&site.app, &stripe.key).await;
    let (start, processor) = (Instant::now(), site.processor_time());
    let mut objects;
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut tx = site.app.db.read(&connection.tenant).await.unwrap();
        let run = sync_runs::list(&mut tx, &connection.project, 1).await.unwrap().remove(0);
        let types = sync_runs::types(&mut tx, &connection.project, &run.id).await.unwrap();
        objects = types.iter().map(|progress| progress.fetched).sum::<i64>();
        if run.state == "done" || (rate.is_some() && start.elapsed().as_secs() >= WATCHED) {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let processor = site.processor_time().saturating_sub(processor);
    let row = format!(
        "| {engine} | {} | {objects} | {seconds:.1} | {:.0} | {:.1} | {:.3} |",
        rate.map_or("none".to_owned(), |rate| format!("{rate}/s")),
        objects as f64 / seconds,
        objects as f64 / 100.0 / seconds,
        processor.as_secs_f64() * 1_000.0 / objects as f64,
    );
    site.stop().await;
    row
}
