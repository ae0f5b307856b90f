//! Sealing and opening: data keys by master keys, secrets by data keys.

use aes_gcm::{
    Aes256Gcm, Key, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{keyring::Keyring, token::random_bytes};
use crate::domain::{
    ids::{ProjectId, TenantId, UserId},
    sealed::SealedDataKey,
};

/// The format's name, first in every blob and in the associated data.
const FORMAT: &str = "bf1";

/// Why a blob does not open. Says nothing about its content.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// Not a blob of ours.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed by a master key that is not in the ring. Holds the key's id.
    #[error("sealed by master key '{0}', which is not in BILLFOLD_MASTER_KEYS or the key file")]
    UnknownMasterKey(String),
    /// Sealed by another version of the tenant's data key.
    #[error("sealed by version {0} of the data key")]
    WrongDataKey(i64),
    /// Changed, moved from another row, or an older version put back.
    #[error("the sealed value does not belong here or was changed")]
    Rejected,
}

/// Where a secret belongs. All of it is authenticated with the blob.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The project; none for what belongs to the tenant as a whole.
    pub project: Option<&'a ProjectId>,
    /// Table and column, and the row's id where a project has several: `connections.key`.
    pub field: &'a str,
    /// Grows with each replacement, so that an older blob does not open.
    pub version: i64,
}

/// Where a person's secret belongs: people are in no tenant.
#[derive(Clone, Copy, Debug)]
pub struct PersonPlace<'a> {
    /// The person.
    pub user: &'a UserId,
    /// Table and column.
    pub field: &'a str,
    /// Grows with each replacement, so that an older blob does not open.
    pub version: i64,
}

/// What the key for people's secrets is called, in place of a tenant.
const PEOPLE: &str = "people";

/// A data key, open in memory; wiped on drop.
pub struct DataKey {
    key: Zeroizing<[u8; 32]>,
    version: i64,
    master_key_id: String,
}

impl Keyring {
    /// Makes a tenant's first data key, sealed by the primary master key.
    pub fn new_data_key(&self, tenant: &TenantId) -> Result<SealedDataKey, SealError> {
        self.seal_data_key(tenant.as_str(), &Zeroizing::new(random_bytes()), 1)
    }

    /// Makes the key for people's secrets, sealed by the primary master key.
    pub fn new_people_key(&self) -> Result<SealedDataKey, SealError> {
        self.seal_data_key(PEOPLE, &Zeroizing::new(random_bytes()), 1)
    }

    /// Seals a data key by the primary master key.
    fn seal_data_key(&self, owner: &str, key: &Zeroizing<[u8; 32]>, version: i64) -> Result<SealedDataKey, SealError> {
        let master = self.primary();
        let aad = associated(&["bf1-dek", owner, &version.to_string(), master.id()]);
        Ok(SealedDataKey {
            sealed_data_key: seal(master.key(), master.id(), version, key.as_slice(), &aad)?,
            data_key_version: version,
        })
    }

    /// Seals a tenant's data key by the primary master key instead of the one it is sealed by.
    ///
    /// # Errors
    /// It does not open.
    pub fn reseal_data_key(&self, tenant: &TenantId, sealed: &SealedDataKey) -> Result<SealedDataKey, SealError> {
        let opened = self.open_data_key(tenant, sealed)?;
        self.seal_data_key(tenant.as_str(), &opened.key, opened.version)
    }

    /// The same for the key for people's secrets.
    ///
    /// # Errors
    /// It does not open.
    pub fn reseal_people_key(&self, sealed: &SealedDataKey) -> Result<SealedDataKey, SealError> {
        let opened = self.open_people_key(sealed)?;
        self.seal_data_key(PEOPLE, &opened.key, opened.version)
    }

    /// Opens a tenant's data key.
    pub fn open_data_key(&self, tenant: &TenantId, sealed: &SealedDataKey) -> Result<DataKey, SealError> {
        self.open_key_of(tenant.as_str(), sealed)
    }

    /// Opens the key for people's secrets.
    pub fn open_people_key(&self, sealed: &SealedDataKey) -> Result<DataKey, SealError> {
        self.open_key_of(PEOPLE, sealed)
    }

    fn open_key_of(&self, owner: &str, sealed: &SealedDataKey) -> Result<DataKey, SealError> {
        let blob = Blob::parse(&sealed.sealed_data_key)?;
        let master =
            self.find(blob.master_key_id).ok_or_else(|| SealError::UnknownMasterKey(blob.master_key_id.to_owned()))?;
        let version = sealed.data_key_version;
        if blob.data_key_version != version {
            return Err(SealError::WrongDataKey(blob.data_key_version));
        }
        let aad = associated(&["bf1-dek", owner, &version.to_string(), master.id()]);
        let key: [u8; 32] = blob.open(master.key(), &aad)?.as_slice().try_into().map_err(|_| SealError::Rejected)?;
        Ok(DataKey { key: Zeroizing::new(key), version, master_key_id: master.id().to_owned() })
    }
}

/// The id of the master key that a data key is sealed by; none when it is not a sealed data key.
pub fn master_key_id(sealed: &SealedDataKey) -> Option<&str> {
    Blob::parse(&sealed.sealed_data_key).ok().map(|blob| blob.master_key_id)
}

/// How every data key begins that is sealed by this master key.
pub fn sealed_by(master_key_id: &str) -> String {
    format!("{FORMAT}.{master_key_id}.")
}

impl DataKey {
    /// Seals a secret for its place.
    pub fn seal(&self, place: &Place<'_>, secret: &SecretString) -> Result<String, SealError> {
        seal(&self.key, &self.master_key_id, self.version, secret.expose_secret().as_bytes(), &self.associated(place))
    }

    /// Opens a secret that was sealed for this place.
    pub fn open(&self, place: &Place<'_>, blob: &str) -> Result<SecretString, SealError> {
        self.open_with(&self.associated(place), blob)
    }

    /// Seals a person's secret for its place.
    pub fn seal_for(&self, place: &PersonPlace<'_>, secret: &SecretString) -> Result<String, SealError> {
        let aad = self.associated_with(place);
        seal(&self.key, &self.master_key_id, self.version, secret.expose_secret().as_bytes(), &aad)
    }

    /// Opens a person's secret that was sealed for this place.
    pub fn open_for(&self, place: &PersonPlace<'_>, blob: &str) -> Result<SecretString, SealError> {
        self.open_with(&self.associated_with(place), blob)
    }

    fn associated_with(&self, place: &PersonPlace<'_>) -> Vec<u8> {
        let version = place.version.to_string();
        associated(&[FORMAT, PEOPLE, place.user.as_str(), place.field, &version, &self.version.to_string()])
    }

    fn open_with(&self, aad: &[u8], blob: &str) -> Result<SecretString, SealError> {
        let blob = Blob::parse(blob)?;
        if blob.data_key_version != self.version {
            return Err(SealError::WrongDataKey(blob.data_key_version));
        }
        let bytes = blob.open(&self.key, aad)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SealError::Rejected)?;
        Ok(SecretString::from(text))
    }

    /// The key itself, for keys that are made of it.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    fn associated(&self, place: &Place<'_>) -> Vec<u8> {
        associated(&[
            FORMAT,
            place.tenant.as_str(),
            place.project.map_or("", ProjectId::as_str),
            place.field,
            &place.version.to_string(),
            &self.version.to_string(),
        ])
    }
}

/// Length-prefixed, so that no two lists of parts read the same.
pub(super) fn associated(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn seal(key: &[u8; 32], master_key_id: &str, version: i64, msg: &[u8], aad: &[u8]) -> Result<String, SealError> {
    let nonce: [u8; 12] = random_bytes();
    let sealed = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
        .encrypt(&Nonce::from(nonce), Payload { msg, aad })
        .map_err(|_| SealError::Rejected)?;
    Ok(format!(
        "{FORMAT}.{master_key_id}.{version}.{}.{}",
        BASE64URL_NOPAD.encode(&nonce),
        BASE64URL_NOPAD.encode(&sealed)
    ))
}

struct Blob<'a> {
    master_key_id: &'a str,
    data_key_version: i64,
    nonce: [u8; 12],
    sealed: Vec<u8>,
}

impl<'a> Blob<'a> {
    fn parse(text: &'a str) -> Result<Self, SealError> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(SealError::Malformed);
        if next()? != FORMAT {
            return Err(SealError::Malformed);
        }
        let master_key_id = next()?;
        let version = next()?;
        let data_key_version: i64 = version.parse().map_err(|_| SealError::Malformed)?;
        if data_key_version.to_string() != version {
            return Err(SealError::Malformed); // a number has one spelling, as everything here
        }
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| SealError::Malformed);
        let nonce = decode(next()?)?.try_into().map_err(|_| SealError::Malformed)?;
        let sealed = decode(next()?)?;
        match parts.next() {
            None => Ok(Self { master_key_id, data_key_version, nonce, sealed }),
            Some(_) => Err(SealError::Malformed),
        }
    }

    fn open(&self, key: &[u8; 32], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
            .decrypt(&Nonce::from(self.nonce), Payload { msg: &self.sealed, aad })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vault::new_id;

    struct Fixture {
        ring: Keyring,
        tenants: [TenantId; 2],
        projects: [ProjectId; 2],
        keys: Vec<DataKey>,
    }

    fn fixture() -> Fixture {
        let ring = Keyring::generate();
        let tenants: [TenantId; 2] = [new_id(), new_id()];
        let keys = tenants
            .iter()
            .map(|tenant| ring.open_data_key(tenant, &ring.new_data_key(tenant).unwrap()).unwrap())
            .collect();
        Fixture { ring, tenants, projects: [new_id(), new_id()], keys }
    }

    /// Every (tenant, project, field, version) seals the same secret; each blob opens in its own place and in no other.
    #[test]
    fn a_swapped_blob_never_opens() {
        let f = fixture();
        let mut blobs = Vec::new();
        for (tenant, key) in f.tenants.iter().zip(&f.keys) {
            for project in &f.projects {
                for field in ["connections.key", "connections.token"] {
                    for version in [1, 2] {
                        let place = Place { tenant, project: Some(project), field, version };
                        blobs.push((key, place, key.seal(&place, &SecretString::from("sk_test_1")).unwrap()));
                    }
                }
            }
        }
        for (own, (_, _, blob)) in blobs.iter().enumerate() {
            for (other, (key, place, _)) in blobs.iter().enumerate() {
                let opened = key.open(place, blob);
                if own == other {
                    assert_eq!(opened.unwrap().expose_secret(), "sk_test_1");
                } else {
                    assert_eq!(opened.unwrap_err(), SealError::Rejected);
                }
            }
        }
    }

    #[test]
    fn a_data_key_opens_only_for_its_tenant_and_under_its_master_key() {
        let f = fixture();
        let sealed = f.ring.new_data_key(&f.tenants[0]).unwrap();
        assert_eq!(f.ring.open_data_key(&f.tenants[1], &sealed).err(), Some(SealError::Rejected));
        let stranger = Keyring::generate();
        assert!(matches!(stranger.open_data_key(&f.tenants[0], &sealed), Err(SealError::UnknownMasterKey(_))));
        let renamed = SealedDataKey { sealed_data_key: sealed.sealed_data_key.replacen(".1.", ".10.", 1), ..sealed };
        assert_eq!(f.ring.open_data_key(&f.tenants[0], &renamed).err(), Some(SealError::WrongDataKey(10)));
    }

    #[test]
    fn a_persons_secret_opens_for_the_person_alone() {
        let ring = Keyring::generate();
        let sealed = ring.new_people_key().unwrap();
        let key = ring.open_people_key(&sealed).unwrap();
        let [user, other]: [UserId; 2] = [new_id(), new_id()];
        let place = PersonPlace { user: &user, field: "totp.secret", version: 1 };
        let blob = key.seal_for(&place, &SecretString::from("base32")).unwrap();
        assert_eq!(key.open_for(&place, &blob).unwrap().expose_secret(), "base32");
        for place in [
            PersonPlace { user: &other, ..place },
            PersonPlace { field: "x", ..place },
            PersonPlace { version: 2, ..place },
        ] {
            assert_eq!(key.open_for(&place, &blob).err(), Some(SealError::Rejected), "{place:?}");
        }
        let tenant = new_id();
        assert_eq!(ring.open_data_key(&tenant, &sealed).err(), Some(SealError::Rejected));
        let of_tenant = ring.new_data_key(&tenant).unwrap();
        assert_eq!(ring.open_people_key(&of_tenant).err(), Some(SealError::Rejected));
    }

    #[test]
    fn a_data_key_sealed_anew_opens_what_it_sealed_before() {
        let f = fixture();
        let tenant = &f.tenants[0];
        let [sealed, people] = [f.ring.new_data_key(tenant).unwrap(), f.ring.new_people_key().unwrap()];
        let place = Place { tenant, project: None, field: "x", version: 1 };
        let blob = f.ring.open_data_key(tenant, &sealed).unwrap().seal(&place, &SecretString::from("s")).unwrap();
        let again = f.ring.reseal_data_key(tenant, &sealed).unwrap();
        assert_ne!(again.sealed_data_key, sealed.sealed_data_key);
        assert_eq!(f.ring.open_data_key(tenant, &again).unwrap().open(&place, &blob).unwrap().expose_secret(), "s");
        let opened = |sealed: &SealedDataKey| *f.ring.open_people_key(sealed).unwrap().bytes();
        assert_eq!(opened(&f.ring.reseal_people_key(&people).unwrap()), opened(&people));
        assert!(f.ring.reseal_people_key(&sealed).is_err() && f.ring.reseal_data_key(&f.tenants[1], &sealed).is_err());
    }

    #[test]
    fn a_blob_names_its_keys() {
        let f = fixture();
        let sealed = f.ring.new_data_key(&f.tenants[0]).unwrap();
        let id = master_key_id(&sealed).unwrap();
        assert_eq!([id], f.ring.ids().as_slice());
        assert!(sealed.sealed_data_key.starts_with(&sealed_by(id)) && sealed_by("k1") == "bf1.k1.");
        let place = Place { tenant: &f.tenants[0], project: None, field: "x", version: 1 };
        let blob = f.keys[0].seal(&place, &SecretString::from("secret")).unwrap();
        let [_, master, version, nonce, text] = blob.split('.').collect::<Vec<_>>()[..] else { panic!("{blob}") };
        let with =
            |format: &str, version: &str, more: &str| format!("{format}.{master}.{version}.{nonce}.{text}{more}");
        assert!(f.keys[0].open(&place, &with("bf1", version, "")).is_ok());
        assert_eq!(f.keys[0].open(&place, &with("bf1", "2", "")).err(), Some(SealError::WrongDataKey(2)));
        for malformed in
            [with("bf2", version, ""), with("bf1", "+1", ""), with("bf1", "01", ""), with("bf1", version, ".")]
        {
            assert_eq!(f.keys[0].open(&place, &malformed).err(), Some(SealError::Malformed), "{malformed}");
        }
    }

    #[test]
    fn two_seals_of_one_secret_differ() {
        let f = fixture();
        let place = Place { tenant: &f.tenants[0], project: Some(&f.projects[0]), field: "x", version: 1 };
        let secret = SecretString::from("same");
        assert_ne!(f.keys[0].seal(&place, &secret).unwrap(), f.keys[0].seal(&place, &secret).unwrap());
    }

    proptest! {
        #[test]
        fn garbage_never_opens_and_never_panics(text in ".*", position in 0usize..200, letter in "[A-Za-z0-9]") {
            let f = fixture();
            let place = Place { tenant: &f.tenants[0], project: Some(&f.projects[0]), field: "x", version: 1 };
            prop_assert!(f.keys[0].open(&place, &text).is_err());
            let mut blob = f.keys[0].seal(&place, &SecretString::from("secret")).unwrap();
            let start = "bf1.".len() + blob["bf1.".len()..].find('.').unwrap();
            let position = start + position % (blob.len() - start);
            if blob.as_bytes()[position] != letter.as_bytes()[0] {
                blob.replace_range(position..=position, &letter);
                prop_assert!(f.keys[0].open(&place, &blob).is_err());
            }
        }
    }
}
