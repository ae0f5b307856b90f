//! Passwords: argon2id with 64 MiB, two passes, one lane (about 160 ms), at most two at once.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

/// KiB of memory per hash.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes at once: each needs its memory and a processor, and nobody's login may slow the pages of the others.
const AT_ONCE: usize = 2;
/// Hashes that may wait; more are refused at once.
const QUEUE: usize = 16;

/// A hash of no password, made with the parameters above: checking it takes as long as checking a real one.
const NOBODY: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$TYPxqEBMZXWHZz4Gx8NUhA$lkyjGD2ZWYEpTcA2Z0fDsCcQnXBuvClPQmXkBkXyTiM";

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// A stored hash cannot be read, or hashing failed: a fault of ours.
    #[error("password hashing failed: {0}")]
    Fault(String),
}

/// Hashes and checks passwords, a few at a time. Cheap to clone; the clones share the queue.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), admitted: Arc::new(Semaphore::new(AT_ONCE + QUEUE)) }
    }
}

impl Passwords {
    /// Hashes a password, as a PHC string.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.on_a_thread(move || {
            let hash = hasher()?.hash_password(password.expose_secret().as_bytes()).map_err(fault)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password fits a hash. `None` stands for an unknown account: false, after the same time.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, PasswordError> {
        self.on_a_thread(move || {
            let parsed = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)).map_err(fault)?;
            let fits = hasher()?.verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
            Ok(fits && hash.is_some())
        })
        .await
    }

    /// Whether a hash was made with other parameters than today's.
    pub fn is_outdated(hash: &str) -> bool {
        !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$"))
    }

    /// Runs one hash on a blocking thread, when it is its turn. The places belong to the work, not to the caller: a client
    /// that goes away does not make room for the next one while its hash is still running.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(fault)?;
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((admitted, running));
            result
        });
        worked.await.map_err(fault)?
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let parameters = Params::new(MEMORY, PASSES, LANES, None).map_err(fault)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn fault(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Fault(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::default();
        let stored = passwords.hash(secret("correct horse battery")).await.expect("hashed");
        assert!(!Passwords::is_outdated(&stored));
        assert!(passwords.verify(secret("correct horse battery"), Some(stored.clone())).await.expect("checked"));
        assert!(!passwords.verify(secret("correct horse staple!"), Some(stored)).await.expect("checked"));
        assert!(!passwords.verify(secret(""), None).await.expect("checked"));
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_refused_and_not_queued_for_ever() {
        let passwords = Passwords::default();
        let tries = (0..25).map(|_| passwords.verify(secret("guess"), None));
        let refused = futures_util::future::join_all(tries).await.into_iter().filter(Result::is_err).count();
        assert_eq!(refused, 25 - AT_ONCE - QUEUE);
    }

    #[test]
    fn nobody_has_todays_parameters() {
        assert!(!Passwords::is_outdated(NOBODY));
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(Passwords::is_outdated("$argon2id$v=19$m=19456,t=2,p=1$x$y"));
    }
}
