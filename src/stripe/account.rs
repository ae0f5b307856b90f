//! Whose account a key opens. Restricted keys often may not ask; then the id may stand in Stripe's refusal.

use serde::Deserialize;
use stripe::StripeRequest as _;
use stripe_connect::account::RetrieveForMyAccountAccount;

use super::{client::Client, error::Error};

/// A Stripe account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `acct_…`
    pub id: String,
    /// What its owner calls it, when known.
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    id: String,
    #[serde(default)]
    settings: Option<Settings>,
    #[serde(default)]
    business_profile: Option<BusinessProfile>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    dashboard: Option<Dashboard>,
}

#[derive(Deserialize)]
struct Dashboard {
    #[serde(default)]
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct BusinessProfile {
    #[serde(default)]
    name: Option<String>,
}

impl Client {
    /// The account of this client's key.
    pub async fn account(&self) -> Result<Account, Error> {
        let body: Body = self.call(&RetrieveForMyAccountAccount::new().build()).await?.value;
        Ok(body.into())
    }
}

impl From<Body> for Account {
    fn from(body: Body) -> Self {
        let display_name =
            body.settings.and_then(|settings| settings.dashboard).and_then(|dashboard| dashboard.display_name);
        let business_name = body.business_profile.and_then(|profile| profile.name);
        let name = display_name.or(business_name).filter(|name| !name.trim().is_empty());
        Self { id: body.id, name }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Body};

    #[test]
    fn the_name_comes_from_wherever_stripe_has_one() {
        let read = |text: &str| Account::from(serde_json::from_str::<Body>(text).unwrap());
        assert_eq!(
            read(r#"{"id":"acct_1","settings":{"dashboard":{"display_name":"Acme"}},"business_profile":{"name":"B"}}"#)
                .name
                .as_deref(),
            Some("Acme")
        );
        assert_eq!(
            read(r#"{"id":"acct_1","settings":null,"business_profile":{"name":"B"}}"#).name.as_deref(),
            Some("B")
        );
        assert_eq!(read(r#"{"id":"acct_1"}"#), Account { id: "acct_1".to_owned(), name: None });
    }
}
