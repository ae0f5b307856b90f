//! What is built once and handed to every use case.

mod api_keys;
pub mod audit;
mod connection;
mod deliveries;
mod receivers;
mod scope;
mod share;
mod standing;
mod start;
mod stopped;
mod troubles;

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

pub use api_keys::{KnownKey, KnownKeys};
pub use connection::{ConnectionError, KEY_FIELD, TOKEN_FIELD};
pub use deliveries::{Deliveries, Waiting};
pub use receivers::{KnownReceivers, Receiver};
pub use scope::{By, Scope};
pub use standing::{Standings, TenantStanding};
pub use start::StartError;
pub use stopped::Stopped;
pub use troubles::Troubles;

use crate::{
    clock::Clock,
    config::Config,
    db::Db,
    mail::Mailer,
    openid::Provider,
    stripe::{Clients, Rates},
    vault::{Keyring, Passwords},
};

/// The program's parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The master keys.
    pub keyring: Arc<Keyring>,
    /// The settings.
    pub config: Arc<Config>,
    /// Makes and keeps the clients that speak to Stripe.
    pub stripe: Clients,
    /// Hashes and checks passwords, a few at a time.
    pub passwords: Passwords,
    /// The API keys that were used a moment ago.
    pub known_keys: KnownKeys,
    /// Sends mail; none when nobody set it up, and then a page says [`crate::mail::OFF`].
    pub mail: Option<Mailer>,
    /// The identity provider that people may sign in with; none when nobody set it up.
    pub openid: Option<Provider>,
    /// The connections that had a delivery a moment ago.
    pub known_receivers: KnownReceivers,
    /// The tenants that were asked for a moment ago.
    pub standings: Standings,
    /// What this process has noted of the audit logs.
    pub noted_heads: audit::NotedHeads,
    /// The webhook deliveries that wait for the disk.
    pub deliveries: Deliveries,
    /// What keeps this process from its work.
    pub troubles: Troubles,
    /// Tells an idle worker of this process that a job became due.
    pub wake: Arc<tokio::sync::Notify>,
    /// Tasks that do what requests left behind; a stop waits for them before it closes the database.
    pub background: TaskTracker,
}

impl App {
    /// Puts the parts together.
    pub fn new(db: Db, clock: Clock, keyring: Keyring, config: Config) -> Result<Self, StartError> {
        let rates = Rates { live: config.stripe_live_rate, test: config.stripe_test_rate };
        let stripe = Clients::new(&config.stripe_api_base, rates, clock.clone())?;
        let stripe = match share::of(&db) {
            Some(share) => stripe.sharing(share),
            None => stripe,
        };
        let mail = Mailer::of(&config, &clock)?;
        let openid = Provider::of(&config, &clock)?;
        Ok(Self {
            db,
            clock,
            keyring: Arc::new(keyring),
            config: Arc::new(config),
            stripe,
            passwords: Passwords::default(),
            known_keys: KnownKeys::default(),
            mail,
            openid,
            known_receivers: KnownReceivers::default(),
            standings: Standings::default(),
            noted_heads: audit::NotedHeads::default(),
            deliveries: Deliveries::default(),
            troubles: Troubles::default(),
            wake: Arc::default(),
            background: TaskTracker::new(),
        })
    }

    /// Takes no further tasks and waits for those under way, so long at most. Answers whether all were done.
    pub async fn settle(&self, within: Duration) -> bool {
        self.background.close();
        tokio::time::timeout(within, self.background.wait()).await.is_ok()
    }
}
