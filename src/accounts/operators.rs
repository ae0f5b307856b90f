//! Whoever runs this installation: who that is, and what they do to tenants. What is done to a tenant stands in the tenant's own audit
//! log and in the operators' log.

use serde_json::{Value, json};

use super::{Error, Result, email, invalid, name, signup, standing_notices, team::Team, trail::Origin};
use crate::{
    app::{App, By, audit::Note},
    db::{self, System, Tx},
    domain::{
        ids::{PlanId, TenantId, UserId},
        job::{JobKind, no_project},
        plan::TenantState,
        role::Role,
        time::DAY_SECONDS,
    },
    store::{
        instance, jobs,
        operator_log::{self, OperatorNote},
        plans,
        standings::{self, Change, Standing, by},
        users,
    },
    vault::new_id,
};

/// Seconds between the wish to delete a tenant and its erasure.
pub const LAST_DAYS: i64 = 7 * DAY_SECONDS;

/// Somebody who runs this installation.
#[derive(Clone)]
pub struct Operator {
    /// The program's parts.
    pub app: App,
    /// Who.
    pub user: UserId,
    /// From where.
    pub origin: Origin,
}

/// Whether the person runs this installation.
pub async fn is_operator(app: &App, user: &UserId) -> Result<bool> {
    let mut tx = app.db.system_read().await?;
    Ok(users::operator_since(&mut tx, user).await?.is_some())
}

/// Makes the person with this address an operator, or no longer one. For the command line.
///
/// # Errors
/// [`Error::Invalid`] when nobody has the address.
pub async fn appoint(app: &App, address: &str, operator: bool) -> Result<UserId> {
    let address = email::normalise(address)?;
    let mut tx = app.db.system_write().await?;
    let Some(user) = users::by_email(&mut tx, &address).await? else {
        return invalid("email", "Nobody has this e-mail address.");
    };
    let since = operator.then(|| app.clock.now());
    users::set_operator(&mut tx, &user.id, since).await?;
    let action = if operator { "operator.appointed" } else { "operator.dismissed" };
    note(app, &mut tx, &By::part("command line"), (action, user.id.as_str()), &Value::Null).await?;
    tx.commit().await?;
    Ok(user.id)
}

/// Adds an entry to the operators' log.
pub(super) async fn note(
    app: &App,
    tx: &mut impl System,
    by: &By,
    (action, target): (&str, &str),
    detail: &Value,
) -> db::Result<()> {
    let entry = OperatorNote {
        id: new_id(),
        at: app.clock.micros(),
        actor: by.actor.clone(),
        action: action.to_owned(),
        target: target.to_owned(),
        detail: detail.to_string(),
        address: by.address.clone(),
        request_id: by.request_id.clone(),
    };
    operator_log::insert(tx, &entry).await
}

/// Writes both logs in the transaction of a change of a tenant.
pub(super) async fn note_both(app: &App, tx: &mut Tx, by: &By, action: &str, detail: &Value) -> db::Result<()> {
    let tenant = tx.tenant().clone();
    app.audit(tx, by, Note { project: None, action, target: tenant.as_str(), detail }).await?;
    note(app, tx, by, (action, tenant.as_str()), detail).await
}

impl Operator {
    pub(super) fn by(&self) -> By {
        self.origin.by(&self.user)
    }

    /// Notes that the operator came in.
    pub async fn entered(&self) -> Result<()> {
        let mut tx = self.app.db.system_write().await?;
        note(&self.app, &mut tx, &self.by(), ("operator.entered", self.user.as_str()), &Value::Null).await?;
        Ok(tx.commit().await?)
    }

    /// Makes a tenant and invites its owner; answers the tenant and the invitation.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field.
    pub async fn create_tenant(&self, called: &str, owner: &str) -> Result<(TenantId, super::invitations::Invited)> {
        let called = name("name", called)?;
        email::normalise(owner)?;
        let tx = self.app.db.system_write().await?;
        let (mut tx, _) = signup::create_tenant(&self.app, tx, &called).await?;
        let tenant = tx.tenant().clone();
        note_both(&self.app, &mut tx, &self.by(), "tenant.created", &json!({ "name": called })).await?;
        tx.commit().await?;
        let team = Team {
            app: self.app.clone(),
            tenant: tenant.clone(),
            actor: self.user.clone(),
            origin: self.origin.clone(),
        };
        Ok((tenant, team.invite(owner, Role::Owner).await?))
    }

    /// Gives a tenant another plan.
    ///
    /// # Errors
    /// [`Error::Unknown`] without such a tenant or plan.
    pub async fn set_plan(&self, tenant: &TenantId, plan: &PlanId) -> Result<()> {
        let (mut tx, standing) = self.begin(tenant).await?;
        let plan = plans::find(&mut tx, plan).await?.ok_or(Error::Unknown)?;
        let before = plans::find(&mut tx, &standing.plan_id).await?.map(|plan| plan.name);
        standings::set_plan(&mut tx, tenant, &plan.id).await?;
        self.finish(tx, "tenant.plan_changed", &json!({ "before": before, "after": plan.name })).await
    }

    /// Lets the tenant's people read and change nothing, until [`Operator::restore`].
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason: the tenant's people read it. [`Error::Unknown`], [`Error::Conflict`].
    pub async fn suspend(&self, tenant: &TenantId, reason: &str) -> Result<()> {
        let reason = sentence("reason", reason)?;
        let (mut tx, standing) = self.begin(tenant).await?;
        if matches!(standing.state(), TenantState::Ending | TenantState::Erasing) {
            return Err(Error::Conflict("This tenant is being deleted. Restore it first."));
        }
        self.change(&mut tx, TenantState::Suspended, &reason, None).await?;
        self.finish(tx, "tenant.suspended", &json!({ "reason": reason })).await?;
        standing_notices::tell(&self.app, tenant, TenantState::Suspended, None);
        Ok(())
    }

    /// Ends a suspension or a deletion that has not begun. Where the tenant pays by subscription, that decides from here on.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Conflict`] when it is too late.
    pub async fn restore(&self, tenant: &TenantId) -> Result<()> {
        let (mut tx, standing) = self.begin(tenant).await?;
        if standing.state() == TenantState::Erasing {
            return Err(Error::Conflict("Too late: its data key is destroyed."));
        }
        let change = Change { state: TenantState::Active, since: self.app.clock.now(), by: "", note: "", due_at: None };
        standings::set_state(&mut tx, tenant, &change).await?;
        wake_standings(&self.app, &mut tx).await?;
        self.finish(tx, "tenant.restored", &json!({ "before": standing.state().as_str() })).await?;
        standing_notices::tell(&self.app, tenant, TenantState::Active, None);
        Ok(())
    }

    /// Deletes a tenant seven days from now. Until then it is suspended, and [`Operator::restore`] brings it back.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `typed` is the tenant's name; [`Error::Conflict`] for the operator's own.
    pub async fn delete(&self, tenant: &TenantId, typed: &str) -> Result<()> {
        let (mut tx, standing) = self.begin(tenant).await?;
        if typed.trim() != standing.name {
            return invalid("typed", "This is not the name of the tenant.");
        }
        if instance::business(&mut tx).await?.billing_tenant_id.as_ref() == Some(tenant) {
            return Err(Error::Conflict("This tenant bills the others. Choose another one in the settings first."));
        }
        if standing.state() == TenantState::Erasing {
            return Err(Error::Conflict("It is being erased already."));
        }
        let erased_at = self.app.clock.now() + LAST_DAYS;
        self.change(&mut tx, TenantState::Ending, "", Some(erased_at)).await?;
        jobs::wake(&mut tx, JobKind::Erase, tenant, &no_project(), erased_at).await?;
        self.finish(tx, "tenant.deletion_begun", &json!({ "erased_at": erased_at })).await?;
        standing_notices::tell(&self.app, tenant, TenantState::Ending, Some(erased_at));
        Ok(())
    }

    /// Says which customer of the operator's project pays for a tenant; none: nobody does, and the plan is set by hand.
    ///
    /// # Errors
    /// [`Error::Invalid`] when that customer pays for another tenant; [`Error::Unknown`].
    pub async fn set_payer(&self, tenant: &TenantId, payer: Option<&str>) -> Result<()> {
        let (mut tx, standing) = self.begin(tenant).await?;
        match standings::set_payer(&mut tx, tenant, payer).await {
            Err(db::Error::Conflict(_)) => return invalid("payer", "This customer pays for another tenant already."),
            set => set?,
        }
        wake_standings(&self.app, &mut tx).await?;
        self.finish(tx, "tenant.payer_changed", &json!({ "before": standing.payer_id, "after": payer })).await
    }

    /// Notes that the operator looks at a tenant's pages as one of its people would.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason, which the tenant's people read; [`Error::Unknown`].
    pub async fn look_in(&self, tenant: &TenantId, role: Role, reason: &str) -> Result<()> {
        let reason = sentence("reason", reason)?;
        if role > Role::Admin {
            return invalid("role", "Look in as a viewer or an admin.");
        }
        let (tx, _) = self.begin(tenant).await?;
        self.finish(tx, "operator.looked_in", &json!({ "role": role.as_str(), "reason": reason })).await
    }

    /// Notes that the operator has left again.
    pub async fn left(&self, tenant: &TenantId) -> Result<()> {
        let (tx, _) = self.begin(tenant).await?;
        self.finish(tx, "operator.left", &Value::Null).await
    }

    async fn change(&self, tx: &mut Tx, state: TenantState, note: &str, due_at: Option<i64>) -> db::Result<()> {
        let tenant = tx.tenant().clone();
        let change = Change { state, since: self.app.clock.now(), by: by::OPERATOR, note, due_at };
        standings::set_state(tx, &tenant, &change).await
    }

    async fn begin(&self, tenant: &TenantId) -> Result<(Tx, Standing)> {
        let mut tx = self.app.db.write(tenant).await?;
        let standing = standings::find(&mut tx, tenant).await?.ok_or(Error::Unknown)?;
        Ok((tx, standing))
    }

    async fn finish(&self, mut tx: Tx, action: &str, detail: &Value) -> Result<()> {
        let tenant = tx.tenant().clone();
        note_both(&self.app, &mut tx, &self.by(), action, detail).await?;
        tx.commit().await?;
        self.app.standings.forget(&tenant).await;
        self.app.wake.notify_one();
        Ok(())
    }
}

/// Asks for a new look at who has paid.
pub(super) async fn wake_standings(app: &App, tx: &mut impl System) -> db::Result<()> {
    let business = instance::business(tx).await?;
    if let Some((tenant, project)) = business.billing() {
        jobs::wake(tx, JobKind::Standings, tenant, project, app.clock.now()).await?;
    }
    Ok(())
}

/// A line of text for people.
fn sentence(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return invalid(field, "Say why: the people of the tenant read it.");
    }
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        return invalid(field, "Use one line of at most 200 characters.");
    }
    Ok(text.to_owned())
}
