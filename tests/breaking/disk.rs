//! The disk is full for a while. Nothing is acknowledged that could not be stored, and the process goes on by itself once there
//! is room. Needs the right to mount a small file system in memory.

use std::{path::Path, time::Duration};

use tokio::{process::Command, time::Instant};

use crate::{
    harness::{Engine, TestDatabase, process::Ground, verdict::acknowledged},
    intake::copied,
    judge::{Tally, judge, refused},
    outage::control,
};

/// Room for the database and some events.
const SIZE: &str = "size=64m,mode=0777";
/// What is left when the disk gets full soon, in bytes.
const LEFT: u64 = 300_000;

pub async fn tell(engine: Engine) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    run("mount", &["-t", "tmpfs", "-o", SIZE, "none", disk.to_str().unwrap()]).await;
    let place = disk.join("data");
    std::fs::create_dir(&place).unwrap();
    if engine == Engine::Postgres {
        run("chmod", &["0755", folder.path().to_str().unwrap()]).await;
        control(&["own", place.to_str().unwrap()]).await;
    }
    let tally = fill(TestDatabase::create_in(engine, &place).await, &disk.join("ballast")).await;
    run("umount", &["-l", disk.to_str().unwrap()]).await;
    tally
}

async fn fill(database: TestDatabase, ballast: &Path) -> Tally {
    let ground = Ground::make_on(database).await;
    let account = copied(&ground, 40).await;
    let mut process = ground.serve().await;
    let room = free(ballast.parent().unwrap()).await;
    std::fs::write(ballast, vec![0_u8; usize::try_from(room.saturating_sub(LEFT)).unwrap()]).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while refused(&ground, &account).len() < 50 {
        assert!(
            Instant::now() < deadline,
            "the disk does not get full: {} bytes",
            free(ballast.parent().unwrap()).await
        );
        account.mutate(100);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(process.is_running(), "{}", process.output());
    let stored = acknowledged(&ground, &account).len();
    std::fs::remove_file(ballast).unwrap();
    let tally = judge(&ground, &account).await;
    assert!(tally.events > stored, "it goes on by itself");
    process.kill().await;
    tally
}

async fn free(folder: &Path) -> u64 {
    let told = Command::new("df").args(["--output=avail", "-B1", folder.to_str().unwrap()]).output().await.unwrap();
    String::from_utf8(told.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap()
}

async fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().await.unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
