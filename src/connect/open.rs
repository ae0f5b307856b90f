//! The first connection of a project, or a new one to the account that it had before.

use serde_json::json;

use super::{
    Error, Result, Scope,
    check::{self, Checked, to_text},
    endpoint::{CHANGED_MEANWHILE, remove_strays, undo},
    rotate::belongs_to,
    to_the_end,
};
use crate::{
    app::{By, ConnectionError, audit::Note},
    db::Tx,
    domain::job::{JobKind, next_night},
    store::{
        account_routes,
        connections::{self, Connection},
        jobs, signing_secrets, sync_runs, webhook_routes,
    },
    stripe::{
        Patience,
        endpoints::{NewEndpoint, api_version},
    },
    vault::{SecretString, hash_token, new_id, new_token},
};

impl Scope {
    /// Connects the project: checks the pasted key by live calls, makes the webhook endpoint where the key may, and saves
    /// everything in one transaction that also starts the backfill.
    pub async fn connect(self, pasted: SecretString) -> Result<()> {
        to_the_end(async move {
            let former = self.former().await?;
            let mut checked = check::check_pasted(&self, &pasted, former.as_ref()).await?;
            if let Some(former) = &former {
                belongs_to(&self, &checked, former).await?;
            }
            self.check_account_is_free(&checked).await?;
            let token = new_token();
            let made = self.try_endpoint(&mut checked, &self.webhook_url(&token)).await?;
            let saved = self.save(&checked, former, &token, made.as_ref()).await;
            match (&saved, &made) {
                (Err(_), Some(made)) => undo(&checked.client, &made.endpoint.id).await,
                (Ok(()), Some(made)) => {
                    let (scope, endpoint) = (self.clone(), made.endpoint.id.clone());
                    let client = checked.client.with_patience(Patience::BACKGROUND);
                    tokio::spawn(async move { remove_strays(&scope, &client, &endpoint).await });
                }
                _ => {}
            }
            if saved.is_ok() {
                self.app.stripe.forget(&self.tenant, &self.project).await;
                self.app.wake.notify_one();
            }
            saved
        })
        .await
    }

    /// The ended connection of this project, if there was one.
    async fn former(&self) -> Result<Option<Connection>> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        match connections::find(&mut tx, &self.project).await? {
            Some(connection) if connection.is_live() => {
                Err(Error::Conflict("This project is connected already. Replace its key, or disconnect it first."))
            }
            former => Ok(former),
        }
    }

    /// An account that another project holds is refused before anything is made at Stripe. Both sides find it in their log;
    /// neither learns of the other.
    async fn check_account_is_free(&self, checked: &Checked) -> Result<()> {
        let Some(account) = checked.account_id() else { return Ok(()) };
        let mut tx = self.app.db.system_read().await?;
        let holder = account_routes::find(&mut tx, account, checked.mode().livemode()).await?;
        drop(tx);
        let Some(holder) = holder.filter(|holder| holder.tenant_id != self.tenant || holder.project_id != self.project)
        else {
            return Ok(());
        };
        let detail = json!({ "account": account, "mode": checked.mode().as_str() });
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.audit(&mut tx, "connection.account_taken", account, &detail).await?;
        tx.commit().await?;
        let mut tx = self.app.db.write(&holder.tenant_id).await?;
        let action = "connection.second_attempt";
        let note = Note { project: Some(&holder.project_id), action, target: account, detail: &detail };
        self.app.audit(&mut tx, &By::part("connect"), note).await?;
        tx.commit().await?;
        Err(Error::AccountTaken)
    }

    async fn save(
        &self,
        checked: &Checked,
        former: Option<Connection>,
        token: &str,
        made: Option<&NewEndpoint>,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.claim_account(&mut tx, checked).await?;
        let connection = self.sealed_connection(&mut tx, checked, former, (token, made)).await?;
        if !connections::connect(&mut tx, &self.project, &connection).await? {
            return Err(Error::Conflict(CHANGED_MEANWHILE));
        }
        webhook_routes::insert(&mut tx, &hash_token(token), (&self.tenant, &self.project), now).await?;
        if let Some(made) = made {
            let secret =
                self.seal_secret(&self.app.data_key(&mut tx).await?, &made.secret).map_err(ConnectionError::from)?;
            signing_secrets::insert(&mut tx, &self.project, &secret).await?;
        }
        sync_runs::start(&mut tx, &self.project, &new_id(), &self.by.actor, now).await?;
        for kind in [JobKind::Apply, JobKind::Outbox] {
            jobs::wake(&mut tx, kind, &self.tenant, &self.project, now).await?;
        }
        let first_look = now + i64::from(self.app.config.poll_seconds);
        jobs::wake(&mut tx, JobKind::Poll, &self.tenant, &self.project, first_look).await?;
        let tonight = next_night(&self.project, now);
        for kind in [JobKind::Doctor, JobKind::Reconcile] {
            jobs::wake(&mut tx, kind, &self.tenant, &self.project, tonight).await?;
        }
        let detail = json!({
            "account": connection.account_id,
            "mode": checked.mode().as_str(),
            "key": connection.key_kind,
            "key_last4": connection.key_last4,
            "endpoint": connection.endpoint_id,
        });
        self.audit(&mut tx, "connection.connected", connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// Claims the account for this project; of two projects at once, one wins.
    pub(super) async fn claim_account(&self, tx: &mut Tx, checked: &Checked) -> Result<()> {
        let Some(account) = checked.account_id() else { return Ok(()) };
        let claim = (account, checked.mode().livemode());
        let claimed = account_routes::claim(tx, claim, (&self.tenant, &self.project)).await?;
        if claimed { Ok(()) } else { Err(Error::AccountTaken) }
    }

    async fn sealed_connection(
        &self,
        tx: &mut Tx,
        checked: &Checked,
        former: Option<Connection>,
        (token, made): (&str, Option<&NewEndpoint>),
    ) -> Result<Connection> {
        let now = self.now();
        let data_key = self.app.data_key(tx).await?;
        let key = checked.client.key();
        let version = former.as_ref().map_or(1, |former| former.credential_version + 1);
        let sealed_key = self.seal_key(&data_key, key.secret(), version).map_err(ConnectionError::from)?;
        let sealed_token = self.seal_token(&data_key, token, now).map_err(ConnectionError::from)?;
        let known = former.as_ref().and_then(|former| former.account_id.clone());
        Ok(Connection {
            id: former.map_or_else(new_id, |former| former.id),
            state: connections::state::CONNECTED.to_owned(),
            account_id: checked.account_id().map(ToOwned::to_owned).or(known),
            account_name: checked.account.as_ref().and_then(|account| account.name.clone()),
            livemode: checked.mode().livemode(),
            key_kind: key.kind().as_str().to_owned(),
            key_last4: key.last4().to_owned(),
            sealed_key: Some(sealed_key),
            credential_version: version,
            sealed_token: Some(sealed_token),
            endpoint_id: made.map(|made| made.endpoint.id.clone()),
            api_version: api_version().to_owned(),
            permissions: to_text(&checked.results),
            connected_at: now,
            checked_at: now,
            disconnected_at: None,
            first_event_at: None,
            last_event_at: None,
            last_error: None,
            drift_at: None,
        })
    }
}
