//! Between billfold and Stripe everything goes wrong at once, during the copy and after it. The mirror ends exact, and pages answer
//! from our own data all the while.

use std::time::Duration;

use billfold::domain::role::Role;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Form,
    harness::{Engine, PASSWORD, Visitor, process::Ground},
    judge::{Tally, judge},
};

pub async fn tell(engine: Engine, form: Form) -> Tally {
    let ground = Ground::make(engine).await;
    let account = ground.connect(form.of(150, 1_000)).await;
    let email = ground.new_member(Role::Viewer).await;
    let wrong = json!({
        "rate_limited": 0.3, "server_error": 0.1, "timeout": 0.002, "cut_body": 0.05, "html_instead_of_json": 0.05,
        "has_more_lies": 0.3, "duplicate": 0.3, "delay_ms": [0, 300], "reorder": true, "lose": 0.0,
    });
    ground.stripe.control().switches.change(None, wrong).unwrap();
    let process = ground.serve().await;
    let viewer = Visitor::new(&process.base).at_home(ground.tenant.home());
    let form_of_login = viewer.get("/login").await.expect(200).form("form[action='/login']");
    viewer.submit(&form_of_login.fill("email", &email).fill("password", PASSWORD)).await.expect(303);
    let mut slowest = Duration::ZERO;
    for _ in 0..form.of(10, 60) {
        account.mutate(20); // moves the pages that are being read
        for page in ["", "customers", "invoices", "sync"] {
            let began = Instant::now();
            viewer.get(page).await.expect(200);
            slowest = slowest.max(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    println!("the slowest of the pages took {} ms", slowest.as_millis());
    let tally = judge(&ground, &account).await;
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let text = "SELECT kind, result, COALESCE(reason, '') FROM sync_types WHERE tenant_id = $1 AND result NOT IN ('ok', 'empty')";
    let failed: Vec<(String, String, String)> = tx.query(text).fetch_all().await.unwrap();
    assert_eq!(failed, [], "nothing of this is for good");
    drop(tx);
    process.kill().await;
    tally
}
