//! Changing a subscription: items with prorations, the end of a trial, cancellation, discounts, collection.

use serde_json::{Value, json};

use super::billing::{Bill, Then, bill, due_at_once};
use super::change;
use super::collect;
use super::discount::{self, Owner};
use super::invoice_item::keep_for_later;
use super::line::Line;
use super::payment_method::of_param;
use super::subscription_change::{Plan, Wish, plan};
use super::subscription_life::{frozen, running};
use super::subscription_new::{BEHAVIORS, refuse_small_codes};
use super::subscription_routes::{FIELDS, note_details, set_cancellation, set_payment_settings};
use crate::standin::errors::{ApiError, invalid_param};
use crate::standin::events::Cause;
use crate::standin::fields::{apply, require_text};
use crate::standin::form::{Form, Node};
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// What becomes of the rest of the period.
pub const PRORATIONS: &[&str] = &["create_prorations", "none", "always_invoice"];

/// Changes a subscription.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let before = running(space, n, frozen)?;
    let mut subscription = before.clone();
    apply(form, FIELDS, &mut subscription)?;
    set_cancellation(form, &mut subscription, cause.now)?;
    note_details(form, &mut subscription)?;
    set_payment_settings(form, &mut subscription)?;
    set_collection(space, cause, form, &mut subscription)?;
    let behavior = form.word("proration_behavior", PRORATIONS)?.unwrap_or("create_prorations");
    let at = proration_date(form, "proration_date", &subscription, cause.now)?;
    let ends_trial = end_trial(form, &mut subscription, cause.now)?;
    let rows = form.rows("items")?;
    let restart = ends_trial || anchor_is_now(form, "billing_cycle_anchor")?;
    let wish = Wish { rows: &rows, name: "items", at, restart, prorate: behavior != "none" && !ends_trial };
    let plan = plan(space, &subscription, wish)?;
    let wanted = discount::wanted(space, form, before["customer"].as_str().unwrap_or_default(), cause.now)?;
    let now = billed_now(&plan, behavior);
    subscription["items"]["data"] = plan.rows.clone().into();
    if restart {
        subscription["billing_cycle_anchor"] = at.into();
    }
    refuse_unpaid(space, form, &subscription, &now, cause.now)?;
    if let Some(wanted) = wanted {
        let whole = super::billing::first_lines(space, &subscription);
        let sum = due_at_once(space, &subscription, &whole, None, cause.now);
        refuse_small_codes(space, &wanted, &sum)?;
        let id = space.ids.id(Kind::Subscription, n);
        let customer = before["customer"].as_str().unwrap_or_default();
        let owner = Owner { customer, subscription: Some(&id), invoice: None };
        let granted = discount::grant(space, cause, &wanted, owner);
        take_away(space, cause, &before["discounts"], &granted);
        subscription["discounts"] = granted.into();
    }
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    let owed = Owed { n, at, plan, now, then: then(form)? };
    charge(space, cause, &subscription, owed)
}

fn take_away(space: &mut Space, cause: &Cause, before: &Value, granted: &[Value]) {
    let gone: Vec<String> = before
        .as_array()
        .into_iter()
        .flatten()
        .filter(|id| !granted.contains(id))
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    for id in &gone {
        discount::revoke(space, cause, id);
    }
}

/// What a change costs, and when.
struct Owed {
    n: u64,
    at: i64,
    plan: Plan,
    now: Vec<Line>,
    then: Then,
}

/// Bills what is due at once, and keeps the rest for the next invoice.
fn charge(space: &mut Space, cause: &Cause, subscription: &Value, owed: Owed) -> Result<(), ApiError> {
    if owed.now.is_empty() {
        let customer = subscription["customer"].as_str().unwrap_or_default();
        for line in &owed.plan.prorations {
            keep_for_later(space, cause, customer, subscription, line);
        }
        return Ok(());
    }
    let what = Bill {
        subscription,
        reason: "subscription_update",
        lines: owed.now,
        period: (cause.now, cause.now),
        proration_date: (!owed.plan.prorations.is_empty()).then_some(owed.at),
        then: owed.then,
    };
    let invoice = bill(space, cause, what)?;
    let mut after = space.value(Kind::Subscription, owed.n).unwrap_or_default();
    after["latest_invoice"] = invoice.into();
    discount::use_up(space, cause, &mut after);
    change(space, cause, "customer.subscription.updated", Kind::Subscription, owed.n, after);
    Ok(())
}

fn then(form: &Form) -> Result<Then, ApiError> {
    let waits = form.word("payment_behavior", BEHAVIORS)? == Some("default_incomplete");
    Ok(if waits { Then::Wait } else { Then::Collect })
}

/// The lines that are billed at once; none when everything waits for the next invoice.
pub fn billed_now(plan: &Plan, behavior: &str) -> Vec<Line> {
    if plan.begun.is_empty() && (behavior != "always_invoice" || plan.prorations.is_empty()) {
        return Vec::new();
    }
    plan.prorations.iter().chain(&plan.begun).cloned().collect()
}

/// With `error_if_incomplete` nothing changes when the card would be refused.
fn refuse_unpaid(space: &mut Space, form: &Form, subscription: &Value, now: &[Line], at: i64) -> Result<(), ApiError> {
    match form.word("payment_behavior", BEHAVIORS)? {
        Some("pending_if_incomplete") => {
            return Err(invalid_param(
                "payment_behavior",
                "pending_if_incomplete is not available for this account; use allow_incomplete or error_if_incomplete.",
            ));
        }
        Some("error_if_incomplete") => {}
        _ => return Ok(()),
    }
    let by_card = subscription["collection_method"] == "charge_automatically";
    let sum = due_at_once(space, subscription, now, None, at);
    if !by_card || sum["amount_due"].as_i64().unwrap_or(0) == 0 {
        return Ok(());
    }
    let method = collect::method_of(space, &sum).ok_or_else(collect::nothing_to_pay_with)?;
    collect::refusal_of(space, method).map_or(Ok(()), |refusal| Err(refusal.error()))
}

/// The moment a proration is computed for, which must lie in the current period.
pub fn proration_date(form: &Form, name: &str, subscription: &Value, now: i64) -> Result<i64, ApiError> {
    let Some(at) = form.int("proration_date")? else {
        return Ok(now);
    };
    let row = &subscription["items"]["data"][0];
    let of = |name: &str| row[name].as_i64().unwrap_or(0);
    if at < of("current_period_start") || at > of("current_period_end") {
        return Err(invalid_param(
            name,
            "Invalid proration_date: it must be within the current period of the subscription.",
        ));
    }
    Ok(at)
}

/// `billing_cycle_anchor[type]=now`
pub fn anchor_is_now(form: &Form, name: &str) -> Result<bool, ApiError> {
    if form.get(name).is_none() {
        return Ok(false);
    }
    let Some(Node::Parts(anchor)) = form.get(name) else {
        return Err(invalid_param(name, "Invalid object"));
    };
    anchor.only(&["type"])?;
    require_text(anchor, "type").map_err(|_| crate::standin::errors::missing_param(&format!("{name}[type]")))?;
    Ok(anchor.word("type", &["now", "unchanged"])? == Some("now"))
}

/// Ends a running trial now, or moves its end.
fn end_trial(form: &Form, subscription: &mut Value, now: i64) -> Result<bool, ApiError> {
    let Some(text) = form.text("trial_end")? else {
        return Ok(false);
    };
    let trial = subscription["status"] == "trialing";
    if text == "now" {
        if trial {
            subscription["status"] = "active".into();
            subscription["trial_end"] = now.into();
        }
        return Ok(trial);
    }
    let end = form.int("trial_end")?.unwrap_or(0);
    if end <= now {
        return Err(invalid_param("trial_end", "Timestamp must be an integer Unix timestamp in the future."));
    }
    subscription["status"] = "trialing".into();
    subscription["trial_end"] = end.into();
    subscription["billing_cycle_anchor"] = end.into();
    if subscription["trial_start"].is_null() {
        subscription["trial_start"] = now.into();
    }
    for row in subscription["items"]["data"].as_array_mut().into_iter().flatten() {
        row["current_period_end"] = end.into();
    }
    Ok(false)
}

fn set_collection(space: &mut Space, cause: &Cause, form: &Form, subscription: &mut Value) -> Result<(), ApiError> {
    match form.get("pause_collection") {
        None => {}
        Some(Node::Parts(parts)) => {
            parts.only(&["behavior", "resumes_at"])?;
            let behaviors = ["void", "keep_as_draft", "mark_uncollectible"];
            let behavior = parts
                .word("behavior", &behaviors)?
                .ok_or_else(|| crate::standin::errors::missing_param("pause_collection[behavior]"))?;
            let resumes = parts.int("resumes_at")?;
            if resumes.is_some_and(|at| at <= cause.now) {
                return Err(invalid_param("pause_collection[resumes_at]", "Timestamp must be in the future."));
            }
            subscription["pause_collection"] = json!({"behavior": behavior, "resumes_at": resumes});
        }
        Some(Node::Text(_)) => subscription["pause_collection"] = Value::Null,
    }
    if let Some(method) = form.word("collection_method", &["charge_automatically", "send_invoice"])? {
        subscription["collection_method"] = method.into();
        let days = form.int("days_until_due")?;
        subscription["days_until_due"] = if method == "send_invoice" { days.unwrap_or(30).into() } else { Value::Null };
    }
    if form.unsets("default_payment_method") {
        subscription["default_payment_method"] = Value::Null;
    } else {
        let owner = subscription["customer"].as_str().unwrap_or_default().to_owned();
        if let Some(id) = of_param(space, cause, form, "default_payment_method", &owner)? {
            subscription["default_payment_method"] = id.into();
        }
    }
    Ok(())
}
