//! What is built once and handed to every use case.

use std::sync::Arc;

use crate::{clock::Clock, config::Config, db::Db, vault::Keyring};

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
    /// Tells this process's workers that a job became due.
    pub wake: Arc<tokio::sync::Notify>,
}
