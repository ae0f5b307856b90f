//! The audit log, as a story reads it.

use billfold::{
    app::audit::{Detail, open_detail},
    store::audit_log::list::{self, Stored},
};

use super::{people::Tenant, site::Site};

/// Every entry of a business with what it tells in detail, oldest first.
pub async fn audit_log(site: &Site, tenant: &Tenant) -> Vec<(Stored, Detail)> {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let key = site.app.data_key(&mut tx).await.unwrap();
    let entries = list::after(&mut tx, 0, 100_000).await.unwrap();
    entries
        .into_iter()
        .map(|entry| {
            let told = open_detail(&tx, &key, &entry).unwrap().unwrap_or_default();
            (entry, told)
        })
        .collect()
}
