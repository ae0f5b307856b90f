//! The first run: one person with a one-time link makes the first owner and tenant. Then it is closed for good.

use super::{
    Error, Result,
    signup::{self, NewUser, SignedUp},
};
use crate::{
    app::App,
    store::{instance, users},
    vault::{constant_time_eq, hash_token, new_token},
};

/// Makes the token of a new link and forgets the one before; none when somebody exists already.
pub async fn new_token_if_open(app: &App) -> Result<Option<String>> {
    let token = new_token();
    let mut tx = app.db.system_write().await?;
    if users::any(&mut tx).await? || !instance::set_setup_token(&mut tx, &hash_token(&token)).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(token))
}

/// What a visitor of the set-up page sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The token is right.
    Open,
    /// Nobody exists yet, but the token is wrong.
    WrongToken,
    /// Somebody exists.
    Closed,
}

/// Where this token leads.
pub async fn door(app: &App, token: &str) -> Result<Door> {
    let mut tx = app.db.system_read().await?;
    let setup = instance::setup(&mut tx).await?;
    if setup.setup_finished_at.is_some() || users::any(&mut tx).await? {
        return Ok(Door::Closed);
    }
    let right =
        setup.setup_token_hash.is_some_and(|hash| constant_time_eq(hash.as_bytes(), hash_token(token).as_bytes()));
    Ok(if right { Door::Open } else { Door::WrongToken })
}

/// Makes the first owner and tenant. Of two at the same moment one wins; the other finds the door closed.
///
/// # Errors
/// [`Error::SetupClosed`] for a wrong token or when somebody exists; [`Error::Invalid`] names the field.
pub async fn finish(app: &App, token: &str, owner: NewUser, tenant: &str) -> Result<SignedUp> {
    if door(app, token).await? != Door::Open {
        return Err(Error::SetupClosed); // before the expensive hash
    }
    let prepared = signup::prepare(app, owner).await?;
    let now = app.clock.now();
    let mut tx = app.db.system_write().await?;
    if users::any(&mut tx).await? || !instance::finish_setup(&mut tx, now).await? {
        return Err(Error::SetupClosed);
    }
    let user = signup::create_user(&mut tx, &prepared, now).await?;
    users::set_operator(&mut tx, &user, Some(now)).await?; // whoever sets it up runs it
    let (tx, project) = signup::create_tenant_with_owner(app, tx, tenant, &user).await?;
    let tenant = tx.tenant().clone();
    tx.commit().await?;
    Ok(SignedUp { user, tenant, project: Some(project) })
}
