//! From a key that a program sent to what it may do. Known keys are remembered for less than a second, so that a busy program
//! costs no query per request and a key that was revoked in another process is still dead at once.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use super::App;
use crate::{
    db,
    domain::{
        api_key::{ApiKey, ApiScopes},
        ids::{KeyId, ProjectId, TenantId},
    },
    store::api_keys,
    vault::hash_token,
};

/// How long a key is remembered.
const FRESH: Duration = Duration::from_millis(800);
/// Keys remembered at once.
const KEYS: u64 = 10_000;

/// A key that is in the database and was not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Our id.
    pub id: KeyId,
    /// Whose.
    pub tenant: TenantId,
    /// Which project's.
    pub project: ProjectId,
    /// What it may do.
    pub scopes: ApiScopes,
    /// Unix seconds: from here on it does not work.
    pub expires_at: i64,
}

/// The keys that were used a moment ago. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KnownKeys(Cache<String, Arc<KnownKey>>);

impl Default for KnownKeys {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEYS).time_to_live(FRESH).build())
    }
}

impl KnownKeys {
    /// Forgets a key by its hash, because it changed.
    pub async fn forget(&self, hash: &str) {
        self.0.invalidate(hash).await;
    }
}

impl App {
    /// What a key is, when it exists and was not revoked. Whether it has expired is for the caller to see.
    pub async fn known_key(&self, key: &ApiKey) -> db::Result<Option<Arc<KnownKey>>> {
        let hash = hash_token(key.expose());
        if let Some(known) = self.known_keys.0.get(&hash).await {
            return Ok(Some(known));
        }
        let mut tx = self.db.system_read().await?;
        let Some(found) = api_keys::by_hash(&mut tx, &hash).await? else { return Ok(None) };
        drop(tx);
        let known = Arc::new(KnownKey {
            id: found.id,
            tenant: found.tenant_id,
            project: found.project_id,
            scopes: ApiScopes::from_stored(&found.scopes),
            expires_at: found.expires_at,
        });
        self.known_keys.0.insert(hash, known.clone()).await;
        Ok(Some(known))
    }
}
