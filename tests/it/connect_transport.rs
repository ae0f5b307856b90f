//! How calls travel to Stripe when the way is bad: a server that answers as scripted, and the client in front of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use billfold::{
    clock::Clock,
    domain::kind::Kind,
    stripe::{Client, Clients, Error, Patience, Rates, key::Key, list::ListParams},
};
use http::HeaderMap;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

const QUICK: Patience = Patience {
    attempts: 4,
    first_byte: Duration::from_millis(500),
    whole: Duration::from_secs(2),
    longest_wait: Duration::from_secs(1),
    nonsense: Duration::ZERO,
};
/// What a list promises that is at its end.
const LIE: &str = r#"{"object":"list","data":[],"has_more":true}"#;

/// One scripted answer.
enum Step {
    Answer(u16, &'static [(&'static str, &'static str)], String),
    /// Half of a body, then the end.
    Cut,
    /// Nothing, for longer than anybody waits.
    Hang,
}

/// What the server saw of a request.
struct Asked {
    target: String,
    headers: HeaderMap,
}

#[derive(Clone, Default)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Script {
    /// Starts a server with these answers, and a client in front of it that waits only shortly.
    async fn start(steps: impl IntoIterator<Item = Step>) -> (Self, Client) {
        let script = Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = script.clone();
        let router = Router::new().fallback(move |request: Request| server.clone().answer(request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clients = Clients::new(&base, Rates { live: 10_000, test: 10_000 }, Clock::manual(1_000)).unwrap();
        let client = clients.candidate(Key::parse("sk_test_0123456789abcdef").unwrap()).await;
        (script, client.with_patience(QUICK))
    }

    async fn answer(self, request: Request) -> Response {
        let asked = Asked { target: request.uri().to_string(), headers: request.headers().clone() };
        self.asked.lock().unwrap().push(asked);
        let step = self.steps.lock().unwrap().pop_front().expect("the client asked once more than scripted");
        match step {
            Step::Answer(status, headers, body) => {
                let builder = Response::builder().status(status).header("content-type", "application/json");
                let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
                builder.body(Body::from(body)).unwrap()
            }
            Step::Cut => {
                let pieces = [Ok("{\"data\":[".to_owned()), Err("cut")];
                Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
            }
            Step::Hang => std::future::pending().await,
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn header(&self, name: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.headers[name].to_str().unwrap().to_owned()).collect()
    }

    fn targets(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.target.clone()).collect()
    }
}

fn ok(body: &str) -> Step {
    Step::Answer(200, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], body.to_owned())
}

fn failed(status: u16, headers: &'static [(&'static str, &'static str)]) -> Step {
    Step::Answer(status, headers, r#"{"error":{"type":"api_error","message":"Oops"}}"#.to_owned())
}

const ENDPOINT: &str = r#"{"id":"we_1","object":"webhook_endpoint","secret":"whsec_1","url":"https://b.example"}"#;
const EMPTY: &str = r#"{"object":"list","data":[],"has_more":false}"#;

#[tokio::test]
async fn a_write_keeps_its_idempotency_key_until_it_is_answered() {
    let html = Step::Answer(502, &[], "<html>Bad gateway</html>".to_owned());
    let (script, client) = Script::start([failed(409, &[]), html, Step::Cut, ok(ENDPOINT)]).await;
    assert_eq!(client.create_endpoint("https://b.example", "prj_1").await.unwrap().endpoint.id, "we_1");
    let keys = script.header("idempotency-key");
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() >= 32), "{keys:?}");
    let versions = script.header("stripe-version");
    assert!(versions.iter().all(|version| version == billfold::stripe::endpoints::api_version()), "{versions:?}");
    assert_eq!(script.header("authorization")[0], "Bearer sk_test_0123456789abcdef");
}

#[tokio::test]
async fn reads_carry_no_idempotency_key_and_count_as_of_the_second_before_their_date() {
    let (script, client) = Script::start([ok(EMPTY)]).await;
    let page = client.list(Kind::Customer, &ListParams { limit: 1, ..ListParams::default() }).await.unwrap();
    assert_eq!((page.as_of, page.data.len(), page.has_more), (784_111_776, 0, false));
    assert!(!script.asked.lock().unwrap()[0].headers.contains_key("idempotency-key"));
}

#[tokio::test]
async fn an_answer_that_breaks_or_hangs_is_asked_for_again() {
    let page_of_somebody_else = Step::Answer(200, &[], "<html>Sign in to the hotel</html>".to_owned());
    let (script, client) = Script::start([Step::Hang, Step::Cut, page_of_somebody_else, ok(EMPTY)]).await;
    client.probe_list(Kind::Product).await.unwrap();
    assert_eq!(script.asked(), 4);
}

#[tokio::test]
async fn it_gives_up_after_its_tries() {
    let (script, client) = Script::start([Step::Cut, Step::Cut, Step::Cut, Step::Cut]).await;
    assert!(matches!(client.probe_list(Kind::Price).await, Err(Error::Unreachable(_))));
    assert_eq!(script.asked(), 4);
}

#[tokio::test]
async fn stripe_says_itself_whether_and_when() {
    let (script, client) = Script::start([failed(500, &[("stripe-should-retry", "false")])]).await;
    assert!(matches!(client.probe_list(Kind::Price).await, Err(Error::Faulty(_))));
    assert_eq!(script.asked(), 1);

    let again = failed(400, &[("stripe-should-retry", "true"), ("retry-after", "1")]);
    let (_, client) = Script::start([again, ok(EMPTY)]).await;
    let started = Instant::now();
    client.probe_list(Kind::Price).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));

    let (script, client) = Script::start([failed(429, &[("retry-after", "3600")])]).await;
    assert!(matches!(client.probe_list(Kind::Price).await, Err(Error::Limited(_))), "nobody waits for an hour");
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_names_what_is_missing() {
    let message = "The provided key does not have the required permissions for this endpoint on account 'acct_1A'. Having the 'rak_plan_read' permission would allow this request to continue.";
    let body = serde_json::json!({ "error": { "type": "invalid_request_error", "message": message } });
    let refused = Step::Answer(403, &[("request-id", "req_9")], body.to_string());
    let (script, client) = Script::start([refused]).await;
    let error = client.probe_list(Kind::Price).await.unwrap_err();
    assert_eq!(script.asked(), 1);
    assert_eq!(error.answer().unwrap().request_id.as_deref(), Some("req_9"));
    let Error::Refused { permission, account, .. } = error else { panic!("{error}") };
    assert_eq!((permission.as_deref(), account.as_deref()), (Some("rak_plan_read"), Some("acct_1A")));
}

#[tokio::test]
async fn an_object_that_does_not_exist_is_no_error() {
    let missing = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such product"}}"#;
    let (script, client) = Script::start([Step::Answer(404, &[], missing.to_owned())]).await;
    assert!(client.retrieve(Kind::Product, "gold/../plan").await.unwrap().raw.is_none());
    assert_eq!(script.targets(), ["/v1/products/gold%2F%2E%2E%2Fplan"], "an id stays within its segment");
}

#[tokio::test]
async fn a_cut_sub_list_is_fetched_whole() {
    let rows =
        |ids: std::ops::Range<u32>| ids.map(|id| format!("{{\"id\":\"si_{id}\"}}")).collect::<Vec<_>>().join(",");
    let list = |ids, more| format!(r#"{{"object":"list","data":[{}],"has_more":{more}}}"#, rows(ids));
    let (script, client) = Script::start([ok(&list(10..110, true)), ok(&list(110..115, false))]).await;
    let cut = format!(r#"{{"id":"sub_1","items":{},"n":9007199254740993}}"#, list(0..10, true));
    let whole = client.complete(Kind::Subscription, RawValue::from_string(cut).unwrap()).await.unwrap();
    assert_eq!(whole.get(), format!(r#"{{"id":"sub_1","items":{},"n":9007199254740993}}"#, list(0..115, false)));
    let asked = script.targets();
    assert!(asked[0].contains("subscription=sub_1") && asked[0].contains("starting_after=si_9"), "{asked:?}");
    assert!(asked[1].contains("starting_after=si_109"), "{asked:?}");
}

#[tokio::test]
async fn a_list_that_promises_more_for_ever_ends() {
    let (_, client) = Script::start([ok(LIE)]).await;
    let params = ListParams { limit: 100, ..ListParams::default() };
    assert!(matches!(client.list(Kind::Invoice, &params).await, Err(Error::Unreadable(_))));

    let (_, client) = Script::start([ok(r#"{"object":"list","data":[{"id":"in_1"}],"has_more":true}"#)]).await;
    let params = ListParams { starting_after: Some("in_1".to_owned()), ..params };
    assert!(matches!(client.list(Kind::Invoice, &params).await, Err(Error::Unreadable(_))));
}

#[tokio::test]
async fn what_makes_no_sense_for_a_moment_is_asked_for_again() {
    let patience = Patience { nonsense: Duration::from_secs(5), ..QUICK };
    let (script, client) = Script::start([ok(LIE), ok(LIE), ok(EMPTY)]).await;
    let params = ListParams { limit: 100, ..ListParams::default() };
    client.with_patience(patience).list(Kind::Invoice, &params).await.unwrap();
    assert_eq!(script.asked(), 3);

    // A list within an object.
    let (script, client) = Script::start([ok(LIE), ok(r#"{"data":[{"id":"si_2"}],"has_more":false}"#)]).await;
    let cut = r#"{"id":"sub_1","items":{"data":[{"id":"si_1"}],"has_more":true}}"#.to_owned();
    let whole = client.with_patience(patience).complete(Kind::Subscription, RawValue::from_string(cut).unwrap()).await;
    assert!(whole.unwrap().get().contains(r#"{"id":"si_1"},{"id":"si_2"}"#));
    assert_eq!(script.asked(), 2);

    // Somebody else's page, for longer than the tries of one call.
    let page_of_somebody_else = || Step::Answer(200, &[], "<html>Sign in to the hotel</html>".to_owned());
    let steps = (0..5).map(|n| if n < 4 { page_of_somebody_else() } else { ok(EMPTY) });
    let (script, client) = Script::start(steps).await;
    client.with_patience(patience).list(Kind::Invoice, &params).await.unwrap();
    assert_eq!(script.asked(), 5);
}
