//! The process is killed while Stripe works on what people asked for. Whatever was asked is done once, by the next process.

use std::time::Duration;

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::json;

use crate::harness::{Engine, PASSWORD, Visitor, both_engines, oracle::differences, process::Ground};

both_engines!(what_a_killed_process_was_asked_for_is_done_once);

const ROUNDS: usize = 2;
const EACH: usize = 4;

async fn what_a_killed_process_was_asked_for_is_done_once(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(5).await;
    let email = ground.new_member(Role::Member).await;
    let first = ground.serve().await;
    ground.wait_until_idle().await;
    let mut process = Some(first);
    let mut asked = Vec::new();
    for round in 0..ROUNDS {
        let running = match process.take() {
            Some(running) => running,
            None => ground.serve().await,
        };
        let visitor = Visitor::new(&running.base).at_home(ground.tenant.home());
        let login = visitor.get("/login").await.expect(200).form("form[action='/login']");
        visitor.submit(&login.fill("email", &email).fill("password", PASSWORD)).await.expect(303);
        ground.stripe.control().switches.change(None, json!({ "latency_ms": 400 })).unwrap();
        let mut clicks = Vec::new();
        for n in 0..EACH {
            let name = format!("Asked {round}-{n}");
            let form = visitor.get("customers/new").await.expect(200).form("#act form[method=post]");
            clicks.push((name.clone(), form.fill("name", &name)));
            asked.push(name);
        }
        // With the requests on their way, some at Stripe, some done and not answered.
        let sent = clicks.iter().map(|(_, form)| {
            let body = serde_urlencoded::to_string(&form.fields).unwrap();
            let request = visitor.request(reqwest::Method::POST, &form.action);
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            tokio::spawn(request.send())
        });
        let sent: Vec<_> = sent.collect();
        tokio::time::sleep(Duration::from_millis(250 + 200 * round as u64)).await;
        running.kill().await;
        for click in sent {
            let _ = click.await;
        }
        ground.stripe.control().switches.change(None, json!({ "latency_ms": 0 })).unwrap();
    }
    let process = ground.serve().await;
    let stored = wait_until_written(&ground).await;
    ground.wait_until_idle().await;
    let customers = account.dump(Kind::Customer);
    let made = |name: &str| customers.iter().filter(|customer| customer["name"] == name).count();
    let done: usize = asked.iter().map(|name| made(name)).sum();
    assert!(asked.iter().all(|name| made(name) <= 1), "something was made twice");
    assert_eq!(done, stored, "what was stored is what was made");
    assert!(stored > 0, "every kill came before anything was stored");
    assert_eq!(differences(&ground.app.db, &ground.tenant, &account).await, Vec::<String>::new());
    process.kill().await;
}

/// Until the job has ended every write; answers how many there are.
async fn wait_until_written(ground: &Ground) -> usize {
    for _ in 0..600 {
        let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
        let states: Vec<String> =
            tx.query("SELECT state FROM outbox WHERE tenant_id = $1").fetch_values().await.unwrap();
        drop(tx);
        if states.iter().all(|state| state == "done") {
            return states.len();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("writes are left open");
}
