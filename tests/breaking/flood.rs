//! One business is flooded with deliveries. Another one's are answered and applied as if nothing were.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Form,
    hand::Hand,
    harness::{Account, Engine, process::Ground},
    judge::{Tally, judge, settle},
};

/// Connections of the flood.
const FLOOD: usize = 64;
/// Deliveries per second of the other business.
const CALM: u64 = 10;
/// What an answer to the other one may take, and its effect: ninety-five of a hundred.
const LIMIT: Duration = Duration::from_secs(5);

pub async fn tell(engine: Engine, form: Form) -> Tally {
    let ground = Ground::make(engine).await;
    let flooded = ground.new_tenant("Flooded").await;
    let (calm, loud) = (ground.connect(5).await, ground.connect_of(&flooded, 5).await);
    let process = ground.serve().await;
    settle(&ground, &calm).await;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut flood = JoinSet::new();
    for lane in 0..FLOOD {
        let deliveries = signed(&loud, &format!("evt_flood{lane}x"), 200);
        flood.spawn(pour(loud.webhook_url(), deliveries, stop.clone(), sent.clone()));
    }
    let (http, mut answered) = (Client::new(), Vec::new());
    for (signature, payload) in signed(&calm, "evt_calm", form.of(60, 600)) {
        let began = Instant::now();
        let request = http.post(calm.webhook_url()).header("stripe-signature", signature).body(payload);
        assert_eq!(request.send().await.unwrap().status(), 200, "the other business is turned away");
        answered.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1_000 / CALM)).await;
    }
    let began = Instant::now();
    settle(&ground, &calm).await; // the flood goes on
    let applied = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    flood.join_all().await;
    answered.sort_unstable();
    let p95 = answered[answered.len() * 95 / 100];
    println!(
        "{} deliveries of a flood; another business: p95 {p95:?}, applied {applied:?} after the last",
        sent.load(Ordering::Relaxed)
    );
    assert!(p95 < LIMIT && applied < LIMIT, "p95 {p95:?}, applied {applied:?}");
    let tally = judge(&ground, &calm).await;
    process.kill().await;
    tally
}

/// Sends deliveries as fast as they are answered, the same again and again. Refusals are what a flood gets.
async fn pour(url: String, deliveries: Vec<(String, String)>, stop: Arc<AtomicBool>, sent: Arc<AtomicUsize>) {
    let http = Client::new();
    for (signature, payload) in deliveries.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let request = http.post(&url).header("stripe-signature", signature).body(payload.clone());
        let _ = request.send().await;
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// So many different events about a customer as it is.
fn signed(account: &Account<'_>, id: &str, count: usize) -> Vec<(String, String)> {
    let hand = Hand::of(account);
    (0..count).map(|n| hand.event(&format!("{id}{n}"), "")).collect()
}
