//! The way of an event through the inbox, row by row: stored once, queued in order, applied under a claim, given up or put back.

mod ground;

use std::{sync::Arc, time::Duration};

use billfold::{
    domain::{event::EventStatus, job::JobKind, retry},
    store::{
        connections, counts, event_attempts,
        inbox::{self, Pending},
    },
    sync::{
        apply,
        inbox::{Inbox, NotStored, Stored, store_fetched},
    },
};
use ground::{Ground, LEASE, NOW};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

use crate::harness::{Engine, both_engines};

both_engines!(
    a_delivery_is_stored_once_and_keeps_its_place,
    what_does_not_fit_wakes_nobody,
    a_full_inbox_says_so_and_loses_nothing,
    a_connection_is_marked_as_alive_once_a_second,
    fetched_events_go_the_same_way,
    fresh_events_go_before_failed_ones,
    a_dead_event_is_put_back,
    a_batch_is_applied_and_leaves_the_queue,
    an_event_that_the_database_refuses_hurts_only_itself,
    an_event_whose_application_never_ends_hurts_only_itself,
    what_is_no_object_of_ours_is_finished_as_such,
    a_lost_claim_applies_nothing,
    what_stands_behind_a_batch_comes_next,
);

/// An event about a customer, named after the event.
fn event(id: &str) -> Value {
    about(id, "customer.updated", &json!({ "id": format!("cus_{id}"), "object": "customer", "created": 1 }))
}

fn about(id: &str, event_type: &str, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "type": event_type, "created": NOW, "livemode": false, "data": { "object": object } })
}

fn ids(events: &[Pending]) -> Vec<&str> {
    events.iter().map(|event| event.event_id.as_str()).collect()
}

fn n(state: &str, n: i64) -> (String, i64) {
    (state.to_owned(), n)
}

async fn a_delivery_is_stored_once_and_keeps_its_place(engine: Engine) {
    let ground = Ground::make(engine).await;
    let inbox = Inbox::start(ground.app.clone());
    let [b, a] = ["evt_b", "evt_a"].map(|id| ground.delivery(&event(id)));
    let twice = ground.delivery(&event("evt_b"));
    // All three wait when the first commit begins, in a second that stands still.
    let stored = futures_util::join!(inbox.store(b), inbox.store(a), inbox.store(twice));
    assert_eq!([stored.0, stored.1, stored.2].map(Result::unwrap), [Stored::New, Stored::New, Stored::Repeated]);
    assert_eq!(inbox.store(ground.delivery(&event("evt_a"))).await.unwrap(), Stored::Repeated);
    let next = ground.next(10).await;
    assert_eq!(ids(&next), ["evt_b", "evt_a"], "in the order of their arrival");
    assert!(next[0].arrival < next[1].arrival);
    assert_eq!(next[0].payload, event("evt_b").to_string());
    assert_eq!((next[0].attempts, next[0].object_id.as_str()), (0, "cus_evt_b"));
    assert_eq!(ground.queued().await, [n("received", 2)]);
    assert_eq!(ground.jobs().await, [n(JobKind::Apply.as_str(), NOW)]);
    assert_eq!(ground.event("evt_a").await.status, "received");
    assert!(!ground.app.troubles.is_unwritable());
    let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
    assert!(counts::of_events(&mut tx, &ground.project).await.unwrap().is_empty(), "what waits is not counted");
    drop(tx);
    // The task that commits ends with the last way in.
    drop(inbox);
    let held = || Arc::strong_count(&ground.app.wake);
    for _ in 0..500 {
        if held() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(held(), 1);
}

async fn what_does_not_fit_wakes_nobody(engine: Engine) {
    let ground = Ground::make(engine).await;
    let mut of_live_mode = event("evt_1");
    of_live_mode["livemode"] = json!(true);
    ground.store(&[of_live_mode]).await;
    assert_eq!(ground.queued().await, [n("quarantined", 1)]);
    assert_eq!(ground.counted(EventStatus::Quarantined).await, 1);
    assert!(ground.jobs().await.is_empty() && ground.next(10).await.is_empty());
    ground.store(&[event("evt_2")]).await;
    assert_eq!(ground.counted(EventStatus::Quarantined).await, 1);
    assert_eq!(ids(&ground.next(10).await), ["evt_2"]);
}

/// On one thread, where the task that commits counts. How it counts knows no engine.
#[tokio::test]
async fn what_does_not_fit_is_counted_once() {
    let ground = Ground::make(Engine::Sqlite).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let counted = || {
        let text = recorder.handle().render();
        let lines = text.lines().filter_map(|line| line.strip_prefix("billfold_events_quarantined_total "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let of_live_mode = |id: &str| {
        let mut event = event(id);
        event["livemode"] = json!(true);
        event
    };
    ground.store(&[event("evt_1")]).await;
    assert!(counted().is_empty());
    ground.store(&[of_live_mode("evt_2")]).await;
    assert_eq!(counted(), ["1"]);
    assert_eq!(
        Inbox::start(ground.app.clone()).store(ground.delivery(&of_live_mode("evt_2"))).await.unwrap(),
        Stored::Repeated
    );
    assert_eq!(counted(), ["1"]);
    let fetched =
        [of_live_mode("evt_2"), of_live_mode("evt_3"), event("evt_4")].map(|event| ground.delivery(&event).event);
    let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
    let stored = store_fetched(&mut tx, &ground.project, &fetched, NOW).await.unwrap();
    assert_eq!(counted(), ["1"], "nothing is counted that may yet be undone");
    tx.commit().await.unwrap();
    stored.count();
    assert_eq!(counted(), ["2"]);
}

async fn a_full_inbox_says_so_and_loses_nothing(engine: Engine) {
    const SENT: usize = 8_000;
    let ground = Ground::make(engine).await;
    let inbox = Inbox::start(ground.app.clone());
    let deliveries: Vec<_> = (0..SENT).map(|n| ground.delivery(&event(&format!("evt_{n}")))).collect();
    let answers = futures_util::future::join_all(deliveries.into_iter().map(|delivery| inbox.store(delivery))).await;
    let full = answers.iter().filter(|answer| matches!(answer, Err(NotStored::Full))).count();
    let stored = answers.iter().filter(|answer| matches!(answer, Ok(Stored::New))).count();
    assert!(full > 0 && stored + full == SENT, "{stored} stored, {full} turned away");
    assert_eq!(ground.queued().await, [n("received", i64::try_from(stored).unwrap())]);
    let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
    let up_to = inbox::count_up_to(&mut tx, &ground.project, EventStatus::Received, 100).await.unwrap();
    assert_eq!(up_to, 100);
    assert_eq!(inbox::count_up_to(&mut tx, &ground.project, EventStatus::Dead, 100).await.unwrap(), 0);
}

async fn a_connection_is_marked_as_alive_once_a_second(engine: Engine) {
    let ground = Ground::make(engine).await;
    let inbox = Inbox::start(ground.app.clone());
    for (number, now) in [(1, NOW), (2, NOW), (3, NOW + 5)] {
        ground.clock.advance(now - ground.clock.now());
        inbox.store(ground.delivery(&event(&format!("evt_{number}")))).await.unwrap();
        let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
        let connection = connections::find(&mut tx, &ground.project).await.unwrap().unwrap();
        assert_eq!((connection.first_event_at, connection.last_event_at), (Some(NOW), Some(now)));
    }
}

async fn fetched_events_go_the_same_way(engine: Engine) {
    let ground = Ground::make(engine).await;
    ground.store(&[event("evt_1")]).await;
    let events = ["evt_1", "evt_2"].map(|id| ground.delivery(&event(id)).event);
    for (time, new) in [(1, vec!["evt_2".to_owned()]), (2, Vec::new())] {
        let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
        let stored = store_fetched(&mut tx, &ground.project, &events, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stored.new.into_iter().collect::<Vec<_>>(), new, "time {time}");
    }
    assert!(!ground.event("evt_1").await.fetched && ground.event("evt_2").await.fetched);
    assert_eq!(ground.queued().await, [n("received", 2)]);
}

async fn fresh_events_go_before_failed_ones(engine: Engine) {
    let ground = Ground::make(engine).await;
    let events = ["evt_1", "evt_2", "evt_3", "evt_4"].map(event);
    ground.store(&events).await;
    let all = ground.next(10).await;
    ground.set_state(&all[0], EventStatus::Failed, NOW + 1).await;
    ground.set_state(&all[1], EventStatus::Failed, NOW).await;
    assert_eq!(ids(&ground.next(10).await), ["evt_3", "evt_4", "evt_2"]);
    assert_eq!(ids(&ground.next(3).await), ["evt_3", "evt_4", "evt_2"]);
    assert_eq!(ids(&ground.next(2).await), ["evt_3", "evt_4"]);
    ground.clock.advance(1);
    assert_eq!(ids(&ground.next(10).await), ["evt_3", "evt_4", "evt_1", "evt_2"]);

    let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
    assert_eq!(inbox::next_due(&mut tx, &ground.project).await.unwrap(), Some(NOW));
    let due = inbox::next_try(&mut tx, &ground.project, EventStatus::Failed, all[0].arrival, "evt_1").await.unwrap();
    assert_eq!(due, Some(NOW + 1));
    let none = inbox::next_try(&mut tx, &ground.project, EventStatus::Dead, all[0].arrival, "evt_1").await.unwrap();
    assert_eq!(none, None);
    let waiting = inbox::waiting_for(&mut tx, &ground.project, ["cus_evt_1", "cus_evt_3", "cus_9"]).await.unwrap();
    assert_eq!(waiting, ["cus_evt_1", "cus_evt_3"].map(str::to_owned).into());

    // Only what is still as it was read leaves the queue.
    assert_eq!(inbox::remove(&mut tx, &ground.project, &[&all[0], &all[2], &all[3]]).await.unwrap(), 2);
    let failed = Pending { state: "failed".to_owned(), ..all[1].clone() };
    let failed_too = Pending { state: "failed".to_owned(), ..all[0].clone() };
    assert_eq!(inbox::remove(&mut tx, &ground.project, &[&failed, &failed_too]).await.unwrap(), 2);
    assert_eq!(inbox::next_due(&mut tx, &ground.project).await.unwrap(), None);
}

async fn a_dead_event_is_put_back(engine: Engine) {
    let ground = Ground::make(engine).await;
    let events = ["evt_1", "evt_2", "evt_3"].map(event);
    ground.store(&events).await;
    let all = ground.next(10).await;
    ground.set_state(&all[0], EventStatus::Dead, NOW).await;
    ground.set_state(&all[1], EventStatus::Failed, NOW + 600).await;
    let dead = async || {
        let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
        inbox::dead_by_project(&mut tx).await.unwrap()
    };
    assert_eq!(dead().await, [(ground.project.clone(), 1)]);
    assert_eq!(ids(&ground.next(10).await), ["evt_3"]);

    let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
    assert!(inbox::requeue(&mut tx, &ground.project, "evt_1", NOW).await.unwrap());
    assert!(!inbox::requeue(&mut tx, &ground.project, "evt_3", NOW).await.unwrap(), "it waits anyway");
    tx.commit().await.unwrap();
    assert_eq!(ids(&ground.next(10).await), ["evt_1", "evt_3"]);
    assert!(dead().await.is_empty());

    ground.set_state(&all[2], EventStatus::Dead, NOW).await;
    let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
    assert_eq!(inbox::requeue_all(&mut tx, &ground.project, NOW).await.unwrap(), 2);
    assert_eq!(inbox::requeue_all(&mut tx, &ground.project, NOW).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(ids(&ground.next(10).await), ["evt_1", "evt_2", "evt_3"]);
}

async fn a_batch_is_applied_and_leaves_the_queue(engine: Engine) {
    let ground = Ground::make(engine).await;
    let customer = json!({ "id": "cus_1", "object": "customer", "created": 1 });
    let subscription = json!({ "id": "sub_1", "object": "subscription", "created": 1, "status": "canceled" });
    ground
        .store(&[
            about("evt_1", "customer.created", &customer),
            about("evt_2", "customer.deleted", &json!({ "id": "cus_2", "object": "customer", "created": 1 })),
            about("evt_3", "customer.subscription.deleted", &subscription),
        ])
        .await;
    assert_eq!(ground.apply_at(NOW).await, 3);
    assert!(ground.queued().await.is_empty());
    assert_eq!(ground.counted(EventStatus::Done).await, 3);
    let applied = ground.event("evt_1").await;
    assert_eq!((applied.status.as_str(), applied.outcome.as_deref(), applied.attempts), ("done", Some("applied"), 1));
    assert_eq!(ground.event("evt_2").await.outcome.as_deref(), Some("deleted"));
    assert_eq!(ground.event("evt_3").await.outcome.as_deref(), Some("applied"), "it stays at Stripe");
    assert_eq!(ground.apply_at(NOW).await, 0, "and nothing is due any more");
}

async fn an_event_that_the_database_refuses_hurts_only_itself(engine: Engine) {
    let ground = Ground::make(engine).await;
    ground
        .database
        .run_as_owner(match engine {
            Engine::Sqlite => {
                "CREATE TRIGGER poison BEFORE INSERT ON customers WHEN new.stripe_id = 'cus_evt_2'
                   BEGIN SELECT RAISE(ABORT, 'poison'); END"
            }
            Engine::Postgres => "ALTER TABLE customers ADD CONSTRAINT poison CHECK (stripe_id <> 'cus_evt_2')",
        })
        .await;
    ground.store(&["evt_1", "evt_2", "evt_3"].map(event)).await;
    assert_eq!(ground.apply_at(NOW).await, 3);
    assert_eq!(ground.counted(EventStatus::Done).await, 2);
    let mut tried = NOW;
    for attempt in 1.. {
        let event = ground.event("evt_2").await;
        assert_eq!(event.attempts, attempt);
        assert_eq!(event.cause.as_deref(), Some("the database refused what the event would write"));
        let Some(delay) = retry::event_delay(attempt) else { break };
        assert_eq!((event.status.as_str(), ground.queued().await), ("failed", vec![n("failed", 1)]));
        tried += delay;
        assert_eq!(ground.apply_at(tried - 1).await, 0, "not before its time");
        assert_eq!(ground.apply_at(tried).await, 1);
    }
    assert_eq!((ground.event("evt_2").await.status.as_str(), ground.queued().await), ("dead", vec![n("dead", 1)]));
    assert_eq!(ground.counted(EventStatus::Dead).await, 1);
    let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
    let attempts = event_attempts::of_event(&mut tx, &ground.project, "evt_2").await.unwrap();
    assert_eq!(attempts.len(), retry::EVENT_TRIES);
}

async fn an_event_whose_application_never_ends_hurts_only_itself(engine: Engine) {
    assert!(fail::has_failpoints(), "this story needs --all-features");
    fail::cfg("apply.endless", "return(evt_endless)").unwrap();
    let ground = Ground::make(engine).await;
    ground.store(&["evt_1", "evt_endless", "evt_2"].map(event)).await;
    assert_eq!(ground.apply_at(NOW).await, 3);
    let event = ground.event("evt_endless").await;
    assert_eq!((event.status.as_str(), event.attempts), ("failed", 1));
    assert_eq!(event.cause.as_deref(), Some("applying the event took longer than ten seconds"));
    assert_eq!((ground.counted(EventStatus::Done).await, ground.queued().await), (2, vec![n("failed", 1)]));
}

async fn what_is_no_object_of_ours_is_finished_as_such(engine: Engine) {
    let ground = Ground::make(engine).await;
    let refund = json!({ "id": "re_1", "object": "refund", "charge": "ch_1" });
    let thin = |id: &str, object: Value| {
        json!({ "id": id, "object": "v2.core.event", "type": "v1.any", "created": "2026-09-21T14:13:20Z",
                "livemode": false, "related_object": object })
    };
    ground
        .store(&[
            about("evt_1", "charge.refunded", &refund),
            about("evt_2", "payout.paid", &json!({ "id": "po_1", "object": "payout" })),
            about("evt_3", "customer.updated", &json!({ "object": "customer" })),
            thin("evt_4", json!({ "id": "cus_4", "type": "customer" })),
            thin("evt_5", json!({ "id": "re_5", "type": "refund" })),
            thin("evt_6", json!({ "id": "", "type": "refund" })),
        ])
        .await;
    assert_eq!(ground.apply_at(NOW).await, 6);
    let mut outcomes = Vec::new();
    for id in 1..=6 {
        outcomes.push(ground.event(&format!("evt_{id}")).await.outcome.unwrap_or_default());
    }
    assert_eq!(outcomes, ["read_again", "not_mirrored", "no_object", "read_again", "read_again", "not_mirrored"]);
    let mut wishes = ground.wishes().await;
    wishes.sort();
    assert_eq!(wishes, ["ch_1", "cus_4", "re_5"]);
}

async fn a_lost_claim_applies_nothing(engine: Engine) {
    let ground = Ground::make(engine).await;
    ground.store(&[event("evt_1")]).await;
    let late = ground.claim().await.unwrap();
    ground.clock.advance(LEASE + 1);
    assert!(ground.claim().await.is_some(), "another has taken over");
    assert!(apply::run_batch(&ground.app, &late, LEASE, inbox::BEGINNING).await.is_err());
    assert_eq!(ids(&ground.next(10).await), ["evt_1"]);
    assert_eq!(ground.counted(EventStatus::Done).await, 0);
    let mut tx = ground.app.db.read(&ground.tenant).await.unwrap();
    assert!(event_attempts::of_event(&mut tx, &ground.project, "evt_1").await.unwrap().is_empty());
}

async fn what_stands_behind_a_batch_comes_next(engine: Engine) {
    const MORE: usize = 5;
    let ground = Ground::make(engine).await;
    let flood: Vec<Value> = (0..apply::BATCH + MORE).map(|n| event(&format!("evt_{n:03}"))).collect();
    ground.store(&flood).await;
    let claim = ground.claim().await.unwrap();
    let first = apply::run_batch(&ground.app, &claim, LEASE, inbox::BEGINNING).await.unwrap();
    assert_eq!((first.events, first.first_arrival < first.last_arrival), (apply::BATCH, true));
    // Another process stores an event whose clock is behind: it is passed over now and found from the beginning.
    let mut late = ground.delivery(&event("evt_late")).event;
    late.arrival = 1;
    let mut tx = ground.app.db.write(&ground.tenant).await.unwrap();
    store_fetched(&mut tx, &ground.project, &[late], NOW).await.unwrap();
    tx.commit().await.unwrap();
    let second = apply::run_batch(&ground.app, &claim, LEASE, first.last_arrival).await.unwrap();
    assert_eq!((second.events, second.first_arrival > first.last_arrival), (MORE, true));
    assert_eq!(apply::run_batch(&ground.app, &claim, LEASE, second.last_arrival).await.unwrap().events, 0);
    assert_eq!(ids(&ground.next(10).await), ["evt_late"]);
    assert_eq!(apply::run_batch(&ground.app, &claim, LEASE, inbox::BEGINNING).await.unwrap().events, 1);
    assert!(ground.next(10).await.is_empty());
    assert_eq!(usize::try_from(ground.counted(EventStatus::Done).await).unwrap(), flood.len() + 1);
}
