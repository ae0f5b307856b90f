//! Random ids and tokens, and how tokens are stored: by SHA-256 alone, which is right for 256 random bits.

use rand::Rng as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::ids::{Id, RANDOM_BYTES, base32};

/// Random bytes from the operating system's generator.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A new id of ours.
pub fn new_id<T: Id>() -> T {
    T::from_random(random_bytes::<RANDOM_BYTES>())
}

/// A new token for a link or a URL: 256 random bits, 52 characters.
pub fn new_token() -> String {
    base32(&random_bytes::<32>())
}

/// What is stored of a token: SHA-256, lower-case hex.
pub fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Compares two secrets without telling by its duration where they differ.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_stored_as_their_hash() {
        let [one, two] = [new_token(), new_token()];
        assert!(one != two && one.len() == 52, "{one} {two}");
        assert_eq!(hash_token("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(constant_time_eq(b"a", b"a") && !constant_time_eq(b"a", b"b") && !constant_time_eq(b"a", b"aa"));
    }
}
