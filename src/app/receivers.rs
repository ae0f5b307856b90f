//! From a webhook URL's token to the connection it belongs to, with its secrets open. Kept for seconds, so that a delivery costs
//! no query and what another process changes counts soon; what this process changes counts at once.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use super::{App, ConnectionError};
use crate::{
    domain::ids::{ProjectId, TenantId},
    store::{account_routes, connections, webhook_routes},
    vault::{SecretString, hash_token},
};

/// How long what was read may be used.
const KEPT: Duration = Duration::from_secs(5);
/// Connections kept at once.
const MOST: u64 = 10_000;

/// A connection, as far as the intake of deliveries needs it.
#[derive(Debug)]
pub struct Receiver {
    /// Whose.
    pub tenant: TenantId,
    /// Which project's.
    pub project: ProjectId,
    /// Stripe's `acct_…`, when it is known.
    pub account: Option<String>,
    /// Live or test mode.
    pub livemode: bool,
    /// What a delivery may be signed with, newest first.
    pub secrets: Vec<SecretString>,
}

/// The receivers that had a delivery a moment ago, by the token's hash: the token itself stays out of memory that lives longer
/// than a request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KnownReceivers(Cache<String, Arc<Receiver>>);

impl Default for KnownReceivers {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).support_invalidation_closures().build())
    }
}

impl KnownReceivers {
    /// Forgets a project's, because its connection or its secrets changed.
    pub fn forget(&self, tenant: &TenantId, project: &ProjectId) {
        let (tenant, project) = (tenant.clone(), project.clone());
        let of_project = move |_: &String, kept: &Arc<Receiver>| kept.tenant == tenant && kept.project == project;
        if let Err(error) = self.0.invalidate_entries_if(of_project) {
            tracing::error!(%error, "a changed connection is remembered as it was for some seconds");
        }
    }
}

impl App {
    /// The receiver of a webhook URL's token.
    pub async fn receiver(&self, token: &str) -> Result<Option<Arc<Receiver>>, ConnectionError> {
        let hash = hash_token(token);
        match self.known_receivers.0.get(&hash).await {
            Some(known) => Ok(Some(known)),
            None => self.read_receiver(hash).await,
        }
    }

    /// The same, read again.
    pub async fn fresh_receiver(&self, token: &str) -> Result<Option<Arc<Receiver>>, ConnectionError> {
        let hash = hash_token(token);
        self.known_receivers.0.invalidate(&hash).await;
        self.read_receiver(hash).await
    }

    async fn read_receiver(&self, hash: String) -> Result<Option<Arc<Receiver>>, ConnectionError> {
        let mut tx = self.db.system_read().await?;
        let Some(route) = webhook_routes::find(&mut tx, &hash, self.clock.now()).await? else { return Ok(None) };
        drop(tx);
        let receiver = self.open_receiver(&route.tenant_id, &route.project_id).await?.map(Arc::new);
        if let Some(receiver) = &receiver {
            self.known_receivers.0.insert(hash, receiver.clone()).await;
        }
        Ok(receiver)
    }

    /// The receiver that holds a Stripe account and mode.
    pub async fn receiver_of_account(&self, account: &str, live: bool) -> Result<Option<Receiver>, ConnectionError> {
        let mut tx = self.db.system_read().await?;
        let Some(route) = account_routes::find(&mut tx, account, live).await? else { return Ok(None) };
        drop(tx);
        self.open_receiver(&route.tenant_id, &route.project_id).await
    }

    async fn open_receiver(&self, tenant: &TenantId, project: &ProjectId) -> Result<Option<Receiver>, ConnectionError> {
        let mut tx = self.db.read(tenant).await?;
        let found = connections::find(&mut tx, project).await?;
        let Some(connection) = found.filter(connections::Connection::is_live) else { return Ok(None) };
        let now = self.clock.now();
        Ok(Some(Receiver {
            tenant: tenant.clone(),
            project: project.clone(),
            account: connection.account_id,
            livemode: connection.livemode,
            secrets: self.signing_secrets(&mut tx, project, now).await?,
        }))
    }
}
