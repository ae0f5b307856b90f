//! API keys: whose they are, what they may do, and how Stripe refuses them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use base64::Engine as _;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::errors::ApiError;
use super::state::lock;

/// What a key stands for.
#[derive(Clone, Debug)]
pub struct Key {
    /// `acct_…`
    pub account: String,
    /// Live or test.
    pub live: bool,
    /// The permissions of a restricted key; a secret key has none listed and may do everything.
    pub permissions: Option<BTreeSet<String>>,
}

/// All keys that were ever made.
#[derive(Debug, Default)]
pub struct Keys(Mutex<HashMap<String, (Key, bool)>>);

impl Keys {
    /// Adds a key.
    pub fn add(&self, text: String, key: Key) {
        lock(&self.0).insert(text, (key, true));
    }

    /// Revokes a key; false when it does not exist.
    pub fn revoke(&self, text: &str) -> bool {
        lock(&self.0).get_mut(text).map(|key| key.1 = false).is_some()
    }

    /// Gives a restricted key other permissions, as its owner does at Stripe; false when it does not exist or is a secret key.
    pub fn restrict(&self, text: &str, permissions: BTreeSet<String>) -> bool {
        let mut keys = lock(&self.0);
        let held = keys.get_mut(text).and_then(|(key, _)| key.permissions.as_mut());
        held.map(|held| *held = permissions).is_some()
    }

    /// The key of a request, or Stripe's refusal.
    pub fn of(&self, headers: &HeaderMap) -> Result<(String, Key), ApiError> {
        let text = presented(headers).ok_or_else(no_key)?;
        if text.starts_with("pk_") {
            return Err(publishable());
        }
        match lock(&self.0).get(&text) {
            Some((key, true)) => Ok((text, key.clone())),
            Some((_, false)) => {
                Err(ApiError::invalid(401, format!("Expired API Key provided: {}", masked(&text)))
                    .code("api_key_expired"))
            }
            None => Err(ApiError::invalid(401, format!("Invalid API Key provided: {}", masked(&text)))),
        }
    }
}

impl Key {
    /// Refuses what a restricted key may not do; a write permission includes reading.
    pub fn require(&self, text: &str, permission: &str) -> Result<(), ApiError> {
        let Some(granted) = &self.permissions else {
            return Ok(());
        };
        let write = permission.strip_suffix("_read").map(|stem| format!("{stem}_write"));
        if granted.contains(permission) || write.is_some_and(|write| granted.contains(&write)) {
            return Ok(());
        }
        Err(ApiError::invalid(
            403,
            format!(
                "The provided key '{}' does not have the required permissions for this endpoint on account '{}'. \
                 Having the '{permission}' permission would allow this request to continue.",
                masked(text),
                self.account
            ),
        ))
    }
}

/// The key text from Bearer or Basic authorization.
fn presented(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let text = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
        let pair = String::from_utf8(decoded).ok()?;
        pair.split_once(':').map_or(pair.clone(), |pair| pair.0.to_owned())
    } else {
        return None;
    };
    (!text.is_empty()).then_some(text)
}

/// `sk_test_*****abcd`, as Stripe repeats a key.
pub fn masked(text: &str) -> String {
    let kind = text.match_indices('_').nth(1).map_or(0, |(at, _)| at + 1);
    let prefix = &text[..kind];
    format!("{prefix}*****{}", last4(text))
}

/// The last four characters.
pub fn last4(text: &str) -> String {
    let tail: Vec<char> = text.chars().rev().take(4).collect();
    tail.into_iter().rev().collect()
}

fn no_key() -> ApiError {
    ApiError::invalid(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth \
         (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or \
         we can help at https://support.stripe.com/.",
    )
}

fn publishable() -> ApiError {
    ApiError::invalid(
        401,
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of \
         your API keys at https://dashboard.stripe.com/account/apikeys.",
    )
    .code("secret_key_required")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_repeated_masked() {
        assert_eq!(masked("sk_test_51abcdWXYZ"), "sk_test_*****WXYZ");
        assert_eq!(masked("rubbish"), "*****bish");
    }

    #[test]
    fn writing_includes_reading_but_not_the_other_way() {
        let key = |permission: &str| Key {
            account: "acct_1".to_owned(),
            live: false,
            permissions: Some([permission.to_owned()].into()),
        };
        assert!(key("rak_customer_write").require("rk_test_x", "rak_customer_read").is_ok());
        let refused = key("rak_customer_read").require("rk_test_x", "rak_customer_write").unwrap_err();
        assert_eq!(refused.status, 403);
        assert!(refused.message.contains("'rak_customer_write'") && refused.message.contains("acct_1"));
    }
}
