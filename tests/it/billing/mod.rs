//! Writes at Stripe: done once, shown at once, written down.

mod catalog;
mod fields;
mod kills;
mod outbox;
mod pages;
mod payments;
mod subscriptions;

use std::time::Duration;

use billfold::{
    app::{By, Scope},
    billing::Outcome,
};
use serde_json::Value;

use crate::harness::{Account, Site, Tenant, audit_log};

/// The story's project, for somebody called `story`.
pub async fn scope(site: &Site) -> Scope {
    scope_of(site, site.tenant().await)
}

/// Another business's project.
pub fn scope_of(site: &Site, tenant: &Tenant) -> Scope {
    Scope {
        app: site.app.clone(),
        tenant: tenant.id.clone(),
        project: tenant.project.clone(),
        by: By { request_id: "req_story".to_owned(), ..By::part("story") },
    }
}

/// Stripe's id of what was done.
#[track_caller]
pub fn done(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done(done) => done.stripe_id,
        Outcome::Waiting(write) => panic!("{write} waits"),
    }
}

/// State, action and error code of every write, oldest first.
pub async fn writes(site: &Site) -> Vec<(String, String, Option<String>)> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT state, action, error_code FROM outbox WHERE tenant_id = $1 ORDER BY created, id")
        .fetch_all()
        .await
        .unwrap()
}

/// Until no write waits any more; the workers do it.
pub async fn wait_until_written(site: &Site) {
    for _ in 0..600 {
        if writes(site).await.iter().all(|(state, ..)| state != "waiting") {
            return site.wait_until_idle().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still waiting: {:?}", writes(site).await);
}

/// Action, target and detail of every entry of the audit log about billing, oldest first.
pub async fn audit(site: &Site) -> Vec<(String, String, Value)> {
    let entries = audit_log(site, site.tenant().await).await.into_iter();
    let of_billing = entries.filter(|(entry, _)| {
        let other = ["connection.", "sync."].iter().any(|part| entry.action.starts_with(part));
        entry.project_id.is_some() && entry.actor != "connect" && !other
    });
    of_billing.map(|(entry, told)| (entry.action, entry.target, told.detail)).collect()
}

/// Makes another price of the same product, currency and period, at Stripe; answers its id once the mirror has it.
pub async fn sibling(site: &Site, account: &Account<'_>, price: &Value) -> String {
    let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let count = price["recurring"]["interval_count"].to_string();
    let fields = [
        ("product", text("/product")),
        ("currency", text("/currency")),
        ("unit_amount", "700".to_owned()),
        ("recurring[interval]", text("/recurring/interval")),
        ("recurring[interval_count]", count),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made = stripe_api(site, account).post("prices", &fields).await;
    site.wait_until_idle().await;
    made["id"].as_str().unwrap().to_owned()
}

/// Stripe's API, called as the account's own programs do.
pub struct StripeApi {
    base: String,
    key: String,
}

/// The API of the story's account.
pub fn stripe_api(site: &Site, account: &Account<'_>) -> StripeApi {
    StripeApi { base: site.stripe.url(), key: account.keys.secret_key.clone() }
}

impl StripeApi {
    /// Makes something.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/v1/{path}", self.base)).bearer_auth(&self.key);
        let body = serde_urlencoded::to_string(fields).unwrap();
        let answer =
            request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap();
        let value: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }
}
