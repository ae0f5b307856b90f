//! Reading the audit log.

use crate::{
    db::{Query, Result, Tx},
    domain::ids::ProjectId,
};

/// An entry as it stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stored {
    /// Its number in the tenant's chain, from 1.
    pub seq: i64,
    /// Our id.
    pub id: String,
    /// The project concerned, if one is.
    pub project_id: Option<String>,
    /// Unix microseconds.
    pub at: i64,
    /// A user's id, or the name of the part of billfold that acted.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// The request that did it; empty when none did.
    pub request_id: String,
    /// The hash of the sealed detail.
    pub detail_hash: String,
    /// The code of the entry before.
    pub prev: String,
    /// Its own code; empty when it is older than the chain.
    pub mac: String,
    /// What changed and from where, sealed. None when it was erased.
    pub sealed: Option<String>,
}

/// Which entries. Everything that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// Who acted.
    pub actor: Option<&'a str>,
    /// What was done: a whole action, or what it begins with up to the dot.
    pub action: Option<&'a str>,
    /// What it was done to.
    pub target: Option<&'a str>,
    /// The project concerned.
    pub project: Option<&'a str>,
    /// Unix microseconds, inclusive.
    pub from: Option<i64>,
    /// Unix microseconds, exclusive.
    pub to: Option<i64>,
}

const SELECT: &str = "SELECT l.seq, l.id, l.project_id, l.at, l.actor, l.action, l.target, l.request_id, l.detail_hash, l.prev, l.mac, d.sealed
     FROM audit_log l LEFT JOIN audit_details d ON d.tenant_id = l.tenant_id AND d.seq = l.seq WHERE l.tenant_id = $1";

impl Filter<'_> {
    fn push<'q>(&self, mut query: Query<'q>) -> Query<'q> {
        let equal = [
            (" AND l.actor = ", self.actor),
            (" AND l.target = ", self.target),
            (" AND l.project_id = ", self.project),
        ];
        for (condition, value) in equal {
            if let Some(value) = value {
                query = query.push(condition).push_bind(value);
            }
        }
        if let Some(action) = self.action {
            // `connection` stands for everything from `connection.` to before `connection/`, the next letter after the dot.
            query = query.push(" AND (l.action = ").push_bind(action).push(" OR (l.action >= ");
            query = query
                .push_bind(format!("{action}."))
                .push(" AND l.action < ")
                .push_bind(format!("{action}/"))
                .push("))");
        }
        for (condition, value) in [(" AND l.at >= ", self.from), (" AND l.at < ", self.to)] {
            if let Some(value) = value {
                query = query.push(condition).push_bind(value);
            }
        }
        query
    }
}

/// The newest entries before a number (or of all), newest first.
pub async fn page(tx: &mut Tx, filter: &Filter<'_>, before: Option<i64>, limit: i64) -> Result<Vec<Stored>> {
    let mut query = filter.push(tx.query(SELECT));
    if let Some(before) = before {
        query = query.push(" AND l.seq < ").push_bind(before);
    }
    query.push(" ORDER BY l.seq DESC LIMIT ").push_bind(limit).fetch_all().await
}

/// The entries after a number, oldest first: the chain in its order.
pub async fn after(tx: &mut Tx, seq: i64, limit: i64) -> Result<Vec<Stored>> {
    tx.query(SELECT)
        .push(" AND l.seq > ")
        .push_bind(seq)
        .push(" ORDER BY l.seq LIMIT ")
        .push_bind(limit)
        .fetch_all()
        .await
}

/// The actions done in a project, oldest first.
pub async fn actions(tx: &mut Tx, project: &ProjectId) -> Result<Vec<String>> {
    tx.query("SELECT action FROM audit_log WHERE tenant_id = $1 AND project_id = $2 ORDER BY seq")
        .bind(project)
        .fetch_values()
        .await
}

/// Who did what in the tenant outside of any project, oldest first: actor and action.
pub async fn outside_projects(tx: &mut Tx) -> Result<Vec<(String, String)>> {
    tx.query("SELECT actor, action FROM audit_log WHERE tenant_id = $1 AND project_id IS NULL ORDER BY seq")
        .fetch_all()
        .await
}
