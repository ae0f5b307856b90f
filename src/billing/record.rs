//! The end of a write: the outbox row, the mirror and the audit log, in one transaction.

use serde_json::{Map, Value, json};

use super::{Outcome, Refusal, Result, judge::Ending};
use crate::{
    app::Scope,
    db::Tx,
    domain::{changes, job::JobKind, kind::Kind, retry},
    mirror::{self, Asked, Change},
    store::{
        jobs::{self, Claim},
        mirror as rows,
        outbox::{self, Entry, state},
    },
};

/// Longest value of a parameter that the audit log keeps, in characters.
const LONGEST: usize = 300;

/// Records what came of a write, under the claim of the job if it is one that does. Who comes second records nothing and answers
/// what the first one recorded.
pub(super) async fn end(scope: &Scope, entry: &Entry, ending: Ending, hold: Option<(&Claim, i64)>) -> Result<Outcome> {
    let now = scope.now();
    let mut tx = scope.app.db.write(&scope.tenant).await?;
    rows::lock(&mut tx, &scope.project).await?;
    let ended = match ending {
        Ending::Done { object_id, raw, changes } => {
            let kept = Kind::parse(&entry.kind).is_none().then_some(raw.as_str());
            let ended = outbox::done(&mut tx, &scope.project, &entry.id, (&object_id, kept), now).await?;
            if ended {
                mirror::apply_told(&mut tx, &scope.project, &changes, Asked::Change, now).await?;
                scope.audit(&mut tx, &entry.action, &object_id, &detail(entry, &raw)).await?;
                metrics::counter!("billfold_writes_total", "state" => state::DONE).increment(1);
            }
            ended
        }
        Ending::Refused(refusal) => refuse(scope, &mut tx, entry, &refusal).await?,
        Ending::Open(error) => {
            tracing::warn!(outbox.id = %entry.id, action = entry.action, %error, "a write at Stripe is not confirmed");
            let next_at = now + retry::outage_delay(entry.attempts);
            let tried = Entry { attempts: entry.attempts + 1, ..entry.clone() };
            outbox::postpone(&mut tx, &scope.project, &tried, next_at).await?;
            jobs::wake(&mut tx, JobKind::Outbox, &scope.tenant, &scope.project, next_at).await?;
            false
        }
    };
    if !ended {
        tracing::debug!(outbox.id = %entry.id, "a write is not ended by this try");
    }
    let stored = outbox::find(&mut tx, &scope.project, &entry.id).await?;
    if let Some((claim, lease_until)) = hold {
        jobs::hold(&mut tx, claim, lease_until).await?;
    }
    tx.commit().await?;
    scope.app.wake.notify_one();
    stored.map_or_else(|| Ok(Outcome::Waiting(entry.id.clone())), |stored| scope.outcome_of(stored))
}

/// Records a refusal. What Stripe refuses often means that the mirror shows something old, so the object is read again.
async fn refuse(scope: &Scope, tx: &mut Tx, entry: &Entry, refusal: &Refusal) -> Result<bool> {
    let now = scope.now();
    let row = outbox::Refusal { code: &refusal.code, param: refusal.param.as_deref(), message: &refusal.message };
    let ended = outbox::refuse(tx, &scope.project, &entry.id, &row, now).await?;
    if let Some(kind) = Kind::parse(&entry.kind).filter(|_| ended && !entry.target.is_empty()) {
        let again = Change::ReadAgain(kind, entry.target.clone());
        mirror::apply(tx, &scope.project, &[again], now).await?;
    }
    if ended {
        tracing::info!(outbox.id = %entry.id, action = entry.action, code = refusal.code, "Stripe refused a write");
        metrics::counter!("billfold_writes_total", "state" => state::REFUSED).increment(1);
    }
    Ok(ended)
}

/// What the audit log keeps: what was sent, and what changed by it.
fn detail(entry: &Entry, after: &str) -> Value {
    let mut sent = Map::new();
    for (name, value) in serde_urlencoded::from_str::<Vec<(String, String)>>(&entry.body).unwrap_or_default() {
        sent.insert(name, Value::String(value.chars().take(LONGEST).collect()));
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let changed = entry.before_raw.as_deref().map(|before| {
        let changes = changes::between(&parse(before), &parse(after)).into_iter();
        let changes =
            changes.map(|change| json!({ "path": change.path, "before": change.before, "after": change.after }));
        changes.collect::<Value>()
    });
    json!({ "write": entry.id, "sent": sent, "changes": changed })
}
