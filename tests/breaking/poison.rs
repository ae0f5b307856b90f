//! An event whose application panics: it is put aside for later, and holds up no other.

use std::time::{Duration, Instant};

use crate::{
    hand::Hand,
    harness::{Engine, process::Ground},
    judge::{Tally, judge, settle},
};

/// How soon the others are applied.
const SOON: Duration = Duration::from_secs(2);
/// A batch panics, and then the first event of it by itself.
const PANICS: &str = "apply.writing:2";

pub async fn tell(engine: Engine) -> Tally {
    let ground = Ground::make(engine).await;
    let account = ground.connect(5).await;
    let mut process = ground.serve_with(&[("BILLFOLD_TEST_PANIC_AT", PANICS)]).await;
    settle(&ground, &account).await;
    let hand = Hand::of(&account);
    assert_eq!(hand.deliver("evt_poison", "").await.status(), 200);
    wait_for(&ground, "failed", 1).await;
    for n in 0..10 {
        assert_eq!(hand.deliver(&format!("evt_beside{n}"), "").await.status(), 200);
    }
    let took = wait_for(&ground, "ignored", 10).await; // they tell of what is long known
    assert!(process.is_running(), "{}", process.output());
    assert!(process.output().contains("panics at apply.writing"), "{}", process.output());
    let mut tally = judge(&ground, &account).await;
    wait_for(&ground, "ignored", 11).await;
    tally.note = format!("ten others applied within {} ms", took.as_millis());
    assert!(took < SOON, "{}", tally.note);
    process.kill().await;
    tally
}

/// Waits until so many events by hand have a status; answers how long that took.
async fn wait_for(ground: &Ground, status: &str, wanted: i64) -> Duration {
    let began = Instant::now();
    loop {
        let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
        let text = "SELECT COUNT(*) FROM webhook_events WHERE tenant_id = $1 AND status = $2";
        let found: i64 = tx.query(text).bind(status).fetch_value().await.unwrap();
        if found >= wanted {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{found} of {wanted} are {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
