//! Keys for the programs of a project: made, rolled and revoked by people. A key never manages keys.

use serde_json::json;

use super::{
    Error, Result, invalid, name,
    notices::{News, Subject},
};
use crate::{
    app::Scope,
    db::Tx,
    domain::{
        api_key::{ApiKey, ApiScopes, Grace, MOST_DAYS, MOST_KEYS, RANDOM_BYTES},
        ids::KeyId,
        time::DAY_SECONDS,
    },
    store::api_keys::{self, NewKey},
    vault::{hash_token, new_id, random_bytes},
};

/// A key that was just made. This is the only time at which it can be shown.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// Our id.
    pub id: KeyId,
    /// The key itself.
    pub key: ApiKey,
    /// Unix seconds: until then it works.
    pub expires_at: i64,
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWish {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: ApiScopes,
    /// For how many days.
    pub days: i64,
}

impl Scope {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name, scopes or life are not what they can be, or when the business has too many keys.
    pub async fn create_api_key(&self, wish: &KeyWish) -> Result<MadeKey> {
        let name = name("name", &wish.name)?;
        if wish.scopes.is_empty() {
            return invalid("scopes", "Choose what the key may do: a key without a scope could do nothing.");
        }
        if !(1..=MOST_DAYS).contains(&wish.days) {
            return invalid("days", "A key works for 1 to 365 days.");
        }
        let now = self.now();
        let made = new_key(now + wish.days * DAY_SECONDS);
        let mut tx = self.app.db.write(&self.tenant).await?;
        if api_keys::count_working(&mut tx, &self.tenant, now).await? >= MOST_KEYS {
            return invalid("name", "There are 50 keys already; that is the limit. Revoke one that is not used.");
        }
        let scopes = wish.scopes.to_stored();
        self.insert_api_key(&mut tx, &made, (&name, &scopes), None).await?;
        let detail = json!({ "name": name, "key": made.key.shown(), "scopes": scopes, "expires_at": made.expires_at });
        self.audit(&mut tx, "api_key.created", made.id.as_str(), &detail).await?;
        tx.commit().await?;
        self.tell_of_key(News::Made, self.subject(&made, &name, wish.scopes));
        Ok(made)
    }

    /// Makes the successor of a key: same name, same scopes, the same length of life. The key itself ends after the grace.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a key in the project, [`Error::Conflict`] when it has ended or was rolled before.
    pub async fn roll_api_key(&self, id: &KeyId, grace: Grace) -> Result<MadeKey> {
        let now = self.now();
        let mut tx = self.app.db.write(&self.tenant).await?;
        let old = api_keys::find(&mut tx, &self.tenant, &self.project, id).await?.ok_or(Error::Unknown)?;
        let life = (old.expires_at - old.created).clamp(DAY_SECONDS, MOST_DAYS * DAY_SECONDS);
        let made = new_key(now + life);
        let place = (&self.tenant, &self.project);
        let ends_at = now + grace.seconds();
        let replaced = api_keys::replace(&mut tx, place, (id, &made.id), ends_at, now).await?;
        let hash = replaced.ok_or(Error::Conflict("This key has ended or was rolled already."))?;
        self.insert_api_key(&mut tx, &made, (&old.name, &old.scopes), Some(id)).await?;
        let detail = json!({ "name": old.name, "key": old.shown, "successor": made.id.as_str(),
            "successor_key": made.key.shown(), "ends_at": ends_at.min(old.expires_at) });
        self.audit(&mut tx, "api_key.rolled", id.as_str(), &detail).await?;
        tx.commit().await?;
        self.app.known_keys.forget(&hash).await;
        self.tell_of_key(News::Rolled, self.subject(&made, &old.name, ApiScopes::from_stored(&old.scopes)));
        Ok(made)
    }

    /// Ends a key now.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a key in the project, [`Error::Conflict`] when it has ended.
    pub async fn revoke_api_key(&self, id: &KeyId) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let old = api_keys::find(&mut tx, &self.tenant, &self.project, id).await?.ok_or(Error::Unknown)?;
        let revoked = api_keys::revoke(&mut tx, &self.tenant, &self.project, id, self.now()).await?;
        let hash = revoked.ok_or(Error::Conflict("This key has ended already."))?;
        let detail = json!({ "name": old.name, "key": old.shown });
        self.audit(&mut tx, "api_key.revoked", id.as_str(), &detail).await?;
        tx.commit().await?;
        self.app.known_keys.forget(&hash).await;
        Ok(())
    }

    /// A key that the actor just made, for the mail about it.
    fn subject(&self, made: &MadeKey, name: &str, scopes: ApiScopes) -> Subject {
        Subject {
            id: made.id.clone(),
            name: name.to_owned(),
            shown: made.key.shown(),
            scopes,
            expires_at: made.expires_at,
            also: self.by.actor.clone(),
            more: Vec::new(),
        }
    }

    async fn insert_api_key(
        &self,
        tx: &mut Tx,
        made: &MadeKey,
        (name, scopes): (&str, &str),
        replaces: Option<&KeyId>,
    ) -> Result<()> {
        let row = NewKey {
            id: &made.id,
            hash: &hash_token(made.key.expose()),
            tenant: &self.tenant,
            project: &self.project,
            shown: &made.key.shown(),
            name,
            scopes,
            created: self.now(),
            created_by: &self.by.actor,
            expires_at: made.expires_at,
            replaces,
        };
        Ok(api_keys::insert(tx, &row).await?)
    }
}

fn new_key(expires_at: i64) -> MadeKey {
    MadeKey { id: new_id(), key: ApiKey::from_random(random_bytes::<RANDOM_BYTES>()), expires_at }
}
