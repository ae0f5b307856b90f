//! The key of a tenant's audit chain, and the codes it makes. It comes from the data key, so whoever holds the database alone can
//! neither make an entry nor make the ones there are fit again.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    seal::{DataKey, associated},
    token::constant_time_eq,
};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// Authenticates the entries of one tenant's audit log; wiped on drop.
pub struct ChainKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// The key of the tenant's audit chain.
    pub fn chain_key(&self) -> ChainKey {
        ChainKey(Zeroizing::new(hmac(self.bytes(), b"billfold audit chain 1")))
    }
}

impl ChainKey {
    /// The code of some parts in this order: HMAC-SHA256, lower-case hex. No two lists of parts read the same.
    pub fn mac(&self, parts: &[&str]) -> String {
        hex::encode(hmac(&self.0, &associated(parts)))
    }

    /// Whether the code is that of these parts.
    pub fn verify(&self, parts: &[&str], mac: &str) -> bool {
        constant_time_eq(self.mac(parts).as_bytes(), mac.as_bytes())
    }
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // as the standard pads a short key
    let mut block = Zeroizing::new([0; BLOCK]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ids::TenantId,
        vault::{Keyring, new_id},
    };

    fn data_key(ring: &Keyring) -> DataKey {
        let tenant: TenantId = new_id();
        ring.open_data_key(&tenant, &ring.new_data_key(&tenant).unwrap()).unwrap()
    }

    /// The same said in words of ring's.
    #[test]
    fn a_code_is_hmac_sha256_under_a_key_of_its_own() {
        let key = data_key(&Keyring::generate());
        let sign = |key: &[u8], message: &[u8]| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
            ring::hmac::sign(&key, message).as_ref().to_vec()
        };
        let of_chain = sign(key.bytes(), b"billfold audit chain 1");
        let expected = hex::encode(sign(&of_chain, &associated(&["1", "login"])));
        assert_eq!(key.chain_key().mac(&["1", "login"]), expected);
    }

    #[test]
    fn a_code_fits_its_own_parts_and_tenant_alone() {
        let ring = Keyring::generate();
        let [own, other] = [data_key(&ring).chain_key(), data_key(&ring).chain_key()];
        let mac = own.mac(&["1", "login"]);
        assert!(own.verify(&["1", "login"], &mac));
        for parts in [&["1", "logout"][..], &["1login"], &["", "1login"], &["1", "login", ""], &[]] {
            assert!(!own.verify(parts, &mac), "{parts:?}");
        }
        assert!(!own.verify(&["1", "login"], "") && !other.verify(&["1", "login"], &mac));
    }
}
