//! Changes, deliveries, chaos and the oracle.
#![expect(clippy::disallowed_types, reason = "error pages are for people; the control path answers programs")]

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Refused;
use crate::standin::changes;
use crate::standin::deliveries::{Delivery, Job};
use crate::standin::dice::Dice;
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{self, Page};
use crate::standin::objects::webhook_endpoint::new_secret;
use crate::standin::signature;
use crate::standin::space::{Key, Secret};
use crate::standin::state::{Account, Seen, Shared, lock};

/// Objects per piece of a dump.
const DUMP_PIECE: usize = 200;

/// Random changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutateSpec {
    /// Live or test.
    #[serde(default)]
    pub livemode: bool,
    /// How many changes.
    pub count: usize,
    /// Kinds to change; all when empty.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// All changes carry the same second.
    #[serde(default)]
    pub same_second: bool,
    /// Makes the changes repeatable.
    pub rng_seed: Option<u64>,
}

/// One change or deletion.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchSpec {
    /// Live or test.
    #[serde(default)]
    pub livemode: bool,
    /// Any identifier.
    pub object: String,
    /// Attributes as JSON; nested ones become bracketed parameters.
    #[serde(default)]
    pub set: Map<String, Value>,
}

impl Shared {
    /// The account of that identifier.
    pub fn known(&self, account: &str) -> Result<Arc<Account>, Refused> {
        self.account(account).ok_or_else(|| Refused::not_found("account"))
    }

    /// Makes random changes and returns the identifiers of their events, oldest first.
    pub fn mutate(&self, account: &str, spec: &MutateSpec) -> Result<Vec<String>, Refused> {
        let account = self.known(account)?;
        let kinds: Option<Vec<Kind>> = spec.kinds.iter().map(|name| Kind::named(name)).collect();
        let kinds = kinds.ok_or_else(|| Refused::not_found("kind"))?;
        let mut dice = Dice::of(spec.rng_seed.unwrap_or_else(|| lock(&self.dice).roll()), 30, 0);
        let second = self.clock.now();
        let clock = || if spec.same_second { second } else { self.clock.now() };
        let mut space = account.write(spec.livemode);
        let before = space.event_times.len();
        changes::make(&mut space, &clock, &mut dice, spec.count, &kinds);
        let made = space.event_times.len() - before;
        let mut numbers: Vec<u64> = space.events.values().map(|event| event.n).collect();
        numbers.sort_unstable();
        let new = numbers.split_off(numbers.len() - made);
        Ok(new.into_iter().map(|n| space.ids.id(Kind::Event, n)).collect())
    }

    /// Changes (or deletes) one object.
    pub fn touch(&self, account: &str, spec: &TouchSpec, delete: bool) -> Result<(), Refused> {
        let account = self.known(account)?;
        let mut space = account.write(spec.livemode);
        let found = Kind::of_id(&spec.object).and_then(|kind| Some((kind, space.find_alive(kind, &spec.object)?)));
        let (kind, n) = found.ok_or_else(|| Refused::not_found("object"))?;
        let cause = Cause { now: self.clock.now(), ..Cause::default() };
        if delete {
            changes::delete(&mut space, &cause, kind, n)?;
        } else {
            let form = Form::from_pairs(&pairs(&spec.set))?;
            changes::touch(&mut space, &cause, kind, n, &form)?;
        }
        Ok(())
    }

    /// Sends an event again to every endpoint that wants it.
    pub fn resend(&self, account: &str, event: &str, times: usize) -> Result<(), Refused> {
        let account = self.known(account)?;
        for live in [false, true] {
            let space = account.read(live);
            if let Some(event) = space.event(event) {
                for endpoint in space.listening(event.kind) {
                    for _ in 0..times {
                        space.dispatch(Job::new(&space, Arc::clone(event), endpoint));
                    }
                }
                return Ok(());
            }
        }
        Err(Refused::not_found("event"))
    }

    /// The current object of every identifier of a kind, tombstones included, a piece at a time.
    pub fn dump_piece(
        &self,
        account: &str,
        live: bool,
        kind: Kind,
        before: Key,
    ) -> Result<(Vec<u8>, Option<Key>), Refused> {
        let account = self.known(account)?;
        let space = account.read(live);
        let mut page = Page::all();
        page.keys.end = before;
        let keys: Vec<Key> = lists::all_keys(&space, kind, &page).take(DUMP_PIECE).collect();
        let mut out = Vec::new();
        for (_, n) in &keys {
            if space.is_deleted(kind, *n) {
                let id = space.ids.id(kind, *n);
                let stone = json!({"id": id, "object": kind.name(), "deleted": true});
                out.extend_from_slice(stone.to_string().as_bytes());
            } else {
                space.write(kind, *n, space.default_version, &mut out);
            }
            out.push(b'\n');
        }
        Ok((out, keys.last().copied().filter(|_| keys.len() == DUMP_PIECE)))
    }

    /// Replaces the secret of an endpoint; the old one signs for `overlap` seconds more.
    pub fn roll_secret(&self, account: &str, live: bool, endpoint: &str, overlap: i64) -> Result<String, Refused> {
        let account = self.known(account)?;
        let mut space = account.write(live);
        let n = space.find_alive(Kind::WebhookEndpoint, endpoint).ok_or_else(|| Refused::not_found("endpoint"))?;
        let expires = self.clock.now() + overlap;
        let secrets = space.secrets.entry(n).or_default();
        for secret in secrets.iter_mut().filter(|secret| secret.expires.is_none()) {
            secret.expires = Some(expires);
        }
        let value = new_secret(endpoint, secrets.len() as u64);
        secrets.insert(0, Secret { value: value.clone(), expires: None });
        Ok(value)
    }
}

/// `{"metadata": {"a": "b"}}` → `metadata[a]=b`.
fn pairs(set: &Map<String, Value>) -> Vec<(String, String)> {
    fn walk(name: &str, value: &Value, out: &mut Vec<(String, String)>) {
        match value {
            Value::Object(parts) => parts.iter().for_each(|(key, value)| walk(&format!("{name}[{key}]"), value, out)),
            Value::Array(rows) => {
                rows.iter().enumerate().for_each(|(i, value)| walk(&format!("{name}[{i}]"), value, out));
            }
            Value::Null => out.push((name.to_owned(), String::new())),
            Value::String(text) => out.push((name.to_owned(), text.clone())),
            other => out.push((name.to_owned(), other.to_string())),
        }
    }
    let mut out = Vec::new();
    set.iter().for_each(|(name, value)| walk(name, value, &mut out));
    out
}

/// `POST …/mutate`
pub async fn mutate(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<MutateSpec>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({ "events": shared.mutate(&account, &spec)? })))
}

/// `POST …/touch`
pub async fn touch(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<TouchSpec>,
) -> Result<Json<Value>, Refused> {
    shared.touch(&account, &spec, false)?;
    Ok(Json(json!({ "ok": true })))
}

/// `POST …/delete`
pub async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<TouchSpec>,
) -> Result<Json<Value>, Refused> {
    shared.touch(&account, &spec, true)?;
    Ok(Json(json!({ "ok": true })))
}

/// How fast life goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifeSpec {
    events_per_minute: f64,
    #[serde(default)]
    livemode: bool,
}

/// `POST …/life`
pub async fn life(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<LifeSpec>,
) -> Result<Json<Value>, Refused> {
    shared.known(&account)?;
    lock(&shared.pace).insert((account, spec.livemode), spec.events_per_minute);
    Ok(Json(json!({ "ok": true })))
}

/// What to dump.
#[derive(Debug, Deserialize)]
pub struct DumpSpec {
    #[serde(default)]
    livemode: bool,
    kind: String,
}

/// `GET …/dump?livemode=&kind=`
pub async fn dump(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(spec): Query<DumpSpec>,
) -> Result<Response, Refused> {
    shared.known(&account)?;
    let kind = Kind::named(&spec.kind).ok_or_else(|| Refused::not_found("kind"))?;
    let pieces = futures_util::stream::unfold(Some(Page::all().keys.end), move |before| {
        let piece = before.and_then(|before| shared.dump_piece(&account, spec.livemode, kind, before).ok());
        async move { piece.map(|(bytes, next)| (Ok::<_, Infallible>(Bytes::from(bytes)), next)) }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// Whose requests.
#[derive(Debug, Deserialize)]
pub struct LogSpec {
    account: Option<String>,
}

/// `GET /_control/log`
pub async fn log(State(shared): State<Arc<Shared>>, Query(spec): Query<LogSpec>) -> Json<Vec<Seen>> {
    Json(shared.log(spec.account.as_deref()))
}

/// `GET …/deliveries`
pub async fn deliveries(State(shared): State<Arc<Shared>>, Path(account): Path<String>) -> Json<Vec<Delivery>> {
    Json(shared.ledger.of(&account))
}

/// What to send again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverSpec {
    event: String,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// `POST …/deliver`
pub async fn deliver(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<DeliverSpec>,
) -> Result<Json<Value>, Refused> {
    shared.resend(&account, &spec.event, spec.times)?;
    Ok(Json(json!({ "ok": true })))
}

/// What to sign, with what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignSpec {
    secret: Option<String>,
    endpoint: Option<String>,
    payload: String,
    #[serde(default)]
    livemode: bool,
}

/// `POST …/sign`: the header a delivery of this payload would carry.
pub async fn sign(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<SignSpec>,
) -> Result<Json<Value>, Refused> {
    let now = shared.clock.now();
    let secrets = match (spec.secret, spec.endpoint) {
        (Some(secret), _) => vec![secret],
        (None, Some(endpoint)) => {
            let account = shared.known(&account)?;
            let space = account.read(spec.livemode);
            let n = space.find_alive(Kind::WebhookEndpoint, &endpoint);
            space.signing_secrets(n.ok_or_else(|| Refused::not_found("endpoint"))?, now)
        }
        (None, None) => return Err(Refused::bad("secret or endpoint is needed")),
    };
    let header = signature::header(&secrets, now, spec.payload.as_bytes(), spec.livemode);
    Ok(Json(json!({ "signature": header })))
}

/// Which secret to replace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollSpec {
    endpoint: String,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    expires_in_s: i64,
}

/// `POST …/roll`
pub async fn roll(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<RollSpec>,
) -> Result<Json<Value>, Refused> {
    let secret = shared.roll_secret(&account, spec.livemode, &spec.endpoint, spec.expires_in_s)?;
    Ok(Json(json!({ "secret": secret })))
}

/// `POST /_control/chaos`: an empty object switches everything off.
pub async fn chaos(
    State(shared): State<Arc<Shared>>,
    Json(mut patch): Json<Map<String, Value>>,
) -> Result<Json<Value>, Refused> {
    let account = patch.remove("account").and_then(|account| account.as_str().map(str::to_owned));
    if patch.is_empty() {
        shared.switches.reset();
        return Ok(Json(json!({})));
    }
    let chaos = shared.switches.change(account.as_deref(), patch.into());
    let chaos = chaos.map_err(|error| Refused::bad(error.to_string()))?;
    Ok(Json(serde_json::to_value(chaos).unwrap_or_default()))
}
