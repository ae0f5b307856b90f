//! The people of a tenant: roles, who is shut out, who leaves. A tenant always keeps an owner who can act, whoever else changes
//! something at the same moment; and whatever changes for a person ends the person's sessions at once.

use serde_json::{Value, json};

use super::{Error, Result, trail::Origin};
use crate::{
    app::{App, audit::Note},
    db::{self, Tx},
    domain::{
        ids::{TenantId, UserId},
        role::Role,
    },
    store::{
        members::{self, Member},
        second_factors, tenants, users,
    },
};

/// A tenant, and which of its people acts on it.
#[derive(Clone)]
pub struct Team {
    /// The program's parts.
    pub app: App,
    /// The tenant.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: UserId,
    /// Where the request comes from.
    pub origin: Origin,
}

impl Team {
    /// Writes an entry of the audit log into the transaction of the change. `detail` never holds a secret.
    pub(super) async fn audit(&self, tx: &mut Tx, action: &str, target: &str, detail: &Value) -> db::Result<()> {
        let by = self.origin.by(&self.actor);
        self.app.audit(tx, &by, Note { project: None, action, target, detail }).await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a member, [`Error::Conflict`] for the last owner.
    pub async fn change_role(&self, user: &UserId, role: Role) -> Result<()> {
        let (mut tx, member) = self.begin(user).await?;
        if member.role == role.as_str() {
            return Ok(());
        }
        members::set_role(&mut tx, &self.tenant, user, role.as_str()).await?;
        let detail = json!({ "before": member.role, "after": role.as_str() });
        self.finish(tx, &member, "member.role_changed", &detail).await
    }

    /// Shuts a member out. What the member did stays, and so does the membership.
    ///
    /// # Errors
    /// As [`Team::change_role`].
    pub async fn disable(&self, user: &UserId) -> Result<()> {
        let (mut tx, member) = self.begin(user).await?;
        if member.disabled_at.is_some() {
            return Ok(());
        }
        members::set_disabled(&mut tx, &self.tenant, user, Some(self.app.clock.now())).await?;
        self.finish(tx, &member, "member.disabled", &json!({ "role": member.role })).await
    }

    /// Lets a member in again.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a member.
    pub async fn enable(&self, user: &UserId) -> Result<()> {
        let (mut tx, member) = self.begin(user).await?;
        members::set_disabled(&mut tx, &self.tenant, user, None).await?;
        self.audit(&mut tx, "member.enabled", user.as_str(), &json!({ "role": member.role })).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a member out of the tenant. The person's other tenants are not touched.
    ///
    /// # Errors
    /// As [`Team::change_role`].
    pub async fn remove(&self, user: &UserId) -> Result<()> {
        let (mut tx, member) = self.begin(user).await?;
        members::remove(&mut tx, &self.tenant, user).await?;
        self.finish(tx, &member, "member.removed", &json!({ "role": member.role, "email": member.email })).await
    }

    /// Turns a member's second factor off, for a phone that is lost.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a member, [`Error::Conflict`] when there is none, or when the person belongs to other
    /// tenants: what protects them is not this tenant's to take away.
    pub async fn reset_two_factor(&self, user: &UserId) -> Result<()> {
        let (mut tx, member) = self.begin(user).await?;
        if members::of_user(&mut tx, user).await?.iter().any(|other| other.tenant_id != self.tenant) {
            return Err(Error::Conflict(
                "This person belongs to other businesses as well. Whoever runs billfold can turn it off: billfold user disable-two-factor",
            ));
        }
        if !second_factors::remove(&mut tx, user).await? {
            return Err(Error::Conflict("This person has no second factor."));
        }
        self.finish(tx, &member, "member.two_factor_reset", &Value::Null).await
    }

    /// Decides whether every member needs a second factor.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the person who decides has none: nobody shuts themselves out.
    pub async fn require_two_factor(&self, required: bool) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        tenants::lock(&mut tx, &self.tenant).await?;
        let own = members::find(&mut tx, &self.tenant, &self.actor).await?.ok_or(Error::Unknown)?;
        if required && own.two_factor_at.is_none() {
            return Err(Error::Conflict("Turn on yours first, in your account."));
        }
        let before = tenants::requires_two_factor(&mut tx, &self.tenant).await?;
        tenants::require_two_factor(&mut tx, &self.tenant, required).await?;
        let detail = json!({ "before": before, "after": required });
        self.audit(&mut tx, "tenant.two_factor_changed", self.tenant.as_str(), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// A transaction in which nobody else changes this tenant's people, and the member it is about.
    async fn begin(&self, user: &UserId) -> Result<(Tx, Member)> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        tenants::lock(&mut tx, &self.tenant).await?;
        let member = members::find(&mut tx, &self.tenant, user).await?.ok_or(Error::Unknown)?;
        Ok((tx, member))
    }

    /// Ends the member's sessions and commits, unless nobody would be left who can act as owner.
    async fn finish(&self, mut tx: Tx, member: &Member, action: &str, detail: &Value) -> Result<()> {
        if members::count_owners(&mut tx, &self.tenant).await? == 0 {
            return Err(Error::Conflict("This is the last owner who can sign in. Make somebody else an owner first."));
        }
        users::end_sessions(&mut tx, &member.user_id).await?;
        self.audit(&mut tx, action, member.user_id.as_str(), detail).await?;
        Ok(tx.commit().await?)
    }
}
