//! The end of a connection: nothing is asked of Stripe any more, its deliveries get 404, the key is destroyed, links to the
//! customer portal end. The data stays and is marked.

use serde_json::json;

use super::{
    Error, Result, Scope,
    endpoint::{CHANGED_MEANWHILE, NOT_CONNECTED},
    to_the_end,
};
use crate::{
    store::{
        account_routes,
        connections::{self, Connection},
        jobs, polls, portal_links, reconciliations, signing_secrets, sync_runs, webhook_routes,
    },
    stripe::{Client, Patience},
};

/// What became of the webhook endpoint at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEnd {
    /// Removed.
    Removed,
    /// billfold had not made it; its owner removes it at Stripe.
    NotOurs,
    /// Stripe did not remove it. It does no harm: its deliveries get 404.
    Left,
}

impl Scope {
    /// Disconnects. `typed` must be the project's name.
    pub async fn disconnect(self, typed: &str, project_name: &str) -> Result<EndpointEnd> {
        if typed.trim() != project_name {
            return Err(Error::NotConfirmed);
        }
        to_the_end(async move {
            let mut tx = self.app.db.read(&self.tenant).await?;
            let connection = connections::find(&mut tx, &self.project).await?;
            let connection = connection.filter(Connection::is_live).ok_or(Error::Conflict(NOT_CONNECTED))?;
            // A key that does not open any more must not keep anybody from disconnecting.
            let client = self.app.client_of(&mut tx, &self.project, &connection).await.unwrap_or_default();
            drop(tx);
            self.save_end(&connection).await?;
            self.app.stripe.forget(&self.tenant, &self.project).await;
            self.app.known_receivers.forget(&self.tenant, &self.project);
            let end = remove_endpoint(client, connection.endpoint_id.as_deref()).await;
            self.record_endpoint_end(&connection, end).await?;
            Ok(end)
        })
        .await
    }

    async fn save_end(&self, connection: &Connection) -> Result<()> {
        let now = self.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        if !connections::disconnect(&mut tx, &self.project, connection.credential_version, now).await? {
            return Err(Error::Conflict(CHANGED_MEANWHILE));
        }
        webhook_routes::delete_all(&mut tx, &self.tenant, &self.project).await?;
        account_routes::release(&mut tx, &self.tenant, &self.project).await?;
        portal_links::revoke_all(&mut tx, (&self.tenant, &self.project), now).await?;
        signing_secrets::delete_all(&mut tx, &self.project).await?;
        sync_runs::stop(&mut tx, &self.project, now).await?;
        reconciliations::stop(&mut tx, &self.project, now).await?;
        polls::remove(&mut tx, &self.project).await?;
        jobs::remove(&mut tx, &self.tenant, &self.project).await?;
        let detail = json!({ "account": connection.account_id });
        self.audit(&mut tx, "connection.disconnected", connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    async fn record_endpoint_end(&self, connection: &Connection, end: EndpointEnd) -> Result<()> {
        let action = match end {
            EndpointEnd::Removed => "connection.endpoint_removed",
            EndpointEnd::Left => "connection.endpoint_left",
            EndpointEnd::NotOurs => return Ok(()),
        };
        let mut tx = self.app.db.write(&self.tenant).await?;
        let detail = json!({ "endpoint": connection.endpoint_id });
        self.audit(&mut tx, action, connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }
}

async fn remove_endpoint(client: Option<Client>, endpoint: Option<&str>) -> EndpointEnd {
    let Some(endpoint) = endpoint else { return EndpointEnd::NotOurs };
    let Some(client) = client else { return EndpointEnd::Left };
    match client.with_patience(Patience::INTERACTIVE).delete_endpoint(endpoint).await {
        Ok(()) => EndpointEnd::Removed,
        Err(error) => {
            tracing::warn!(%error, endpoint, "the webhook endpoint of an ended connection is left at Stripe");
            EndpointEnd::Left
        }
    }
}
