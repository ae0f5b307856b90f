//! What happens to a subscription besides being changed: canceled, renewed, paused, resumed, paid for or not.

use serde_json::{Value, json};

use super::billing::{Bill, Then, bill, renewal_lines, usage_line};
use super::billing_routes::of_subscription;
use super::change;
use super::collect;
use super::discount::{self, active};
use super::invoice_item::keep_for_later;
use super::line::Line;
use super::price::PriceCard;
use super::subscription_change::{Wish, period_of, plan, rest};
use super::subscription_routes::note_details;
use super::subscription_update::{PRORATIONS, anchor_is_now, billed_now};
use crate::standin::errors::{ApiError, invalid_param, no_such};
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// Nothing can be changed after these.
pub const ENDED: [&str; 2] = ["canceled", "incomplete_expired"];
/// How long a first payment may take.
const INCOMPLETE: i64 = 23 * 3600;

/// A subscription that has not ended, or the answer `ended` makes of its identifier.
pub fn running(space: &Space, n: u64, ended: fn(&str) -> ApiError) -> Result<Value, ApiError> {
    let id = space.ids.id(Kind::Subscription, n);
    let value = space.value(Kind::Subscription, n).ok_or_else(|| no_such("subscription", &id))?;
    if value["status"].as_str().is_some_and(|status| ENDED.contains(&status)) {
        return Err(ended(&id));
    }
    Ok(value)
}

/// Stripe's answer to a change of a subscription that has ended.
pub fn frozen(_: &str) -> ApiError {
    ApiError::invalid(400, "A canceled subscription can only update its cancellation_details and metadata.")
}

/// Cancels a subscription at once.
pub fn cancel(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut subscription = running(space, n, |id| no_such("subscription", id))?;
    note_details(form, &mut subscription)?;
    let prorate = form.flag("prorate")? == Some(true);
    let invoice_now = form.flag("invoice_now")? == Some(true);
    let lines = last_lines(space, &subscription, cause.now, prorate, invoice_now);
    if invoice_now {
        let what = Bill {
            subscription: &subscription,
            reason: "subscription_update",
            lines,
            period: (cause.now, cause.now),
            proration_date: prorate.then_some(cause.now),
            then: Then::Collect,
        };
        subscription["latest_invoice"] = bill(space, cause, what)?.into();
    } else {
        let customer = subscription["customer"].as_str().unwrap_or_default().to_owned();
        for line in lines {
            keep_for_later(space, cause, &customer, &subscription, &line);
        }
    }
    end(space, cause, n, subscription, "cancellation_requested");
    Ok(())
}

/// What a cancellation owes: the unused time back, and with a last invoice the usage so far.
pub fn last_lines(space: &Space, subscription: &Value, at: i64, prorate: bool, usage: bool) -> Vec<Line> {
    let discounts = active(space, &subscription["discounts"], Some(at));
    let trial = subscription["status"] == "trialing";
    let mut lines = Vec::new();
    for row in subscription["items"]["data"].as_array().into_iter().flatten() {
        if prorate && !trial {
            lines.extend(rest(space, subscription, row, at, &discounts, true));
        }
        if usage {
            lines.extend(usage_line(space, subscription, row, (period_of(row).0, at)));
        }
    }
    lines
}

fn end(space: &mut Space, cause: &Cause, n: u64, mut subscription: Value, reason: &str) {
    subscription["status"] = "canceled".into();
    if subscription["canceled_at"].is_null() {
        subscription["canceled_at"] = cause.now.into();
    }
    subscription["ended_at"] = cause.now.into();
    subscription["cancellation_details"]["reason"] = reason.into();
    if subscription["cancel_at"].as_i64().is_none_or(|at| at > cause.now) {
        subscription["cancel_at_period_end"] = false.into();
        subscription["cancel_at"] = Value::Null;
        subscription["canceled_at"] = cause.now.into();
    }
    let ids = subscription["discounts"].as_array().cloned().unwrap_or_default();
    ids.iter().filter_map(Value::as_str).for_each(|id| discount::revoke(space, cause, id));
    space.replace(Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.deleted", (Kind::Subscription, subscription), None);
}

/// Does the next thing that is due by now: an end, a renewal, the end of a trial or of a pause.
pub fn renew(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let mut subscription = running(space, n, frozen)?;
    let due = |value: &Value| value.as_i64().is_some_and(|at| at <= cause.now);
    if subscription["status"] == "incomplete" {
        if subscription["created"].as_i64().unwrap_or(0) + INCOMPLETE <= cause.now {
            subscription["status"] = "incomplete_expired".into();
            subscription["ended_at"] = cause.now.into();
            change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription);
        }
        return Ok(());
    }
    if due(&subscription["cancel_at"]) {
        end(space, cause, n, subscription, "cancellation_requested");
        return Ok(());
    }
    if due(&subscription["pause_collection"]["resumes_at"]) {
        subscription["pause_collection"] = Value::Null;
        change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    }
    if matches!(subscription["status"].as_str(), Some("active" | "trialing" | "past_due")) {
        renew_rows(space, cause, n, subscription)?;
    }
    Ok(())
}

/// Does everything that is due by now.
pub fn catch_up(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    // A period is a day at least; more than this is a clock that ran away.
    for _ in 0..400 {
        let before = space.value(Kind::Subscription, n);
        match renew(space, cause, n) {
            Ok(()) if space.value(Kind::Subscription, n) != before => {}
            // One that has ended is up to date.
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn renew_rows(space: &mut Space, cause: &Cause, n: u64, mut subscription: Value) -> Result<(), ApiError> {
    let trial = subscription["status"] == "trialing";
    let behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"].clone();
    let mut renewed = Vec::new();
    for row in subscription["items"]["data"].as_array_mut().into_iter().flatten() {
        let past = period_of(row);
        if past.1 <= cause.now {
            row["current_period_start"] = past.1.into();
            row["current_period_end"] = (past.1 + PriceCard::of(&row["price"]).period()).into();
            renewed.push((row.clone(), past));
        }
    }
    let Some(period) = renewed.first().map(|row| row.1) else {
        return Ok(());
    };
    if trial && behavior != "create_invoice" && cannot_pay(space, &subscription) {
        end_trial_unpaid(space, cause, n, subscription, &behavior);
        return Ok(());
    }
    subscription["status"] = if trial { "active".into() } else { subscription["status"].clone() };
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    let what = Bill {
        subscription: &subscription,
        reason: "subscription_cycle",
        lines: renewal_lines(space, &subscription, &renewed),
        period,
        proration_date: None,
        then: match subscription["pause_collection"]["behavior"].as_str() {
            Some("void") => Then::Void,
            Some("keep_as_draft") => Then::Keep,
            Some(_) => Then::GiveUp,
            None => Then::Collect,
        },
    };
    let invoice = bill(space, cause, what)?;
    let mut after = space.value(Kind::Subscription, n).unwrap_or_default();
    after["latest_invoice"] = invoice.into();
    discount::use_up(space, cause, &mut after);
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, after);
    Ok(())
}

fn cannot_pay(space: &Space, subscription: &Value) -> bool {
    let own = subscription["default_payment_method"].as_str();
    let customer = subscription["customer"].as_str().unwrap_or_default();
    subscription["collection_method"] == "charge_automatically"
        && own.and_then(|id| space.find_alive(Kind::PaymentMethod, id)).is_none()
        && collect::method_of_customer(space, customer).is_none()
}

/// A trial that ends without a card is canceled or paused, as it was asked.
fn end_trial_unpaid(space: &mut Space, cause: &Cause, n: u64, mut subscription: Value, behavior: &Value) {
    if behavior == "cancel" {
        end(space, cause, n, subscription, "payment_failed");
        return;
    }
    subscription["status"] = "paused".into();
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.paused", (Kind::Subscription, subscription), None);
}

/// Pauses a subscription: nothing is billed until it is resumed.
pub fn pause(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    form.word("type", &["subscription"])?;
    let mut subscription = running(space, n, frozen)?;
    if subscription["status"] != "active" && subscription["status"] != "trialing" {
        let status = subscription["status"].as_str().unwrap_or_default();
        return Err(ApiError::invalid(400, format!("A subscription that is {status} cannot be paused.")));
    }
    let bill_for = form.parts("bill_for")?;
    bill_for.only(&["outstanding_usage_through", "unused_time_from"])?;
    let choice = |name: &str, words: &[&str]| -> Result<bool, ApiError> {
        Ok(bill_for.parts(name)?.word("type", words)?.is_some_and(|word| word != "none"))
    };
    let usage = choice("outstanding_usage_through", &["none", "now"])?;
    let unused = choice("unused_time_from", &["none", "item_current_period_start", "now"])?;
    let at_once = form.word("invoicing_behavior", &["invoice", "pending_invoice_item"])? == Some("invoice");
    let lines = last_lines(space, &subscription, cause.now, unused, usage);
    subscription["status"] = "paused".into();
    subscription["status_details"] = json!({"paused": {
        "subscription": {"type": "pause_requested"}, "transitioned_at": cause.now, "type": "subscription",
    }});
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.paused", (Kind::Subscription, subscription.clone()), None);
    bill_change(space, cause, (n, &subscription), lines, at_once)
}

fn bill_change(
    space: &mut Space,
    cause: &Cause,
    (n, subscription): (u64, &Value),
    lines: Vec<Line>,
    at_once: bool,
) -> Result<(), ApiError> {
    if !at_once || lines.is_empty() {
        let customer = subscription["customer"].as_str().unwrap_or_default();
        for line in &lines {
            keep_for_later(space, cause, customer, subscription, line);
        }
        return Ok(());
    }
    let what = Bill {
        subscription,
        reason: "subscription_update",
        lines,
        period: (cause.now, cause.now),
        proration_date: Some(cause.now),
        then: Then::Collect,
    };
    let invoice = bill(space, cause, what)?;
    let mut after = space.value(Kind::Subscription, n).unwrap_or_default();
    after["latest_invoice"] = invoice.into();
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, after);
    Ok(())
}

/// Lets a paused subscription go on, with a new period unless the old one is kept.
pub fn resume(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut subscription = running(space, n, frozen)?;
    if subscription["status"] != "paused" {
        return Err(ApiError::invalid(
            400,
            "You can only resume subscriptions with `status=paused`. Use `pause_collection` to resume collection.",
        ));
    }
    form.word("payment_behavior", &["resume_on_payment_attempt", "resume_on_payment_success"])?;
    let behavior = form.word("proration_behavior", PRORATIONS)?.unwrap_or("create_prorations");
    let keeps = form.get("billing_cycle_anchor").is_some() && !anchor_is_now(form, "billing_cycle_anchor")?;
    if form.int("proration_date")?.is_some_and(|at| at > cause.now) {
        return Err(invalid_param("proration_date", "Timestamp must not be in the future."));
    }
    if let Some(fields) = subscription.as_object_mut() {
        fields.remove("status_details");
    }
    subscription["status"] = "active".into();
    let stale = period_of(&subscription["items"]["data"][0]).1 <= cause.now;
    let wish = Wish { rows: &[], name: "items", at: cause.now, restart: !keeps || stale, prorate: false };
    let plan = plan(space, &subscription, wish)?;
    subscription["items"]["data"] = plan.rows.clone().into();
    if wish.restart {
        subscription["billing_cycle_anchor"] = cause.now.into();
    }
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription.clone());
    space.emit(cause, "customer.subscription.resumed", (Kind::Subscription, subscription.clone()), None);
    bill_change(space, cause, (n, &subscription), billed_now(&plan, behavior), true)
}

/// What an unpaid invoice means for its subscription and customer.
pub fn note_unpaid(space: &mut Space, cause: &Cause, invoice: &Value) {
    let Some((n, mut subscription)) = of_invoice(space, invoice) else {
        return;
    };
    if subscription["status"] == "active" || subscription["status"] == "trialing" {
        subscription["status"] = "past_due".into();
        change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription);
    }
    set_delinquent(space, cause, invoice, true);
}

/// What a paid, voided or given up invoice means for its subscription and customer.
pub fn note_settled(space: &mut Space, cause: &Cause, invoice: &Value) {
    let Some((n, mut subscription)) = of_invoice(space, invoice) else {
        return;
    };
    let open = |n: &u64| space.attribute(Kind::Invoice, *n, "status").as_deref() == Some("open");
    let owing = of_subscription(space, n).iter().any(open);
    let status = match subscription["status"].as_str() {
        Some("incomplete") if invoice["status"] == "paid" => "active",
        Some("incomplete") if invoice["status"] == "void" => "incomplete_expired",
        Some("past_due" | "unpaid") if !owing => "active",
        _ => return,
    };
    subscription["status"] = status.into();
    change(space, cause, "customer.subscription.updated", Kind::Subscription, n, subscription);
    set_delinquent(space, cause, invoice, false);
}

fn of_invoice(space: &Space, invoice: &Value) -> Option<(u64, Value)> {
    let id = invoice["parent"]["subscription_details"]["subscription"].as_str()?;
    let n = space.find_alive(Kind::Subscription, id)?;
    Some((n, space.value(Kind::Subscription, n)?))
}

fn set_delinquent(space: &mut Space, cause: &Cause, invoice: &Value, delinquent: bool) {
    let owner = invoice["customer"].as_str().and_then(|id| space.find_alive(Kind::Customer, id));
    if let Some(n) = owner
        && let Some(mut customer) = space.value(Kind::Customer, n)
    {
        customer["delinquent"] = delinquent.into();
        change(space, cause, "customer.updated", Kind::Customer, n, customer);
    }
}
