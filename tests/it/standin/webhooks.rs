//! Stripe calls an endpoint: what it sends, how it signs, how often it tries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::client::{Caller, id, seeded};
use super::description::faults;

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// An endpoint that answers each request with the next status, then 200.
struct Endpoint {
    url: String,
    received: Received,
}

impl Endpoint {
    async fn start(statuses: &[u16]) -> Self {
        let received = Received::default();
        let waiting = Arc::new(Mutex::new(statuses.to_vec()));
        let inbox = Arc::clone(&received);
        let handler = move |State(()): State<()>, headers: HeaderMap, body: Bytes| async move {
            inbox.lock().unwrap().push((headers, body));
            let mut waiting = waiting.lock().unwrap();
            let status = if waiting.is_empty() { 200 } else { waiting.remove(0) };
            StatusCode::from_u16(status).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(handler)).with_state(());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    /// Waits until so many requests have come.
    async fn wait_for(&self, count: usize) -> Vec<(HeaderMap, Bytes)> {
        for _ in 0..400 {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} requests came", self.received.lock().unwrap().len());
    }
}

async fn register(stripe: &Caller, endpoint: &Endpoint, events: &str) -> Value {
    stripe
        .change(
            "/v1/webhook_endpoints",
            &format!("url={}&enabled_events[]={events}&api_version=2026-09-30.endive", endpoint.url),
        )
        .await
}

fn signatures(headers: &HeaderMap) -> (String, Vec<String>) {
    let header = headers["stripe-signature"].to_str().unwrap();
    let parts: Vec<(&str, &str)> = header.split(',').filter_map(|part| part.split_once('=')).collect();
    let time = parts.iter().find(|part| part.0 == "t").unwrap().1.to_owned();
    (time, parts.iter().filter(|part| part.0 == "v1").map(|part| part.1.to_owned()).collect())
}

fn expected(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&[time.as_bytes(), b".", body].concat());
    hex::encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_change_arrives_signed_and_in_stripes_form() {
    let (_stand_in, _, stripe) = seeded(3).await;
    let endpoint = Endpoint::start(&[]).await;
    let made = register(&stripe, &endpoint, "*").await;
    assert_eq!(faults("webhook_endpoint", &made), Vec::<String>::new());
    let secret = made["secret"].as_str().unwrap();
    let shown = stripe.ok(&format!("/v1/webhook_endpoints/{}", id(&made))).await;
    assert!(secret.starts_with("whsec_") && shown.get("secret").is_none());
    assert_eq!(faults("webhook_endpoint", &shown), Vec::<String>::new());

    let customer = stripe.ok("/v1/customers?limit=1").await["data"][0].clone();
    stripe.change(&format!("/v1/customers/{}", id(&customer)), "name=Zoë+Ünal&metadata[tier]=gold").await;
    let (headers, body) = endpoint.wait_for(1).await.remove(0);
    let (time, signed) = signatures(&headers);
    assert_eq!(signed, [expected(secret, &time, &body)]);
    assert_eq!(headers["user-agent"], "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
    assert!(body.starts_with(b"{\n  \"id\": \"evt_"), "payloads are indented by two");
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&event["type"], &event["api_version"]), (&json!("customer.updated"), &json!("2026-09-30.endive")));
    assert_eq!(event["data"]["object"]["name"], "Zoë Ünal");
    assert_eq!(event["data"]["previous_attributes"], json!({"name": customer["name"], "metadata": {"tier": null}}));
    let listed = stripe.ok("/v1/events?limit=1").await["data"][0].clone();
    assert_eq!((&listed["id"], &listed["data"]), (&event["id"], &event["data"]));
    assert_eq!(stripe.ok(&format!("/v1/events/{}", id(&event))).await["id"], event["id"]);
    let mut envelope = listed.clone();
    assert_eq!(faults("customer", &envelope["data"]["object"].take()), Vec::<String>::new());
    let mut names: Vec<&String> = envelope.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["api_version", "created", "data", "id", "livemode", "object", "pending_webhooks", "request", "type"]
    );
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_with_a_new_signature() {
    let (stand_in, keys, stripe) = seeded(2).await;
    let endpoint = Endpoint::start(&[500, 302]).await;
    register(&stripe, &endpoint, "customer.created").await;
    stripe.change("/v1/products", "name=Nobody+asked").await;
    stripe.change("/v1/customers", "name=Ada").await;
    let received = endpoint.wait_for(3).await;
    assert!(received.windows(2).all(|pair| pair[0].1 == pair[1].1 || pair[0].1.len() == pair[1].1.len()));
    let control = Caller::new(&stand_in, "");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let deliveries = control.ok(&format!("/_control/accounts/{}/deliveries", keys.account)).await;
    let rows = deliveries.as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["tries"], &rows[0]["last_status"]), (&json!(3), &json!(200)));
    let event = stripe.ok("/v1/events?type=customer.created").await["data"][0].clone();
    assert_eq!(event["pending_webhooks"], 0);
}

#[tokio::test]
async fn two_secrets_sign_while_one_is_replaced() {
    let (stand_in, keys, stripe) = seeded(2).await;
    let endpoint = Endpoint::start(&[]).await;
    let made = register(&stripe, &endpoint, "*").await;
    let roll = json!({"endpoint": made["id"], "expires_in_s": 60});
    let control = Caller::new(&stand_in, "");
    let path = format!("/_control/accounts/{}/roll", keys.account);
    let new = control.post(&path, &roll.to_string()).await.json()["secret"].as_str().unwrap().to_owned();
    stripe.change("/v1/customers", "name=Ada").await;
    let (headers, body) = endpoint.wait_for(1).await.remove(0);
    let (time, signed) = signatures(&headers);
    let old = made["secret"].as_str().unwrap();
    assert_eq!(signed, [expected(&new, &time, &body), expected(old, &time, &body)]);
    control.post("/_control/clock", "{\"advance_s\": 61}").await;
    stripe.change("/v1/customers", "name=Bob").await;
    let (headers, body) = endpoint.wait_for(2).await.remove(1);
    let (time, signed) = signatures(&headers);
    assert_eq!(signed, [expected(&new, &time, &body)]);
}

#[tokio::test]
async fn chaos_doubles_loses_and_the_control_path_repeats() {
    let (stand_in, keys, stripe) = seeded(2).await;
    let endpoint = Endpoint::start(&[]).await;
    register(&stripe, &endpoint, "*").await;
    let control = Caller::new(&stand_in, "");
    let chaos = |switches: Value| {
        let control = control.clone();
        async move { assert_eq!(control.post("/_control/chaos", &switches.to_string()).await.status, 200) }
    };
    chaos(json!({"duplicate": 1.0})).await;
    stripe.change("/v1/customers", "name=Twice").await;
    endpoint.wait_for(2).await;
    chaos(json!({"duplicate": 0.0, "lose": 1.0})).await;
    stripe.change("/v1/customers", "name=Never").await;
    chaos(json!({})).await;
    stripe.change("/v1/customers", "name=Once").await;
    let received = endpoint.wait_for(3).await;
    let names: Vec<String> = received
        .iter()
        .map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap()["data"]["object"]["name"].to_string())
        .collect();
    assert_eq!(names, ["\"Twice\"", "\"Twice\"", "\"Once\""]);
    let event: Value = serde_json::from_slice(&received[2].1).unwrap();
    let again = json!({"event": event["id"], "times": 2});
    control.post(&format!("/_control/accounts/{}/deliver", keys.account), &again.to_string()).await;
    assert_eq!(endpoint.wait_for(5).await.len(), 5);
    assert_eq!(control.post("/_control/chaos", "{\"confetti\": 1}").await.status, 400);
}

#[tokio::test]
async fn a_disabled_or_deleted_endpoint_hears_nothing() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let endpoint = Endpoint::start(&[]).await;
    let made = register(&stripe, &endpoint, "*").await;
    let path = format!("/v1/webhook_endpoints/{}", id(&made));
    assert_eq!(stripe.change(&path, "disabled=true").await["status"], "disabled");
    stripe.change("/v1/customers", "name=Unheard").await;
    stripe.change(&path, "disabled=false").await;
    stripe.change("/v1/customers", "name=Heard").await;
    endpoint.wait_for(1).await;
    assert_eq!(stripe.delete(&path).await.json()["deleted"], true);
    stripe.change("/v1/customers", "name=Gone").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(endpoint.wait_for(1).await.len(), 1);
    assert_eq!(stripe.get(&path).await.status, 404);
    for (body, param) in [
        ("url=https://example.com/hook", "enabled_events"),
        ("url=example.com&enabled_events[]=*", "url"),
        ("url=https://example.com/h&enabled_events[]=Nonsense", "enabled_events"),
        ("url=https://example.com/h&enabled_events[]=*&api_version=1999-01-01", "api_version"),
    ] {
        let refused = stripe.post("/v1/webhook_endpoints", body).await;
        assert_eq!((refused.status, &refused.error()["param"]), (400, &json!(param)), "{}", refused.text);
    }
}
