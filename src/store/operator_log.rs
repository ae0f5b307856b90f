//! What operators did, to whom. A system table; entries are added and never changed.

use crate::{
    db::{Result, System},
    domain::ids::OperatorNoteId,
};

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OperatorNote {
    /// Our id.
    pub id: OperatorNoteId,
    /// Unix microseconds.
    pub at: i64,
    /// A user's id, or the part of billfold that acted.
    pub actor: String,
    /// Such as `tenant.suspended`.
    pub action: String,
    /// The id of what it was done to.
    pub target: String,
    /// JSON without secrets.
    pub detail: String,
    /// The network it came from; empty when nobody asked.
    pub address: String,
    /// The request; empty when there was none.
    pub request_id: String,
}

const COLUMNS: &str = "id, at, actor, action, target, detail, address, request_id";

/// Adds an entry.
pub async fn insert(tx: &mut impl System, note: &OperatorNote) -> Result<()> {
    tx.system(format!("INSERT INTO operator_log ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"))
        .bind(&note.id)
        .bind(note.at)
        .bind(&note.actor)
        .bind(&note.action)
        .bind(&note.target)
        .bind(&note.detail)
        .bind(&note.address)
        .bind(&note.request_id)
        .execute()
        .await?;
    Ok(())
}

/// The newest entries, those about one target alone when it is named.
pub async fn newest(tx: &mut impl System, target: Option<&str>, limit: i64) -> Result<Vec<OperatorNote>> {
    let mut query = tx.system(format!("SELECT {COLUMNS} FROM operator_log WHERE TRUE"));
    if let Some(target) = target {
        query = query.push(" AND target = ").push_bind(target);
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(limit).fetch_all().await
}
