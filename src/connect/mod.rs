//! Connecting a project to a Stripe account: check, seal, endpoint, backfill; and everything that later happens to the
//! connection. Nothing is saved before the key has passed live calls, and nothing is lost before its successor has.
//!
//! Reading order: [`check`] (what may the key do), [`open`] (the first connection), [`rotate`] (another key), [`secrets`]
//! (signing secrets by hand), [`endpoint`] (the endpoint in the account), [`close`] (the end).

pub mod check;
pub mod close;
pub mod endpoint;
mod error;
pub mod open;
pub mod rotate;
mod seal;
pub mod secrets;

pub use error::{Error, Result};

use crate::{
    app::App,
    db::{self, Tx},
    domain::ids::{ProjectId, TenantId},
    store::audit_log::{self, Entry},
    vault::new_id,
};

/// Where a use case acts, and for whom.
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
    fn now(&self) -> i64 {
        self.app.clock.now()
    }

    /// Writes an entry of the audit log into the transaction of the change. `detail` never holds a secret.
    async fn audit(&self, tx: &mut Tx, action: &str, target: &str, detail: &serde_json::Value) -> db::Result<()> {
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

/// Runs work to its end even when the person who asked goes away: half of it would leave an endpoint at Stripe that nobody
/// knows.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    use tracing::Instrument as _;
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(stopped) => Err(db::Error::from(stopped).into()),
    }
}
