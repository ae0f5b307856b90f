//! Deliveries: signed, repeated when they fail, and as unreliable as the switches say.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::events::Event;
use super::kind::Kind;
use super::signature;
use super::space::Space;
use super::state::{Shared, lock};
use super::versions::{self, Version};

/// Stripe gives an endpoint about this long.
const TIME_OUT: Duration = Duration::from_secs(20);
/// Deliveries under way at once.
const PARALLEL: usize = 64;
/// Seconds between tries: three days in live mode, two more tries in test mode.
const LIVE_RETRIES: [u64; 12] = [60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 43_200, 43_200, 43_200];
const TEST_RETRIES: [u64; 2] = [900, 7200];

/// One event for one endpoint.
#[derive(Clone, Debug)]
pub struct Job {
    account: String,
    live: bool,
    event: Arc<Event>,
    endpoint: u64,
    _under_way: Arc<()>,
}

impl Job {
    /// The delivery of `event` to an endpoint.
    pub fn new(space: &Space, event: Arc<Event>, endpoint: u64) -> Self {
        Self { account: space.account.id.clone(), live: space.live, event, endpoint, _under_way: space.delivery_mark() }
    }
}

/// What became of one delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// `evt_…`
    pub event: String,
    /// Type of the event.
    pub r#type: String,
    /// `we_…`
    pub endpoint: String,
    /// How often it was sent.
    pub tries: u32,
    /// HTTP status of the last try; 0 when there was no answer.
    pub last_status: u16,
    /// Whether a try was answered with 2xx.
    pub delivered: bool,
    /// Whether chaos lost it.
    pub lost: bool,
    /// Whether more tries may follow.
    pub pending: bool,
}

/// Deliveries by account, then event and endpoint.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<(String, i64, u64, u64), Delivery>>);

impl Ledger {
    fn note(&self, job: &Job, endpoint: &str, change: impl FnOnce(&mut Delivery)) {
        let key = (job.account.clone(), job.event.created, job.event.n, job.endpoint);
        let mut entries = lock(&self.0);
        let entry = entries.entry(key).or_insert_with(|| Delivery {
            event: job.event.id.clone(),
            r#type: job.event.kind.to_owned(),
            endpoint: endpoint.to_owned(),
            tries: 0,
            last_status: 0,
            delivered: false,
            lost: false,
            pending: true,
        });
        change(entry);
    }

    /// The deliveries of an account, oldest event first.
    pub fn of(&self, account: &str) -> Vec<Delivery> {
        let entries = lock(&self.0);
        entries.iter().filter(|(key, _)| key.0 == account).map(|(_, entry)| entry.clone()).collect()
    }
}

type Http = Client<HttpConnector, Full<Bytes>>;

/// Makes deliveries until the stand-in stops.
pub async fn run(shared: Arc<Shared>, mut inbox: UnboundedReceiver<Job>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http: Http = Client::builder(TokioExecutor::new()).build(connector);
    let gate = Arc::new(Semaphore::new(PARALLEL));
    let mut under_way = JoinSet::new();
    while let Some(job) = inbox.recv().await {
        while under_way.try_join_next().is_some() {}
        let chaos = shared.switches.of(&job.account);
        let (copies, waits) = {
            let mut dice = lock(&shared.dice);
            if dice.chance(chaos.lose) {
                drop(dice);
                lose(&shared, &job);
                continue;
            }
            let copies = 1 + usize::from(dice.chance(chaos.duplicate));
            let spread = if chaos.reorder { 250 } else { 0 };
            let [low, high] = chaos.delay_ms;
            let mut wait = || {
                let delay = low + dice.below(high.saturating_sub(low) + 1);
                Duration::from_millis(delay + dice.below(spread + 1))
            };
            (copies, [wait(), wait()])
        };
        for wait in waits.into_iter().take(copies) {
            let (shared, job, http, gate) = (Arc::clone(&shared), job.clone(), http.clone(), Arc::clone(&gate));
            under_way.spawn(async move {
                tokio::time::sleep(wait).await;
                deliver(&shared, &job, &http, &gate).await;
            });
        }
    }
}

fn lose(shared: &Shared, job: &Job) {
    let Some(account) = shared.account(&job.account) else {
        return;
    };
    let endpoint = account.read(job.live).ids.id(Kind::WebhookEndpoint, job.endpoint);
    shared.ledger.note(job, &endpoint, |entry| {
        entry.lost = true;
        entry.pending = false;
    });
}

/// Tries until it is answered with 2xx, the endpoint is gone or disabled, or the schedule ends.
async fn deliver(shared: &Shared, job: &Job, http: &Http, gate: &Semaphore) {
    let schedule: &[u64] = if job.live { &LIVE_RETRIES } else { &TEST_RETRIES };
    let mut waits = schedule.iter();
    loop {
        let Some(letter) = write(shared, job) else {
            return;
        };
        shared.ledger.note(job, &letter.endpoint, |_| {});
        let Ok(permit) = gate.acquire().await else {
            return;
        };
        let status = send(http, &letter).await;
        drop(permit);
        let success = (200..300).contains(&status);
        let wait = if success { None } else { waits.next() };
        shared.ledger.note(job, &letter.endpoint, |entry| {
            entry.tries += 1;
            entry.last_status = status;
            entry.pending = wait.is_some();
            if success && !entry.delivered {
                entry.delivered = true;
                job.event.pending.fetch_sub(1, Ordering::Relaxed);
            }
        });
        match wait {
            None => {
                if !success && job.live {
                    give_up(shared, job);
                }
                return;
            }
            Some(seconds) => {
                let scaled = Duration::from_secs(*seconds).mul_f64(shared.retry_scale);
                tokio::time::sleep(scaled).await;
            }
        }
    }
}

/// After three days without one success Stripe disables a live endpoint.
fn give_up(shared: &Shared, job: &Job) {
    let Some(account) = shared.account(&job.account) else {
        return;
    };
    let mut space = account.write(job.live);
    if let Some(mut endpoint) = space.value(Kind::WebhookEndpoint, job.endpoint) {
        endpoint["status"] = "disabled".into();
        space.replace(Kind::WebhookEndpoint, job.endpoint, endpoint);
    }
}

struct Letter {
    endpoint: String,
    url: String,
    payload: Vec<u8>,
    signature: String,
}

/// The request as it is now: a retry has a new timestamp, and the secrets of this moment.
fn write(shared: &Shared, job: &Job) -> Option<Letter> {
    let account = shared.account(&job.account)?;
    let space = account.read(job.live);
    let endpoint = space.value(Kind::WebhookEndpoint, job.endpoint)?;
    if endpoint["status"] != "enabled" {
        return None;
    }
    let version = endpoint["api_version"].as_str().and_then(Version::named).unwrap_or(versions::DEFAULT);
    let payload = job.event.render(&space, version);
    let now = shared.clock.now();
    Some(Letter {
        endpoint: space.ids.id(Kind::WebhookEndpoint, job.endpoint),
        url: endpoint["url"].as_str()?.to_owned(),
        signature: signature::header(&space.signing_secrets(job.endpoint, now), now, &payload, job.live),
        payload,
    })
}

/// The status of the answer; 0 when there was none. Redirects are not followed, so they are failures.
async fn send(http: &Http, letter: &Letter) -> u16 {
    let request = Request::builder()
        .method(Method::POST)
        .uri(&letter.url)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header(header::ACCEPT, "*/*; q=0.5, application/xml")
        .header(header::CACHE_CONTROL, "no-cache")
        .header("stripe-signature", &letter.signature)
        .body(Full::new(Bytes::from(letter.payload.clone())));
    let Ok(request) = request else {
        return 0;
    };
    let answer = tokio::time::timeout(TIME_OUT, async {
        let response = http.request(request).await.ok()?;
        let status = response.status().as_u16();
        // The body is read so that the connection can be used again.
        let _ = response.into_body().collect().await;
        Some(status)
    });
    answer.await.ok().flatten().unwrap_or(0)
}

impl Space {
    /// The secrets that sign for an endpoint now: two while one is being replaced.
    pub fn signing_secrets(&self, endpoint: u64, now: i64) -> Vec<String> {
        let secrets = self.secrets.get(&endpoint).into_iter().flatten();
        secrets
            .filter(|secret| secret.expires.is_none_or(|expires| expires > now))
            .map(|secret| secret.value.clone())
            .collect()
    }
}
