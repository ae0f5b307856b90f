//! The process dies without a last word, again and again, while deliveries come in and while the account is copied. What it
//! had acknowledged is there once, and the mirror ends exact.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Engine, Verdict, both_engines,
    oracle::differences,
    process::Ground,
    verdict::{acknowledged, repeat_refused},
};

/// Kills of each kind; two kinds on two engines are twenty in all.
const KILLS: usize = 5;

both_engines!(kills_during_the_copy_lose_and_double_nothing, kills_during_intake_lose_and_double_nothing);

async fn kills_during_the_copy_lose_and_double_nothing(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(400).await;
    ground.stripe.control().switches.change(None, json!({ "latency_ms": 60 })).unwrap();
    let mut in_the_middle = 0;
    for _ in 0..KILLS {
        let process = ground.serve().await;
        pause(20..350).await;
        process.kill().await;
        in_the_middle += usize::from(state(&ground).await == "running");
    }
    assert!(in_the_middle >= 3, "the copy was over before most kills: {in_the_middle}");
    let process = ground.serve().await;
    ground.wait_until_idle().await;
    assert_eq!(state(&ground).await, "done");
    assert_eq!(differences(&ground.app.db, &ground.tenant, &account).await, Vec::<String>::new());
    process.kill().await;
}

async fn kills_during_intake_lose_and_double_nothing(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(60).await;
    let first = ground.serve().await;
    ground.wait_until_idle().await;
    first.kill().await;
    for _ in 0..KILLS {
        let process = ground.serve().await;
        let wanted = acknowledged(&ground, &account).len() + rand::random_range(1..50);
        account.mutate(60);
        while acknowledged(&ground, &account).len() < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        process.kill().await; // with the rest of the sixty on its way
    }
    let process = ground.serve().await;
    repeat_refused(&ground, &account);
    ground.wait_until_idle().await;
    Verdict::of(&ground, &ground.tenant, &account).await.expect_exact();
    process.kill().await;
}

async fn pause(milliseconds: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(milliseconds))).await;
}

async fn state(ground: &Ground) -> String {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    tx.query("SELECT state FROM sync_runs WHERE tenant_id = $1").fetch_value().await.unwrap()
}
