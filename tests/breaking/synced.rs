//! The system calls of deliveries: between the arrival of each and its 200 its event is written to the log file of the database, and
//! after that this very file is synced, by billfold on SQLite and by the server on Postgres. Needs `strace` and the right to use it.

mod calls;

use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::{Child, Command};

use crate::{
    Form,
    hand::Hand,
    harness::{Engine, process::Ground},
    intake::copied,
    judge::{Tally, judge},
    outage::control_says,
};

/// Deliveries that come at once.
const LANES: usize = 4;

pub async fn tell(engine: Engine, form: Form) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls");
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 5).await;
    let process = ground.serve().await;
    let mut processes = vec![process.id().to_string()];
    let log = match engine {
        Engine::Sqlite => "billfold.db-wal",
        Engine::Postgres => {
            let server = control_says(&["pid"]).await;
            processes.extend(children(&server).await);
            processes.push(server); // new ones are followed from here
            "/pg_wal/"
        }
    };
    let tracer = trace(&processes, &file).await;
    let ids: Vec<String> = (0..form.of(100, 1_000)).map(|n| format!("{}{n:06}", calls::PREFIX)).collect();
    let hand = Hand::of(&account);
    let lane = |first: usize| {
        let (hand, ids) = (&hand, &ids);
        async move {
            for id in ids.iter().skip(first).step_by(LANES) {
                assert_eq!(hand.deliver(id, "").await.status(), 200, "{id}");
            }
        }
    };
    futures_util::future::join_all((0..LANES).map(lane)).await;
    let tally = judge(&ground, &account).await;
    process.kill().await;
    end(tracer).await;
    let found = calls::Calls::read(&file, log);
    let unproven: Vec<_> = ids.iter().filter_map(|id| found.prove(id).err()).collect();
    let proven = ids.len() - unproven.len();
    assert!(unproven.is_empty(), "{proven}/{}: {:?}", ids.len(), &unproven[..unproven.len().min(5)]);
    Tally { note: format!("{proven}/{} written to the log, which was synced, and then answered", ids.len()), ..tally }
}

async fn children(process: &str) -> Vec<String> {
    let told = Command::new("pgrep").args(["-P", process]).output().await.expect("pgrep is installed");
    String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Follows processes and all that they start.
async fn trace(processes: &[String], file: &Path) -> Child {
    let calls = "trace=fsync,fdatasync,pwrite64,pwritev,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "300000", "-e", calls, "-o", file.to_str().unwrap()]);
    command.args(processes.iter().flat_map(|process| ["-p", process]));
    let tracer = command.stderr(Stdio::null()).kill_on_drop(true).spawn().expect("strace is installed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(file.exists(), "strace may not follow {processes:?}");
    tracer
}

/// Lets the tracer write what it has seen, and leave the others alone.
async fn end(mut tracer: Child) {
    let number = tracer.id().expect("it follows").to_string();
    assert!(Command::new("kill").args(["-s", "INT", &number]).status().await.unwrap().success());
    tracer.wait().await.unwrap();
}
