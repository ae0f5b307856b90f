//! The master keys: `id:base64,…`, the first seals, all open. From the environment, or from a file made on the first run.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

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
    /// The keys do not come from a file, so they are changed where they come from.
    #[error("the master keys come from BILLFOLD_MASTER_KEYS, so they are changed there")]
    NoFile,
}

impl KeyringError {
    fn file(path: &Path, cause: &std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), cause: cause.to_string() }
    }
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
///
/// A ring from a file follows the file: a key that another process has put there is found when something sealed by it is opened.
pub struct Keyring {
    keys: RwLock<Vec<Arc<MasterKey>>>, // never empty
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", self.keys().len())
    }
}

impl Keyring {
    /// A ring of one new key, for tests and for a throw-away database.
    pub fn generate() -> Self {
        Self { keys: RwLock::new(vec![Arc::new(new_key())]), file: None }
    }

    /// Reads `id:base64,id:base64`.
    pub fn parse(text: &SecretString) -> Result<Self, KeyringError> {
        Ok(Self { keys: RwLock::new(parse_keys(text)?), file: None })
    }

    /// Reads the key file.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let text = read_file(path).map_err(|cause| KeyringError::file(path, &cause))?;
        Ok(Self { keys: RwLock::new(parse_keys(&text)?), file: Some(path.to_owned()) })
    }

    /// Reads the key file, or makes it with one new key and mode 0600. The flag tells that it was made.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyringError> {
        let is_missing = read_file(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if is_missing {
            let made = write_private(path, &export(&[Arc::new(new_key())])).and_then(|()| sync_folder(path));
            made.map_err(|cause| KeyringError::file(path, &cause))?;
        }
        Ok((Self::load(path)?, is_missing))
    }

    /// One new entry `id:base64`, as `billfold keys generate` prints it.
    pub fn generate_entry() -> SecretString {
        export(&[Arc::new(new_key())])
    }

    /// The ids of the keys, the one that seals first.
    pub fn ids(&self) -> Vec<String> {
        self.refresh();
        self.keys().iter().map(|key| key.id.clone()).collect()
    }

    /// Makes a new key that seals from now on, and writes it to the key file, in which the others stay. Answers its id.
    ///
    /// # Errors
    /// [`KeyringError::NoFile`] when the keys do not come from a file; the file cannot be written.
    pub fn add_key(&self) -> Result<String, KeyringError> {
        let key = Arc::new(new_key());
        let id = key.id.clone();
        self.change_file(|keys| keys.insert(0, key))?;
        Ok(id)
    }

    /// Takes a key out of the key file. What is sealed by it is lost, so the caller makes sure that nothing is.
    ///
    /// # Errors
    /// [`KeyringError::NoFile`] when the keys do not come from a file; the file cannot be written.
    pub fn remove_key(&self, id: &str) -> Result<(), KeyringError> {
        self.change_file(|keys| {
            if keys.len() > 1 {
                keys.retain(|key| key.id != id);
            }
        })
    }

    fn change_file(&self, change: impl FnOnce(&mut Vec<Arc<MasterKey>>)) -> Result<(), KeyringError> {
        let Some(path) = &self.file else { return Err(KeyringError::NoFile) };
        let text = read_file(path).map_err(|cause| KeyringError::file(path, &cause))?;
        let mut keys = parse_keys(&text)?;
        change(&mut keys);
        // A whole file in place of the whole file: whoever reads meanwhile, or after a crash, has one of the two. For good, because
        // what is sealed by a new key from now on is.
        let next = path.with_extension("next");
        let replaced =
            remove_if_there(&next).and_then(|()| write_private(&next, &export(&keys))).and_then(|()| put(&next, path));
        replaced.map_err(|cause| KeyringError::file(path, &cause))?;
        self.put(keys);
        Ok(())
    }

    /// The key that seals.
    pub(super) fn primary(&self) -> Arc<MasterKey> {
        self.refresh();
        let keys = self.keys();
        Arc::clone(&keys[0])
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<MasterKey>> {
        let find = || self.keys().iter().find(|key| key.id == id).cloned();
        find().or_else(|| {
            self.refresh();
            find()
        })
    }

    /// Reads the file again. One that cannot be read, or holds nothing usable, changes nothing.
    fn refresh(&self) {
        let Some(path) = &self.file else { return };
        match read_file(path).map_err(|cause| KeyringError::file(path, &cause)).and_then(|text| parse_keys(&text)) {
            Ok(keys) => self.put(keys),
            Err(error) => tracing::error!(%error, "the master keys stay as they were"),
        }
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<Arc<MasterKey>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, keys: Vec<Arc<MasterKey>>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

fn parse_keys(text: &SecretString) -> Result<Vec<Arc<MasterKey>>, KeyringError> {
    let mut keys: Vec<Arc<MasterKey>> = Vec::new();
    for entry in text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let key = parse_entry(entry)?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(KeyringError::Malformed(format!("key id '{}' stands twice", key.id)));
        }
        keys.push(Arc::new(key));
    }
    if keys.is_empty() {
        return Err(KeyringError::Malformed("empty; make one with: billfold keys generate".to_owned()));
    }
    Ok(keys)
}

fn export(keys: &[Arc<MasterKey>]) -> SecretString {
    let entries: Vec<Zeroizing<String>> =
        keys.iter().map(|key| Zeroizing::new(format!("{}:{}", key.id, BASE64.encode(key.key.as_slice())))).collect();
    SecretString::from(entries.iter().map(|entry| entry.as_str()).collect::<Vec<_>>().join(","))
}

fn read_file(path: &Path) -> std::io::Result<SecretString> {
    std::fs::read_to_string(path).map(|text| SecretString::from(text.trim()))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a finished file its name, in the place of another if there is one, so that a power cut does not take it back.
pub fn put(new: &Path, place: &Path) -> io::Result<()> {
    File::open(new)?.sync_all()?;
    std::fs::rename(new, place)?;
    sync_folder(place)
}

/// The name of a file is durable when its folder is.
fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

/// Where a file is.
pub fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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

fn write_private(path: &Path, text: &SecretString) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{BASE64, Keyring, KeyringError, SecretString, folder, put};

    #[test]
    fn a_file_takes_the_place_of_another_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (new, place) = (dir.path().join("new"), dir.path().join("place"));
        for text in ["first", "second"] {
            std::fs::write(&new, text).unwrap();
            put(&new, &place).unwrap();
            assert_eq!((std::fs::read_to_string(&place).unwrap().as_str(), new.exists()), (text, false));
        }
        assert!(put(&new, &place).is_err(), "there is no new one");
        assert_eq!((folder(Path::new("a")), folder(Path::new("/x/a"))), (Path::new("."), Path::new("/x")));
    }

    #[test]
    fn the_key_file_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("billfold.key");
        let (made, created) = Keyring::load_or_create(&path).unwrap();
        let (read, again) = Keyring::load_or_create(&path).unwrap();
        assert!(created && !again);
        assert_eq!(made.primary().key(), read.primary().key());
        assert_ne!(made.primary().key(), Keyring::generate().primary().key());
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }

    #[test]
    fn a_key_put_into_the_file_by_another_process_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("billfold.key");
        let (running, _) = Keyring::load_or_create(&path).unwrap();
        let (command, _) = Keyring::load_or_create(&path).unwrap();
        let old = running.primary().id().to_owned();
        let new = command.add_key().unwrap();
        assert!(running.find(&new).is_some());
        assert_eq!(running.ids(), [new.clone(), old.clone()]);
        command.remove_key(&old).unwrap();
        assert_eq!(running.ids(), [new.as_str()]);
        command.remove_key(&new).unwrap();
        assert_eq!(running.ids(), [new.as_str()], "the last one stays");
        assert_eq!(Keyring::load_or_create(&path).unwrap().0.ids(), [new.as_str()], "in the file as well");
        std::fs::write(&path, "garbage").unwrap();
        assert_eq!(running.ids(), [new.as_str()], "what cannot be read changes nothing");
    }

    #[test]
    fn what_a_killed_process_left_is_in_nobodys_way_and_what_cannot_be_written_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("billfold.key");
        let (ring, _) = Keyring::load_or_create(&path).unwrap();
        let next = path.with_extension("next");
        std::fs::write(&next, "half").unwrap();
        let new = ring.add_key().unwrap();
        assert!(!next.exists());
        std::fs::create_dir(&next).unwrap();
        // said of the folder that is in the way, and nothing has changed
        assert!(ring.add_key().unwrap_err().to_string().contains("directory"));
        assert_eq!((ring.ids().len(), &ring.ids()[0]), (2, &new));
        let error = Keyring::load_or_create(dir.path()).unwrap_err().to_string();
        assert!(error.contains("directory"), "{error}");
        assert!(matches!(Keyring::generate().add_key(), Err(KeyringError::NoFile)));
    }

    #[test]
    fn weak_and_malformed_keys_are_refused() {
        let zeros = format!("k1:{}", "A".repeat(43) + "=");
        let words = format!("k1:{}", data_encoding::BASE64.encode(b"correct horse battery staple 123"));
        for text in ["", "k1", "k1:???", "k1:c2hvcnQ=", &zeros, &words] {
            assert!(Keyring::parse(&SecretString::from(text)).is_err(), "{text}");
        }
        let odd = BASE64.encode(&(1..=32).collect::<Vec<u8>>());
        let few = |kinds: u8| BASE64.encode(&(0..32).map(|at| at % kinds).collect::<Vec<u8>>());
        for (text, good) in [
            (format!("k-1_x:{odd}"), true),
            (format!("k1:{odd}, k2:{},", few(9)), true),
            (format!("k1:{odd},k1:{}", few(9)), false),
            (format!(":{odd}"), false),
            (format!("k.1:{odd}"), false),
            (format!("k1:{}", few(8)), true),
            (format!("k1:{}", few(7)), false),
        ] {
            assert_eq!(Keyring::parse(&SecretString::from(text.as_str())).is_ok(), good, "{text}");
        }
        let entry = Keyring::generate_entry();
        assert!(Keyring::parse(&entry).is_ok());
        assert_eq!(format!("{:?}", Keyring::parse(&entry).unwrap()), "Keyring(1 keys)");
    }
}
