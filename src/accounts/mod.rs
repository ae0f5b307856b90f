//! People: who may come in, and what they own. The rules stand here; cookies and pages are `web`'s.

pub mod api_keys;
pub mod audit;
pub mod email;
pub mod erasure;
pub mod invitations;
pub mod leaks;
pub mod login;
pub mod master_keys;
mod notices;
pub mod openid;
pub mod operators;
pub mod passkeys;
mod passwords;
mod people_key;
pub mod plans;
pub mod profile;
pub mod projects;
pub mod recovery;
pub mod restored;
pub mod sessions;
pub mod setup;
pub mod signup;
mod standing_notices;
pub mod standings;
pub mod team;
pub mod throttle;
pub mod trail;
pub mod two_factor;

use crate::{
    db,
    vault::{KeyringError, PasswordError, SealError},
};

/// Why something with people was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is wrong. The text is for the person who sent it and never repeats the value.
    #[error("{message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it must look like.
        message: &'static str,
    },
    /// Too many failed tries.
    #[error("too many tries, wait {retry_after} seconds")]
    Throttled {
        /// Seconds.
        retry_after: i64,
    },
    /// There is no such thing in this tenant or project.
    #[error("it does not exist")]
    Unknown,
    /// Its state does not allow it. The text is for the person.
    #[error("{0}")]
    Conflict(&'static str),
    /// The set-up is done, or the link is not the current one.
    #[error("the set-up link is not valid")]
    SetupClosed,
    /// The password could not be hashed or checked: too many at once, or a fault of ours.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The tenant's data key could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The key file cannot be changed.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The database.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// The result of a use case about people.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn invalid<T>(field: &'static str, message: &'static str) -> Result<T> {
    Err(Error::Invalid { field, message })
}

/// A name of a tenant, project or person: something to read, of a length that fits on a page.
fn name(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return invalid(field, "Enter a name.");
    }
    if text.chars().count() > 80 {
        return invalid(field, "Use at most 80 characters.");
    }
    if text.chars().any(char::is_control) {
        return invalid(field, "Use a name without line breaks or other control characters.");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_is_trimmed_and_of_one_line() {
        assert_eq!(name("name", "  Acme Coffee ").ok().as_deref(), Some("Acme Coffee"));
        for wrong in ["", "   ", "a\nb", &"x".repeat(81)] {
            assert!(name("name", wrong).is_err(), "{wrong:?}");
        }
    }
}
