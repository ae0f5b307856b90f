//! The key that people's own secrets are sealed with. People belong to no tenant, so it is the installation's; a master key
//! seals it like a tenant's.

use super::Result;
use crate::{app::App, db::System, store::instance, vault::DataKey};

/// The key, made when it is first needed.
pub(super) async fn people_key(app: &App, tx: &mut impl System) -> Result<DataKey> {
    if let Some(sealed) = instance::people_key(tx).await? {
        return Ok(app.keyring.open_people_key(&sealed)?);
    }
    let made = app.keyring.new_people_key()?;
    instance::set_people_key(tx, &made).await?;
    // of two that were made at the same moment the stored one counts
    let stored = instance::people_key(tx).await?.unwrap_or(made);
    Ok(app.keyring.open_people_key(&stored)?)
}
