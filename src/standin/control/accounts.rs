//! Accounts and keys.
#![expect(clippy::disallowed_types, reason = "error pages are for people; the control path answers programs")]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Refused;
use crate::standin::keys::Key;
use crate::standin::state::{NewAccount, Shared};

/// What billfold asks of a restricted key, and what its actions need.
const GRANTED: [&str; 17] = [
    "rak_customer_write",
    "rak_product_write",
    "rak_plan_write",
    "rak_subscription_write",
    "rak_invoice_write",
    "rak_charge_write",
    "rak_event_read",
    "rak_webhook_write",
    "rak_connected_account_read",
    "rak_coupon_write",
    "rak_promotion_code_write",
    "rak_checkout_session_write",
    "rak_customer_portal_write",
    "rak_payment_method_write",
    "rak_payment_intent_read",
    "rak_setup_intent_read",
    "rak_billing_meter_write",
];

/// A new account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSpec {
    /// Name of the business.
    pub name: Option<String>,
    /// `acct_…`; made up when missing.
    pub id: Option<String>,
    /// How many customers are seeded.
    pub customers: u64,
    /// The mode that is seeded, and the mode of the keys.
    pub livemode: bool,
    /// Chooses the seeded world.
    pub seed: u64,
}

/// An account with its first keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewKeys {
    /// `acct_…`
    pub account: String,
    /// `sk_…`
    pub secret_key: String,
    /// `rk_…` with every permission that billfold needs.
    pub restricted_key: String,
    /// `pk_…`, which no server may use.
    pub publishable_key: String,
}

/// A new key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// `secret` or `restricted`.
    pub kind: String,
    /// Live or test.
    #[serde(default)]
    pub livemode: bool,
    /// For a restricted key.
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl Shared {
    /// Makes an account with a secret and a restricted key.
    pub fn new_account(&self, spec: AccountSpec) -> NewKeys {
        let live = spec.livemode;
        let account = self.add_account(NewAccount {
            name: spec.name,
            id: spec.id,
            customers: spec.customers,
            live,
            seed: spec.seed,
        });
        let id = account.seller.id.clone();
        let granted = GRANTED.into_iter().map(str::to_owned).collect();
        let key = |permissions| self.add_key(Key { account: id.clone(), live, permissions });
        NewKeys {
            secret_key: key(None),
            restricted_key: key(Some(granted)),
            publishable_key: format!("pk_{}_51{}", if live { "live" } else { "test" }, self.letters(97)),
            account: id.clone(),
        }
    }

    /// Makes one more key.
    pub fn new_key(&self, account: &str, spec: KeySpec) -> Result<String, Refused> {
        self.account(account).ok_or_else(|| Refused::not_found("account"))?;
        let permissions = match spec.kind.as_str() {
            "secret" => None,
            "restricted" => Some(spec.permissions.into_iter().collect()),
            other => return Err(Refused::bad(format!("kind is secret or restricted, not {other}"))),
        };
        Ok(self.add_key(Key { account: account.to_owned(), live: spec.livemode, permissions }))
    }
}

/// `POST /_control/accounts`
pub async fn create(State(shared): State<Arc<Shared>>, Json(spec): Json<AccountSpec>) -> Json<NewKeys> {
    Json(shared.new_account(spec))
}

/// `POST /_control/accounts/{acct}/keys`
pub async fn add_key(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<KeySpec>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({ "key": shared.new_key(&account, spec)? })))
}

/// `DELETE /_control/keys/{key}`
pub async fn revoke_key(State(shared): State<Arc<Shared>>, Path(key): Path<String>) -> Result<Json<Value>, Refused> {
    if shared.keys.revoke(&key) {
        return Ok(Json(json!({ "revoked": true })));
    }
    Err(Refused::not_found("key"))
}

/// What a restricted key may do from now on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestrictSpec {
    permissions: Vec<String>,
}

/// `POST /_control/keys/{key}`
pub async fn restrict_key(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    Json(spec): Json<RestrictSpec>,
) -> Result<Json<Value>, Refused> {
    if shared.keys.restrict(&key, spec.permissions.into_iter().collect()) {
        return Ok(Json(json!({ "ok": true })));
    }
    Err(Refused::not_found("restricted key"))
}
