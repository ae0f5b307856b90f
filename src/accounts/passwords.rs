//! Passwords: argon2id with 64 MiB, two passes, one lane (about 160 ms), at most two at once in a process.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::{Error, Result, invalid};

/// KiB of memory per hash.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a password.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=1024;

/// Hashes at once: each needs 64 MiB and a processor, and nobody's login may slow the pages of the others.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// Hashes running or waiting; more are refused at once.
static ADMITTED: Semaphore = Semaphore::const_new(2 + 16);

/// A hash of no password, made with the parameters above: checking it takes as long as checking a real one.
const NOBODY: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$TYPxqEBMZXWHZz4Gx8NUhA$lkyjGD2ZWYEpTcA2Z0fDsCcQnXBuvClPQmXkBkXyTiM";

/// Refuses a password that is too short to be safe or too long to be meant.
pub fn check_length(password: &SecretString) -> Result<()> {
    if LENGTH.contains(&password.expose_secret().len()) {
        Ok(())
    } else {
        invalid("password", "Use at least 12 characters, at most 1024.")
    }
}

/// Hashes a password, as a PHC string.
///
/// # Errors
/// [`Error::Busy`] when too many are waiting.
pub async fn hash(password: SecretString) -> Result<String> {
    on_a_thread(move || {
        let hash = hasher()?.hash_password(password.expose_secret().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|error| Error::Hash(error.to_string()))
    })
    .await
}

/// Whether a password fits a hash. `None` stands for an unknown account: false, after the same time.
///
/// # Errors
/// [`Error::Busy`] when too many are waiting.
pub async fn verify(password: SecretString, hash: Option<String>) -> Result<bool> {
    on_a_thread(move || {
        let stored = hash.as_deref().unwrap_or(NOBODY);
        let parsed = PasswordHash::new(stored).map_err(|error| Error::Hash(error.to_string()))?;
        let fits = hasher()?.verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
        Ok(fits && hash.is_some())
    })
    .await
}

/// Whether a hash was made with other parameters than today's.
pub fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$"))
}

fn hasher() -> Result<Argon2<'static>> {
    let parameters = Params::new(MEMORY, PASSES, LANES, None).map_err(|error| Error::Hash(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// Runs one hash on a blocking thread, when it is its turn.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _admitted = ADMITTED.try_acquire().map_err(|_| Error::Busy)?;
    let _running = RUNNING.acquire().await.map_err(|_| Error::Busy)?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Hash(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let stored = hash(secret("correct horse battery")).await.expect("hashed");
        assert!(!is_outdated(&stored));
        assert!(verify(secret("correct horse battery"), Some(stored.clone())).await.expect("checked"));
        assert!(!verify(secret("correct horse staple!"), Some(stored)).await.expect("checked"));
        assert!(!verify(secret(""), None).await.expect("checked"));
    }

    #[test]
    fn nobody_has_todays_parameters() {
        assert!(!is_outdated(NOBODY));
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(is_outdated("$argon2id$v=19$m=19456,t=2,p=1$x$y"));
    }

    #[test]
    fn lengths_count_bytes() {
        assert!(check_length(&secret("12345678901")).is_err());
        assert!(check_length(&secret("123456789012")).is_ok());
        assert!(check_length(&secret(&"x".repeat(1025))).is_err());
    }
}
