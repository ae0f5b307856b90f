//! The accept loop: `axum::serve` has no time-out for a half-sent request, so hyper is driven here.
//!
//! A connection that sends nothing useful is closed after [`Limits::header`], an idle one after [`Limits::keep_alive`]; the time for a
//! request and its body is limited by `middleware`. After a stop signal nothing new is accepted, running requests end, and [`serve`]
//! returns, at the latest after [`Limits::drain`].

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::health::Readiness;

/// What one process grants to its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte (or the connect) to the end of the request head.
    pub header: Duration,
    /// Between two requests, and for a client that does not read its answer.
    pub keep_alive: Duration,
    /// From the stop signal to the return of [`serve`].
    pub drain: Duration,
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections at once from one address; more are closed. Loopback is exempt: a reverse proxy on the same host comes from there.
    pub per_address: usize,
    /// Bytes of request line and headers.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            drain: Duration::from_secs(24),
            connections: 2_000,
            per_address: 50,
            head_bytes: 32 * 1024, // `middleware` answers with a page from 16 kB on; this is the hard wall
        }
    }
}

/// Serves `router` until `stop` is cancelled, then drains. Returns when every connection has ended or [`Limits::drain`] is over.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, ready: Readiness, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let addresses = Arc::new(Addresses::default());
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let Some(place) = addresses.take(peer.ip(), limits.per_address) else {
            metrics::counter!("http_connections_refused_total").increment(1);
            continue;
        };
        let connection = connection(stream, peer, router.clone(), limits, stop.clone());
        connections.spawn(async move {
            connection.await;
            drop((slot, place));
        });
    }
    ready.stopping();
    drop(listener);
    connections.close();
    let open = connections.len();
    tracing::info!(http.connections = open, "stopped accepting, draining");
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(
            http.connections = connections.len(),
            "connections still open at the end of the drain are dropped"
        );
    }
}

/// Waits for a free slot first, so that an overload queues in the kernel and not in memory. None: the accept failed, try again.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(Duration::from_millis(50)).await; // out of file descriptors: do not spin
            None
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, limits: Limits, stop: CancellationToken) {
    let _ = stream.set_nodelay(true); // answers are written whole; waiting for more only adds latency
    let stage = Arc::new(Stage::new());
    let io = TokioIo::new(Watched { stream, stage: Arc::clone(&stage) });
    let watch = Arc::clone(&stage);
    let service =
        service_fn(move |request: Request<Incoming>| answer(request, peer, router.clone(), Arc::clone(&watch)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // hyper's would also end an idle connection; `Stage` tells the two apart
        .max_buf_size(limits.head_bytes)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "connection ended");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = tick.tick() => if stage.overdue(&limits) { return },
        }
    }
}

async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
    stage: Arc<Stage>,
) -> Result<Response, Infallible> {
    stage.enter(Stage::BUSY);
    request.extensions_mut().insert(ConnectInfo(peer));
    let answer = router.call(request.map(Body::new)).await;
    stage.enter(Stage::IDLE);
    answer
}

/// Where a connection stands and since when: milliseconds since it was opened, shifted left by two, and the stage in the low bits.
struct Stage {
    opened: Instant,
    since: AtomicU64,
}

impl Stage {
    /// Between two requests.
    const IDLE: u64 = 0;
    /// A request has begun to arrive.
    const HEAD: u64 = 1;
    /// A handler is at work; the request time-out of `middleware` holds.
    const BUSY: u64 = 2;

    /// A new connection owes a request.
    fn new() -> Self {
        Self { opened: Instant::now(), since: AtomicU64::new(Self::HEAD) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn enter(&self, stage: u64) {
        self.since.store((self.now() << 2) | stage, Ordering::Relaxed);
    }

    fn stage(&self) -> u64 {
        self.since.load(Ordering::Relaxed) & 3
    }

    fn overdue(&self, limits: &Limits) -> bool {
        let since = self.since.load(Ordering::Relaxed);
        let waited = Duration::from_millis(self.now().saturating_sub(since >> 2));
        Self::too_long(since & 3, waited, limits)
    }

    fn too_long(stage: u64, waited: Duration, limits: &Limits) -> bool {
        match stage {
            Self::IDLE => waited > limits.keep_alive,
            Self::HEAD => waited > limits.header,
            _ => false,
        }
    }
}

/// A socket that notes when a request begins to arrive and when an answer moves.
struct Watched {
    stream: TcpStream,
    stage: Arc<Stage>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.stage.stage() == Stage::IDLE {
            self.stage.enter(Stage::HEAD);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Watched {
    /// A long answer (a stream of events) keeps its connection alive as long as the client takes it.
    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(_))) && self.stage.stage() == Stage::IDLE {
            self.stage.enter(Stage::IDLE);
        }
        polled
    }
}

/// Open connections by client address.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    /// A place for one more connection from `address`; None when it has `limit` already.
    fn take(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Place> {
        if !address.to_canonical().is_loopback() {
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(address).or_default();
            if *count >= limit {
                return None;
            }
            *count += 1;
        }
        Some(Place { addresses: Arc::clone(self), address })
    }
}

/// One counted connection; gives its place back when dropped.
struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_places_back() {
        let addresses = Arc::new(Addresses::default());
        let client = IpAddr::from([203, 0, 113, 7]);
        let held = addresses.take(client, 1);
        assert!(held.is_some());
        assert!(addresses.take(client, 1).is_none());
        drop(held);
        assert!(addresses.take(client, 1).is_some());
        assert!(addresses.0.lock().expect("no panic").is_empty());
    }

    #[test]
    fn a_half_sent_head_is_overdue_before_an_idle_connection() {
        let limits = Limits::default();
        let overdue = |stage, seconds| Stage::too_long(stage, Duration::from_secs(seconds), &limits);
        assert!(overdue(Stage::HEAD, 11) && !overdue(Stage::HEAD, 9));
        assert!(overdue(Stage::IDLE, 76) && !overdue(Stage::IDLE, 60));
        assert!(!overdue(Stage::BUSY, 600));
    }
}
