//! The `Stripe-Signature` header.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Hex HMAC-SHA256 of `timestamp.payload`.
pub fn mac(secret: &str, timestamp: i64, payload: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(payload);
    hex::encode(mac.finalize().into_bytes())
}

/// The header: one `v1` per secret, and the `v0` that test mode adds.
pub fn header(secrets: &[String], timestamp: i64, payload: &[u8], live: bool) -> String {
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        header.push_str(",v1=");
        header.push_str(&mac(secret, timestamp, payload));
    }
    if !live {
        header.push_str(",v0=");
        header.push_str(&mac("v0", timestamp, payload));
    }
    header
}
