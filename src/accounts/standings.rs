//! Lets what tenants pay decide how they stand. It is worked out from the mirror of the operator's own Stripe account, whatever
//! event brought that about, so it may run at any time and as often as it likes.

use std::collections::HashMap;

use serde_json::json;

use super::{Result, operators::note_both, standing_notices};
use crate::{
    app::{App, By},
    domain::{
        ids::{PlanId, TenantId},
        plan::{Payment, TenantState, billed, payment_of},
        time::DAY_SECONDS,
    },
    store::{
        instance, plans,
        standings::{self, Change, Paying, Standing, by},
    },
};

/// Who acts, in the logs.
const ACTOR: &str = "billing";

/// What a tenant's subscription makes of it.
#[derive(Debug)]
struct Due {
    standing: Standing,
    state: TenantState,
    /// Unix seconds: when that changes by itself.
    next_at: Option<i64>,
    plan: PlanId,
}

/// Brings every tenant with a payer to where its subscription puts it. Answers the unix second at which the next one changes by
/// itself; none when none does.
pub async fn settle(app: &App) -> Result<Option<i64>> {
    let mut tx = app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    let Some((tenant, project)) = business.billing() else { return Ok(None) };
    let plans: HashMap<String, PlanId> = plans::prices(&mut tx).await?.into_iter().collect();
    let mut tx = tx.into_tenant(tenant).await?;
    let rows = standings::paying(&mut tx, project).await?;
    drop(tx);
    let (now, grace) = (app.clock.now(), business.grace_days * DAY_SECONDS);
    let mut next: Option<i64> = None;
    for subscriptions in rows.chunk_by(|one, other| one.standing.id == other.standing.id) {
        let Some(due) = due(subscriptions, &plans, now, grace) else { continue };
        next = [next, due.next_at].into_iter().flatten().min();
        if due.state != due.standing.state() || due.plan != due.standing.plan_id {
            apply(app, due, now).await?;
        }
    }
    Ok(next)
}

/// The tenant's own people made the customer that pays for it.
pub async fn begin_paying(app: &App, tenant: &TenantId, payer: &str, by: &By) -> Result<()> {
    let mut tx = app.db.write(tenant).await?;
    if standings::set_first_payer(&mut tx, tenant, payer).await? {
        note_both(app, &mut tx, by, "tenant.payer_changed", &json!({ "after": payer })).await?;
    }
    tx.commit().await?;
    app.standings.forget(tenant).await;
    Ok(())
}

/// None for a tenant that an operator has decided about.
fn due(subscriptions: &[Paying], plans: &HashMap<String, PlanId>, now: i64, grace: i64) -> Option<Due> {
    let standing = subscriptions.first()?.standing.clone();
    let ended = matches!(standing.state(), TenantState::Ending | TenantState::Erasing);
    if ended || standing.state_by == by::OPERATOR {
        return None;
    }
    let pays = |row: &&Paying| row.status.as_deref().is_some_and(|status| payment_of(status) == Payment::Fine);
    let paid = subscriptions.iter().find(pays);
    let payment = if paid.is_some() { Payment::Fine } else { Payment::Missing };
    let (state, next_at) = billed(standing.state(), standing.state_since, payment, now, grace);
    let plan = paid.and_then(|row| plans.get(row.price_id.as_ref()?)).unwrap_or(&standing.plan_id).clone();
    Some(Due { standing, state, next_at, plan })
}

async fn apply(app: &App, due: Due, now: i64) -> Result<()> {
    let Due { standing, state, next_at: due_at, plan } = due;
    let (tenant, by_billing) = (&standing.id, By::part(ACTOR));
    let mut tx = app.db.write(tenant).await?;
    // whatever an operator did meanwhile stays
    let Some(fresh) = standings::find(&mut tx, tenant).await?.filter(|fresh| *fresh == standing) else { return Ok(()) };
    if plan != fresh.plan_id {
        let before = plans::find(&mut tx, &fresh.plan_id).await?.map(|plan| plan.name);
        let after = plans::find(&mut tx, &plan).await?.map(|plan| plan.name);
        standings::set_plan(&mut tx, tenant, &plan).await?;
        let detail = json!({ "before": before, "after": after });
        note_both(app, &mut tx, &by_billing, "tenant.plan_changed", &detail).await?;
    }
    if state != fresh.state() {
        let (action, note) = match state {
            TenantState::PastDue => ("tenant.past_due", "The last payment is late."),
            TenantState::Suspended => ("tenant.suspended", "The subscription is not paid."),
            _ => ("tenant.restored", ""),
        };
        let change = Change { state, since: now, by: by::BILLING, note, due_at };
        standings::set_state(&mut tx, tenant, &change).await?;
        let detail = json!({ "before": fresh.state().as_str(), "after": state.as_str(), "suspended_at": due_at });
        note_both(app, &mut tx, &by_billing, action, &detail).await?;
    }
    tx.commit().await?;
    app.standings.forget(tenant).await;
    if state != fresh.state() {
        standing_notices::tell(app, tenant, state, due_at);
    }
    Ok(())
}
