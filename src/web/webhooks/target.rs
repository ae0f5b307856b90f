//! From a URL's token to the connection it belongs to, with its secrets open. Kept for seconds, so that a delivery costs no
//! query and a rolled secret counts soon in every process.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use secrecy::SecretString;

use crate::{
    app::App,
    domain::{
        event::Envelope,
        ids::{ProjectId, TenantId},
    },
    store::{account_routes, connections, webhook_routes},
    vault,
    web::error::{Error, Result},
};

/// How long what was read may be used.
const KEPT: Duration = Duration::from_secs(5);
/// Connections kept at once.
const MOST: u64 = 10_000;

/// A connection, as far as the intake needs it.
pub(super) struct Target {
    pub(super) tenant: TenantId,
    pub(super) project: ProjectId,
    pub(super) account: Option<String>,
    pub(super) livemode: bool,
    pub(super) secrets: Vec<SecretString>,
    /// Unix seconds.
    read_at: i64,
}

impl Target {
    /// Whether another process may have changed the secrets since; within the same second it has just been looked at.
    pub(super) fn is_stale(&self, now: i64) -> bool {
        now > self.read_at
    }
}

/// Finds targets.
#[derive(Clone)]
pub struct Targets {
    app: App,
    /// By the token's hash: the token itself stays out of memory that lives longer than a request.
    kept: Cache<String, Arc<Target>>,
}

impl Targets {
    /// Finds targets in the app's database.
    pub fn new(app: App) -> Self {
        Self { app, kept: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build() }
    }

    /// The connection of a URL's token.
    pub(super) async fn by_token(&self, token: &str) -> Result<Option<Arc<Target>>> {
        let hash = vault::hash_token(token);
        match self.kept.get(&hash).await {
            Some(target) => Ok(Some(target)),
            None => self.read(hash).await,
        }
    }

    /// The same, read again.
    pub(super) async fn reload(&self, token: &str) -> Result<Option<Arc<Target>>> {
        let hash = vault::hash_token(token);
        self.kept.invalidate(&hash).await;
        self.read(hash).await
    }

    async fn read(&self, hash: String) -> Result<Option<Arc<Target>>> {
        let mut tx = self.app.db.system_read().await?;
        let Some(route) = webhook_routes::find(&mut tx, &hash, self.app.clock.now()).await? else { return Ok(None) };
        drop(tx);
        let target = self.open(&route.tenant_id, &route.project_id).await?.map(Arc::new);
        if let Some(target) = &target {
            self.kept.insert(hash, target.clone()).await;
        }
        Ok(target)
    }

    /// The connection that a verified event of a Connect platform names.
    pub(super) async fn by_account(&self, body: &[u8]) -> Result<Option<Target>> {
        let text = String::from_utf8_lossy(body);
        let Ok(event) = Envelope::parse(&text) else { return Ok(None) };
        let (Some(account), Some(livemode)) = (&event.account, event.livemode) else { return Ok(None) };
        let mut tx = self.app.db.system_read().await?;
        let Some(route) = account_routes::find(&mut tx, account, livemode).await? else { return Ok(None) };
        drop(tx);
        self.open(&route.tenant_id, &route.project_id).await
    }

    async fn open(&self, tenant: &TenantId, project: &ProjectId) -> Result<Option<Target>> {
        let mut tx = self.app.db.read(tenant).await?;
        let Some(connection) = connections::find(&mut tx, project).await?.filter(connections::Connection::is_live)
        else {
            return Ok(None);
        };
        let now = self.app.clock.now();
        Ok(Some(Target {
            tenant: tenant.clone(),
            project: project.clone(),
            account: connection.account_id,
            livemode: connection.livemode,
            secrets: self.app.signing_secrets(&mut tx, project, now).await.map_err(Error::internal)?,
            read_at: now,
        }))
    }
}

/// What an unknown token's delivery is checked against.
pub(super) fn decoy() -> SecretString {
    SecretString::from("whsec_of_nobody")
}
