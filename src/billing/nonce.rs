//! What makes a second click the same as the first: the one-time token of a form, or a program's idempotency key.

use crate::vault::{hash_token, new_token};

/// Unique in a project. Whoever sends it again gets the first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Longest token of a form.
    const LONGEST: usize = 100;

    /// A new token, for the hidden field of a form.
    pub fn token() -> String {
        new_token()
    }

    /// The token that a form sent back. None: it is no token of ours.
    pub fn form(token: &str) -> Option<Self> {
        let plain = (1..=Self::LONGEST).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then(|| Self(format!("form:{token}")))
    }

    /// A program's idempotency key; `caller` names the program, so that two of them never meet.
    pub fn program(caller: &str, idempotency_key: &str) -> Self {
        Self(format!("{caller}:{}", hash_token(idempotency_key)))
    }

    /// Of a step that follows from something that is known, such as a finished Checkout session: the same every time.
    pub(super) fn step(of: &str) -> Self {
        Self(format!("step:{}", hash_token(of)))
    }

    /// For a program that sends none: every call is a write of its own.
    pub fn fresh() -> Self {
        Self(format!("once:{}", new_token()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Nonce;

    #[test]
    fn tokens_keys_and_callers_do_not_meet() {
        assert!(Nonce::form(&Nonce::token()).is_some());
        for wrong in ["", "a b", "form:x", &"x".repeat(101)] {
            assert_eq!(Nonce::form(wrong), None, "{wrong}");
        }
        assert_ne!(Nonce::program("key_1", "a"), Nonce::program("key_2", "a"));
        assert_ne!(Nonce::fresh(), Nonce::fresh());
    }
}
