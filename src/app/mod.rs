//! What is built once and handed to every use case.

mod connection;
mod scope;
mod start;

use std::sync::Arc;

pub use connection::{ConnectionError, KEY_FIELD, TOKEN_FIELD};
pub use scope::Scope;
pub use start::StartError;

use crate::{
    clock::Clock,
    config::Config,
    db::Db,
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
    /// Tells an idle worker of this process that a job became due.
    pub wake: Arc<tokio::sync::Notify>,
}

impl App {
    /// Puts the parts together.
    pub fn new(db: Db, clock: Clock, keyring: Keyring, config: Config) -> Result<Self, StartError> {
        let rates = Rates { live: config.stripe_live_rate, test: config.stripe_test_rate };
        let stripe = Clients::new(&config.stripe_api_base, rates, clock.clone())?;
        Ok(Self {
            db,
            clock,
            keyring: Arc::new(keyring),
            config: Arc::new(config),
            stripe,
            passwords: Passwords::default(),
            wake: Arc::default(),
        })
    }
}
