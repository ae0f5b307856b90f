//! The load generator, a process of its own so that its work does not count as the server's: keep-alive connections, one
//! request at a time each, for a number of seconds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the child process is told, as JSON.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub address: String,
    pub key: String,
    /// A file with one path per line.
    pub paths: String,
    pub connections: usize,
    pub seconds: u64,
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

/// The child's side.
pub async fn run(order: Order) -> Report {
    let paths = std::fs::read_to_string(&order.paths).unwrap();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(paths.lines().map(|path| request(&order, path)).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let end = start + Duration::from_secs(order.seconds);
    let connections: Vec<_> = (0..order.connections)
        .map(|_| tokio::spawn(connection(order.address.clone(), requests.clone(), next.clone(), end)))
        .collect();
    let (mut times, mut refused) = (Vec::new(), 0);
    for connection in connections {
        let (more, not_ok) = connection.await.unwrap();
        times.extend(more);
        refused += not_ok;
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let micros = |share| u64::try_from(super::common::percentile(&times, share).as_micros()).unwrap();
    Report { answered: times.len(), refused, seconds, p50: micros(0.5), p99: micros(0.99) }
}

fn request(order: &Order, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: application/json\r\n\r\n",
        order.address, order.key
    )
    .into_bytes()
}

async fn connection(
    address: String,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    end: Instant,
) -> (Vec<Duration>, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut refused, mut answer) = (Vec::new(), 0, vec![0_u8; 512 * 1024]);
    while Instant::now() < end {
        let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
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
