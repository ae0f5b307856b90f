//! What was sealed opens to what it was, in its place alone; a blob of which anything was changed does not open. Only the name of the
//! master key in a secret's blob is a label: it says what the tenant's data key was sealed by then.

use std::sync::LazyLock;

use billfold::{
    domain::{
        ids::{Id as _, ProjectId, TenantId, UserId},
        sealed::SealedDataKey,
    },
    vault::{DataKey, ExposeSecret as _, Keyring, PersonPlace, Place, SecretString, master_key_id},
};

use super::bytes::{Bytes, text};

struct Fixture {
    ring: Keyring,
    tenants: [TenantId; 2],
    projects: [ProjectId; 2],
    users: [UserId; 2],
    sealed: SealedDataKey,
    key: DataKey,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let ring = Keyring::generate();
    let tenants = [1, 2].map(|byte| TenantId::from_random([byte; 15]));
    let sealed = ring.new_data_key(&tenants[0]).expect("sealed");
    let key = ring.open_data_key(&tenants[0], &sealed).expect("opened");
    let projects = [1, 2].map(|byte| ProjectId::from_random([byte; 15]));
    let users = [1, 2].map(|byte| UserId::from_random([byte; 15]));
    Fixture { ring, tenants, projects, users, sealed, key }
});

/// Panics when something opens that should not, or does not open that should.
pub fn judge(data: &[u8]) {
    let f = &*FIXTURE;
    let garbage = text(data);
    let mut bytes = Bytes::new(data);
    let (field, version, secret) = (bytes.text(), bytes.int(), bytes.text());
    let place = Place { tenant: &f.tenants[0], project: Some(&f.projects[0]), field: &field, version };
    assert!(f.key.open(&place, &garbage).is_err(), "{garbage}");

    let blob = f.key.seal(&place, &SecretString::from(secret.as_str())).expect("sealed");
    let opened = |place: &Place<'_>, blob: &str| f.key.open(place, blob).ok().map(|it| it.expose_secret().to_owned());
    assert_eq!(opened(&place, &blob).as_deref(), Some(secret.as_str()));
    let other = format!("{field}{}", if garbage.is_empty() { "x" } else { &garbage });
    for elsewhere in [
        Place { tenant: &f.tenants[1], ..place },
        Place { project: Some(&f.projects[1]), ..place },
        Place { project: None, ..place },
        Place { field: &other, ..place },
        Place { version: version.wrapping_add(bytes.int().max(1)), ..place },
    ] {
        assert_eq!(opened(&elsewhere, &blob), None, "{elsewhere:?}");
    }
    let edited = edit(&blob, &mut bytes);
    if opened(&place, &edited).is_some() {
        assert_eq!(without_label(&edited), without_label(&blob), "{edited} opens");
    }
    person(f, &field, version, &secret, &edited);
    data_key(f, &mut bytes);
}

/// A person's secret, and that neither opens as the other.
fn person(f: &Fixture, field: &str, version: i64, secret: &str, of_tenant: &str) {
    let place = PersonPlace { user: &f.users[0], field, version };
    let blob = f.key.seal_for(&place, &SecretString::from(secret)).expect("sealed");
    let opened = f.key.open_for(&place, &blob).expect("opened");
    assert_eq!(opened.expose_secret(), secret);
    assert!(f.key.open_for(&PersonPlace { user: &f.users[1], ..place }, &blob).is_err());
    assert!(f.key.open_for(&place, of_tenant).is_err());
    let of_tenant = Place { tenant: &f.tenants[0], project: None, field, version };
    assert!(f.key.open(&of_tenant, &blob).is_err());
}

/// The data key itself: of it even the label counts.
fn data_key(f: &Fixture, bytes: &mut Bytes<'_>) {
    let edited = edit(&f.sealed.sealed_data_key, bytes);
    let changed = SealedDataKey { sealed_data_key: edited, ..f.sealed };
    let same = changed.sealed_data_key == f.sealed.sealed_data_key;
    assert_eq!(f.ring.open_data_key(&f.tenants[0], &changed).is_ok(), same, "{}", changed.sealed_data_key);
    if let Some(id) = master_key_id(&changed) {
        assert!(changed.sealed_data_key.contains(id));
    }
    let other = SealedDataKey { data_key_version: f.sealed.data_key_version.wrapping_add(1), ..f.sealed.clone() };
    assert!(f.ring.open_data_key(&f.tenants[0], &other).is_err());
    assert!(f.ring.open_data_key(&f.tenants[1], &f.sealed).is_err());
}

/// The text with a few letters taken out and others put in.
fn edit(blob: &str, bytes: &mut Bytes<'_>) -> String {
    let start = usize::from(bytes.short()) % (blob.len() + 1);
    let end = (start + usize::from(bytes.byte() % 4)).min(blob.len());
    format!("{}{}{}", &blob[..start], bytes.text(), &blob[end..])
}

fn without_label(blob: &str) -> Vec<&str> {
    blob.split('.').enumerate().filter(|(position, _)| *position != 1).map(|(_, part)| part).collect()
}
