//! What people and programs ask of Stripe, stored before it is sent.
//!
//! A row leaves `waiting` once: whoever comes second, the request itself or the job that looks after lost answers, changes
//! nothing, so the result and the audit entry are written once.

use crate::{
    db::{
        Result, Tx,
        page::{Cursor, Key, Page},
    },
    domain::ids::{OutboxId, ProjectId},
};

/// The states of a row.
pub mod state {
    /// Stored, and not known to have ended.
    pub const WAITING: &str = "waiting";
    /// Stripe has done it.
    pub const DONE: &str = "done";
    /// Stripe will not do it, or it was given up.
    pub const REFUSED: &str = "refused";
}

/// One intended write.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// Our id.
    pub id: OutboxId,
    /// Unix seconds.
    pub created: i64,
    /// Who asked, as in the audit log.
    pub actor: String,
    /// The request that asked.
    pub request_id: String,
    /// Unique in the project.
    pub nonce: String,
    /// SHA-256 of what is asked.
    pub fingerprint: String,
    /// What is done, as in the audit log.
    pub action: String,
    /// Stripe's name of the object that is changed or made.
    pub kind: String,
    /// Stripe's id of the object that is changed; empty for a new one.
    pub target: String,
    /// `POST` or `DELETE`.
    pub method: String,
    /// Below `/v1`.
    pub path: String,
    /// The form, to the byte.
    pub body: String,
    /// See [`state`].
    pub state: String,
    /// Sendings whose end is not known.
    pub attempts: i64,
    /// Raised for a new idempotency key.
    pub generation: i64,
    /// Unix seconds: from here on the job takes it up.
    pub next_at: i64,
    /// Unix seconds: the database was put back from a backup while it waited, so it may have been sent since.
    pub restored_at: Option<i64>,
    /// While waiting: the object as the mirror held it.
    pub before_raw: Option<String>,
    /// Done: Stripe's id of the object.
    pub object_id: Option<String>,
    /// Done: the object as Stripe sent it, when the mirror does not keep its kind.
    pub answer: Option<String>,
    /// Refused: Stripe's code.
    pub error_code: Option<String>,
    /// Refused: the parameter at fault.
    pub error_param: Option<String>,
    /// Refused: for people.
    pub error_message: Option<String>,
}

const SELECT: &str = "SELECT id, created, actor, request_id, nonce, fingerprint, action, kind, target, method, path, body, state, \
    attempts, generation, next_at, restored_at, before_raw, object_id, answer, error_code, error_param, error_message FROM outbox \
    WHERE tenant_id = $1 AND project_id = $2";

/// Stores an intended write; answers whether its nonce was free. What tells of its end is not read.
pub async fn insert(tx: &mut Tx, project: &ProjectId, entry: &Entry) -> Result<bool> {
    let inserted = tx
        .query(
            "INSERT INTO outbox (tenant_id, project_id, id, created, actor, request_id, nonce, fingerprint, action, kind, target, \
             method, path, body, state, attempts, generation, next_at, before_raw) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             ON CONFLICT (tenant_id, project_id, nonce) DO NOTHING",
        )
        .bind(project)
        .bind(&entry.id)
        .bind(entry.created)
        .bind(&entry.actor)
        .bind(&entry.request_id)
        .bind(&entry.nonce)
        .bind(&entry.fingerprint)
        .bind(&entry.action)
        .bind(&entry.kind)
        .bind(&entry.target)
        .bind(&entry.method)
        .bind(&entry.path)
        .bind(&entry.body)
        .bind(&entry.state)
        .bind(entry.attempts)
        .bind(entry.generation)
        .bind(entry.next_at)
        .bind(entry.before_raw.as_deref())
        .execute()
        .await?;
    Ok(inserted == 1)
}

/// One write by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, id: &OutboxId) -> Result<Option<Entry>> {
    tx.query(SELECT).bind(project).push(" AND id = ").push_bind(id).fetch_optional().await
}

/// The write that a nonce belongs to.
pub async fn by_nonce(tx: &mut Tx, project: &ProjectId, nonce: &str) -> Result<Option<Entry>> {
    tx.query(SELECT).bind(project).push(" AND nonce = ").push_bind(nonce).fetch_optional().await
}

/// Whether a write at this object waits for its end.
pub async fn is_waiting_for(tx: &mut Tx, project: &ProjectId, target: &str) -> Result<bool> {
    let found = tx
        .query("SELECT 1 FROM outbox WHERE tenant_id = $1 AND project_id = $2 AND state = $3 AND target = $4 LIMIT 1")
        .bind(project)
        .bind(state::WAITING)
        .bind(target)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(found.is_some())
}

/// A write as people look at it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Our id.
    pub id: OutboxId,
    /// Unix seconds.
    pub created: i64,
    /// Who asked, as in the audit log.
    pub actor: String,
    /// What is done, as in the audit log.
    pub action: String,
    /// Stripe's name of the object that is changed or made.
    pub kind: String,
    /// Stripe's id of the object that is changed; empty for a new one.
    pub target: String,
    /// See [`state`].
    pub state: String,
    /// Sendings whose end is not known.
    pub attempts: i64,
    /// Unix seconds: from here on the job takes it up.
    pub next_at: i64,
    /// Done: Stripe's id of the object.
    pub object_id: Option<String>,
    /// Refused: for people.
    pub error_message: Option<String>,
    /// Done or refused: unix seconds.
    pub finished_at: Option<i64>,
}

/// A page of the writes, or of those in one state, newest first.
pub async fn page(
    tx: &mut Tx,
    project: &ProjectId,
    state: Option<&str>,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Listed>> {
    let mut query = tx
        .query(
            "SELECT id, created, actor, action, kind, target, state, attempts, next_at, object_id, error_message, finished_at
             FROM outbox WHERE tenant_id = $1 AND project_id = $2",
        )
        .bind(project);
    if let Some(state) = state {
        query = query.push(" AND state = ").push_bind(state);
    }
    if let Some(Cursor(Key::Int(created), id)) = after {
        query = query.push(" AND (created, id) < (").push_bind(*created).push(", ").push_bind(id.as_str()).push(")");
    }
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = query.push(" ORDER BY created DESC, id DESC LIMIT ").push_bind(one_more).fetch_all().await?;
    Ok(Page::new(rows, limit, |row: &Listed| Cursor(Key::Int(row.created), row.id.to_string())))
}

/// How many writes there are in each state.
pub async fn counts(tx: &mut Tx, project: &ProjectId) -> Result<Vec<(String, i64)>> {
    tx.query("SELECT state, COUNT(*) FROM outbox WHERE tenant_id = $1 AND project_id = $2 GROUP BY state")
        .bind(project)
        .fetch_all()
        .await
}

/// The writes that the job is to take up, in the order in which they were asked for.
pub async fn due(tx: &mut Tx, project: &ProjectId, now: i64, limit: i64) -> Result<Vec<Entry>> {
    tx.query(SELECT)
        .bind(project)
        .push(" AND state = ")
        .push_bind(state::WAITING)
        .push(" AND next_at <= ")
        .push_bind(now)
        .push(" ORDER BY created, id LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// When the next one is due, unix seconds.
pub async fn next_due(tx: &mut Tx, project: &ProjectId) -> Result<Option<i64>> {
    tx.query("SELECT MIN(next_at) FROM outbox WHERE tenant_id = $1 AND project_id = $2 AND state = $3")
        .bind(project)
        .bind(state::WAITING)
        .fetch_value()
        .await
}

/// Puts a write off whose end is not known yet.
pub async fn postpone(tx: &mut Tx, project: &ProjectId, entry: &Entry, next_at: i64) -> Result<()> {
    tx.query(
        "UPDATE outbox SET attempts = $5, generation = $6, next_at = $7 \
         WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state = $4",
    )
    .bind(project)
    .bind(&entry.id)
    .bind(state::WAITING)
    .bind(entry.attempts)
    .bind(entry.generation)
    .bind(next_at)
    .execute()
    .await?;
    Ok(())
}

/// After the database was put back from a backup: whatever waited may have been sent since, and is taken up at once. Answers how
/// many there are.
pub async fn mark_restored(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<u64> {
    tx.query(
        "UPDATE outbox SET restored_at = $4, next_at = $4, attempts = attempts + 1
         WHERE tenant_id = $1 AND project_id = $2 AND state = $3",
    )
    .bind(project)
    .bind(state::WAITING)
    .bind(now)
    .execute()
    .await
}

/// Ends a write that Stripe has done. Answers whether it was still waiting.
pub async fn done(
    tx: &mut Tx,
    project: &ProjectId,
    id: &OutboxId,
    (object_id, answer): (&str, Option<&str>),
    now: i64,
) -> Result<bool> {
    let ended = tx
        .query(
            "UPDATE outbox SET state = $5, object_id = $6, answer = $7, finished_at = $8, before_raw = NULL \
             WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state = $4",
        )
        .bind(project)
        .bind(id)
        .bind(state::WAITING)
        .bind(state::DONE)
        .bind(object_id)
        .bind(answer)
        .bind(now)
        .execute()
        .await?;
    Ok(ended == 1)
}

/// Why a write was refused, in Stripe's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// Stripe's code, or ours.
    pub code: &'a str,
    /// The parameter at fault.
    pub param: Option<&'a str>,
    /// For people.
    pub message: &'a str,
}

/// Ends a write that is not done. Answers whether it was still waiting.
pub async fn refuse(tx: &mut Tx, project: &ProjectId, id: &OutboxId, refusal: &Refusal<'_>, now: i64) -> Result<bool> {
    let ended = tx
        .query(
            "UPDATE outbox SET state = $5, error_code = $6, error_param = $7, error_message = $8, finished_at = $9, \
             before_raw = NULL WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND state = $4",
        )
        .bind(project)
        .bind(id)
        .bind(state::WAITING)
        .bind(state::REFUSED)
        .bind(refusal.code)
        .bind(refusal.param)
        .bind(refusal.message)
        .bind(now)
        .execute()
        .await?;
    Ok(ended == 1)
}

/// Removes writes that ended before `before` (unix seconds); the audit log keeps what they did.
pub async fn prune(tx: &mut Tx, project: &ProjectId, before: i64) -> Result<u64> {
    // What ended before was made before, and that has an index.
    tx.query("DELETE FROM outbox WHERE tenant_id = $1 AND project_id = $2 AND state <> $3 AND finished_at < $4 AND created < $4")
        .bind(project)
        .bind(state::WAITING)
        .bind(before)
        .execute()
        .await
}
