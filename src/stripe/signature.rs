//! Whether a delivery comes from Stripe: HMAC-SHA256 over `t.body`, before anything of the body is looked at.
//!
//! Source: docs.stripe.com/webhooks/signatures. Stricter than Stripe's libraries where an honest sender never goes: one `t`,
//! digits only, at most eight `v1`. While a secret is rolled, Stripe signs with both; any match counts.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// How far the header's time may be from ours, in seconds, as in Stripe's libraries.
pub const TOLERANCE: i64 = 300;
/// Stripe sends one per active secret, at most a few.
const MOST_SIGNATURES: usize = 8;
/// A header of Stripe's has about 150 bytes.
const LONGEST_HEADER: usize = 2_048;

/// Why a delivery is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Stripe-Signature` header.
    #[error("the Stripe-Signature header is missing")]
    Missing,
    /// Not `t=…,v1=…`.
    #[error("the Stripe-Signature header is malformed")]
    Malformed,
    /// No `v1` matches any of our secrets.
    #[error("the signature does not match the signing secret")]
    Invalid,
    /// Signed by us known secret, but too old or too far ahead: a replay, or a wrong clock.
    #[error("the signature is older than 5 minutes, or a clock is wrong")]
    OutOfTolerance,
    /// There is no secret to check against; nothing is ever accepted then.
    #[error("no signing secret is stored for this endpoint")]
    NotReady,
}

impl Refusal {
    /// The code in answers, logs and the list of refusals.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Invalid => "signature_invalid",
            Self::OutOfTolerance => "timestamp_out_of_tolerance",
            Self::NotReady => "endpoint_not_ready",
        }
    }
}

/// Checks a delivery against every active secret; answers the time it was signed, in unix seconds.
///
/// `header` is the value of the one `Stripe-Signature` header (several are [`Refusal::Malformed`]), `now` unix seconds.
pub fn verify(secrets: &[SecretString], header: &[u8], body: &[u8], now: i64) -> Result<i64, Refusal> {
    let header = Header::parse(header)?;
    let mut usable = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()).peekable();
    if usable.peek().is_none() {
        return Err(Refusal::NotReady);
    }
    let mut matches = Choice::from(0);
    for secret in usable {
        let expected = header.sign(secret, body).ok_or(Refusal::NotReady)?;
        for signature in &header.signatures[..header.count] {
            matches |= expected.ct_eq(signature);
        }
    }
    if !bool::from(matches) {
        return Err(Refusal::Invalid);
    }
    match now.checked_sub(header.time).and_then(i64::checked_abs) {
        Some(distance) if distance <= TOLERANCE => Ok(header.time),
        _ => Err(Refusal::OutOfTolerance),
    }
}

/// A header taken apart. Signatures that are not hex stay all zeros, which matches nothing.
struct Header<'a> {
    /// As signed.
    time_text: &'a [u8],
    time: i64,
    signatures: [[u8; 32]; MOST_SIGNATURES],
    count: usize,
}

impl<'a> Header<'a> {
    fn parse(header: &'a [u8]) -> Result<Self, Refusal> {
        if header.len() > LONGEST_HEADER {
            return Err(Refusal::Malformed);
        }
        let mut time = None;
        let (mut signatures, mut count) = ([[0; 32]; MOST_SIGNATURES], 0);
        for part in header.split(|byte| *byte == b',') {
            if let Some(value) = part.strip_prefix(b"t=") {
                if time.replace((value, parse_time(value)?)).is_some() {
                    return Err(Refusal::Malformed);
                }
            } else if let Some(value) = part.strip_prefix(b"v1=") {
                let slot = signatures.get_mut(count).ok_or(Refusal::Malformed)?;
                count += 1;
                let mut decoded = [0; 32];
                if hex::decode_to_slice(value, &mut decoded).is_ok() {
                    *slot = decoded;
                }
            } else if !part.contains(&b'=') {
                return Err(Refusal::Malformed);
            }
        }
        match time {
            Some((time_text, time)) if count > 0 => Ok(Self { time_text, time, signatures, count }),
            _ => Err(Refusal::Malformed),
        }
    }

    fn sign(&self, secret: &str, body: &[u8]) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(self.time_text);
        mac.update(b".");
        mac.update(body);
        Some(mac.finalize().into_bytes().into())
    }
}

/// Digits only: no sign, no space, no exponent, and it fits.
fn parse_time(text: &[u8]) -> Result<i64, Refusal> {
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| plain).and_then(|text| text.parse().ok()).ok_or(Refusal::Malformed)
}

#[cfg(test)]
mod tests;
