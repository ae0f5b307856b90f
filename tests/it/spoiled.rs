//! Real events, each broken in one place by chance: a field missing, of another type, huge or full of odd letters. All of them are
//! kept, and none of them keeps others from being applied.

use billfold::{domain::kind::Kind, standin};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use crate::harness::{Engine, Site, both_engines};

both_engines!(five_hundred_spoiled_events_are_kept);

const EVENTS: usize = 500;

async fn five_hundred_spoiled_events_are_kept(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let mut chance = StdRng::seed_from_u64(7);
    let kinds = [
        standin::kind::Kind::Customer,
        standin::kind::Kind::Subscription,
        standin::kind::Kind::Invoice,
        standin::kind::Kind::Price,
        standin::kind::Kind::Product,
        standin::kind::Kind::Charge,
    ];
    let objects: Vec<Value> = kinds.into_iter().flat_map(|kind| account.dump(kind)).collect();
    let newest = site.app.clock.now() + 60;
    for n in 0..EVENTS {
        let object = objects.choose(&mut chance).unwrap();
        let event_type = format!("{}.updated", object["object"].as_str().unwrap());
        let mut event = json!({
            "object": "event", "type": event_type, "created": newest,
            "livemode": false, "api_version": "2026-09-30.endive", "pending_webhooks": n, "data": { "object": object },
        });
        spoil(&mut event, &mut chance);
        event["id"] = json!(format!("evt_spoiled{n:03}"));
        site.deliver(&account, &event.to_string()).await.expect(200);
    }
    // What comes after them is applied as if they had not been there.
    let customer = account.ids(standin::kind::Kind::Customer).remove(0);
    let whole = json!({ "id": customer, "object": "customer", "created": 5, "name": "Ada Lovelace" });
    let whole = json!({ "id": "evt_whole", "object": "event", "type": "customer.updated", "created": newest + 60,
        "livemode": false, "data": { "object": whole } });
    site.deliver(&account, &whole.to_string()).await.expect(200);
    site.wait_until_idle().await;
    assert_eq!(site.event("evt_whole").await.0, "done");

    let kept = site.event_ids().await.into_iter().filter(|id| id != "evt_whole");
    assert_eq!(kept.count(), EVENTS, "each of them is kept once");
    let dead = site.event_counts().await.into_iter().find(|(status, _)| status == "dead");
    assert_eq!(dead, None, "none of them was too much for the database");
    let page = site.program().await.get("/v1/customers").await.expect(200).json();
    assert!(page["data"].as_array().unwrap().iter().any(|row| row["name"] == "Ada Lovelace"), "{page}");
    assert!(Kind::ALL.len() == kinds.len(), "every mirrored type was among them");
}

/// Breaks one place, anywhere inside.
fn spoil(value: &mut Value, chance: &mut StdRng) {
    let deeper = chance.random_bool(0.75);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = names.choose(chance).unwrap();
            if deeper {
                spoil(&mut fields[name], chance);
            } else if chance.random_bool(0.5) {
                fields.remove(name);
            } else {
                fields[name] = nonsense(chance);
            }
        }
        Value::Array(rows) if !rows.is_empty() && deeper => {
            let row = chance.random_range(0..rows.len());
            spoil(&mut rows[row], chance);
        }
        value => *value = nonsense(chance),
    }
}

fn nonsense(chance: &mut StdRng) -> Value {
    let all = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!("a\u{0}b\u{1b}[2J\u{202e}"),
        json!("x".repeat(20_000)),
        json!([[], [null]]),
        json!({ "": { "id": 5 } }),
        json!(chance.next_u64()),
    ];
    all.choose(chance).unwrap().clone()
}
