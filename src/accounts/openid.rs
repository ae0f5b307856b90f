//! Signing in with the operator's identity provider. Which account there belongs to whom is decided by people alone, who link it
//! while they are signed in here: an e-mail address that a provider tells proves nothing, and neither does one that was typed here.

use super::{
    Error, Result, invalid, login,
    trail::{self, Act, Origin},
};
use crate::{
    app::App,
    db,
    domain::ids::UserId,
    openid::Identity,
    store::{
        openid_identities::{self, OpenidIdentity},
        users::User,
    },
};

/// Seconds within which somebody must have proven at the provider who they are, where that is asked for anew. The clocks of two
/// machines differ a little.
const FRESH: i64 = 5 * 60;

/// The person whom an identity was linked to. Whoever has a second factor is not in with that.
pub async fn sign_in(app: &App, identity: &Identity, origin: &Origin) -> Result<Option<User>> {
    let mut tx = app.db.system_write().await?;
    let Some(known) = openid_identities::find(&mut tx, &identity.issuer, &identity.subject).await? else {
        return Ok(None);
    };
    openid_identities::note_use(&mut tx, &identity.issuer, &identity.subject, app.clock.now()).await?;
    tx.commit().await?;
    let Some(user) = login::person(app, &known.user_id).await? else { return Ok(None) };
    if user.two_factor_at.is_none() {
        login::entered(app, &user.id, origin).await?;
    }
    Ok(Some(user))
}

/// Whether an identity is this person's and was proven at the provider just now; then that is noted as a sign-in.
pub async fn confirm(app: &App, user: &UserId, identity: &Identity, origin: &Origin) -> Result<bool> {
    let mut tx = app.db.system_read().await?;
    let known = openid_identities::find(&mut tx, &identity.issuer, &identity.subject).await?;
    drop(tx);
    let fresh = identity.authenticated_at.is_some_and(|at| app.clock.now() - at <= FRESH);
    if !fresh || known.is_none_or(|known| known.user_id != *user) {
        return Ok(false);
    }
    login::entered(app, user, origin).await?;
    Ok(true)
}

/// The account that a person has linked at the provider of the settings.
pub async fn linked(app: &App, user: &UserId) -> Result<Option<OpenidIdentity>> {
    let Some(provider) = &app.openid else { return Ok(None) };
    let mut tx = app.db.system_read().await?;
    Ok(openid_identities::of_user(&mut tx, user, provider.issuer()).await?)
}

/// Links an account at the provider to a person.
///
/// # Errors
/// [`Error::Invalid`] when it is somebody else's, or the person has one already.
pub async fn link(app: &App, user: &UserId, identity: Identity, origin: &Origin) -> Result<()> {
    let new = OpenidIdentity {
        issuer: identity.issuer,
        subject: identity.subject,
        user_id: user.clone(),
        email: identity.email.chars().take(320).collect(),
        created: app.clock.now(),
        last_used_at: None,
    };
    let mut tx = app.db.system_write().await?;
    match openid_identities::insert(&mut tx, &new).await {
        Err(db::Error::Conflict(_)) => {
            return invalid("openid", "This account signs somebody in already. Unlink it there first.");
        }
        inserted => inserted?,
    }
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.openid_linked", origin)).await?)
}

/// Forgets the account that a person has linked.
///
/// # Errors
/// [`Error::Unknown`] when there is none.
pub async fn unlink(app: &App, user: &UserId, origin: &Origin) -> Result<()> {
    let provider = app.openid.as_ref().ok_or(Error::Unknown)?;
    let mut tx = app.db.system_write().await?;
    if !openid_identities::remove(&mut tx, user, provider.issuer()).await? {
        return Err(Error::Unknown);
    }
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.openid_unlinked", origin)).await?)
}
