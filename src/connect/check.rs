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
        key::Key,
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
}

impl PermissionResult {
    /// Whether billfold cannot work with this key.
    pub fn blocks(&self) -> bool {
        self.permission.need == Need::Required && self.outcome == Outcome::Missing
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
    let answers = join_all(PERMISSIONS.iter().map(|permission| probe(&client, permission.probe))).await;
    let mut account = None;
    let mut results = Vec::with_capacity(PERMISSIONS.len());
    let mut unreachable = None;
    for (permission, answer) in PERMISSIONS.iter().zip(answers) {
        let outcome = match answer {
            Probed::Yes(found) => {
                account = found.or(account);
                Outcome::Granted
            }
            Probed::Untried => Outcome::Untried,
            Probed::No(stripe::Error::KeyRejected(_)) => return Err(Error::KeyRejected),
            Probed::No(stripe::Error::Refused { account: named, .. }) => {
                account = account.or(named.map(|id| Account { id, name: None }));
                Outcome::Missing
            }
            Probed::No(error) => {
                if permission.need == Need::Required {
                    unreachable = Some(error.to_string());
                }
                Outcome::Failed(error.to_string())
            }
        };
        results.push(PermissionResult { permission, outcome });
    }
    if results.iter().any(PermissionResult::blocks) {
        return Err(Error::MissingPermissions(results));
    }
    match unreachable {
        Some(cause) => Err(Error::NotChecked { cause }),
        None => Ok(Checked { client, account, results }),
    }
}

enum Probed {
    Yes(Option<Account>),
    No(stripe::Error),
    Untried,
}

async fn probe(client: &Client, probe: Probe) -> Probed {
    let answer = match probe {
        Probe::List(kind) => client.probe_list(kind).await.map(|()| None),
        Probe::Account => client.account().await.map(Some),
        Probe::CreateEndpoint | Probe::ByUse => return Probed::Untried,
    };
    answer.map_or_else(Probed::No, Probed::Yes)
}

/// As stored in `connections.permissions`.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// The results as text for the connection's row.
pub(super) fn to_text(results: &[PermissionResult]) -> String {
    let stored: Vec<Stored> = results
        .iter()
        .map(|result| Stored { name: result.permission.name.to_owned(), outcome: result.outcome.clone() })
        .collect();
    serde_json::to_string(&stored).unwrap_or_else(|_| "[]".to_owned())
}

/// The results of a connection's last check, in the table's order. A permission that was added later is untried.
pub fn stored_results(connection: &Connection) -> Vec<PermissionResult> {
    let stored: Vec<Stored> = serde_json::from_str(&connection.permissions).unwrap_or_default();
    PERMISSIONS
        .iter()
        .map(|permission| {
            let known = stored.iter().find(|stored| stored.name == permission.name);
            PermissionResult { permission, outcome: known.map_or(Outcome::Untried, |stored| stored.outcome.clone()) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, PERMISSIONS, PermissionResult, Stored, to_text};

    #[test]
    fn results_read_back_from_their_text() {
        let outcomes = [Outcome::Granted, Outcome::Missing, Outcome::Failed("no answer".to_owned()), Outcome::Untried];
        let results: Vec<_> = PERMISSIONS
            .iter()
            .zip(outcomes.iter().cycle())
            .map(|(permission, outcome)| PermissionResult { permission, outcome: outcome.clone() })
            .collect();
        let stored: Vec<Stored> = serde_json::from_str(&to_text(&results)).unwrap();
        for (result, stored) in results.iter().zip(stored) {
            assert_eq!((result.permission.name, &result.outcome), (stored.name.as_str(), &stored.outcome));
        }
    }
}
