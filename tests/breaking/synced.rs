//! The system calls of one delivery: between its arrival and its 200 a file is synced, by billfold on SQLite and by the server on
//! Postgres. Needs `strace` and the right to use it.

use std::{path::Path, time::Duration};

use tokio::process::{Child, Command};

use crate::{
    harness::{Engine, process::Ground},
    intake::copied,
    judge::{Tally, judge, settle},
    outage::control_says,
};

pub async fn tell(engine: Engine) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let (own, servers) = (folder.path().join("billfold"), folder.path().join("server"));
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 5).await;
    let mut tracers = Vec::new();
    if engine == Engine::Postgres {
        // billfold's connections are made after this, so their backends are seen
        tracers.push(trace(&control_says(&["pid"]).await, &servers).await);
    }
    let process = ground.serve().await;
    tracers.push(trace(&process.id().to_string(), &own).await);
    account.mutate(1);
    settle(&ground, &account).await;
    let tally = judge(&ground, &account).await;
    process.kill().await;
    for mut tracer in tracers {
        tracer.kill().await.unwrap();
    }
    let calls = read(&own);
    let arrived =
        calls.iter().find(|call| call.text.contains("POST /webhooks/stripe/")).expect("a delivery arrived").at;
    let answered =
        calls.iter().find(|call| call.at > arrived && call.text.contains("HTTP/1.1 200")).expect("and was answered");
    let syncing = if engine == Engine::Postgres { read(&servers) } else { calls.clone() };
    let synced = syncing.iter().filter(|call| call.text.contains("sync(") || call.text.contains("sync resumed"));
    let between = synced.filter(|call| call.at > arrived && call.at < answered.at).count();
    assert!(between > 0, "no sync between the arrival at {arrived} and the 200 at {}", answered.at);
    println!("{between} syncs between a delivery and its 200");
    tally
}

/// A system call and when it was made, in unix seconds.
#[derive(Clone, Debug)]
struct Call {
    at: f64,
    text: String,
}

fn read(file: &Path) -> Vec<Call> {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let call = |line: &str| {
        let mut words = line.split_whitespace();
        let at = words.nth(1)?.parse().ok()?;
        Some(Call { at, text: words.collect::<Vec<_>>().join(" ") })
    };
    text.lines().filter_map(call).collect()
}

/// Follows a process and all that it starts.
async fn trace(process: &str, file: &Path) -> Child {
    let calls = "trace=fsync,fdatasync,sync_file_range,read,recvfrom,write,writev,sendto,sendmsg";
    let arguments = ["-f", "-ttt", "-s", "64", "-e", calls, "-o", file.to_str().unwrap(), "-p", process];
    let tracer = Command::new("strace").args(arguments).kill_on_drop(true).spawn().expect("strace is installed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(file.exists(), "strace may not follow process {process}");
    tracer
}
