//! The header of a delivery counts exactly when one of our secrets made it, for this body, now; and what counts is told alike by ring.
//!
//! An input is a header, a line break and a body. Nobody guesses a signature, so the header is a pattern: `%1` and `%2` are the
//! signatures that our two secrets make for the first `t=` of the header, `%3` that of a stranger, `%t` is now.

use std::sync::LazyLock;

use billfold::{
    stripe::signature::{Refusal, TOLERANCE, verify},
    vault::SecretString,
};
use ring::hmac;

use super::bytes::text;

const NOW: i64 = 1_800_000_000;
const OURS: [&str; 2] = ["whsec_one", "whsec_two"];
const STRANGER: &str = "whsec_three";

static SECRETS: LazyLock<[SecretString; 2]> = LazyLock::new(|| OURS.map(SecretString::from));

/// Panics when a header counts that should not, or does not count that should.
pub fn judge(data: &[u8]) {
    let (pattern, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &b""[..]),
    };
    let header = fill(pattern, body);
    let answer = verify(&*SECRETS, &header, body, NOW);
    assert_eq!(answer.ok(), honest(&header, body), "{answer:?}: {}", text(&header));
    for without in [&[][..], &[SecretString::from("")]] {
        let answer = verify(without, &header, body, NOW);
        assert!(matches!(answer, Err(Refusal::NotReady | Refusal::Malformed)), "{answer:?}: {}", text(&header));
    }
}

/// The header that a pattern means.
fn fill(pattern: &[u8], body: &[u8]) -> Vec<u8> {
    let pattern = replace(pattern, b"%t", NOW.to_string().as_bytes());
    let time =
        pattern.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"t=")).unwrap_or_default().to_vec();
    let [one, two] = OURS.map(|secret| hex::encode(sign(secret, &time, body)));
    let three = hex::encode(sign(STRANGER, &time, body));
    let header = replace(&pattern, b"%1", one.as_bytes());
    replace(&replace(&header, b"%2", two.as_bytes()), b"%3", three.as_bytes())
}

fn replace(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(byte) = rest.first() {
        if let Some(after) = rest.strip_prefix(what) {
            out.extend_from_slice(by);
            rest = after;
        } else {
            out.push(*byte);
            rest = &rest[1..];
        }
    }
    out
}

fn sign(secret: &str, time: &[u8], body: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, &[time, b".", body].concat()).as_ref().to_vec()
}

/// The time of a header that must count, as docs.stripe.com/webhooks/signatures tells it.
fn honest(header: &[u8], body: &[u8]) -> Option<i64> {
    let parts: Vec<&[u8]> = header.split(|byte| *byte == b',').collect();
    let values = |name: &[u8]| parts.iter().filter_map(|part| part.strip_prefix(name)).collect::<Vec<_>>();
    let (times, signatures) = (values(b"t="), values(b"v1="));
    let [time] = times[..] else { return None };
    let plain =
        header.len() <= 2_048 && (1..=8).contains(&signatures.len()) && parts.iter().all(|part| part.contains(&b'='));
    let digits = time.iter().all(u8::is_ascii_digit);
    let seconds: i64 = text(time).parse().ok().filter(|_| plain && digits)?;
    let known: Vec<Vec<u8>> = OURS.map(|secret| sign(secret, time, body)).to_vec();
    let signed = signatures.iter().any(|hex| hex::decode(hex).is_ok_and(|bytes| known.contains(&bytes)));
    (signed && seconds.abs_diff(NOW) <= TOLERANCE.unsigned_abs()).then_some(seconds)
}
