//! Why a write is not done. Each text is for the person at the form, or the program at the API.

use crate::{app::ConnectionError, db, domain::drafts::Flaw, stripe};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a write is not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object in this project.
    #[error("There is no such {0} in this project.")]
    NotFound(&'static str),
    /// What is asked for cannot be right; nothing was sent.
    #[error("{}", .0.first().map_or("Something is missing.", |flaw| flaw.message.as_str()))]
    Invalid(Vec<Flaw>),
    /// Stripe does not do it.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The project's state, or another write under way, does not let it begin.
    #[error("{0}")]
    Conflict(String),
    /// The nonce was used for something else.
    #[error("This was sent before with other values. Reload the page and try again.")]
    Mismatch,
    /// Stripe could not be asked, for something that only looks.
    #[error("Stripe could not be asked right now. Try again in a moment. ({0})")]
    Unavailable(String),
    /// A sealed value does not open.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// A refusal, in Stripe's words where it is Stripe's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Stripe's code, such as `resource_missing`, or ours.
    pub code: String,
    /// The parameter at fault, such as `items[0][price]`.
    pub param: Option<String>,
    /// For people.
    pub message: String,
}

/// The code of a refusal for which Stripe gives none.
const UNNAMED: &str = "refused_by_stripe";
/// The key lacks a permission.
pub const PERMISSION_MISSING: &str = "permission_missing";
/// Stripe knows the key no more.
pub const KEY_REJECTED: &str = "key_rejected";
/// Nobody can tell whether it happened.
pub const UNKNOWN: &str = "result_unknown";
/// It did not happen within a day, and then it is not done any more.
pub const EXPIRED: &str = "expired";

impl Refusal {
    /// What Stripe's error says; none for one that a later try may overcome.
    pub(super) fn of(error: &stripe::Error) -> Option<Self> {
        let (code, message) = match error {
            stripe::Error::Answered(answer) => {
                let code = answer.code.clone().unwrap_or_else(|| UNNAMED.to_owned());
                return Some(Self { code, param: answer.param.clone(), message: answer.message.clone() });
            }
            stripe::Error::Refused { permission, .. } => {
                let named = permission.as_deref().unwrap_or("for this");
                let text = format!(
                    "The key of this project lacks the permission {named}. Tick it on the key's page at Stripe, or replace the key."
                );
                (PERMISSION_MISSING, text)
            }
            stripe::Error::KeyRejected(_) => (
                KEY_REJECTED,
                "Stripe does not accept the key of this project any more. Replace it on the page Connection."
                    .to_owned(),
            ),
            _ => return None,
        };
        Some(Self { code: code.to_owned(), param: None, message })
    }
}

impl Error {
    /// The machine's name, stable; Stripe's own code where Stripe refused.
    pub fn code(&self) -> &str {
        match self {
            Self::NotFound(_) => "resource_missing",
            Self::Invalid(_) => "parameter_invalid",
            Self::Refused(refusal) => &refusal.code,
            Self::Conflict(_) => "conflict",
            Self::Mismatch => "idempotency_mismatch",
            Self::Unavailable(_) => "stripe_unavailable",
            Self::Connection(_) | Self::Database(_) => "internal_error",
        }
    }

    /// What is wrong with which parameter; empty when it is none's fault.
    pub fn flaws(&self) -> Vec<Flaw> {
        match self {
            Self::Invalid(flaws) => flaws.clone(),
            Self::Refused(Refusal { param: Some(param), message, .. }) => {
                vec![Flaw { param: param.clone(), message: message.clone() }]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn invalid(param: &str, message: &str) -> Self {
        Self::Invalid(vec![Flaw::new(param, message)])
    }
}

/// A call that only looks failed.
impl From<stripe::Error> for Error {
    fn from(error: stripe::Error) -> Self {
        Refusal::of(&error).map_or_else(|| Self::Unavailable(error.to_string()), Self::Refused)
    }
}

/// Fails when there are flaws.
pub(super) fn check(flaws: Vec<Flaw>) -> Result<()> {
    if flaws.is_empty() { Ok(()) } else { Err(Error::Invalid(flaws)) }
}
