//! Where a use case acts, and for whom.

use super::{App, audit::Note};
use crate::{
    db::{self, Tx},
    domain::ids::{ProjectId, TenantId},
};

/// Who does something, and from where: what the audit log tells of each change.
#[derive(Clone, Debug, Default)]
pub struct By {
    /// A user's or key's id, a portal's customer, or the name of the part of billfold that acts.
    pub actor: String,
    /// The network address of who asked for it; empty when nobody did.
    pub address: String,
    /// The request that asked for it; empty when none did.
    pub request_id: String,
}

impl By {
    /// A part of billfold that acts by itself.
    pub fn part(name: &str) -> Self {
        Self { actor: name.to_owned(), ..Self::default() }
    }
}

/// A project, and who acts on it. What the use cases of a project are methods of.
#[derive(Clone)]
pub struct Scope {
    /// The program's parts.
    pub app: App,
    /// The tenant.
    pub tenant: TenantId,
    /// The project.
    pub project: ProjectId,
    /// Who acts.
    pub by: By,
}

impl Scope {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.app.clock.now()
    }

    /// Writes an entry of the audit log into the transaction of the change. `detail` never holds a secret.
    pub async fn audit(&self, tx: &mut Tx, action: &str, target: &str, detail: &serde_json::Value) -> db::Result<()> {
        self.app.audit(tx, &self.by, Note { project: Some(&self.project), action, target, detail }).await
    }
}
