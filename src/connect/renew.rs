//! A new address or a new signing secret for the webhook endpoint, while deliveries go on: the old one counts until nothing that
//! Stripe has sent or will send again can still carry it.

use serde_json::json;

use super::{
    Error, Result, Scope,
    endpoint::{CHANGED_MEANWHILE, NOT_CONNECTED, undo},
    secrets::{MOST_LIVE, SecretRefusal},
    to_the_end,
};
use crate::{
    app::ConnectionError,
    domain::time::DAY_SECONDS,
    store::{
        connections::{self, Connection},
        signing_secrets, webhook_routes,
    },
    stripe::{
        self, Client,
        endpoints::{NewEndpoint, api_version},
    },
    vault::{hash_token, new_token},
};

/// How long the old address is answered, in seconds: Stripe tries a delivery again for three days.
pub const ADDRESS_OVERLAP: i64 = 4 * DAY_SECONDS;
/// How long the old secret counts, in seconds: Stripe's own time when a secret is rolled.
pub const SECRET_OVERLAP: i64 = DAY_SECONDS;
/// How long a new address is answered that Stripe was not told of, because the process ended in between. Seconds.
const TRIAL: i64 = 3_600;

const BY_HAND: &str = "The endpoint was made by hand. Roll its secret on its page at Stripe and add the new one here: both count meanwhile.";

impl Scope {
    /// Gives the webhook endpoint a new address. The old one is answered for [`ADDRESS_OVERLAP`] seconds more. An endpoint that
    /// billfold has made is moved at Stripe; one made by hand has to be moved by hand within that time.
    ///
    /// # Errors
    /// Nothing is connected; Stripe refuses; somebody else changed the connection at the same moment.
    pub async fn renew_address(self) -> Result<()> {
        to_the_end(async move {
            let (connection, client) = self.connected_client().await?;
            let (token, now) = (new_token(), self.now());
            let hash = hash_token(&token);
            // First it is answered, then Stripe is told of it, and only then does it take the place of the old one.
            let mut tx = self.app.db.write(&self.tenant).await?;
            webhook_routes::insert(&mut tx, &hash, (&self.tenant, &self.project), now).await?;
            webhook_routes::expire(&mut tx, &hash, now + TRIAL).await?;
            tx.commit().await?;
            if let Some(endpoint) = &connection.endpoint_id {
                client.move_endpoint(endpoint, &self.webhook_url(&token)).await?;
            }
            let mut tx = self.app.db.write(&self.tenant).await?;
            let data_key = self.app.data_key(&mut tx).await?;
            let sealed = self.seal_token(&data_key, &token, connection.connected_at).map_err(ConnectionError::from)?;
            if !connections::replace_token(&mut tx, &self.project, connection.sealed_token.as_deref(), &sealed).await? {
                return Err(Error::Conflict(CHANGED_MEANWHILE));
            }
            webhook_routes::expire_others(&mut tx, &hash, (&self.tenant, &self.project), now + ADDRESS_OVERLAP).await?;
            let detail = json!({ "endpoint": connection.endpoint_id, "old_until": now + ADDRESS_OVERLAP });
            self.audit(&mut tx, "connection.address_renewed", connection.id.as_str(), &detail).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Gives the webhook endpoint a new signing secret. Stripe's API cannot roll one, so a second endpoint for the same address
    /// takes over from the first; what was signed with the old secret is accepted for [`SECRET_OVERLAP`] seconds more.
    ///
    /// # Errors
    /// Nothing is connected; the endpoint was made by hand; three secrets count already; Stripe refuses.
    pub async fn renew_secret(self) -> Result<()> {
        to_the_end(async move {
            let (connection, client) = self.connected_client().await?;
            let Some(former) = connection.endpoint_id.clone() else { return Err(Error::Conflict(BY_HAND)) };
            let mut tx = self.app.db.read(&self.tenant).await?;
            let live = signing_secrets::live(&mut tx, &self.project, self.now()).await?.len();
            let url = self.app.webhook_url(&mut tx, &self.project, &connection).await?;
            drop(tx);
            let Some(url) = url else { return Err(Error::Conflict(NOT_CONNECTED)) };
            if live >= MOST_LIVE {
                return Err(SecretRefusal::TooMany.into());
            }
            let made = client.create_endpoint(&url, self.project.as_str()).await?;
            match self.save_renewed(&connection, &former, &made).await {
                Ok(()) => {
                    self.app.known_receivers.forget(&self.tenant, &self.project);
                    undo(&client, &former).await;
                    Ok(())
                }
                Err(error) => {
                    undo(&client, &made.endpoint.id).await;
                    Err(error)
                }
            }
        })
        .await
    }

    async fn save_renewed(&self, read: &Connection, former: &str, made: &NewEndpoint) -> Result<()> {
        let now = self.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        let connection = connections::find(&mut tx, &self.project).await?.ok_or(Error::Conflict(NOT_CONNECTED))?;
        if connection.credential_version != read.credential_version || connection.endpoint_id.as_deref() != Some(former)
        {
            return Err(Error::Conflict(CHANGED_MEANWHILE));
        }
        let endpoint = connections::Endpoint {
            id: &made.endpoint.id,
            api_version: api_version(),
            permissions: &connection.permissions,
        };
        connections::set_endpoint(&mut tx, &self.project, &endpoint).await?;
        signing_secrets::expire_all(&mut tx, &self.project, now + SECRET_OVERLAP).await?;
        let secret =
            self.seal_secret(&self.app.data_key(&mut tx).await?, &made.secret).map_err(ConnectionError::from)?;
        signing_secrets::insert(&mut tx, &self.project, &secret).await?;
        let detail = json!({ "endpoint": made.endpoint.id, "former": former, "old_until": now + SECRET_OVERLAP });
        self.audit(&mut tx, "connection.secret_renewed", connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    async fn connected_client(&self) -> Result<(Connection, Client)> {
        let connection = self.connected().await?;
        let mut tx = self.app.db.read(&self.tenant).await?;
        let client = self.app.client_of(&mut tx, &self.project, &connection).await?;
        let client = client.ok_or(Error::Conflict(NOT_CONNECTED))?.with_patience(stripe::Patience::INTERACTIVE);
        Ok((connection, client))
    }
}
