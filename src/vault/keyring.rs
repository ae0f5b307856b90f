//! The master keys: `id:base64,…`, the first seals, all open. From the environment, or from a file made on the first run.

use std::{io::Write as _, path::Path};

use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::token::random_bytes;
use crate::domain::ids::base32;

/// Why there is no usable key ring. The text says what to change and never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The text is not `id:base64,…`, or a key is weak.
    #[error("master keys: {0}")]
    Malformed(String),
    /// The key file cannot be read or made.
    #[error("key file {path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
}

/// One master key; wiped on drop.
pub(super) struct MasterKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

/// The master keys. The first seals, all open. Does not print.
pub struct Keyring {
    primary: MasterKey,
    others: Vec<MasterKey>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", 1 + self.others.len())
    }
}

impl Keyring {
    /// A ring of one new key, for tests and for a throw-away database.
    pub fn generate() -> Self {
        Self { primary: new_key(), others: Vec::new() }
    }

    /// Reads `id:base64,id:base64`.
    pub fn parse(text: &SecretString) -> Result<Self, KeyringError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for entry in text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let key = parse_entry(entry)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyringError::Malformed(format!("key id '{}' stands twice", key.id)));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        match keys.next() {
            Some(primary) => Ok(Self { primary, others: keys.collect() }),
            None => Err(KeyringError::Malformed("empty; make one with: billfold keys generate".to_owned())),
        }
    }

    /// Reads the key file, or makes it with one new key and mode 0600. The flag tells that it was made.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyringError> {
        let failed =
            |cause: std::io::Error| KeyringError::File { path: path.display().to_string(), cause: cause.to_string() };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok((Self::parse(&SecretString::from(text))?, false)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let ring = Self::generate();
                write_private(path, ring.export().expose_secret()).map_err(failed)?;
                Ok((ring, true))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// One new entry `id:base64`, as `billfold keys generate` prints it.
    pub fn generate_entry() -> SecretString {
        Self::generate().export()
    }

    fn export(&self) -> SecretString {
        SecretString::from(format!("{}:{}", self.primary.id, BASE64.encode(self.primary.key.as_slice())))
    }

    pub(super) fn primary(&self) -> &MasterKey {
        &self.primary
    }

    pub(super) fn find(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.primary).chain(&self.others).find(|key| key.id == id)
    }
}

fn new_key() -> MasterKey {
    MasterKey { id: format!("k{}", base32(&random_bytes::<5>())), key: Zeroizing::new(random_bytes()) }
}

fn parse_entry(entry: &str) -> Result<MasterKey, KeyringError> {
    let malformed = |text: &str| KeyringError::Malformed(text.to_owned());
    let (id, encoded) = entry
        .split_once(':')
        .ok_or_else(|| malformed("each entry must look like id:base64; make one with: billfold keys generate"))?;
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(malformed("a key id may hold letters, digits, '-' and '_' only"));
    }
    let bytes =
        Zeroizing::new(BASE64.decode(encoded.as_bytes()).map_err(|_| malformed(&format!("key '{id}' is not base64")))?);
    let key: [u8; 32] =
        bytes.as_slice().try_into().map_err(|_| malformed(&format!("key '{id}' has {} bytes, not 32", bytes.len())))?;
    let distinct = key.iter().collect::<std::collections::BTreeSet<_>>().len();
    if distinct < 8 || key.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        return Err(malformed(&format!("key '{id}' is not random; make one with: billfold keys generate")));
    }
    Ok(MasterKey { id: id.to_owned(), key: Zeroizing::new(key) })
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{Keyring, SecretString};

    #[test]
    fn the_key_file_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("billfold.key");
        let (made, created) = Keyring::load_or_create(&path).unwrap();
        let (read, again) = Keyring::load_or_create(&path).unwrap();
        assert!(created && !again);
        assert_eq!(made.primary().key(), read.primary().key());
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }

    #[test]
    fn weak_and_malformed_keys_are_refused() {
        let zeros = format!("k1:{}", "A".repeat(43) + "=");
        let words = format!("k1:{}", data_encoding::BASE64.encode(b"correct horse battery staple 123"));
        for text in ["", "k1", "k1:???", "k1:c2hvcnQ=", &zeros, &words] {
            assert!(Keyring::parse(&SecretString::from(text)).is_err(), "{text}");
        }
        let entry = Keyring::generate_entry();
        assert!(Keyring::parse(&entry).is_ok());
        assert_eq!(format!("{:?}", Keyring::parse(&entry).unwrap()), "Keyring(1 keys)");
    }
}
