//! Signing secrets that a person pastes, because the key may not make the endpoint or because one is being rolled.

use serde_json::json;

use super::{Error, Result, Scope, endpoint::NOT_CONNECTED};
use crate::{
    app::ConnectionError,
    domain::ids::SecretId,
    store::{
        connections::{self, Connection},
        signing_secrets,
    },
    vault::{ExposeSecret as _, SecretString, constant_time_eq},
};

/// Most secrets that count at once: the present one, the next, and one left over.
pub const MOST_LIVE: usize = 3;

/// Why a pasted text is not stored as a signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefusal {
    /// Nothing was pasted.
    #[error("Paste the signing secret of the endpoint: it begins with whsec_.")]
    Empty,
    /// A Stripe key instead.
    #[error(
        "This is an API key. The signing secret stands on the page of the webhook endpoint and begins with whsec_."
    )]
    ApiKey,
    /// Anything else.
    #[error("This is not a signing secret: one begins with whsec_ and has no spaces. Copy it again in one piece.")]
    Malformed,
    /// Already stored.
    #[error("This signing secret is stored already.")]
    Known,
    /// Three are stored.
    #[error("Three signing secrets are stored, which is the most. Remove one that is no longer used.")]
    TooMany,
    /// The last one is not removed.
    #[error("This is the only signing secret: without it every delivery would be refused. Add the new one first.")]
    LastOne,
}

/// Longest secret taken.
const LONGEST: usize = 255;
/// `whsec_` and at least this much.
const SHORTEST: usize = 16;

/// Reads a pasted signing secret. White space around it is forgiven.
pub fn parse(pasted: &str) -> Result<SecretString, SecretRefusal> {
    let text = pasted.trim();
    if text.is_empty() {
        return Err(SecretRefusal::Empty);
    }
    if ["sk_", "rk_", "pk_"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(SecretRefusal::ApiKey);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/' | b'=');
    let fits = text.starts_with("whsec_") && (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
    if fits { Ok(SecretString::from(text)) } else { Err(SecretRefusal::Malformed) }
}

impl Scope {
    /// Adds a signing secret beside those that count already.
    pub async fn add_secret(&self, pasted: &SecretString) -> Result<()> {
        let secret = parse(pasted.expose_secret())?;
        let mut tx = self.app.db.write(&self.tenant).await?;
        let connection = connections::find(&mut tx, &self.project).await?;
        let connection = connection.filter(Connection::is_live).ok_or(Error::Conflict(NOT_CONNECTED))?;
        let live = self.app.signing_secrets(&mut tx, &self.project, self.now()).await?;
        let same = |other: &SecretString| {
            constant_time_eq(other.expose_secret().as_bytes(), secret.expose_secret().as_bytes())
        };
        if live.iter().any(same) {
            return Err(SecretRefusal::Known.into());
        }
        if live.len() >= MOST_LIVE {
            return Err(SecretRefusal::TooMany.into());
        }
        let row = self.seal_secret(&self.app.data_key(&mut tx).await?, &secret).map_err(ConnectionError::from)?;
        signing_secrets::insert(&mut tx, &self.project, &row).await?;
        let detail = json!({ "secret": row.id.as_str() });
        self.audit(&mut tx, "connection.secret_added", connection.id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a signing secret, unless it is the only one. One that is gone already is no error.
    pub async fn remove_secret(&self, id: &SecretId) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let live = signing_secrets::live(&mut tx, &self.project, self.now()).await?;
        if live.len() == 1 && live[0].id == *id {
            return Err(SecretRefusal::LastOne.into());
        }
        if signing_secrets::delete(&mut tx, &self.project, id).await? {
            self.audit(&mut tx, "connection.secret_removed", id.as_str(), &json!({})).await?;
        }
        tx.commit().await?;
        self.app.known_receivers.forget(&self.tenant, &self.project);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretRefusal, parse};

    #[test]
    fn only_a_signing_secret_is_taken() {
        assert!(parse(" whsec_0123456789abcdef\n").is_ok());
        for (text, refusal) in [
            ("", SecretRefusal::Empty),
            ("sk_test_0123456789", SecretRefusal::ApiKey),
            ("whsec_", SecretRefusal::Malformed),
            ("whsec_0123456789 abcdef", SecretRefusal::Malformed),
            ("secret", SecretRefusal::Malformed),
        ] {
            assert_eq!(parse(text).err(), Some(refusal), "{text}");
        }
    }
}
