//! The process dies while it copies the account, and changes go on meanwhile.

use rand::rngs::StdRng;
use serde_json::json;

use crate::{
    Form,
    harness::{Engine, process::Ground},
    judge::{Tally, judge, lapse, work_left},
    ways::Ways,
};

const POINTS: &[&str] = &["backfill.before_commit", "backfill.committed"];

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let (most, customers) = form.of((8, 400), (50, 3_000));
    let ground = Ground::make(engine).await;
    let account = ground.connect(customers).await;
    ground.stripe.control().switches.change(None, json!({ "latency_ms": 60 })).unwrap();
    let (mut ways, mut kills) = (Ways::new(POINTS, 20..350), 0);
    while (kills < most || !ways.all_reached()) && work_left(&ground).await > 0 {
        let way = ways.next(dice);
        let process = Ways::serve(way, &ground).await;
        account.mutate(5);
        ways.die(way, process).await;
        lapse(&ground).await;
        kills += 1;
    }
    assert!(kills >= 4, "the copy was over too soon to say anything: {kills} kills");
    ways.check();
    let last = ground.serve().await;
    let tally = Tally { kills, ..judge(&ground, &account).await };
    last.kill().await;
    tally
}
