//! A plain HTTP client of the stand-in, and the helpers its tests share.

use billfold::standin::control::accounts::{AccountSpec, NewKeys};
use billfold::standin::{Options, StandIn};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer: status, headers, body.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn error(&self) -> Value {
        self.json()["error"].clone()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A program that talks to the stand-in with one key.
#[derive(Clone)]
pub struct Caller {
    base: String,
    key: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Caller {
    pub fn new(stand_in: &StandIn, key: &str) -> Self {
        Self { base: stand_in.url(), key: key.to_owned(), http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// The same program with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub async fn send(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send(method, path, body, headers).await.unwrap()
    }

    /// The answer, or why none came.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, hyper_util::client::legacy::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let response = self.http.request(request).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[]).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body, &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "", &[]).await
    }

    /// An object or list that must be there.
    pub async fn ok(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    /// A change that must succeed.
    pub async fn change(&self, path: &str, body: &str) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    /// Everything a list holds, page by page.
    pub async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let cursor = rows.last().map_or_else(String::new, |row| format!("&starting_after={}", id(row)));
            let page = self.ok(&format!("{path}{joint}limit={limit}{cursor}")).await;
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                return rows;
            }
        }
    }
}

pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// A stand-in without limits at a fixed time, and one account in it.
pub async fn seeded(customers: u64) -> (StandIn, NewKeys, Caller) {
    let options = Options {
        clock: std::sync::Arc::new(|| 1_795_000_000),
        seed: 5,
        retry_scale: 0.0001,
        unlimited_rate: true,
        ..Options::default()
    };
    let stand_in = StandIn::start(options).await.unwrap();
    let keys = stand_in.account(AccountSpec { customers, seed: 1, ..AccountSpec::default() });
    let caller = Caller::new(&stand_in, &keys.secret_key);
    (stand_in, keys, caller)
}

/// A customer whose card pays.
pub async fn payer(stripe: &Caller) -> Value {
    payer_with(stripe, "pm_card_visa").await
}

/// A customer with one of Stripe's test cards.
pub async fn payer_with(stripe: &Caller, card: &str) -> Value {
    let body =
        format!("name=Ada&email=ada@example.com&payment_method={card}&invoice_settings[default_payment_method]={card}");
    stripe.change("/v1/customers", &body).await
}

/// A product with a monthly price in dollars; returns the price.
pub async fn monthly(stripe: &Caller, cents: i64) -> Value {
    let product = stripe.change("/v1/products", "name=Seats").await;
    let body =
        format!("product={}&currency=usd&unit_amount={cents}&recurring[interval]=month&nickname=Seat", id(&product));
    stripe.change("/v1/prices", &body).await
}

/// The types of the events since `count` of them had happened, oldest first.
pub async fn types_since(stripe: &Caller, count: usize) -> Vec<String> {
    let events = stripe.all("/v1/events", 100).await;
    let fresh = &events[..events.len() - count];
    fresh.iter().rev().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// How many events have happened.
pub async fn event_count(stripe: &Caller) -> usize {
    stripe.all("/v1/events", 100).await.len()
}

/// A refusal: its status, type, code and parameter, as the test expects them.
pub fn assert_refused(answer: &Answer, status: u16, code: Option<&str>, param: Option<&str>) {
    let error = answer.error();
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(error.get("code").and_then(Value::as_str), code, "{}", answer.text);
    assert_eq!(error.get("param").and_then(Value::as_str), param, "{}", answer.text);
    let kind = if status == 402 { "card_error" } else { "invalid_request_error" };
    assert_eq!(error["type"], kind, "{}", answer.text);
}

/// Moves the stand-in's clock.
pub async fn advance(stand_in: &StandIn, seconds: i64) {
    let body = format!("{{\"advance_s\": {seconds}}}");
    assert_eq!(Caller::new(stand_in, "").post("/_control/clock", &body).await.status, 200);
}

/// Does everything that is due for a subscription by now.
pub async fn catch_up(stand_in: &StandIn, account: &str, object: &str) {
    let body = format!("{{\"object\": \"{object}\"}}");
    let answer = Caller::new(stand_in, "").post(&format!("/_control/accounts/{account}/renew"), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
