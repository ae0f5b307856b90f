//! An imitation of the parts of Stripe that billfold uses, on its own port.
//!
//! It is the judge of billfold's tests, so it shares no code with the modules it judges. A request goes
//! [`pipeline`] (key, version, limits, idempotency) → [`routes`] (the table) → a file of [`objects`] → [`space`], which holds
//! one account in one mode: a [`seed`] that is computed on demand under whatever was changed since. Changes make [`events`],
//! events make [`deliveries`]. Everything is steered through [`control`], and made to fail through [`chaos`].
//!
//! People see [`pages`]: checkout and invoices, in plain HTML.
//!
//! Known simplifications: a month is a twelfth of a year of 365 days; an item keeps the price as it was when the item last
//! changed; a period that is over is renewed by life (`mutate`, `life`) or when the control path asks (`renew`), not by the
//! clock alone; what waits as an invoice item is billed with the next invoice of its customer's subscription; a tiered price
//! makes one line, not one per tier; a change of the interval begins a new period and is billed at once;
//! `pending_if_incomplete`, schedules, taxes and credit notes are not imitated.

pub mod changes;
pub mod chaos;
pub mod clock;
pub mod control;
pub mod deliveries;
pub mod dice;
pub mod diff;
pub mod errors;
pub mod events;
pub mod expand;
pub mod fields;
pub mod form;
pub mod idempotency;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod limits;
pub mod lists;
pub mod objects;
pub mod pages;
pub mod pipeline;
pub mod routes;
pub mod seed;
pub mod shape;
pub mod signature;
pub mod space;
pub mod state;
pub mod versions;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use self::clock::{Clock, Source};
use self::control::accounts::{AccountSpec, NewKeys};
use self::control::steer::MutateSpec;
use self::state::{Shared, lock};

/// How a stand-in is started.
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Unix seconds.
    pub clock: Source,
    /// Makes keys, identifiers and chaos repeatable.
    pub seed: u64,
    /// The seconds between tries of a delivery are multiplied by this.
    pub retry_scale: f64,
    /// No rate limits.
    pub unlimited_rate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: clock::system(),
            seed: rand::random(),
            retry_scale: 1.0,
            unlimited_rate: false,
        }
    }
}

/// A running stand-in; dropping it ends it and everything it does in the background.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl StandIn {
    /// Starts to listen.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.bind).await?;
        let address = listener.local_addr()?;
        let (outbox, inbox) = tokio::sync::mpsc::unbounded_channel();
        let clock = Clock::new(options.clock);
        let shared =
            Arc::new(Shared::new(format!("http://{address}"), clock, options.seed, options.retry_scale, outbox));
        shared.limits.set_unlimited(options.unlimited_rate);
        let mut tasks = JoinSet::new();
        tasks.spawn(deliveries::run(Arc::clone(&shared), inbox));
        tasks.spawn(live(Arc::clone(&shared)));
        tasks.spawn(serve(listener, router(Arc::clone(&shared))));
        Ok(Self { address, shared, tasks })
    }

    /// `http://127.0.0.1:4242`
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything the control path does, for tests in the same process.
    pub fn control(&self) -> &Shared {
        &self.shared
    }

    /// Makes an account with its first keys.
    pub fn account(&self, spec: AccountSpec) -> NewKeys {
        self.shared.new_account(spec)
    }

    /// Ends it and waits until everything has ended.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

fn router(shared: Arc<Shared>) -> Router {
    control::router().merge(pages::router()).fallback(pipeline::handle).with_state(shared)
}

/// Serves connections that end together with this task.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Small answers must not wait for each other.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = TowerToHyperService::new(tower::service_fn(move |request: Request<Incoming>| {
            let answer = router.clone().oneshot(request);
            async move {
                let response = answer.await.unwrap_or_else(|never| match never {});
                // An error ends the connection before anything is sent.
                let lost = response.extensions().get::<pipeline::Lost>().is_some();
                if lost { Err(std::io::Error::other("lost on purpose")) } else { Ok(response) }
            }
        }));
        connections.spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            // A connection that the client breaks is its own affair.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Makes changes at the pace that was set for each account.
async fn live(shared: Arc<Shared>) {
    const STEP: Duration = Duration::from_millis(250);
    loop {
        tokio::time::sleep(STEP).await;
        let paces: Vec<((String, bool), f64)> =
            lock(&shared.pace).iter().map(|(who, pace)| (who.clone(), *pace)).collect();
        for ((account, livemode), pace) in paces {
            let due = pace / 60.0 * STEP.as_secs_f64();
            let one_more = lock(&shared.dice).chance(due.fract());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
            let count = due as usize + usize::from(one_more);
            if count > 0 {
                let spec = MutateSpec { livemode, count, kinds: Vec::new(), same_second: false, rng_seed: None };
                // An account that is gone has no life.
                let _ = shared.mutate(&account, &spec);
            }
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn http_date(unix: i64) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time::OffsetDateTime::from_unix_timestamp(unix).ok().and_then(|at| at.format(&format).ok()).unwrap_or_default()
}
