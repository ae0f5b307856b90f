//! Writing the audit log: each entry is sealed, authenticated together with the one before it, and moves the head.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{App, By, ConnectionError};
use crate::{
    db::{self, Tx},
    domain::ids::{ProjectId, TenantId},
    store::audit_log::{self, Entry, Head, Link, list::Stored},
    vault::{ChainKey, DataKey, ExposeSecret as _, Place, SealError, SecretString, hash_token, new_id},
};

/// The field of an entry's sealed detail, see [`Place`]. Its version is the entry's number.
const DETAIL_FIELD: &str = "audit_details.sealed";

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// The project concerned, if one is.
    pub project: Option<&'a ProjectId>,
    /// Such as `connection.created`.
    pub action: &'a str,
    /// What it was done to, as an id.
    pub target: &'a str,
    /// What changed. Never holds a secret.
    pub detail: &'a Value,
}

/// What an entry tells beside who did what to whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// What changed, as the change has told it.
    pub detail: Value,
    /// The network address of who asked for it; empty when nobody did.
    pub address: String,
}

/// How far each audit log had come when this process last noted it in its log, and when that was. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct NotedHeads(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    at: Option<i64>,
    heads: HashMap<TenantId, i64>,
}

impl NotedHeads {
    /// Whether the last notes are older than `every` seconds at `now`; if so, they are made now.
    pub fn is_due(&self, now: i64, every: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = noted.at.is_none_or(|at| at + every <= now);
        if due {
            noted.at = Some(now);
        }
        due
    }

    /// Notes how far a log is; answers whether that is news.
    pub fn is_news(&self, tenant: &TenantId, seq: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.heads.insert(tenant.clone(), seq) != Some(seq)
    }
}

impl App {
    /// Writes an entry of the audit log into the transaction of the change.
    ///
    /// # Errors
    /// The database's; [`db::Error::Refused`] when the tenant's data key does not open.
    pub async fn audit(&self, tx: &mut Tx, by: &By, note: Note<'_>) -> db::Result<()> {
        let Note { project, action, target, detail } = note;
        let (actor, request_id, at) = (by.actor.as_str(), by.request_id.as_str(), self.clock.micros());
        let entry = Entry { id: new_id(), project, at, actor, action, target, request_id };
        self.add_to_chain(tx, &entry, &json!({ "detail": detail, "address": by.address })).await
    }

    /// The key of the tenant's audit chain.
    ///
    /// # Errors
    /// The database's; [`db::Error::Refused`] when the tenant's data key does not open.
    pub async fn chain_key(&self, tx: &mut Tx) -> db::Result<ChainKey> {
        Ok(self.open_key(tx).await?.chain_key())
    }

    async fn open_key(&self, tx: &mut Tx) -> db::Result<DataKey> {
        self.data_key(tx).await.map_err(|error| match error {
            ConnectionError::Database(error) => error,
            other => db::Error::Refused(other.to_string()),
        })
    }

    async fn add_to_chain(&self, tx: &mut Tx, entry: &Entry<'_>, detail: &Value) -> db::Result<()> {
        let key = self.open_key(tx).await?;
        let head = audit_log::hold_head(tx).await?;
        let seq = head.seq + 1;
        let place = Place { tenant: tx.tenant(), project: None, field: DETAIL_FIELD, version: seq };
        let sealed = key
            .seal(&place, &SecretString::from(detail.to_string()))
            .map_err(|error| db::Error::Refused(error.to_string()))?;
        let (chain, detail_hash, at) = (key.chain_key(), hash_token(&sealed), entry.at.to_string());
        let mac = chain.mac(&canonical(&Canonical {
            prev: &head.mac,
            id: entry.id.as_str(),
            project: entry.project.map_or("", |project| project.as_str()),
            at: &at,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            request_id: entry.request_id,
            detail_hash: &detail_hash,
        }));
        let moved = Head { seq, proof: proof(&chain, seq, &mac), mac: mac.clone() };
        let link = Link { seq, prev: head.mac, mac, sealed, detail_hash };
        audit_log::insert(tx, entry, &link, &moved).await
    }
}

/// What an entry tells in detail; none when that was erased.
///
/// # Errors
/// It is not what was sealed for this entry.
pub fn open_detail(tx: &Tx, key: &DataKey, entry: &Stored) -> Result<Option<Detail>, SealError> {
    let Some(sealed) = &entry.sealed else { return Ok(None) };
    if entry.mac.is_empty() {
        // Older than the chain, and plain.
        return Ok(Some(Detail { detail: serde_json::from_str(sealed).unwrap_or_default(), address: String::new() }));
    }
    let place = Place { tenant: tx.tenant(), project: None, field: DETAIL_FIELD, version: entry.seq };
    let opened = key.open(&place, sealed)?;
    let mut value: Value = serde_json::from_str(opened.expose_secret()).map_err(|_| SealError::Malformed)?;
    let address = value["address"].as_str().unwrap_or_default().to_owned();
    Ok(Some(Detail { detail: value["detail"].take(), address }))
}

/// Whether an entry is as it was written, apart from its detail.
pub fn is_genuine(chain: &ChainKey, entry: &Stored) -> bool {
    let at = entry.at.to_string();
    let parts = canonical(&Canonical {
        prev: &entry.prev,
        id: &entry.id,
        project: entry.project_id.as_deref().unwrap_or_default(),
        at: &at,
        actor: &entry.actor,
        action: &entry.action,
        target: &entry.target,
        request_id: &entry.request_id,
        detail_hash: &entry.detail_hash,
    });
    chain.verify(&parts, &entry.mac)
}

/// Whether the detail of a genuine entry, where it is still there, is the one that was written.
pub fn detail_fits(entry: &Stored) -> bool {
    entry.sealed.as_deref().is_none_or(|sealed| hash_token(sealed) == entry.detail_hash)
}

/// What an entry's code covers. Not its number: that is where the chain itself puts it.
struct Canonical<'a> {
    prev: &'a str,
    id: &'a str,
    project: &'a str,
    at: &'a str,
    actor: &'a str,
    action: &'a str,
    target: &'a str,
    request_id: &'a str,
    detail_hash: &'a str,
}

fn canonical<'a>(entry: &Canonical<'a>) -> [&'a str; 10] {
    let Canonical { prev, id, project, at, actor, action, target, request_id, detail_hash } = *entry;
    ["entry", prev, id, project, at, actor, action, target, request_id, detail_hash]
}

/// Whether the head is where billfold has put it.
pub fn is_head_genuine(chain: &ChainKey, head: &Head) -> bool {
    let unchained = head.mac.is_empty() && head.proof.is_empty();
    unchained || chain.verify(&["head", &head.seq.to_string(), &head.mac], &head.proof)
}

fn proof(chain: &ChainKey, seq: i64, mac: &str) -> String {
    chain.mac(&["head", &seq.to_string(), mac])
}
