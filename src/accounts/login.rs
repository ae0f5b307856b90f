//! Checks an e-mail address and a password. An unknown account, a wrong password and a disabled person look the same and
//! take the same time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use sha2::Sha256;

use super::{
    Result, email,
    throttle::Subjects,
    trail::{self, Origin, Passage},
};
use crate::{
    app::App,
    domain::ids::UserId,
    store::users::{self, User},
    vault::{Passwords, constant_time_eq, new_token},
};

/// A try to log in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: SecretString,
    /// Where the try comes from.
    pub origin: Origin,
    /// The mark that [`device_mark`] left in the browser.
    pub device: Option<String>,
}

/// The person, or none when address or password is wrong. Whoever has a second factor is not in with that.
///
/// # Errors
/// [`super::Error::Throttled`] after too many failures, [`super::Error::Password`] when too many are logging in.
pub async fn authenticate(app: &App, credentials: Credentials) -> Result<Option<User>> {
    let now = app.clock.now();
    let address = email::normalise(&credentials.email).unwrap_or_default();
    let subjects = Subjects::new(&address, credentials.origin.address);
    let mut tx = app.db.system_read().await?;
    let found = users::by_email(&mut tx, &address).await?.filter(|user| user.disabled_at.is_none());
    let known_device = matches!((&found, &credentials.device), (Some(user), Some(mark)) if is_device_of(user, mark));
    subjects.check(&mut tx, known_device, now).await?;
    drop(tx);

    let hash = found.as_ref().map(|user| user.password_hash.clone());
    let fits = app.passwords.verify(credentials.password.clone(), hash).await?;
    let mut user = match found {
        Some(user) if fits => user,
        found => {
            let mut tx = app.db.system_write().await?;
            subjects.failed(&mut tx, now).await?;
            tx.commit().await?;
            if let Some(user) = found {
                note_failure(app, user, credentials.origin);
            }
            return Ok(None);
        }
    };
    let renewed = if Passwords::is_outdated(&user.password_hash) {
        Some(app.passwords.hash(credentials.password).await?)
    } else {
        None
    };
    let mut tx = app.db.system_write().await?;
    subjects.succeeded(&mut tx).await?;
    if let Some(hash) = renewed
        && users::replace_password_hash(&mut tx, &user, &hash).await?
    {
        user.password_hash = hash;
    }
    if user.two_factor_at.is_some() {
        tx.commit().await?; // who has a second factor is not in yet
        return Ok(Some(user));
    }
    users::note_login(&mut tx, &user.id, now).await?;
    trail::note(app, tx, &user.id, Passage::LoggedIn, &credentials.origin).await?;
    Ok(Some(user))
}

/// Notes that a person came in by another way than the password alone.
pub async fn entered(app: &App, user: &UserId, origin: &Origin) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    users::note_login(&mut tx, user, app.clock.now()).await?;
    Ok(trail::note(app, tx, user, Passage::LoggedIn, origin).await?)
}

/// After the answer: it must not take longer than for an address that nobody has.
fn note_failure(app: &App, user: User, origin: Origin) {
    let noting = app.clone();
    app.background.spawn(async move {
        let noted = async {
            let tx = noting.db.system_write().await?;
            trail::note(&noting, tx, &user.id, Passage::Failed, &origin).await
        };
        if let Err(error) = noted.await {
            tracing::error!(%error, user.id = %user.id, "a failed login is missing in the audit log");
        }
    });
}

/// The person with this id, unless disabled.
pub async fn person(app: &App, id: &UserId) -> Result<Option<User>> {
    let mut tx = app.db.system_read().await?;
    Ok(users::by_id(&mut tx, id).await?.filter(|user| user.disabled_at.is_none()))
}

/// What a session is tied to: it ends when the password changes or the sessions of the person are ended.
pub fn session_tie(user: &User) -> Vec<u8> {
    format!("{}:{}", user.session_version, user.password_hash).into_bytes()
}

/// A mark for a browser in which the person has logged in, so that somebody else's failures cannot lock the person out.
/// It proves nothing but that, and dies with the password.
pub fn device_mark(user: &User) -> String {
    let name = new_token();
    let proof = proof(user, &name);
    format!("{name}.{proof}")
}

fn is_device_of(user: &User, mark: &str) -> bool {
    mark.split_once('.').is_some_and(|(name, sent)| constant_time_eq(proof(user, name).as_bytes(), sent.as_bytes()))
}

/// Keyed by the password hash: nobody outside knows it, and it needs no storage of its own.
fn proof(user: &User, name: &str) -> String {
    match Hmac::<Sha256>::new_from_slice(user.password_hash.as_bytes()) {
        Ok(mut mac) => {
            mac.update(b"billfold device\0");
            mac.update(user.id.as_str().as_bytes());
            mac.update(name.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::new_id;

    #[test]
    fn a_mark_belongs_to_one_person_and_one_password() {
        let user = |hash: &str| User::new(new_id(), "a@x.example".to_owned(), String::new(), hash.to_owned());
        let ada = user("one");
        let mark = device_mark(&ada);
        assert!(is_device_of(&ada, &mark));
        assert!(!is_device_of(&user("one"), &mark));
        assert!(!is_device_of(&User { password_hash: "two".to_owned(), ..ada.clone() }, &mark));
        for wrong in ["", ".", "x.", &mark[1..]] {
            assert!(!is_device_of(&ada, wrong), "{wrong}");
        }
    }
}
