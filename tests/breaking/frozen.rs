//! A process stands still in the middle of its work and goes on later. On Postgres another one takes its work over meanwhile: in the
//! long form once after the lease has run out by itself, otherwise because the story ends it.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{
    Form,
    harness::{
        Account, Engine,
        process::{Ground, Process, free_port},
    },
    intake::copied,
    judge::{Tally, judge, lapse, settle, work_left},
};

/// What a takeover may take: a lease lasts 30 seconds, and then the work is done.
const LEASE: Duration = Duration::from_mins(1);
/// How often work may be missing, or a transaction be open, at the instant of the freeze.
const TRIES: usize = 100;

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 40).await;
    let process = ground.serve().await;
    let (mut seen, mut taken) = (BTreeMap::new(), Vec::new());
    if engine == Engine::Postgres {
        let name = name(&ground, &account).await;
        answers_after(&ground, 0);
        settle(&ground, &account).await;
        let bind = format!("127.0.0.1:{}", free_port());
        let other = ground.serve_with(&[("BILLFOLD_BIND", &bind)]).await;
        for round in 0..form.of(2, 4) {
            freeze_at_work(&ground, &account, &process, &name, dice).await;
            taken.push(work_left(&ground).await);
            if form == Form::Short || round > 0 {
                lapse(&ground).await;
            }
            taken_over(&ground, &name).await;
            seen.extend(finished(&ground).await);
            process.signal("CONT").await;
        }
        compare(&ground, &account, &seen).await;
        other.kill().await;
    } else {
        for _ in 0..form.of(2, 4) {
            account.mutate(150);
            tokio::time::sleep(Duration::from_millis(dice.random_range(5..150))).await;
            process.signal("STOP").await;
            account.mutate(50);
            tokio::time::sleep(Duration::from_millis(dice.random_range(500..2_500))).await;
            seen.extend(finished(&ground).await);
            process.signal("CONT").await;
        }
        compare(&ground, &account, &seen).await;
    }
    let tally = judge(&ground, &account).await;
    process.kill().await;
    let note =
        if taken.is_empty() { String::new() } else { format!("work taken over and done before it woke: {taken:?}") };
    Tally { note, ..tally }
}

/// How long Stripe takes for an answer, and thereby how long a refetch is in hand.
fn answers_after(ground: &Ground, milliseconds: u64) {
    ground.stripe.control().switches.change(None, json!({ "latency_ms": milliseconds })).unwrap();
}

/// The name under which the only process takes jobs.
async fn name(ground: &Ground, account: &Account<'_>) -> String {
    answers_after(ground, 200);
    account.mutate(20);
    loop {
        let mut tx = ground.app.db.system_read().await.unwrap();
        let text = "SELECT leased_by FROM jobs WHERE kind IN ('apply', 'refetch') AND leased_by <> ''";
        if let Some(name) = tx.query(text).fetch_values::<String>().await.unwrap().pop() {
            return name;
        }
        drop(tx);
        account.mutate(5);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops the process while it has work in hand, and no transaction open: its locks Postgres would keep for it as long as it stands.
async fn freeze_at_work(ground: &Ground, account: &Account<'_>, process: &Process, name: &str, dice: &mut StdRng) {
    answers_after(ground, 1_000);
    for _ in 0..TRIES {
        account.mutate(20);
        let deadline = Instant::now() + Duration::from_secs(3);
        let busy = || ground.stripe.control().deliveries_under_way() > 0;
        while (busy() || in_hand(ground, name).await == 0) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..300))).await;
        process.signal("STOP").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        if in_hand(ground, name).await > 0 && work_left(ground).await > 0 && open_transactions(ground).await == 0 {
            answers_after(ground, 0);
            return;
        }
        process.signal("CONT").await;
    }
    panic!("the process was never at work when it was stopped");
}

/// Waits until the other process has done what the one that stands still had in hand.
async fn taken_over(ground: &Ground, name: &str) {
    let deadline = Instant::now() + LEASE;
    while work_left(ground).await > 0 || in_hand(ground, name).await > 0 {
        let (left, held, open) =
            (work_left(ground).await, in_hand(ground, name).await, open_transactions(ground).await);
        assert!(
            Instant::now() < deadline,
            "{left} are left, nobody took them over: {held} jobs are held, {open} transactions open"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The jobs of events that a process holds.
async fn in_hand(ground: &Ground, name: &str) -> i64 {
    let mut tx = ground.app.db.system_read().await.unwrap();
    let text = "SELECT COUNT(*) FROM jobs WHERE kind IN ('apply', 'refetch') AND leased_by = $1";
    tx.query(text).bind(name).fetch_value().await.unwrap()
}

/// Transactions in which nothing happens: those of the process that stands still.
async fn open_transactions(ground: &Ground) -> i64 {
    let pool = PgPool::connect(&ground.database.url).await.unwrap();
    let text = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
        AND (state LIKE 'idle in transaction%' OR wait_event = 'ClientRead' AND state = 'active') AND state_change < now() - interval '250 milliseconds'";
    let count = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

/// When each event was finished, in unix seconds.
async fn finished(ground: &Ground) -> BTreeMap<String, i64> {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let text = "SELECT id, finished_at FROM webhook_events WHERE tenant_id = $1 AND finished_at IS NOT NULL";
    let rows: Vec<(String, i64)> = tx.query(text).fetch_all().await.unwrap();
    rows.into_iter().collect()
}

/// What was finished while the process stood still has not been finished again by it.
async fn compare(ground: &Ground, account: &Account<'_>, seen: &BTreeMap<String, i64>) {
    settle(ground, account).await;
    let now = finished(ground).await;
    let again: Vec<_> = seen.iter().filter(|(event, at)| now.get(*event) != Some(at)).collect();
    assert!(again.is_empty(), "done twice: {again:?}");
}
