//! What operators decide about all tenants: the plans, which price stands for which, and how billing works.

use serde_json::json;

use super::{
    Error, Result, invalid, name,
    operators::{Operator, note, wake_standings},
};
use crate::{
    db::{self, System},
    domain::{
        ids::PlanId,
        kind::Kind,
        plan::{Meter, Plan},
    },
    store::{
        instance::{self, Business},
        plans, prices, projects, standings,
    },
};

/// Most days between a late payment and the suspension.
const MOST_GRACE: i64 = 90;

impl Operator {
    /// Adds a plan, or changes the one with its id.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field.
    pub async fn save_plan(&self, mut plan: Plan) -> Result<()> {
        plan.name = name("name", &plan.name)?;
        if let Some(meter) = Meter::ALL.into_iter().find(|meter| plan.limit(*meter).is_some_and(|limit| limit < 0)) {
            return invalid(meter.as_str(), "A number from 0 on; leave it empty for no limit.");
        }
        if plan.seats == Some(0) {
            return invalid("seats", "A tenant needs at least one person.");
        }
        let mut tx = self.app.db.system_write().await?;
        let before = plans::find(&mut tx, &plan.id).await?;
        match plans::put(&mut tx, &plan, self.app.clock.now()).await {
            Err(db::Error::Conflict(_)) => return invalid("name", "A plan of this name exists already."),
            put => put?,
        }
        let detail = json!({ "before": before.as_ref().map(described), "after": described(&plan) });
        let action = if before.is_some() { "plan.changed" } else { "plan.created" };
        note(&self.app, &mut tx, &self.by(), (action, plan.id.as_str()), &detail).await?;
        tx.commit().await?;
        self.app.standings.forget_all();
        Ok(())
    }

    /// Removes a plan that no tenant has and that new ones do not get.
    ///
    /// # Errors
    /// [`Error::Conflict`] says who has it; [`Error::Unknown`].
    pub async fn remove_plan(&self, plan: &PlanId) -> Result<()> {
        let mut tx = self.app.db.system_write().await?;
        let known = plans::find(&mut tx, plan).await?.ok_or(Error::Unknown)?;
        if instance::business(&mut tx).await?.default_plan_id == *plan {
            return Err(Error::Conflict("New tenants get this plan. Choose another one in the settings first."));
        }
        if standings::of_plans(&mut tx).await?.iter().any(|(used, _)| used == plan) {
            return Err(Error::Conflict("Tenants have this plan. Give them another one first."));
        }
        plans::remove(&mut tx, plan).await?;
        note(&self.app, &mut tx, &self.by(), ("plan.removed", plan.as_str()), &described(&known)).await?;
        Ok(tx.commit().await?)
    }

    /// Says which plan a price of the operator's project stands for; none: it stands for none.
    ///
    /// # Errors
    /// [`Error::Invalid`] without such a price; [`Error::Unknown`] without such a plan; [`Error::Conflict`] while nobody bills.
    pub async fn set_price(&self, price: &str, plan: Option<&PlanId>) -> Result<()> {
        let mut tx = self.app.db.system_write().await?;
        let business = instance::business(&mut tx).await?;
        let Some((tenant, project)) = business.billing() else {
            return Err(Error::Conflict("Choose the project that bills in the settings first."));
        };
        let price = Kind::Price.resolve_id(project, price.trim());
        let mut tx = tx.into_tenant(tenant).await?;
        match plan {
            Some(plan) => {
                plans::find(&mut tx, plan).await?.ok_or(Error::Unknown)?;
                let Some(found) = prices::find(&mut tx, project, &price).await? else {
                    return invalid("price", "The project that bills has no such price.");
                };
                if found.recurring_interval.is_none() || found.usage_type.as_deref() == Some("metered") {
                    return invalid("price", "A plan is paid again and again, whatever is used: choose such a price.");
                }
                plans::set_price(&mut tx, &price, plan).await?;
            }
            None => plans::remove_price(&mut tx, &price).await?,
        }
        note(&self.app, &mut tx, &self.by(), ("plan.price_changed", &price), &json!({ "plan": plan })).await?;
        wake_standings(&self.app, &mut tx).await?;
        tx.commit().await?;
        self.app.wake.notify_one();
        Ok(())
    }

    /// Decides how new tenants begin and who bills.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field.
    pub async fn set_business(&self, business: Business) -> Result<()> {
        if !(0..=MOST_GRACE).contains(&business.grace_days) {
            return invalid("grace_days", "A number of days from 0 to 90.");
        }
        let mut tx = self.app.db.system_write().await?;
        if plans::find(&mut tx, &business.default_plan_id).await?.is_none() {
            return invalid("default_plan", "Choose a plan.");
        }
        if business.sign_up && business.billing().is_none() {
            return invalid("billing", "People who sign up pay in the project that bills: choose it first.");
        }
        let before = instance::business(&mut tx).await?;
        if let Some((tenant, project)) = business.billing() {
            let mut of_tenant = tx.into_tenant(tenant).await?;
            if projects::names(&mut of_tenant, project).await?.is_none() {
                return invalid("billing", "Choose a project.");
            }
            instance::set_business(&mut of_tenant, &business).await?;
            wake_standings(&self.app, &mut of_tenant).await?;
            self.note_business(&mut of_tenant, &before, &business).await?;
            of_tenant.commit().await?;
        } else {
            instance::set_business(&mut tx, &business).await?;
            self.note_business(&mut tx, &before, &business).await?;
            tx.commit().await?;
        }
        self.app.wake.notify_one();
        Ok(())
    }

    async fn note_business(&self, tx: &mut impl System, before: &Business, after: &Business) -> db::Result<()> {
        let told = |business: &Business| {
            json!({
                "default_plan": business.default_plan_id, "billing_tenant": business.billing_tenant_id,
                "billing_project": business.billing_project_id, "grace_days": business.grace_days, "sign_up": business.sign_up,
            })
        };
        let detail = json!({ "before": told(before), "after": told(after) });
        note(&self.app, tx, &self.by(), ("instance.changed", "instance"), &detail).await
    }
}

fn described(plan: &Plan) -> serde_json::Value {
    json!({
        "name": plan.name, "api_calls": plan.api_calls, "seats": plan.seats, "projects": plan.projects,
        "customers": plan.customers, "exports": plan.exports,
    })
}
