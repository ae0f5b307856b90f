//! Secrets. Sealing in two layers, the key ring, and everything random or hashed.
//!
//! Each tenant has a data key, sealed by a master key; the tenant's secrets are sealed by the data key. A blob is
//! `bf1.<master key id>.<data key version>.<nonce>.<ciphertext>`, AES-256-GCM with a random 96-bit nonce. Where a blob
//! belongs is authenticated with it, so a blob moved to another row, or an older one put back, does not open.

mod chain;
mod keyring;
mod password;
mod seal;
mod token;
pub mod webauthn;

pub use chain::ChainKey;
pub use keyring::{Keyring, KeyringError, folder, put};
pub use password::{PasswordError, Passwords};
pub use seal::{DataKey, PersonPlace, Place, SealError, master_key_id, sealed_by};
pub use secrecy::{ExposeSecret, SecretString};
pub use token::{constant_time_eq, hash_token, new_id, new_token, random_bytes};
