//! Where a use case acts, and for whom.

use super::App;
use crate::{
    db::{self, Tx},
    domain::ids::{ProjectId, TenantId},
    store::audit_log::{self, Entry},
    vault::new_id,
};

/// A project, and who acts on it. What the use cases of a project are methods of.
#[derive(Clone)]
pub struct Scope {
    /// The program's parts.
    pub app: App,
    /// The tenant.
    pub tenant: TenantId,
    /// The project.
    pub project: ProjectId,
    /// Who acts: a user's id, or the name of the part of billfold that does.
    pub actor: String,
    /// The request that asked for it; empty when none did.
    pub request_id: String,
}

impl Scope {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.app.clock.now()
    }

    /// Writes an entry of the audit log into the transaction of the change. `detail` never holds a secret.
    pub async fn audit(&self, tx: &mut Tx, action: &str, target: &str, detail: &serde_json::Value) -> db::Result<()> {
        let entry = Entry {
            id: new_id(),
            project: Some(&self.project),
            at: self.app.clock.micros(),
            actor: &self.actor,
            action,
            target,
            detail,
            request_id: &self.request_id,
        };
        audit_log::insert(tx, &entry).await
    }
}
