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

/// The longest answer.
const ANSWER_BYTES: usize = 512 * 1024;

/// What the child process is told, as JSON.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub address: String,
    pub connections: usize,
    /// How long; none: until each request has been sent once.
    pub seconds: Option<u64>,
    pub requests: Requests,
    /// A file with a line for each request.
    pub lines: String,
}

/// What a line stands for.
#[derive(Serialize, Deserialize)]
pub enum Requests {
    /// The payload of a delivery to this path, signed with this secret at this second.
    Deliveries { path: String, secret: String, now: i64 },
    /// A path of the REST API, asked for with this key.
    Reads { key: String },
}

/// What it answers, as JSON. Times in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub answered: usize,
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

/// The order, in the process that is to carry it out.
pub fn order() -> Option<Order> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "load")?;
    Some(serde_json::from_str(&arguments[at + 1]).unwrap())
}

/// The child's side.
pub async fn run(order: Order) -> Report {
    let lines = std::fs::read_to_string(&order.lines).unwrap();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(lines.lines().map(|line| order.request(line).into_bytes()).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let end = order.seconds.map(|seconds| start + Duration::from_secs(seconds));
    let connections: Vec<_> = (0..order.connections)
        .map(|_| tokio::spawn(connection(order.address.clone(), requests.clone(), next.clone(), end)))
        .collect();
    let (mut times, mut refused) = (Vec::with_capacity(requests.len()), 0);
    for connection in connections {
        let (more, not_ok) = connection.await.unwrap();
        times.extend(more);
        refused += not_ok;
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let micros = |share| u64::try_from(super::percentile(&times, share).as_micros()).unwrap();
    Report { answered: times.len(), refused, seconds, p50: micros(0.5), p99: micros(0.99) }
}

impl Order {
    fn request(&self, line: &str) -> String {
        match &self.requests {
            Requests::Deliveries { path, secret, now } => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
                mac.update(format!("{now}.{line}").as_bytes());
                let signature = hex::encode(mac.finalize().into_bytes());
                format!(
                    "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json; charset=utf-8\r\nuser-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\naccept: */*\r\nstripe-signature: t={now},v1={signature}\r\ncontent-length: {}\r\n\r\n{line}",
                    self.address,
                    line.len()
                )
            }
            Requests::Reads { key } => format!(
                "GET {line} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\naccept: application/json\r\n\r\n",
                self.address
            ),
        }
    }
}

/// Sends the next request again and again; without an `end`, until there is none.
async fn connection(
    address: String,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    end: Option<Instant>,
) -> (Vec<Duration>, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut refused, mut answer) = (Vec::new(), 0, vec![0_u8; ANSWER_BYTES]);
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if end.map_or(at >= requests.len(), |end| Instant::now() >= end) {
            return (times, refused);
        }
        let sent = Instant::now();
        stream.write_all(&requests[at % requests.len()]).await.unwrap();
        if read_answer(&mut stream, &mut answer).await {
            times.push(sent.elapsed());
        } else {
            refused += 1;
        }
    }
}

/// Reads one answer; tells whether its status is 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let head = &buffer[..filled.min(4_096)];
        let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        if filled >= end + 4 + length {
            return head.starts_with("http/1.1 200");
        }
    }
}
