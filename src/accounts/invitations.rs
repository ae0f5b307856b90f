//! Asking people into a tenant. An invitation is a link for one e-mail address: it works once, for seven days, until it is
//! withdrawn. Only its hash is stored. Whether the address has an account already is told to nobody but its holder.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    Error, Result, email, invalid,
    signup::{self, NewUser},
    team::Team,
    trail::Origin,
};
use crate::{
    app::App,
    db::{self, Tx},
    domain::{
        ids::{InvitationId, UserId},
        role::Role,
        time::{self, DAY_SECONDS},
    },
    mail::{self, Mail},
    store::{
        invitations::{self, Invitation},
        members, tenants,
        users::{self, User},
    },
    vault::{hash_token, new_id, new_token},
};

/// Seconds for which a link works.
pub const LIFE: i64 = 7 * DAY_SECONDS;
/// Invitations of one tenant that may wait.
const MOST: usize = 100;

/// An invitation that was just made or renewed.
#[derive(Debug)]
pub struct Invited {
    /// The address.
    pub email: String,
    /// Unix seconds: until then it works.
    pub expires_at: i64,
    /// Where the link leads. This is the only time at which it is known.
    pub link: SecretString,
    /// Why it was not mailed; none when the mail server took it.
    pub unmailed: Option<String>,
}

impl Team {
    /// Invites an address, by mail where mail is set up.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field: no address, a member already, invited already, too many.
    pub async fn invite(&self, address: &str, role: Role) -> Result<Invited> {
        let address = email::normalise(address)?;
        let now = self.app.clock.now();
        let token = new_token();
        let invitation = Invitation {
            id: new_id(),
            tenant_id: self.tenant.clone(),
            email: address,
            role: role.as_str().to_owned(),
            created: now,
            created_by: self.actor.clone(),
            expires_at: now + LIFE,
        };
        let mut tx = self.app.db.write(&self.tenant).await?;
        tenants::lock(&mut tx, &self.tenant).await?;
        if members::by_email(&mut tx, &self.tenant, &invitation.email).await?.is_some() {
            return invalid("email", "This person is a member already.");
        }
        if invitations::by_email(&mut tx, &self.tenant, &invitation.email).await?.is_some() {
            return invalid("email", "This address is invited already. Send it a new link from the list.");
        }
        if invitations::list(&mut tx, &self.tenant).await?.len() >= MOST {
            return invalid("email", "100 invitations are waiting; that is the limit. Withdraw some first.");
        }
        invitations::insert(&mut tx, &invitation, &hash_token(&token)).await?;
        let detail = json!({ "email": invitation.email, "role": invitation.role, "expires_at": invitation.expires_at });
        self.audit(&mut tx, "invitation.created", invitation.id.as_str(), &detail).await?;
        tx.commit().await?;
        self.send(invitation, &token).await
    }

    /// Sends a new link; the one before opens nothing any more.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such an invitation.
    pub async fn renew_invitation(&self, id: &InvitationId) -> Result<Invited> {
        let (token, expires_at) = (new_token(), self.app.clock.now() + LIFE);
        let mut tx = self.app.db.write(&self.tenant).await?;
        let renewed = invitations::renew(&mut tx, &self.tenant, id, (&hash_token(&token), expires_at)).await?;
        let invitation = renewed.ok_or(Error::Unknown)?;
        let detail = json!({ "email": invitation.email, "role": invitation.role, "expires_at": expires_at });
        self.audit(&mut tx, "invitation.renewed", id.as_str(), &detail).await?;
        tx.commit().await?;
        self.send(invitation, &token).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such an invitation.
    pub async fn withdraw_invitation(&self, id: &InvitationId) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        let gone = invitations::remove(&mut tx, &self.tenant, id).await?.ok_or(Error::Unknown)?;
        let detail = json!({ "email": gone.email, "role": gone.role });
        self.audit(&mut tx, "invitation.withdrawn", id.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// After the commit: a mail server that is down leaves a link to hand over in person.
    async fn send(&self, invitation: Invitation, token: &str) -> Result<Invited> {
        let link = format!("{}/invite/{token}", self.app.config.public_url());
        let mut tx = self.app.db.system_read().await?;
        let tenant = tenants::name(&mut tx, &self.tenant).await?.unwrap_or_default();
        let by = users::by_id(&mut tx, &self.actor).await?.map(|user| user.email).unwrap_or_default();
        drop(tx);
        let unmailed = match &self.app.mail {
            None => Some(mail::OFF.to_owned()),
            Some(mailer) => {
                let until = time::absolute(invitation.expires_at);
                let text = format!(
                    "{by} invites you to {tenant} on billfold, as {}.\n\nOpen this link to accept; it works once, until {until}:\n\n\
                     {link}\n\nIf this means nothing to you, do nothing.\n",
                    invitation.role
                );
                let subject = format!("Invitation to {tenant}");
                let mail = Mail { to: invitation.email.clone(), subject, text, html: None };
                mailer.send(&mail).await.err().map(|error| format!("The mail was not sent: {error}."))
            }
        };
        Ok(Invited { email: invitation.email, expires_at: invitation.expires_at, link: link.into(), unmailed })
    }
}

/// What the holder of a link sees.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The invitation.
    pub invitation: Invitation,
    /// What the tenant is called.
    pub tenant: String,
    /// Whether somebody has an account with the address already, and so signs in to accept.
    pub known: bool,
}

/// What a link offers; none when it is unknown, used, withdrawn or too old.
pub async fn offer(app: &App, token: &str) -> Result<Option<Offer>> {
    let mut tx = app.db.system_read().await?;
    let Some(invitation) = invitations::by_token(&mut tx, &hash_token(token), app.clock.now()).await? else {
        return Ok(None);
    };
    let tenant = tenants::name(&mut tx, &invitation.tenant_id).await?.unwrap_or_default();
    let known = users::by_email(&mut tx, &invitation.email).await?.is_some();
    Ok(Some(Offer { invitation, tenant, known }))
}

/// Makes a signed-in person a member.
///
/// # Errors
/// [`Error::Unknown`] when the link opens nothing, or is for another address.
pub async fn accept(app: &App, token: &str, user: &User, origin: &Origin) -> Result<Invitation> {
    let tx = app.db.system_write().await?;
    let (tx, invitation) = join(app, tx, token, &user.id, &user.email, origin).await?;
    tx.commit().await?;
    Ok(invitation)
}

/// Makes a new person with the address of the invitation, and a member at once.
///
/// # Errors
/// [`Error::Unknown`] when the link opens nothing; [`Error::Invalid`] names the field.
pub async fn accept_as_new(
    app: &App,
    token: &str,
    (name, password): (&str, &SecretString),
    origin: &Origin,
) -> Result<UserId> {
    let offer = offer(app, token).await?.ok_or(Error::Unknown)?; // before the expensive hash
    let new = NewUser {
        email: offer.invitation.email,
        name: name.to_owned(),
        password: password.expose_secret().to_owned().into(),
    };
    let prepared = signup::prepare(app, new).await?;
    let mut tx = app.db.system_write().await?;
    let user = signup::create_user(&mut tx, &prepared, app.clock.now()).await?;
    let (tx, _) = join(app, tx, token, &user, prepared.email(), origin).await?;
    tx.commit().await?;
    Ok(user)
}

/// Uses the link up, in the transaction that makes the membership.
async fn join(
    app: &App,
    mut tx: db::SystemTx,
    token: &str,
    user: &UserId,
    address: &str,
    origin: &Origin,
) -> Result<(Tx, Invitation)> {
    let now = app.clock.now();
    let found = invitations::take(&mut tx, &hash_token(token), now).await?;
    let invitation = found.filter(|invitation| invitation.email == address).ok_or(Error::Unknown)?;
    let joined = members::join(&mut tx, &invitation.tenant_id, user, &invitation.role, now).await?;
    let mut tx = tx.into_tenant(&invitation.tenant_id).await?;
    let team =
        Team { app: app.clone(), tenant: invitation.tenant_id.clone(), actor: user.clone(), origin: origin.clone() };
    let detail = json!({ "invitation": invitation.id, "role": invitation.role, "invited_by": invitation.created_by, "new": joined });
    team.audit(&mut tx, "member.joined", user.as_str(), &detail).await?;
    Ok((tx, invitation))
}
