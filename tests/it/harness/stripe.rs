//! An account at the stand-in, with what its owner does there and what Stripe does for it.

use billfold::standin::{
    StandIn,
    control::{
        accounts::NewKeys,
        steer::{MutateSpec, TouchSpec},
    },
    kind::Kind,
    lists::Page,
    signature,
};
use serde_json::Value;

/// A test-mode account.
pub struct Account<'s> {
    /// Its id and keys.
    pub keys: NewKeys,
    stripe: &'s StandIn,
}

impl<'s> Account<'s> {
    pub(super) fn new(stripe: &'s StandIn, keys: NewKeys) -> Self {
        Self { keys, stripe }
    }

    /// Makes random changes; answers the ids of their events, oldest first: those that an endpoint hears, if there is one.
    pub fn mutate(&self, count: usize) -> Vec<String> {
        let spec = MutateSpec { livemode: false, count, kinds: Vec::new(), same_second: false, rng_seed: None };
        let made = self.stripe.control().mutate(&self.keys.account, &spec).unwrap();
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let space = account.read(false);
        let is_heard = |id: &&String| space.event(id).is_some_and(|event| !space.listening(event.kind).is_empty());
        let heard: Vec<String> = made.iter().filter(is_heard).cloned().collect();
        if heard.is_empty() { made } else { heard }
    }

    /// Changes attributes of one object.
    pub fn change(&self, object: &str, set: Value) {
        let Value::Object(set) = set else { panic!("attributes are a JSON object") };
        let spec = TouchSpec { livemode: false, object: object.to_owned(), set };
        self.stripe.control().touch(&self.keys.account, &spec, false).unwrap();
    }

    /// Deletes one object.
    pub fn delete(&self, object: &str) {
        let spec = TouchSpec { livemode: false, object: object.to_owned(), set: serde_json::Map::new() };
        self.stripe.control().touch(&self.keys.account, &spec, true).unwrap();
    }

    /// Changes attributes of one object behind everybody's back: no event tells of it.
    pub fn change_silently(&self, object: &str, set: Value) {
        let Value::Object(set) = set else { panic!("attributes are a JSON object") };
        let (kind, n) = self.find(object);
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let mut space = account.write(false);
        let mut value = space.value(kind, n).unwrap();
        for (field, attribute) in set {
            value[field] = attribute;
        }
        space.replace(kind, n, value);
    }

    /// Removes one object behind everybody's back.
    pub fn delete_silently(&self, object: &str) {
        let (kind, n) = self.find(object);
        self.stripe.control().account(&self.keys.account).unwrap().write(false).remove(kind, n);
    }

    fn find(&self, object: &str) -> (Kind, u64) {
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let space = account.read(false);
        let kinds = [Kind::Customer, Kind::Product, Kind::Price, Kind::Subscription, Kind::Invoice, Kind::Charge];
        kinds.into_iter().find_map(|kind| Some((kind, space.find(kind, object)?))).expect("the account has it")
    }

    /// Delivers an event again.
    pub fn redeliver(&self, event: &str, times: usize) {
        self.stripe.control().resend(&self.keys.account, event, times).unwrap();
    }

    /// Every object of a kind as it is now, newest first; deleted ones as `{id, object, deleted}`.
    pub fn dump(&self, kind: Kind) -> Vec<Value> {
        let mut objects = Vec::new();
        let mut before = Some(Page::all().keys.end);
        while let Some(key) = before {
            let (piece, next) = self.stripe.control().dump_piece(&self.keys.account, false, kind, key).unwrap();
            let lines = piece.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            objects.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
            before = next;
        }
        objects
    }

    /// The ids of a kind that are not deleted, newest first.
    pub fn ids(&self, kind: Kind) -> Vec<String> {
        let objects = self.dump(kind);
        let alive = objects.iter().filter(|object| object["deleted"] != true);
        alive.map(|object| object["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Where the account's first webhook endpoint delivers to.
    pub fn webhook_url(&self) -> String {
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let space = account.read(false);
        let endpoint = space.value(Kind::WebhookEndpoint, self.endpoint()).unwrap();
        endpoint["url"].as_str().unwrap().to_owned()
    }

    /// The signature that a delivery of this payload carries now.
    pub fn sign(&self, payload: &str, at: i64) -> String {
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let secrets = account.read(false).signing_secrets(self.endpoint(), at);
        signature::header(&secrets, at, payload.as_bytes(), false)
    }

    /// Sets an attribute of the account's first webhook endpoint, as nobody could by asking Stripe.
    pub fn set_endpoint(&self, name: &str, value: Value) {
        let n = self.endpoint();
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let mut space = account.write(false);
        let mut endpoint = space.value(Kind::WebhookEndpoint, n).unwrap();
        endpoint[name] = value;
        space.replace(Kind::WebhookEndpoint, n, endpoint);
    }

    /// Removes the account's first webhook endpoint.
    pub fn remove_endpoint(&self) {
        let n = self.endpoint();
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        account.write(false).remove(Kind::WebhookEndpoint, n);
    }

    /// Makes a webhook endpoint by hand: every event, in the account's own version.
    pub async fn make_endpoint(&self, url: &str) {
        let request = reqwest::Client::new().post(format!("{}/v1/webhook_endpoints", self.stripe.url()));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.bearer_auth(&self.keys.secret_key).body(format!("enabled_events[]=*&url={url}"));
        let made = request.send().await.unwrap();
        assert_eq!(made.status(), 200);
    }

    fn endpoint(&self) -> u64 {
        let account = self.stripe.control().account(&self.keys.account).unwrap();
        let space = account.read(false);
        let endpoints = space.made_with(Kind::WebhookEndpoint, |_| true);
        *endpoints.first().expect("the account has a webhook endpoint")
    }
}
