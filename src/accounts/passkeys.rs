//! Passkeys: signing in with a finger, a face or the PIN of a device. A passkey is bound to this site and asks who holds the
//! device, so it counts for password and second factor together.

use super::{
    Error, Result, invalid, login, name,
    trail::{self, Act, Origin},
};
use crate::{
    app::App,
    db,
    domain::ids::{PasskeyId, UserId},
    store::{
        passkeys::{self, Passkey},
        users::User,
    },
    vault::{
        new_id, random_bytes,
        webauthn::{self, Party, Statement, base64url, from_base64url},
    },
};

/// Seconds for which a question to a browser may be answered.
pub const PATIENCE: i64 = 5 * 60;
/// Passkeys of one person.
const MOST: usize = 20;

/// Where passkeys work; none when people reach billfold under a bare network address.
pub fn party(app: &App) -> Option<Party> {
    Party::of(&app.config.public_url())
}

/// A question that no browser was asked before.
pub fn new_challenge() -> String {
    base64url(&random_bytes::<32>())
}

/// What a browser answers, base64url.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The name of the credential.
    pub credential: String,
    /// The client data.
    pub client_data: String,
    /// The authenticator data.
    pub authenticator_data: String,
    /// The new public key, or the signature.
    pub proof: String,
}

impl Answer {
    fn decode(&self) -> Option<[Vec<u8>; 4]> {
        let [credential, client, data, proof] =
            [&self.credential, &self.client_data, &self.authenticator_data, &self.proof]
                .map(|text| from_base64url(text));
        Some([credential?, client?, data?, proof?])
    }
}

/// Adds a passkey of the person.
///
/// # Errors
/// [`Error::Invalid`] names the field.
pub async fn register(
    app: &App,
    user: &UserId,
    (called, challenge): (&str, &str),
    answer: &Answer,
    origin: &Origin,
) -> Result<()> {
    let called = name("name", called)?;
    let refused = "The browser's answer was not accepted. Try again.";
    let (Some(party), Some([credential, client, data, key])) = (party(app), answer.decode()) else {
        return invalid("passkey", refused);
    };
    let said = Statement { client_data: &client, authenticator_data: &data };
    let counter = match webauthn::registered(&party, challenge, &said, (&credential, &key)) {
        Ok(counter) => counter,
        Err(why) => {
            tracing::info!(%why, "a passkey was not added");
            return invalid("passkey", refused);
        }
    };
    let passkey = Passkey {
        id: new_id(),
        user_id: user.clone(),
        credential_id: answer.credential.clone(),
        public_key: answer.proof.clone(),
        counter: i64::from(counter),
        name: called,
        created: app.clock.now(),
        last_used_at: None,
    };
    let mut tx = app.db.system_write().await?;
    if passkeys::of_user(&mut tx, user).await?.len() >= MOST {
        return invalid("passkey", "There are 20 passkeys already; that is the limit. Remove one first.");
    }
    match passkeys::insert(&mut tx, &passkey).await {
        Err(db::Error::Conflict(_)) => return invalid("passkey", "This passkey is here already."),
        inserted => inserted?,
    }
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.passkey_added", origin)).await?)
}

/// Whether a person has a passkey.
pub async fn any(app: &App, user: &UserId) -> Result<bool> {
    let mut tx = app.db.system_read().await?;
    Ok(!passkeys::of_user(&mut tx, user).await?.is_empty())
}

/// The person whose passkey answers; none when it is unknown or not believed.
pub async fn sign_in(app: &App, challenge: &str, answer: &Answer, origin: &Origin) -> Result<Option<User>> {
    let (Some(party), Some([_, client, data, signature])) = (party(app), answer.decode()) else { return Ok(None) };
    let mut tx = app.db.system_read().await?;
    let Some(known) = passkeys::by_credential(&mut tx, &answer.credential).await? else { return Ok(None) };
    drop(tx);
    let Some(key) = from_base64url(&known.public_key) else { return Ok(None) };
    let said = Statement { client_data: &client, authenticator_data: &data };
    let counter = match webauthn::used(&party, challenge, &said, (&key, &signature)) {
        Ok(counter) => i64::from(counter),
        Err(why) => {
            tracing::info!(%why, user.id = %known.user_id, "a passkey was refused");
            return Ok(None);
        }
    };
    let Some(user) = login::person(app, &known.user_id).await? else { return Ok(None) };
    let mut tx = app.db.system_write().await?;
    if !passkeys::note_use(&mut tx, &known.id, counter, app.clock.now()).await? {
        tracing::warn!(user.id = %known.user_id, "a passkey was refused: its counter went back, so there is a copy of it");
        return Ok(None);
    }
    tx.commit().await?;
    login::entered(app, &user.id, origin).await?;
    Ok(Some(user))
}

/// Gives a passkey another name.
///
/// # Errors
/// [`Error::Unknown`] without such a passkey of the person, [`Error::Invalid`] names the field.
pub async fn rename(app: &App, user: &UserId, id: &PasskeyId, called: &str, origin: &Origin) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    let own = passkeys::of_user(&mut tx, user).await?.into_iter().any(|passkey| passkey.id == *id);
    if !own {
        return Err(Error::Unknown);
    }
    passkeys::rename(&mut tx, user, id, &name("name", called)?).await?;
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.passkey_renamed", origin)).await?)
}

/// Forgets a passkey.
///
/// # Errors
/// [`Error::Unknown`] without such a passkey of the person.
pub async fn remove(app: &App, user: &UserId, id: &PasskeyId, origin: &Origin) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    if !passkeys::remove(&mut tx, user, id).await? {
        return Err(Error::Unknown);
    }
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.passkey_removed", origin)).await?)
}
