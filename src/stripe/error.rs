//! What a call to Stripe can end with, told apart by what a caller can do about it.

use serde::Deserialize;

/// Why a call failed, after its retries.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No answer: not reachable, cut off, timed out, or something in between that is not Stripe. Trying later may work.
    #[error("Stripe could not be reached: {0}")]
    Unreachable(String),
    /// Too many requests, or a lock that stayed taken. Trying later works.
    #[error("Stripe asks to slow down: {0}")]
    Limited(Box<Answer>),
    /// The key is revoked, expired or unknown. Only a new key helps.
    #[error("Stripe does not accept the key any more")]
    KeyRejected(Box<Answer>),
    /// The key lacks a permission. Only ticking it at Stripe, or another key, helps.
    #[error("the key lacks the permission {}", permission.as_deref().unwrap_or("for this call"))]
    Refused {
        /// The permission that would help, such as `rak_customer_read`, when Stripe names it.
        permission: Option<String>,
        /// The account that the key belongs to, when Stripe names it.
        account: Option<String>,
        /// What Stripe said.
        answer: Box<Answer>,
    },
    /// Stripe itself failed (5xx). Trying later may work.
    #[error("Stripe has a fault: {0}")]
    Faulty(Box<Answer>),
    /// Stripe refused the request for what it asks (400, 402, 404 …).
    #[error("{0}")]
    Answered(Box<Answer>),
    /// Stripe's answer is not what its documentation says. Holds what was wrong, never the body.
    #[error("Stripe's answer cannot be read: {0}")]
    Unreadable(String),
}

/// Stripe's own words about a failed call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `type`, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// `code`, such as `resource_missing`.
    pub code: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// For people.
    pub message: String,
    /// Stripe's `Request-Id`, for its support.
    pub request_id: Option<String>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (status {}", self.message, self.status)?;
        if let Some(request_id) = &self.request_id {
            write!(f, ", request {request_id}")?;
        }
        f.write_str(")")
    }
}

#[derive(Deserialize)]
struct Envelope {
    error: Body,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

impl Error {
    /// Reads an error answer. Anything that is not Stripe's JSON came from something in between.
    pub(super) fn from_answer(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(body) else {
            return Self::Unreachable(format!("status {status} without an answer of Stripe's"));
        };
        let message = error.message.unwrap_or_else(|| "no reason given".to_owned());
        let answer =
            Box::new(Answer { status, kind: error.kind, code: error.code, param: error.param, message, request_id });
        // Stripe words the missing permission in the message alone; some accounts get it with 401 instead of 403.
        let permission = word_with_prefix(&answer.message, "rak_");
        match status {
            401 | 403 if permission.is_some() || status == 403 => {
                Self::Refused { permission, account: word_with_prefix(&answer.message, "acct_"), answer }
            }
            401 => Self::KeyRejected(answer),
            429 => Self::Limited(answer),
            409 if matches!(answer.code.as_deref(), Some("lock_timeout" | "idempotency_key_in_use")) => {
                Self::Limited(answer)
            }
            500.. => Self::Faulty(answer),
            _ => Self::Answered(answer),
        }
    }

    /// Whether the same call may work later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Limited(_) | Self::Faulty(_))
    }

    /// Whether the key itself is no longer accepted, so that every further call would fail the same way.
    pub fn is_key_rejected(&self) -> bool {
        matches!(self, Self::KeyRejected(_))
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Answered(answer) if answer.status == 404)
    }

    /// Stripe's own words, when it answered.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Limited(answer)
            | Self::KeyRejected(answer)
            | Self::Refused { answer, .. }
            | Self::Faulty(answer)
            | Self::Answered(answer) => Some(answer),
            Self::Unreachable(_) | Self::Unreadable(_) => None,
        }
    }
}

impl stripe_client_core::StripeClientErr for Error {
    fn deserialize_err(message: impl std::fmt::Display) -> Self {
        Self::Unreadable(message.to_string())
    }
}

/// The first word of a message that begins with `prefix`.
fn word_with_prefix(message: &str, prefix: &str) -> Option<String> {
    let rest = &message[message.find(prefix)?..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (end > prefix.len()).then(|| rest[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::Error;

    fn read(status: u16, message: &str) -> Error {
        let body = serde_json::json!({ "error": { "type": "invalid_request_error", "message": message } });
        Error::from_answer(status, body.to_string().as_bytes(), Some("req_1".to_owned()))
    }

    #[test]
    fn a_missing_permission_and_the_account_are_read_from_the_message() {
        let message = "The provided key 'rk_test_*****abcd' does not have the required permissions for this endpoint on account 'acct_1Abc'. Having the 'rak_customer_read' permission would allow this request to continue.";
        for status in [401, 403] {
            let Error::Refused { permission, account, answer } = read(status, message) else { panic!("{status}") };
            assert_eq!(permission.as_deref(), Some("rak_customer_read"));
            assert_eq!(account.as_deref(), Some("acct_1Abc"));
            assert_eq!(answer.request_id.as_deref(), Some("req_1"));
        }
    }

    #[test]
    fn statuses_are_told_apart_by_what_helps() {
        assert!(read(401, "Invalid API Key provided: sk_test_*****abcd").is_key_rejected());
        assert!(read(429, "Too many requests").is_transient());
        assert!(read(500, "Oops").is_transient());
        assert!(read(404, "No such customer: 'cus_x'").is_not_found());
        assert!(!read(400, "Missing required param").is_transient());
        let html = Error::from_answer(502, b"<html>Bad gateway</html>", None);
        assert!(matches!(&html, Error::Unreachable(text) if text.contains("502")));
    }
}
