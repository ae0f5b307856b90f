//! Changing the master key while everything runs: each tenant's data key is sealed anew, a batch per transaction, so that it can be
//! stopped and gone on with at any point, and so is the key for people's secrets. The secrets themselves stay as they are: they are
//! sealed by those keys.

use std::collections::BTreeMap;

use super::{Error, Result};
use crate::{
    app::App,
    domain::sealed::SealedDataKey,
    store::{instance, tenants},
    vault::{master_key_id, sealed_by},
};

/// Data keys per transaction.
const BATCH: i64 = 500;

/// A master key, and how much depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Its id.
    pub id: String,
    /// Whether it is here. What is sealed by one that is not cannot be opened.
    pub known: bool,
    /// Whether it seals what is new.
    pub seals: bool,
    /// How many keys are sealed by it: tenants' data keys and the one for people's secrets.
    pub seals_keys: u64,
}

/// Every master key that is here or is needed, the one that seals first.
pub async fn status(app: &App) -> Result<Vec<KeyUse>> {
    let mut tx = app.db.system_read().await?;
    let mut uses: BTreeMap<String, u64> = BTreeMap::new();
    for tenant in tenants::data_keys(&mut tx).await? {
        *uses.entry(sealer(&tenant.key)).or_default() += 1;
    }
    if let Some(people) = instance::people_key(&mut tx).await? {
        *uses.entry(sealer(&people)).or_default() += 1;
    }
    let known = app.keyring.ids().into_iter().enumerate().map(|(place, id)| KeyUse {
        seals_keys: uses.remove(&id).unwrap_or(0),
        known: true,
        seals: place == 0,
        id,
    });
    let mut status: Vec<KeyUse> = known.collect();
    status.extend(uses.into_iter().map(|(id, seals_keys)| KeyUse { id, known: false, seals: false, seals_keys }));
    Ok(status)
}

fn sealer(key: &SealedDataKey) -> String {
    master_key_id(key).unwrap_or("unreadable").to_owned()
}

/// Seals every tenant's data key, and the key for people's secrets, by the master key that seals, wherever another one has sealed it. Answers how many there were. Of two
/// that do it at once, each row is done by one.
pub async fn reseal(app: &App) -> Result<u64> {
    let prefix = sealed_by(app.keyring.ids().first().map_or("", String::as_str));
    let mut resealed = reseal_people_key(app, &prefix).await?;
    loop {
        let mut tx = app.db.system_write().await?;
        let batch = tenants::data_keys_other_than(&mut tx, &prefix, BATCH).await?;
        if batch.is_empty() {
            return Ok(resealed);
        }
        for tenant in batch {
            let sealed = app.keyring.reseal_data_key(&tenant.id, &tenant.key)?;
            resealed += u64::from(tenants::replace_data_key(&mut tx, &tenant.id, &tenant.key, &sealed).await?);
        }
        fail::fail_point!("master_keys.before_commit");
        tx.commit().await?;
        fail::fail_point!("master_keys.committed");
    }
}

async fn reseal_people_key(app: &App, prefix: &str) -> Result<u64> {
    let mut tx = app.db.system_write().await?;
    let Some(key) = instance::people_key(&mut tx).await? else { return Ok(0) };
    if key.sealed_data_key.starts_with(prefix) {
        return Ok(0);
    }
    let sealed = app.keyring.reseal_people_key(&key)?;
    let replaced = instance::replace_people_key(&mut tx, &key, &sealed).await?;
    tx.commit().await?;
    Ok(u64::from(replaced))
}

/// Takes a master key out of the key file.
///
/// # Errors
/// [`Error::Conflict`] while something is sealed by it, or while it is the one that seals; [`Error::Unknown`] when it is not there.
pub async fn retire(app: &App, id: &str) -> Result<()> {
    match status(app).await?.into_iter().find(|key| key.id == id) {
        None => Err(Error::Unknown),
        Some(key) if key.seals => {
            Err(Error::Conflict("It is the key that seals. Make another one first: billfold keys rotate"))
        }
        Some(key) if key.seals_keys > 0 => {
            Err(Error::Conflict("Something is still sealed by it. Seal it anew first: billfold keys rotate"))
        }
        Some(_) => Ok(app.keyring.remove_key(id)?),
    }
}
