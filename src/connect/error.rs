//! Why a connection is not made or changed. Each variant's text is for the person at the form.

use crate::{
    app::ConnectionError,
    db,
    domain::mode::Mode,
    stripe::{self, key::KeyRefusal},
};

use super::{check::PermissionResult, secrets::SecretRefusal};

/// Why a connection is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was pasted is not a key that billfold can use.
    #[error("{0}")]
    NotAKey(#[from] KeyRefusal),
    /// Stripe knows the key no more, or never did.
    #[error(
        "Stripe does not accept this key. It may have been revoked or rolled: copy the current one, or make a new one."
    )]
    KeyRejected,
    /// The key works but lacks what the mirror needs.
    #[error("The key lacks permissions that billfold needs: {}. Tick them on the key's page at Stripe, or make a new key.", missing(.0))]
    MissingPermissions(Vec<PermissionResult>),
    /// Stripe did not answer the check.
    #[error("Stripe could not be asked right now, so nothing was changed. Try again in a moment. ({cause})")]
    NotChecked {
        /// What happened, in plain words.
        cause: String,
    },
    /// A live key for a test connection, or the reverse.
    #[error(
        "This is a {pasted} key, but the project is connected in {stored} mode. Test and live data never mix: paste a {stored} key, or connect the {pasted} one to another project."
    )]
    ModeMismatch {
        /// The connection's mode.
        stored: Mode,
        /// The key's mode.
        pasted: Mode,
    },
    /// A key of another account.
    #[error(
        "This key belongs to another Stripe account than the data of this project. Paste a key of the same account, or connect the other one to a new project."
    )]
    OtherAccount,
    /// Some project, perhaps of somebody else, has this account already.
    #[error("This Stripe account is already connected to billfold. Each account and mode can be connected once.")]
    AccountTaken,
    /// The connection is not in a state for this, or somebody else changed it at the same time.
    #[error("{0}")]
    Conflict(&'static str),
    /// What was pasted is not a signing secret that billfold can use.
    #[error("{0}")]
    Secret(#[from] SecretRefusal),
    /// The typed name is not the project's.
    #[error("This is not the name of the project. Nothing was disconnected.")]
    NotConfirmed,
    /// Stripe refused to make the endpoint.
    #[error("Stripe did not make the webhook endpoint: {0}")]
    EndpointRefused(String),
    /// A sealed value does not open.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The machine's name of the variant, stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAKey(_) => "key_malformed",
            Self::KeyRejected => "key_rejected",
            Self::MissingPermissions(_) => "permission_missing",
            Self::NotChecked { .. } => "stripe_unavailable",
            Self::ModeMismatch { .. } => "mode_mismatch",
            Self::OtherAccount => "account_mismatch",
            Self::AccountTaken => "account_taken",
            Self::Conflict(_) => "conflict",
            Self::Secret(_) => "secret_refused",
            Self::NotConfirmed => "not_confirmed",
            Self::EndpointRefused(_) => "endpoint_refused",
            Self::Connection(_) | Self::Database(_) => "internal_error",
        }
    }

    /// The permissions that were found out before the check failed.
    pub fn results(&self) -> &[PermissionResult] {
        if let Self::MissingPermissions(results) = self { results } else { &[] }
    }
}

/// A call that a check makes failed.
impl From<stripe::Error> for Error {
    fn from(error: stripe::Error) -> Self {
        if error.is_key_rejected() { Self::KeyRejected } else { Self::NotChecked { cause: error.to_string() } }
    }
}

fn missing(results: &[PermissionResult]) -> String {
    let names: Vec<String> = results
        .iter()
        .filter(|result| result.blocks())
        .map(|result| format!("{} ({})", result.permission.resource, result.permission.name))
        .collect();
    names.join(", ")
}
