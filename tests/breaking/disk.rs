//! The disk is full for a while. Nothing is acknowledged that could not be stored, and the process goes on by itself once there
//! is room. Needs the right to mount a small file system in memory.

use std::{path::Path, time::Duration};

use billfold::domain::role::Role;
use tokio::{process::Command, time::Instant};

use crate::{
    hand::{Hand, signed_in},
    harness::{Engine, TestDatabase, process::Ground, verdict::acknowledged},
    intake::copied,
    judge::{Tally, judge, refused},
    outage::control,
};

/// Room for the database and some events.
const SIZE: &str = "size=64m,mode=0777";
/// What is left when the disk gets full soon, in bytes.
const LEFT: u64 = 300_000;
/// Refusals that are looked at while it is full.
const REFUSALS: usize = 20;
/// Deliveries within which so many are refused: more than would fill all of the disk.
const BY_HAND: usize = 2_000;
/// Within this time after room was made a delivery is stored again.
const SOON: Duration = Duration::from_secs(5);

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
    let viewer = signed_in(&ground, &process.base, Role::Viewer).await;
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
    let hand = Hand::of(&account);
    let (by_hand, taken) = refuses(&hand).await;
    for page in ["", "customers", "sync"] {
        viewer.get(page).await.expect(200);
    }
    let stored = acknowledged(&ground, &account).len();
    std::fs::remove_file(ballast).unwrap();
    let again = takes_again(&hand, &ground).await;
    for id in &taken {
        assert!(is_stored(&ground, id).await, "{id} was acknowledged while the disk was full");
    }
    let tally = judge(&ground, &account).await;
    assert!(tally.events > stored, "it goes on by itself");
    process.kill().await;
    let note = format!(
        "{REFUSALS} of {by_hand} by hand got 503 with Retry-After, pages 200; stored again after {} ms",
        again.as_millis()
    );
    Tally { note, ..tally }
}

/// Deliveries that do not fit are answered 503, and when to come again. Answers how many it took to be refused so often, and which of them
/// were acknowledged: SQLite's log may have begun anew, and then holds some more in the room that it has.
async fn refuses(hand: &Hand<'_>) -> (usize, Vec<String>) {
    let (mut refusals, mut taken) = (0, Vec::new());
    for n in 0..BY_HAND {
        let id = format!("evt_full{n}");
        let answer = hand.deliver(&id, &noise()).await;
        if answer.status() == 200 {
            taken.push(id);
            continue;
        }
        assert_eq!(answer.status(), 503);
        let seconds = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>();
        assert!(seconds.is_ok_and(|seconds| seconds > 0), "Retry-After: {:?}", answer.headers());
        refusals += 1;
        if refusals == REFUSALS {
            return (n + 1, taken);
        }
    }
    panic!("only {refusals} of {BY_HAND} were refused")
}

/// Delivers until a delivery is taken, which must be soon, and looks that it is stored.
async fn takes_again(hand: &Hand<'_>, ground: &Ground) -> Duration {
    let (began, mut n) = (Instant::now(), 0);
    while hand.deliver(&format!("evt_room{n}"), &noise()).await.status() != 200 {
        assert!(began.elapsed() < SOON, "there is room, and nothing is stored");
        n += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    assert!(took < SOON, "stored after {took:?}");
    assert!(is_stored(ground, &format!("evt_room{n}")).await);
    took
}

async fn is_stored(ground: &Ground, id: &str) -> bool {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let rows = tx.query("SELECT COUNT(*) FROM webhook_events WHERE tenant_id = $1 AND id = $2").bind(id);
    rows.fetch_value::<i64>().await.unwrap() == 1
}

/// More than a page that has room takes, and nothing that could be compressed.
fn noise() -> String {
    hex::encode((0..20_000).map(|_| rand::random::<u8>()).collect::<Vec<_>>())
}

async fn free(folder: &Path) -> u64 {
    let told = Command::new("df").args(["--output=avail", "-B1", folder.to_str().unwrap()]).output().await.unwrap();
    String::from_utf8(told.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap()
}

async fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().await.unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
