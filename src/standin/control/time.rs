//! The clock, and what happens because time has passed.
#![expect(clippy::disallowed_types, reason = "error pages are for people; the control path answers programs")]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refused;
use crate::standin::events::Cause;
use crate::standin::kind::Kind;
use crate::standin::objects::subscription_life::catch_up;
use crate::standin::state::Shared;

impl Shared {
    /// Does everything that is due by now for a subscription: renewals, the end of a trial, a cancellation.
    pub fn renew(&self, account: &str, spec: &RenewSpec) -> Result<(), Refused> {
        let account = self.known(account)?;
        let mut space = account.write(spec.livemode);
        let n = space.find_alive(Kind::Subscription, &spec.object).ok_or_else(|| Refused::not_found("object"))?;
        let cause = Cause { now: self.clock.now(), ..Cause::default() };
        Ok(catch_up(&mut space, &cause, n)?)
    }
}

/// The subscription whose time has come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewSpec {
    /// Live or test.
    #[serde(default)]
    pub livemode: bool,
    /// `sub_…`
    pub object: String,
}

/// `POST …/renew`
pub async fn renew(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Json(spec): Json<RenewSpec>,
) -> Result<Json<Value>, Refused> {
    shared.renew(&account, &spec)?;
    Ok(Json(json!({ "ok": true })))
}

/// How far to move the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSpec {
    advance_s: i64,
}

/// `POST /_control/clock`
pub async fn clock(State(shared): State<Arc<Shared>>, Json(spec): Json<ClockSpec>) -> Json<Value> {
    Json(json!({ "now": shared.clock.advance(spec.advance_s) }))
}
