//! Who changed what: a chain per tenant. Written in the transaction of the change itself, never altered afterwards.
//!
//! [`crate::app::App::audit`] is the way in: it knows the key that an entry is authenticated with. What an entry tells in detail
//! may be personal; it stands sealed in a table of its own and may be erased, see [`erase_details`].

pub mod list;

use crate::{
    db::{Result, Tx},
    domain::ids::{AuditId, ProjectId},
};

/// One entry, as the change tells it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Our id.
    pub id: AuditId,
    /// The project concerned, if one is.
    pub project: Option<&'a ProjectId>,
    /// Unix microseconds: what happens in one second keeps its order.
    pub at: i64,
    /// A user's id, or the name of the part of billfold that acted.
    pub actor: &'a str,
    /// What was done, such as `connection.created`.
    pub action: &'a str,
    /// What it was done to, as an id.
    pub target: &'a str,
    /// The request that did it; empty when none did.
    pub request_id: &'a str,
}

/// The newest entry of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub seq: i64,
    /// Its code; empty when there is none, or none since there are chains.
    pub mac: String,
    /// The code of both.
    pub proof: String,
}

/// What makes an entry part of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its number.
    pub seq: i64,
    /// The code of the entry before.
    pub prev: String,
    /// Its own code.
    pub mac: String,
    /// The sealed detail.
    pub sealed: String,
    /// The SHA-256 of that, lower-case hex.
    pub detail_hash: String,
}

/// The head of the tenant's chain, held until the transaction ends: entries of one tenant are written one after the other.
pub async fn hold_head(tx: &mut Tx) -> Result<Head> {
    tx.query("INSERT INTO audit_heads (tenant_id, seq, mac, proof) VALUES ($1, 0, '', '') ON CONFLICT DO NOTHING")
        .execute()
        .await?;
    let for_update = tx.engine().for_update();
    tx.query("SELECT seq, mac, proof FROM audit_heads WHERE tenant_id = $1").push(for_update).fetch_one().await
}

/// The head of the tenant's chain, as it stands.
pub async fn head(tx: &mut Tx) -> Result<Head> {
    let found = tx.query("SELECT seq, mac, proof FROM audit_heads WHERE tenant_id = $1").fetch_optional().await?;
    Ok(found.unwrap_or_default())
}

/// Adds an entry and moves the head to it.
pub async fn insert(tx: &mut Tx, entry: &Entry<'_>, link: &Link, head: &Head) -> Result<()> {
    tx.query(
        "INSERT INTO audit_log (tenant_id, seq, id, project_id, at, actor, action, target, request_id, detail_hash, prev, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(link.seq)
    .bind(&entry.id)
    .bind(entry.project)
    .bind(entry.at)
    .bind(entry.actor)
    .bind(entry.action)
    .bind(entry.target)
    .bind(entry.request_id)
    .bind(&link.detail_hash)
    .bind(&link.prev)
    .bind(&link.mac)
    .execute()
    .await?;
    tx.query("INSERT INTO audit_details (tenant_id, seq, sealed) VALUES ($1, $2, $3)")
        .bind(link.seq)
        .bind(&link.sealed)
        .execute()
        .await?;
    tx.query("UPDATE audit_heads SET seq = $2, mac = $3, proof = $4 WHERE tenant_id = $1")
        .bind(head.seq)
        .bind(&head.mac)
        .bind(&head.proof)
        .execute()
        .await?;
    Ok(())
}

/// Erases what the entries about these objects tell in detail; answers how many were erased. The chain stays whole.
pub async fn erase_details(tx: &mut Tx, targets: &[&str]) -> Result<u64> {
    tx.query(
        "DELETE FROM audit_details WHERE tenant_id = $1 AND seq IN (SELECT seq FROM audit_log WHERE tenant_id = $1 AND target",
    )
    .push_in(targets.iter().copied())
    .push(")")
    .execute()
    .await
}
