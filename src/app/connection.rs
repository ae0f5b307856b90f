//! From a project to a client that speaks for its Stripe account.

use super::App;
use crate::{
    db::{self, Tx},
    domain::ids::{ProjectId, TenantId},
    store::{
        connections::{self, Connection},
        signing_secrets, tenants,
    },
    stripe::{
        Client,
        key::{Key, KeyRefusal},
    },
    vault::{DataKey, ExposeSecret as _, Place, SealError, SecretString},
};

/// The field of a connection's sealed key, see [`Place`]. Its version is the key's.
pub const KEY_FIELD: &str = "connections.key";
/// The field of the webhook URL's sealed token. Its version is the second of the connect.
pub const TOKEN_FIELD: &str = "connections.token";

/// Why a connection's client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A sealed value does not open: moved, changed, or put back from an older state.
    #[error("a sealed value of this project does not open: {0}")]
    Sealed(#[from] SealError),
    /// What was sealed is not a key.
    #[error("the sealed key is not a Stripe key: {0}")]
    Key(#[from] KeyRefusal),
}

impl App {
    /// The client of a project's Stripe account. `None`: nothing is connected, or Stripe refused the key and a new one is
    /// awaited. The version of the key is read with each call, so a replaced key is never used again.
    pub async fn stripe_client(
        &self,
        tenant: &TenantId,
        project: &ProjectId,
    ) -> Result<Option<Client>, ConnectionError> {
        let mut tx = self.db.read(tenant).await?;
        let Some(connection) = connections::find(&mut tx, project).await? else { return Ok(None) };
        if connection.state != connections::state::CONNECTED {
            return Ok(None);
        }
        self.client_of(&mut tx, project, &connection).await
    }

    /// The client of a connection that was just read, whatever its state. `None` after a disconnect.
    pub async fn client_of(
        &self,
        tx: &mut Tx,
        project: &ProjectId,
        connection: &Connection,
    ) -> Result<Option<Client>, ConnectionError> {
        let tenant = tx.tenant().clone();
        let version = connection.credential_version;
        if let Some(client) = self.stripe.kept(&tenant, project, version).await {
            return Ok(Some(client));
        }
        let Some(sealed) = &connection.sealed_key else { return Ok(None) };
        let data_key = self.data_key(tx).await?;
        let place = Place { tenant: &tenant, project: Some(project), field: KEY_FIELD, version };
        let key = Key::parse(data_key.open(&place, sealed)?.expose_secret())?;
        let account = connection.account_id.as_deref();
        Ok(Some(self.stripe.keep((&tenant, project), version, key, account).await))
    }

    /// The address that Stripe delivers a connection's events to. `None` after a disconnect.
    pub async fn webhook_url(
        &self,
        tx: &mut Tx,
        project: &ProjectId,
        connection: &Connection,
    ) -> Result<Option<String>, ConnectionError> {
        let Some(sealed) = &connection.sealed_token else { return Ok(None) };
        let tenant = tx.tenant().clone();
        let place =
            Place { tenant: &tenant, project: Some(project), field: TOKEN_FIELD, version: connection.connected_at };
        let token = self.data_key(tx).await?.open(&place, sealed)?;
        Ok(Some(self.webhook_url_of(token.expose_secret())))
    }

    /// The address of a webhook token.
    pub fn webhook_url_of(&self, token: &str) -> String {
        format!("{}/webhooks/stripe/{token}", self.config.public_url())
    }

    /// The secrets that count for a project's deliveries at `now` (unix seconds), newest first.
    pub async fn signing_secrets(
        &self,
        tx: &mut Tx,
        project: &ProjectId,
        now: i64,
    ) -> Result<Vec<SecretString>, ConnectionError> {
        let sealed = signing_secrets::live(tx, project, now).await?;
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().clone();
        let data_key = self.data_key(tx).await?;
        let mut secrets = Vec::with_capacity(sealed.len());
        for row in sealed {
            let field = signing_secrets::field(&row.id);
            let place = Place { tenant: &tenant, project: Some(project), field: &field, version: row.version };
            secrets.push(data_key.open(&place, &row.sealed)?);
        }
        Ok(secrets)
    }

    /// Opens the data key of the transaction's tenant.
    pub async fn data_key(&self, tx: &mut Tx) -> Result<DataKey, ConnectionError> {
        let tenant = tx.tenant().clone();
        let sealed = tenants::data_key(tx, &tenant).await?.ok_or(SealError::Malformed)?;
        Ok(self.keyring.open_data_key(&tenant, &sealed)?)
    }
}
