//! Another key for the same account. The old one works until the new one has passed.

use serde_json::json;

use super::{
    Error, Result, Scope,
    check::{self, Checked, Outcome, stored_results, to_text},
    endpoint::{CHANGED_MEANWHILE, NOT_CONNECTED},
    key_was_rejected, to_the_end,
};
use crate::{
    app::ConnectionError,
    db::Tx,
    domain::{job::JobKind, kind::Kind},
    store::{
        connections::{self, Connection},
        jobs, mirror, refetches,
    },
    stripe::{self, permissions::Probe},
    vault::SecretString,
};

impl Scope {
    /// Replaces the key. Of two replacements at once one wins, the other is a conflict.
    pub async fn replace_key(self, pasted: SecretString) -> Result<()> {
        to_the_end(async move {
            let connection = self.connected().await?;
            let mut checked = check::check_pasted(&self, &pasted, Some(&connection)).await?;
            belongs_to(&self, &checked, &connection).await?;
            self.check_endpoint(&mut checked, &connection).await;
            self.save_key(&checked, connection).await?;
            self.app.stripe.forget(&self.tenant, &self.project).await;
            self.app.wake.notify_one();
            Ok(())
        })
        .await
    }

    /// Checks the stored key again, records what it may do now, and ends a pause if Stripe accepts it again.
    pub async fn check_again(self) -> Result<()> {
        to_the_end(async move {
            let connection = self.connected().await?;
            let mut tx = self.app.db.read(&self.tenant).await?;
            let client = self.app.client_of(&mut tx, &self.project, &connection).await?;
            drop(tx);
            let client = client.ok_or(Error::Conflict(NOT_CONNECTED))?.with_patience(stripe::Patience::INTERACTIVE);
            let outcome = match check::check(client).await {
                Ok(mut checked) => {
                    self.check_endpoint(&mut checked, &connection).await;
                    Ok(checked)
                }
                Err(error) => Err(error),
            };
            self.record_check(&connection, outcome).await
        })
        .await
    }

    pub(super) async fn connected(&self) -> Result<Connection> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let connection = connections::find(&mut tx, &self.project).await?;
        connection.filter(Connection::is_live).ok_or(Error::Conflict(NOT_CONNECTED))
    }

    /// Whether the key may look after the endpoint: shown by reading the one that there is.
    async fn check_endpoint(&self, checked: &mut Checked, connection: &Connection) {
        let Some(endpoint) = &connection.endpoint_id else {
            let known =
                stored_results(connection).into_iter().find(|result| result.permission.probe == Probe::CreateEndpoint);
            return checked.record(Probe::CreateEndpoint, known.map_or(Outcome::Untried, |known| known.outcome));
        };
        let outcome = match checked.client.endpoint(endpoint).await {
            Ok(Some(found)) if found.status != "disabled" => Outcome::Granted,
            Ok(Some(_)) => {
                Outcome::Failed("Stripe has turned the endpoint off; turn it on again on its page at Stripe".to_owned())
            }
            Ok(None) => Outcome::Failed("the endpoint that billfold made no longer exists at Stripe".to_owned()),
            Err(stripe::Error::Refused { .. }) => Outcome::Missing,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        checked.record(Probe::CreateEndpoint, outcome);
    }

    async fn save_key(&self, checked: &Checked, connection: Connection) -> Result<()> {
        let now = self.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        self.claim_account(&mut tx, checked).await?;
        let data_key = self.app.data_key(&mut tx).await?;
        let (key, version) = (checked.client.key(), connection.credential_version + 1);
        let sealed_key = self.seal_key(&data_key, key.secret(), version).map_err(ConnectionError::from)?;
        let former_last4 = connection.key_last4.clone();
        let replaced = Connection {
            key_kind: key.kind().as_str().to_owned(),
            key_last4: key.last4().to_owned(),
            sealed_key: Some(sealed_key),
            credential_version: version,
            ..described(connection, checked, now)
        };
        if !connections::replace_key(&mut tx, &self.project, &replaced).await? {
            return Err(Error::Conflict(CHANGED_MEANWHILE));
        }
        self.wake_jobs(&mut tx, now).await?;
        let detail = json!({ "key": replaced.key_kind, "key_last4": replaced.key_last4, "former_last4": former_last4 });
        self.audit(&mut tx, "connection.key_replaced", replaced.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    async fn record_check(&self, connection: &Connection, outcome: Result<Checked>) -> Result<()> {
        let now = self.now();
        let version = connection.credential_version;
        let mut tx = self.app.db.write(&self.tenant).await?;
        let mut paused = false;
        match &outcome {
            Ok(checked) => {
                let recorded = described(connection.clone(), checked, now);
                connections::record_check(&mut tx, &self.project, &recorded).await?;
                self.claim_account(&mut tx, checked).await?;
                self.wake_jobs(&mut tx, now).await?;
            }
            Err(error @ Error::KeyRejected) => {
                let cause = error.to_string();
                paused = connections::mark_key_rejected(&mut tx, &self.project, version, &cause).await?;
            }
            Err(Error::MissingPermissions(results)) => {
                let recorded = Connection { permissions: to_text(results), checked_at: now, ..connection.clone() };
                connections::record_check(&mut tx, &self.project, &recorded).await?;
            }
            Err(_) => {}
        }
        tx.commit().await?;
        if matches!(outcome, Err(Error::KeyRejected)) {
            key_was_rejected(&self.app, &self.tenant, &self.project, paused).await;
        }
        self.app.wake.notify_one();
        outcome.map(drop)
    }

    /// Work may have waited for a usable key. Whoever applies what Stripe has told wakes jobs too, and has the project's lock meanwhile.
    pub(super) async fn wake_jobs(&self, tx: &mut Tx, now: i64) -> Result<()> {
        mirror::lock(tx, &self.project).await?;
        refetches::hurry(tx, &self.project, now).await?;
        for kind in JobKind::BY_KEY {
            jobs::wake(tx, kind, &self.tenant, &self.project, now).await?;
        }
        Ok(())
    }
}

/// The connection with what a check told.
fn described(connection: Connection, checked: &Checked, now: i64) -> Connection {
    let account = checked.account.clone();
    let (account_id, account_name) = account.map_or((None, None), |account| (Some(account.id), account.name));
    Connection {
        state: connections::state::CONNECTED.to_owned(),
        account_id: account_id.or(connection.account_id),
        account_name: account_name.or(connection.account_name),
        permissions: to_text(&checked.results),
        checked_at: now,
        last_error: None,
        ..connection
    }
}

/// Whether a key of the right mode opens the account whose data this project holds. Where Stripe names no account, an object that we
/// know must be there.
pub(super) async fn belongs_to(scope: &Scope, checked: &Checked, connection: &Connection) -> Result<()> {
    if let (Some(stored), Some(pasted)) = (connection.account_id.as_deref(), checked.account_id()) {
        return if stored == pasted { Ok(()) } else { Err(Error::OtherAccount) };
    }
    let mut tx = scope.app.db.read(&scope.tenant).await?;
    let mut known = None;
    for kind in Kind::ALL {
        if let Some(stripe_id) = mirror::newest_stripe_id(&mut tx, &scope.project, kind).await? {
            known = Some((kind, stripe_id));
            break;
        }
    }
    drop(tx);
    // Nothing mirrored yet: there is nothing that could be mixed.
    let Some((kind, stripe_id)) = known else { return Ok(()) };
    let found = checked.client.retrieve(kind, &stripe_id).await?;
    if found.raw.is_some() { Ok(()) } else { Err(Error::OtherAccount) }
}
