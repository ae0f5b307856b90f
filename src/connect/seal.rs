//! Sealing what a connection keeps secret, each value for its own place.

use super::{Result, Scope};
use crate::{
    app::{KEY_FIELD, TOKEN_FIELD},
    domain::ids::SecretId,
    store::signing_secrets::{self, SigningSecret},
    vault::{DataKey, Place, SealError, SecretString, new_id},
};

impl Scope {
    fn place<'a>(&'a self, field: &'a str, version: i64) -> Place<'a> {
        Place { tenant: &self.tenant, project: Some(&self.project), field, version }
    }

    /// The Stripe key, bound to its version.
    pub(super) fn seal_key(&self, data_key: &DataKey, key: &SecretString, version: i64) -> Result<String, SealError> {
        data_key.seal(&self.place(KEY_FIELD, version), key)
    }

    /// The webhook token, bound to the second of the connect: it outlives a replaced key, but not a disconnect.
    pub(super) fn seal_token(&self, data_key: &DataKey, token: &str, connected_at: i64) -> Result<String, SealError> {
        data_key.seal(&self.place(TOKEN_FIELD, connected_at), &SecretString::from(token))
    }

    /// A signing secret in a row of its own.
    pub(super) fn seal_secret(&self, data_key: &DataKey, secret: &SecretString) -> Result<SigningSecret, SealError> {
        let id: SecretId = new_id();
        let (field, version) = (signing_secrets::field(&id), 1);
        let sealed = data_key.seal(&self.place(&field, version), secret)?;
        Ok(SigningSecret { id, sealed, version, created: self.now(), expires_at: None })
    }
}
