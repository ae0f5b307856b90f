//! What a key may do, found out by asking Stripe before anything is saved.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Error, Result, Scope};
use crate::{
    domain::mode::Mode,
    store::connections::Connection,
    stripe::{
        self, Client,
        account::Account,
        key::{Key, KeyKind},
        permissions::{Need, PERMISSIONS, Permission, Probe},
    },
    vault::{ExposeSecret as _, SecretString},
};

/// What came out for one permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "cause", rename_all = "snake_case")]
pub enum Outcome {
    /// The key has it.
    Granted,
    /// The key lacks it.
    Missing,
    /// Stripe refuses the call for another reason; in its words.
    Refused(String),
    /// Stripe did not answer, or answered something else; in plain words.
    Failed(String),
    /// Not tried: only doing it would show.
    Untried,
}

/// One permission with its outcome.
#[derive(Clone, Debug)]
pub struct PermissionResult {
    /// The row of the table.
    pub permission: &'static Permission,
    /// What came out.
    pub outcome: Outcome,
    /// The permission that Stripe has named, where that is another than the table's.
    pub named: Option<String>,
}

impl PermissionResult {
    /// Whether billfold cannot work with this key.
    pub fn blocks(&self) -> bool {
        self.permission.need == Need::Required && matches!(self.outcome, Outcome::Missing | Outcome::Refused(_))
    }

    /// What Stripe said, where that is not plain from the outcome.
    pub fn cause(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Refused(cause) | Outcome::Failed(cause) => Some(cause),
            Outcome::Granted | Outcome::Missing | Outcome::Untried => None,
        }
    }

    /// The permission to tick at Stripe.
    pub fn to_tick(&self) -> &str {
        self.named.as_deref().unwrap_or(self.permission.name)
    }
}

/// A key that passed.
pub struct Checked {
    /// Speaks for the key.
    pub client: Client,
    /// Whose account it opens, when Stripe told.
    pub account: Option<Account>,
    /// Every permission.
    pub results: Vec<PermissionResult>,
}

impl Checked {
    /// The key's mode.
    pub fn mode(&self) -> Mode {
        self.client.key().mode()
    }

    /// The account's id, when Stripe told.
    pub fn account_id(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.id.as_str())
    }

    /// Records what doing it showed about a permission that could not be tried.
    pub fn record(&mut self, probe: Probe, outcome: Outcome) {
        if let Some(result) = self.results.iter_mut().find(|result| result.permission.probe == probe) {
            result.outcome = outcome;
        }
    }
}

/// Checks a pasted key. Its mode must be that of the `stored` connection, which needs no call to be known.
pub async fn check_pasted(scope: &Scope, pasted: &SecretString, stored: Option<&Connection>) -> Result<Checked> {
    let key = Key::parse(pasted.expose_secret())?;
    if let Some(stored) = stored.map(Connection::mode).filter(|stored| *stored != key.mode()) {
        return Err(Error::ModeMismatch { stored, pasted: key.mode() });
    }
    check(scope.app.stripe.candidate(key).await).await
}

/// Asks Stripe for one object of every kind, and for the account.
pub async fn check(client: Client) -> Result<Checked> {
    let Asked { account, results, unreachable } = ask(&client, Extent::First).await?;
    if results.iter().any(PermissionResult::blocks) {
        return Err(Error::MissingPermissions(results));
    }
    match unreachable {
        Some(error) => Err(error.into()),
        None => Ok(Checked { client, account, results }),
    }
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What the mirror needs: a person waits with a pasted key.
    First,
    /// Everything that can be asked without harm.
    Whole,
}

/// What was found out about a key that Stripe accepts.
pub(super) struct Asked {
    pub(super) account: Option<Account>,
    pub(super) results: Vec<PermissionResult>,
    /// Why something that the mirror needs could not be found out.
    pub(super) unreachable: Option<stripe::Error>,
}

/// Asks for everything at once; the account's bucket sets the pace. Fails only for a key that Stripe does not accept.
pub(super) async fn ask(client: &Client, extent: Extent) -> Result<Asked> {
    let answers = join_all(PERMISSIONS.iter().map(|permission| probe(client, permission.probe, extent))).await;
    let mut asked = Asked { account: None, results: Vec::with_capacity(PERMISSIONS.len()), unreachable: None };
    for (permission, answer) in PERMISSIONS.iter().zip(answers) {
        let mut named = None;
        let outcome = match answer {
            Probed::Yes(found) => {
                asked.account = found.or(asked.account);
                Outcome::Granted
            }
            Probed::Untried => Outcome::Untried,
            Probed::No(stripe::Error::KeyRejected(_)) => return Err(Error::KeyRejected),
            Probed::No(stripe::Error::Refused { permission: missing, account: of, answer }) => {
                asked.account = asked.account.or(of.map(|id| Account { id, name: None }));
                let is_missing = missing.is_some();
                named = missing.filter(|missing| missing != permission.name);
                if is_missing { Outcome::Missing } else { Outcome::Refused(answer.message) }
            }
            Probed::No(error) => {
                let outcome = Outcome::Failed(error.to_string());
                if permission.need == Need::Required {
                    asked.unreachable = Some(error);
                }
                outcome
            }
        };
        asked.results.push(PermissionResult { permission, outcome, named });
    }
    Ok(asked)
}

enum Probed {
    Yes(Option<Account>),
    No(stripe::Error),
    Untried,
}

async fn probe(client: &Client, probe: Probe, extent: Extent) -> Probed {
    if extent == Extent::First && (!probe.is_tried_first() || probe == Probe::CreateEndpoint) {
        return Probed::Untried;
    }
    let answer = match probe {
        Probe::List(kind) => client.probe_list(kind).await.map(|()| None),
        Probe::Account => client.account().await.map(Some),
        Probe::Rows(path) => client.probe_rows(path).await.map(|()| None),
        // A secret key may do everything: there is nothing to find out.
        Probe::CreateEndpoint | Probe::Change(_) if client.key().kind() == KeyKind::Secret => Ok(None),
        Probe::CreateEndpoint => client.probe_change("/webhook_endpoints").await.map(|()| None),
        Probe::Change(path) => client.probe_change(path).await.map(|()| None),
    };
    answer.map_or_else(Probed::No, Probed::Yes)
}

/// As stored in `connections.permissions`.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    named: Option<String>,
}

/// The results as text for the connection's row.
pub(super) fn to_text(results: &[PermissionResult]) -> String {
    let stored: Vec<Stored> = results
        .iter()
        .map(|result| Stored {
            name: result.permission.name.to_owned(),
            outcome: result.outcome.clone(),
            named: result.named.clone(),
        })
        .collect();
    serde_json::to_string(&stored).unwrap_or_else(|_| "[]".to_owned())
}

/// The results of a connection's last check, in the table's order. A permission that was added later is untried.
pub fn stored_results(connection: &Connection) -> Vec<PermissionResult> {
    from_text(&connection.permissions)
}

/// The results that [`to_text`] wrote.
pub(super) fn from_text(text: &str) -> Vec<PermissionResult> {
    let stored: Vec<Stored> = serde_json::from_str(text).unwrap_or_default();
    let result = |permission: &'static Permission| {
        let known = stored.iter().find(|stored| stored.name == permission.name);
        PermissionResult {
            permission,
            outcome: known.map_or(Outcome::Untried, |stored| stored.outcome.clone()),
            named: known.and_then(|stored| stored.named.clone()),
        }
    };
    PERMISSIONS.iter().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, PERMISSIONS, PermissionResult, from_text, to_text};

    #[test]
    fn results_read_back_from_their_text() {
        let words = || "no answer".to_owned();
        let outcomes =
            [Outcome::Granted, Outcome::Missing, Outcome::Refused(words()), Outcome::Failed(words()), Outcome::Untried];
        let results: Vec<_> = PERMISSIONS
            .iter()
            .zip(outcomes.iter().cycle())
            .map(|(permission, outcome)| PermissionResult { permission, outcome: outcome.clone(), named: None })
            .collect();
        for (result, stored) in results.iter().zip(from_text(&to_text(&results))) {
            assert_eq!((result.permission.name, &result.outcome), (stored.permission.name, &stored.outcome));
        }
    }
}
