//! Switches for everything that goes wrong between two programs.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::lock;

/// What goes wrong, and how often (0 to 1).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chaos {
    /// Deliveries sent twice.
    pub duplicate: f64,
    /// Every delivery waits between so many milliseconds.
    pub delay_ms: [u64; 2],
    /// Deliveries of the same moment are mixed.
    pub reorder: bool,
    /// Deliveries that are never made.
    pub lose: f64,
    /// Answers 429.
    pub rate_limited: f64,
    /// Answers 429 with the code `lock_timeout`.
    pub lock_timeout: f64,
    /// Answers 500, half of them after the work was done.
    pub server_error: f64,
    /// Requests that are never answered.
    pub timeout: f64,
    /// Writes that are done and never answered: the connection closes without a byte.
    pub lose_answer: f64,
    /// Answers cut in the middle.
    pub cut_body: f64,
    /// Answers of a proxy instead of Stripe: HTML with status 502.
    pub html_instead_of_json: f64,
    /// Lists whose last page says that there is more.
    pub has_more_lies: f64,
    /// Every answer takes so many milliseconds longer.
    pub latency_ms: u64,
    /// No rate limits (for all accounts).
    pub unlimited_rate: bool,
    /// The `Date` header is off by so many seconds.
    pub clock_offset_s: i64,
}

/// The switches of all accounts.
#[derive(Debug, Default)]
pub struct Switches(Mutex<HashMap<Option<String>, Chaos>>);

impl Switches {
    /// What applies to an account: its own switches, else those of everybody.
    pub fn of(&self, account: &str) -> Chaos {
        let switches = lock(&self.0);
        let own = switches.get(&Some(account.to_owned()));
        own.or_else(|| switches.get(&None)).cloned().unwrap_or_default()
    }

    /// Changes the named switches of an account, or of everybody.
    pub fn change(&self, account: Option<&str>, patch: Value) -> Result<Chaos, serde_json::Error> {
        let mut switches = lock(&self.0);
        let key = account.map(str::to_owned);
        let now = switches.get(&key).or_else(|| switches.get(&None)).cloned().unwrap_or_default();
        let mut merged = serde_json::to_value(now)?;
        if let (Value::Object(merged), Value::Object(patch)) = (&mut merged, patch) {
            merged.extend(patch);
        }
        let chaos: Chaos = serde_json::from_value(merged)?;
        switches.insert(key, chaos.clone());
        Ok(chaos)
    }

    /// Switches everything off.
    pub fn reset(&self) {
        lock(&self.0).clear();
    }
}
