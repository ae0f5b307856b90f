//! Identifiers that are numbers in disguise.
//!
//! Object number `n` of a kind always has the same identifier, and the number can be read back from it. So an account of a
//! million customers needs no table of identifiers, and an identifier of another account or mode is simply unknown.

use super::dice::{hash_text, mix};
use super::kind::Kind;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^11 is more than 2^64, so eleven digits hold any number.
const NUMBER_LEN: usize = 11;

/// The digit of base 62 for the low end of `value`.
pub fn digit(value: u64) -> char {
    char::from(DIGITS[usize::try_from(value % 62).unwrap_or(0)])
}

/// Makes and reads the identifiers of one account and mode.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    key: u64,
}

impl Ids {
    /// The identifiers of an account in one mode.
    pub fn new(account: &str, live: bool) -> Self {
        Self { key: hash_text(account) ^ mix(u64::from(live)) }
    }

    /// The identifier of object number `n`.
    pub fn id(self, kind: Kind, n: u64) -> String {
        let key = self.kind_key(kind);
        let mut value = shuffle(key, n);
        let mut id = String::with_capacity(kind.prefix().len() + kind.tail());
        id.push_str(kind.prefix());
        let mut check = mix(value ^ key);
        for _ in 0..NUMBER_LEN {
            id.push(digit(value));
            value /= 62;
        }
        for _ in NUMBER_LEN..kind.tail() {
            id.push(digit(check));
            check = (check / 62) ^ mix(check);
        }
        id
    }

    /// The number behind an identifier, if it is one of ours.
    pub fn number(self, kind: Kind, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(kind.prefix())?.as_bytes();
        if digits.len() != kind.tail() {
            return None;
        }
        let mut value = 0_u64;
        for byte in digits[..NUMBER_LEN].iter().rev() {
            let at = DIGITS.iter().position(|digit| digit == byte)? as u64;
            value = value.checked_mul(62)?.checked_add(at)?;
        }
        let n = unshuffle(self.kind_key(kind), value);
        (self.id(kind, n) == id).then_some(n)
    }

    fn kind_key(self, kind: Kind) -> u64 {
        mix(self.key ^ (u64::from(kind as u8) << 56))
    }
}

const ROUNDS: u64 = 4;

/// A Feistel network: every number has its own shuffled number, and the way back is as short.
fn shuffle(key: u64, n: u64) -> u64 {
    let (mut left, mut right) = (n >> 32, n & 0xffff_ffff);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ (mix(key ^ (round << 40) ^ right) >> 32));
    }
    left << 32 | right
}

fn unshuffle(key: u64, n: u64) -> u64 {
    let (mut left, mut right) = (n >> 32, n & 0xffff_ffff);
    for round in (0..ROUNDS).rev() {
        (left, right) = (right ^ (mix(key ^ (round << 40) ^ left) >> 32), left);
    }
    left << 32 | right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_from_its_identifier_and_only_there() {
        let ours = Ids::new("acct_ours", false);
        for n in [0, 1, 2, 999_999, 1 << 48, u64::MAX] {
            let id = ours.id(Kind::Customer, n);
            assert_eq!(ours.number(Kind::Customer, &id), Some(n));
            assert_eq!(Ids::new("acct_ours", true).number(Kind::Customer, &id), None);
            assert_eq!(Ids::new("acct_other", false).number(Kind::Customer, &id), None);
        }
    }
}
