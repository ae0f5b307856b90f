//! The load generator, a process of its own so that its work does not count as the server's: keep-alive connections, one
//! request at a time each, requests put together and signed before the clock starts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the child process is told, as JSON.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub address: String,
    pub path: String,
    pub secret: String,
    pub connections: usize,
    /// A file with one payload per line.
    pub payloads: String,
    pub now: i64,
}

/// What it answers, as JSON. Times in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub accepted: usize,
    pub refused: usize,
    pub seconds: f64,
    pub p50: u64,
    pub p99: u64,
}

/// Runs this program again as the generator.
pub fn run_child(order: &Order) -> Report {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("load")
        .arg(serde_json::to_string(order).unwrap())
        .output()
        .unwrap();
    serde_json::from_slice(&child.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&child.stderr)))
}

/// The child's side.
pub async fn run(order: Order) -> Report {
    let payloads = std::fs::read_to_string(&order.payloads).unwrap();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(payloads.lines().map(|payload| request(&order, payload)).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let connections: Vec<_> = (0..order.connections)
        .map(|_| tokio::spawn(connection(order.address.clone(), requests.clone(), next.clone())))
        .collect();
    let mut times = Vec::with_capacity(requests.len());
    let mut refused = 0;
    for connection in connections {
        let (more, not_ok) = connection.await.unwrap();
        times.extend(more);
        refused += not_ok;
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let micros = |share| u64::try_from(super::percentile(&times, share).as_micros()).unwrap();
    Report { accepted: times.len(), refused, seconds, p50: micros(0.5), p99: micros(0.99) }
}

fn request(order: &Order, payload: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(order.secret.as_bytes()).unwrap();
    mac.update(format!("{}.{payload}", order.now).as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json; charset=utf-8\r\nuser-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\naccept: */*\r\nstripe-signature: t={},v1={signature}\r\ncontent-length: {}\r\n\r\n{payload}",
        order.path,
        order.address,
        order.now,
        payload.len()
    )
    .into_bytes()
}

async fn connection(address: String, requests: Arc<Vec<Vec<u8>>>, next: Arc<AtomicUsize>) -> (Vec<Duration>, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut refused, mut answer) = (Vec::new(), 0, vec![0_u8; 16 * 1024]);
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = Instant::now();
        stream.write_all(request).await.unwrap();
        if read_answer(&mut stream, &mut answer).await {
            times.push(sent.elapsed());
        } else {
            refused += 1;
        }
    }
    (times, refused)
}

/// Reads one answer; tells whether its status is 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let head = text[..end].to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        if filled >= end + 4 + length {
            return head.starts_with("http/1.1 200");
        }
    }
}
