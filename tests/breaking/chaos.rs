//! Between billfold and Stripe everything goes wrong at once, during the copy and after it, and in the end Stripe's clock is ten
//! minutes off. The mirror ends exact, and pages answer from our own data all the while.

use std::{collections::BTreeSet, time::Duration};

use billfold::domain::role::Role;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Form,
    hand::signed_in,
    harness::{Account, Engine, Visitor, process::Ground, verdict::acknowledged},
    judge::{Tally, judge, settle, work_left},
};

/// What is looked at: the first page, lists, the state of the copy and that of the connection.
const PAGES: [&str; 5] = ["", "customers", "invoices", "sync", "connection"];
/// What half of the pages stay under, in a debug build on two busy processors.
const MEDIAN: Duration = Duration::from_millis(1_500);
/// How far Stripe's clock is ahead for a while, in seconds. A signature may be 300 seconds old.
const AHEAD: i64 = 600;
/// How long what nobody could deliver may take to come by polling, which is done every five seconds here.
const POLLED: Duration = Duration::from_mins(2);

pub async fn tell(engine: Engine, form: Form) -> Tally {
    let ground = Ground::make(engine).await;
    let account = ground.connect(form.of(150, 1_000)).await;
    let wrong = json!({
        "rate_limited": 0.3, "server_error": 0.1, "timeout": 0.002, "cut_body": 0.05, "html_instead_of_json": 0.05,
        "has_more_lies": 0.3, "duplicate": 0.3, "delay_ms": [0, 300], "reorder": true, "lose": 0.0,
    });
    ground.stripe.control().switches.change(None, wrong).unwrap();
    let often = [("BILLFOLD_POLL_SECONDS", "5"), ("BILLFOLD_POLL_DELIVERED_SECONDS", "5")];
    let process = ground.serve_with(&often).await;
    let viewer = signed_in(&ground, &process.base, Role::Owner).await;
    let mut took = Vec::new();
    for _ in 0..form.of(10, 60) {
        account.mutate(20); // moves the pages that are being read
        look(&viewer, &mut took).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let (polled, within) = wrong_clock(&ground, &account, &viewer, &mut took).await;
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    assert!(median < MEDIAN, "half of the pages take longer than {median:?}");
    let tally = judge(&ground, &account).await;
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let text = "SELECT kind, result, COALESCE(reason, '') FROM sync_types WHERE tenant_id = $1 AND result NOT IN ('ok', 'empty')";
    let failed: Vec<(String, String, String)> = tx.query(text).fetch_all().await.unwrap();
    assert_eq!(failed, [], "nothing of this is for good");
    drop(tx);
    process.kill().await;
    let note = format!(
        "{} pages with a median of {} ms and at most {} ms; with the clock {AHEAD} s ahead {polled} events came by polling alone, within {} s",
        took.len(),
        median.as_millis(),
        slowest.as_millis(),
        within.as_secs()
    );
    Tally { note, ..tally }
}

/// Opens each of the pages, and keeps how long it took.
async fn look(viewer: &Visitor, took: &mut Vec<Duration>) {
    for page in PAGES {
        let began = Instant::now();
        viewer.get(page).await.expect(200);
        took.push(began.elapsed());
    }
}

/// Stripe's clock runs ahead, so every signature is refused, as the rule is, and what happens comes by polling alone. Answers how
/// many events that were, and how long it took. Afterwards the clock is right again, and the refused deliveries are taken as repeats.
async fn wrong_clock(
    ground: &Ground,
    account: &Account<'_>,
    viewer: &Visitor,
    took: &mut Vec<Duration>,
) -> (usize, Duration) {
    settle(ground, account).await;
    let stripe = ground.stripe.control();
    stripe.clock.advance(AHEAD);
    let made: BTreeSet<String> = account.mutate(40).into_iter().collect();
    let began = Instant::now();
    loop {
        look(viewer, took).await;
        let missing = made.difference(&finished(ground).await).count();
        if missing == 0 && stripe.deliveries_under_way() == 0 && work_left(ground).await == 0 {
            break;
        }
        assert!(began.elapsed() < POLLED, "{missing} of {} events have not come by polling", made.len());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let within = began.elapsed();
    let of_account = stripe.ledger.of(&account.keys.account).into_iter();
    for delivery in of_account.filter(|delivery| made.contains(&delivery.event)) {
        let (status, tries) = (delivery.last_status, delivery.tries);
        assert!(!delivery.delivered && tries > 0 && matches!(status, 400 | 429), "refused by rule: {status}");
    }
    stripe.clock.advance(-AHEAD);
    settle(ground, account).await;
    let taken: BTreeSet<String> = acknowledged(ground, account).into_iter().collect();
    assert!(made.is_subset(&taken), "deliveries are taken again");
    (made.len(), within)
}

/// The events whose effect is there.
async fn finished(ground: &Ground) -> BTreeSet<String> {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let text = "SELECT id FROM webhook_events WHERE tenant_id = $1 AND status IN ('done', 'ignored')";
    tx.query(text).fetch_values::<String>().await.unwrap().into_iter().collect()
}
