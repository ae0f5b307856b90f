//! The webhook endpoint in the tenant's account: billfold makes it where the key may, else a person does.

use serde_json::json;

use super::{
    Error, Result, Scope,
    check::{Checked, Outcome, stored_results, to_text},
    to_the_end,
};
use crate::{
    store::{connections, signing_secrets},
    stripe::{
        self, Client,
        endpoints::{NewEndpoint, api_version},
        permissions::Probe,
    },
};

/// The longest reason of Stripe's that is kept, in characters.
const LONGEST_REASON: usize = 300;

impl Scope {
    /// The address of a token.
    pub(super) fn webhook_url(&self, token: &str) -> String {
        self.app.webhook_url_of(token)
    }

    /// Tries to make the endpoint and records in `checked` what that showed. `None`: a person has to make it. Only when Stripe
    /// cannot be asked at all is that an error.
    pub(super) async fn try_endpoint(&self, checked: &mut Checked, url: &str) -> Result<Option<NewEndpoint>> {
        match checked.client.create_endpoint(url, self.project.as_str()).await {
            Ok(made) => {
                checked.record(Probe::CreateEndpoint, Outcome::Granted);
                Ok(Some(made))
            }
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                checked.record(Probe::CreateEndpoint, refusal(&error));
                Ok(None)
            }
        }
    }

    /// Makes the endpoint after all, once the key may: the way out of "paste the secret yourself".
    pub async fn create_endpoint(self) -> Result<()> {
        to_the_end(async move {
            let mut tx = self.app.db.read(&self.tenant).await?;
            let connection = connections::find(&mut tx, &self.project).await?.ok_or(Error::Conflict(NOT_CONNECTED))?;
            let client = self.app.client_of(&mut tx, &self.project, &connection).await?;
            let url = self.app.webhook_url(&mut tx, &self.project, &connection).await?;
            let live = signing_secrets::live(&mut tx, &self.project, self.now()).await?.len();
            drop(tx);
            let (Some(client), Some(url)) = (client, url) else { return Err(Error::Conflict(NOT_CONNECTED)) };
            if connection.endpoint_id.is_some() {
                return Err(Error::Conflict("billfold has made the webhook endpoint already."));
            }
            if live >= super::secrets::MOST_LIVE {
                return Err(super::secrets::SecretRefusal::TooMany.into());
            }
            let client = client.with_patience(stripe::Patience::INTERACTIVE);
            let made = client.create_endpoint(&url, self.project.as_str()).await.map_err(|error| match error {
                error if error.is_transient() || error.is_key_rejected() => Error::from(error),
                error => Error::EndpointRefused(reason(&error)),
            })?;
            let saved = self.save_endpoint(connection.credential_version, &made).await;
            if saved.is_err() {
                undo(&client, &made.endpoint.id).await;
            }
            saved
        })
        .await
    }

    async fn save_endpoint(&self, credential_version: i64, made: &NewEndpoint) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let connection = connections::find(&mut tx, &self.project).await?.ok_or(Error::Conflict(NOT_CONNECTED))?;
        if connection.credential_version != credential_version || connection.endpoint_id.is_some() {
            return Err(Error::Conflict(CHANGED_MEANWHILE));
        }
        let mut results = stored_results(&connection);
        for result in &mut results {
            if result.permission.probe == Probe::CreateEndpoint {
                result.outcome = Outcome::Granted;
            }
        }
        let endpoint = connections::Endpoint {
            id: &made.endpoint.id,
            api_version: api_version(),
            permissions: &to_text(&results),
        };
        connections::set_endpoint(&mut tx, &self.project, &endpoint).await?;
        let secret = self
            .seal_secret(&self.app.data_key(&mut tx).await?, &made.secret)
            .map_err(crate::app::ConnectionError::from)?;
        signing_secrets::insert(&mut tx, &self.project, &secret).await?;
        let detail = json!({ "endpoint": made.endpoint.id });
        self.audit(&mut tx, "connection.endpoint_created", connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }
}

pub(super) const NOT_CONNECTED: &str = "This project is not connected to Stripe.";
pub(super) const CHANGED_MEANWHILE: &str =
    "Somebody else changed this connection at the same moment. Look at its state and try again if it is still needed.";

fn refusal(error: &stripe::Error) -> Outcome {
    if matches!(error, stripe::Error::Refused { .. }) { Outcome::Missing } else { Outcome::Failed(reason(error)) }
}

/// Stripe's reason, cut to what fits on a page.
fn reason(error: &stripe::Error) -> String {
    let text = error.answer().map_or_else(|| error.to_string(), |answer| answer.message.clone());
    text.chars().take(LONGEST_REASON).collect()
}

/// Takes an endpoint back whose record could not be saved.
pub(super) async fn undo(client: &Client, endpoint: &str) {
    if let Err(error) = client.delete_endpoint(endpoint).await {
        tracing::warn!(%error, endpoint, "an endpoint that was not saved is left at Stripe");
    }
}

/// Removes endpoints that billfold made for this project before and lost sight of: an answer that never arrived, a
/// disconnect that Stripe did not hear. Best effort.
pub(super) async fn remove_strays(scope: &Scope, client: &Client, keep: &str) {
    let ours = scope.webhook_url("");
    let Ok(endpoints) = client.endpoints().await else { return };
    for endpoint in endpoints {
        let is_stray = endpoint.id != keep
            && endpoint.project() == Some(scope.project.as_str())
            && endpoint.url.starts_with(&ours);
        if is_stray {
            undo(client, &endpoint.id).await;
        }
    }
}
