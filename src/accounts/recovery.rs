//! New passwords: changed by who knows the old one, by who reads the mail of the account, or by the operator. Whoever sets one
//! ends every session of the person, and the person is told by mail where mail is set up.

use secrecy::SecretString;

use super::{
    Error, Result, email, invalid,
    login::{Credentials, authenticate, device_mark},
    passwords,
    throttle::Subjects,
    trail::{self, Act, Origin},
};
use crate::{
    app::App,
    domain::{ids::UserId, time},
    mail::Mail,
    store::{
        password_resets,
        users::{self, User},
    },
    vault::{hash_token, new_token},
};

/// Seconds for which a link works.
pub const LIFE: i64 = 60 * 60;
/// Links of one person within that time.
const MOST: i64 = 3;

/// Asks for a link to a new password. Whether the address has an account changes neither the answer nor the time it takes: the
/// look-up and the mail come after it.
///
/// # Errors
/// [`Error::Invalid`] for what is no address, [`Error::Throttled`] after too many wishes.
pub async fn ask(app: &App, address: &str, origin: &Origin) -> Result<()> {
    let address = email::normalise(address)?;
    let now = app.clock.now();
    let subjects = Subjects::of_resets(&address, origin.address);
    let mut tx = app.db.system_write().await?;
    subjects.check(&mut tx, false, now).await?;
    subjects.failed(&mut tx, now).await?;
    tx.commit().await?;
    let (sending, origin) = (app.clone(), origin.clone());
    app.background.spawn(async move {
        if let Err(error) = send(&sending, &address, &origin).await {
            tracing::error!(%error, "a link to a new password was not made");
        }
    });
    Ok(())
}

async fn send(app: &App, address: &str, origin: &Origin) -> Result<()> {
    let Some(mailer) = &app.mail else { return Ok(()) };
    let now = app.clock.now();
    let mut tx = app.db.system_write().await?;
    let Some(user) = users::by_email(&mut tx, address).await?.filter(|user| user.disabled_at.is_none()) else {
        return Ok(());
    };
    password_resets::delete_expired(&mut tx, now).await?;
    if password_resets::count_since(&mut tx, &user.id, now - LIFE).await? >= MOST {
        return Ok(());
    }
    let token = new_token();
    password_resets::insert(&mut tx, &hash_token(&token), &user.id, (now, now + LIFE)).await?;
    trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.password_reset_asked", origin)).await?;
    let (until, url) = (time::absolute(now + LIFE), app.config.public_url());
    let text = format!(
        "Somebody, probably you, wants to set a new password for {address} on billfold.\n\nOpen this link to do so; it works \
         once, until {until}:\n\n{url}/reset/{token}\n\nIf it was not you, do nothing: the password stays as it is.\n"
    );
    mailer.deliver(&Mail { to: user.email, subject: "Set a new password".to_owned(), text, html: None }).await;
    Ok(())
}

/// Whose password a link may set; none when it is unknown, used or too old.
pub async fn holder(app: &App, token: &str) -> Result<Option<User>> {
    let mut tx = app.db.system_read().await?;
    let Some(id) = password_resets::find(&mut tx, &hash_token(token), app.clock.now()).await? else { return Ok(None) };
    Ok(users::by_id(&mut tx, &id).await?.filter(|user| user.disabled_at.is_none()))
}

/// Sets a password by a link, which is used up. A second factor stays as it is.
///
/// # Errors
/// [`Error::Unknown`] when the link opens nothing, [`Error::Invalid`] for a weak password.
pub async fn reset(app: &App, token: &str, password: SecretString, origin: &Origin) -> Result<()> {
    let user = holder(app, token).await?.ok_or(Error::Unknown)?; // before the expensive hash
    let hash = hashed(app, &user, password).await?;
    let mut tx = app.db.system_write().await?;
    let owner = password_resets::take(&mut tx, &hash_token(token), app.clock.now()).await?;
    if owner.as_ref() != Some(&user.id) {
        return Err(Error::Unknown);
    }
    users::set_password(&mut tx, &user.id, &hash).await?;
    password_resets::delete_of_user(&mut tx, &user.id).await?;
    trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.password_reset", origin)).await?;
    tell(app, &user.email);
    Ok(())
}

/// Sets a password for who knows the one before. Answers the person as stored now.
///
/// # Errors
/// [`Error::Invalid`] names the field.
pub async fn change(
    app: &App,
    user: &User,
    (current, new): (SecretString, SecretString),
    origin: &Origin,
) -> Result<User> {
    let credentials = Credentials {
        email: user.email.clone(),
        password: current,
        origin: origin.clone(),
        device: Some(device_mark(user)), // a signed-in browser is a known one
    };
    if authenticate(app, credentials).await?.is_none() {
        return invalid("current", "This is not your password.");
    }
    let hash = hashed(app, user, new).await?;
    let mut tx = app.db.system_write().await?;
    users::set_password(&mut tx, &user.id, &hash).await?;
    password_resets::delete_of_user(&mut tx, &user.id).await?;
    let stored = users::by_id(&mut tx, &user.id).await?.ok_or(Error::Unknown)?;
    trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.password_changed", origin)).await?;
    tell(app, &user.email);
    Ok(stored)
}

/// Sets a password in the operator's name.
///
/// # Errors
/// [`Error::Invalid`] names the field: nobody has the address, or the password is weak.
pub async fn set_by_operator(app: &App, address: &str, password: SecretString) -> Result<UserId> {
    let address = email::normalise(address)?;
    let mut tx = app.db.system_read().await?;
    let Some(user) = users::by_email(&mut tx, &address).await? else {
        return invalid("email", "Nobody has this e-mail address.");
    };
    drop(tx);
    let hash = hashed(app, &user, password).await?;
    let mut tx = app.db.system_write().await?;
    users::set_password(&mut tx, &user.id, &hash).await?;
    password_resets::delete_of_user(&mut tx, &user.id).await?;
    trail::note_act(app, tx, &user.id, &Act::of_operator("person.password_reset")).await?;
    tell(app, &user.email);
    Ok(user.id)
}

async fn hashed(app: &App, user: &User, password: SecretString) -> Result<String> {
    passwords::check(&password, &user.email)?;
    Ok(app.passwords.hash(password).await?)
}

/// Tells the person in the background: a password that somebody else set must not stay unnoticed.
fn tell(app: &App, address: &str) {
    let Some(mailer) = app.mail.clone() else { return };
    let text = format!(
        "The password of {address} on billfold was changed, and every session was ended.\n\nIf it was not you, set a new one \
         now:\n{}/forgot\n",
        app.config.public_url()
    );
    let mail = Mail { to: address.to_owned(), subject: "Your password was changed".to_owned(), text, html: None };
    app.background.spawn(async move { mailer.deliver(&mail).await });
}
