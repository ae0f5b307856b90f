//! `POST /v1/invoices/create_preview`: the next invoice, or the one a change would make. Nothing is kept.

use serde_json::Value;

use super::billing::{customer_of, first_lines, renewal_lines, usage_line};
use super::discount::{self, imagined};
use super::draft::{Draft, waiting};
use super::line::Line;
use super::price::PriceCard;
use super::subscription_change::{Plan, Wish, period_of, plan};
use super::subscription_life::{ENDED, last_lines};
use super::subscription_routes::set_cancellation;
use super::subscription_update::{PRORATIONS, anchor_is_now, billed_now};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::Call;
use crate::standin::space::Space;

/// Parameters of the route.
pub const PARAMS: &[&str] =
    &["currency", "customer", "discounts", "preview_mode", "subscription", "subscription_details"];
const DETAILS: &[&str] = &[
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "cancel_now",
    "items",
    "proration_behavior",
    "proration_date",
    "start_date",
    "trial_end",
];
const NAME: &str = "subscription_details";

/// Answers with the invoice that would come.
pub fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let details = call.form.parts(NAME)?;
    if let Some((name, _)) = details.entries().iter().find(|entry| !DETAILS.contains(&entry.0.as_str())) {
        return Err(crate::standin::errors::unknown_param(&format!("{NAME}[{name}]")));
    }
    let customer = call.param(space, Kind::Customer, "customer")?;
    let owner = || customer.ok_or_else(|| missing_param("customer"));
    let invoice = match call.param(space, Kind::Subscription, "subscription")? {
        Some(n) => of_subscription(call, space, n, &details)?,
        None if details.get("items").is_some() => of_new(call, space, owner()?, &details)?,
        None => {
            let n = only_subscription(space, owner()?)?;
            of_subscription(call, space, n, &details)?
        }
    };
    Ok(call.show_value(space, Kind::Invoice, invoice))
}

fn none_coming(customer: &str) -> ApiError {
    ApiError::invalid(404, format!("No upcoming invoices for customer: {customer}")).code("invoice_upcoming_none")
}

fn only_subscription(space: &Space, owner: u64) -> Result<u64, ApiError> {
    let running = |n: &u64| {
        let status = space.attribute(Kind::Subscription, *n, "status").unwrap_or_default();
        !ENDED.contains(&status.as_str())
    };
    let numbers: Vec<u64> = super::customer::of(space, Kind::Subscription, owner).into_iter().filter(running).collect();
    match numbers[..] {
        [] => Err(none_coming(&space.ids.id(Kind::Customer, owner))),
        [one] => Ok(one),
        _ => Err(invalid_param(
            "subscription",
            "This customer has more than one subscription; say which one with the subscription parameter.",
        )),
    }
}

/// What a preview shows: its lines, and when it would be made.
struct Coming {
    lines: Vec<Line>,
    waiting: bool,
    reason: &'static str,
    at: i64,
    period: (i64, i64),
    proration_date: Option<i64>,
}

fn of_subscription(call: &Call, space: &mut Space, n: u64, details: &Form) -> Result<Value, ApiError> {
    let now = call.cause.now;
    let mut subscription = space.value(Kind::Subscription, n).unwrap_or_default();
    let owner = subscription["customer"].as_str().unwrap_or_default().to_owned();
    if call.form.text("customer")?.is_some_and(|customer| customer != owner) {
        let id = subscription["id"].as_str().unwrap_or_default();
        return Err(no_such_param("subscription", id, "subscription"));
    }
    if subscription["status"].as_str().is_some_and(|status| ENDED.contains(&status)) {
        return Err(none_coming(&owner));
    }
    set_cancellation(details, &mut subscription, now)?;
    let coming = coming(space, &mut subscription, details, now)?.ok_or_else(|| none_coming(&owner))?;
    let wanted = discount::wanted(space, &call.form, &owner, now)?;
    let customer = customer_of(space, &subscription);
    let mut draft = Draft::of_subscription(space, &subscription, &customer, coming.reason, now);
    draft.discounts = match wanted {
        Some(wanted) => imagined(space, &wanted),
        None => discount::active(space, &subscription["discounts"], Some(coming.at)),
    };
    if coming.waiting {
        let items = waiting(space, &owner, subscription["id"].as_str());
        draft.lines = items
            .iter()
            .filter_map(|n| space.value(Kind::InvoiceItem, *n))
            .map(|item| Line::of_invoice_item(&item))
            .collect();
    }
    draft.lines.extend(coming.lines);
    draft.period = coming.period;
    draft.proration_date = coming.proration_date;
    if draft.lines.is_empty() {
        return Err(none_coming(&owner));
    }
    Ok(shown(&draft, space, coming.at))
}

/// A preview has no number of its own and is never finalized.
fn shown(draft: &Draft<'_>, space: &mut Space, at: i64) -> Value {
    let id = format!("upcoming_{}", space.reserve(Kind::Invoice).1);
    let mut invoice = draft.value(space, &id, at);
    invoice["automatically_finalizes_at"] = Value::Null;
    invoice["next_payment_attempt"] = if draft.days_until_due.is_none() { (at + 3600).into() } else { Value::Null };
    invoice
}

fn coming(space: &mut Space, subscription: &mut Value, details: &Form, now: i64) -> Result<Option<Coming>, ApiError> {
    let behavior = details.word("proration_behavior", PRORATIONS)?.unwrap_or("create_prorations");
    let date = format!("{NAME}[proration_date]");
    let at = super::subscription_update::proration_date(details, &date, subscription, now)?;
    let given = details.get("proration_date").is_some();
    if details.flag("cancel_now")? == Some(true) {
        let lines = last_lines(space, subscription, at, behavior != "none", true);
        let proration_date = lines.iter().any(|line| line.proration).then_some(at);
        let reason = "subscription_update";
        return Ok(Some(Coming { lines, waiting: true, reason, at: now, period: (now, now), proration_date }));
    }
    let ends_trial = details.text("trial_end")? == Some("now") && subscription["status"] == "trialing";
    if ends_trial {
        subscription["status"] = "active".into();
    }
    let restart = ends_trial || anchor_is_now(details, "billing_cycle_anchor")?;
    let rows = details.rows("items")?;
    let name = format!("{NAME}[items]");
    let wish = Wish { rows: &rows, name: &name, at, restart, prorate: behavior != "none" && !ends_trial };
    let plan = plan(space, subscription, wish)?;
    let now_due = billed_now(&plan, behavior);
    subscription["items"]["data"] = plan.rows.clone().into();
    let proration_date = (given || !plan.prorations.is_empty()).then_some(at);
    if !now_due.is_empty() {
        let reason = "subscription_update";
        return Ok(Some(Coming { lines: now_due, waiting: true, reason, at: now, period: (now, now), proration_date }));
    }
    Ok(renewal(space, subscription, plan, proration_date))
}

/// The invoice at the end of the current period.
fn renewal(space: &Space, subscription: &Value, plan: Plan, proration_date: Option<i64>) -> Option<Coming> {
    let end = plan.rows.iter().map(|row| period_of(row).1).min()?;
    let ends = subscription["cancel_at"].as_i64().is_some_and(|at| at <= end);
    let due = plan.rows.iter().filter(|row| period_of(row).1 == end);
    let mut lines = plan.prorations;
    let mut past = (end, end);
    let mut next = Vec::new();
    for row in due {
        past = period_of(row);
        let mut row = row.clone();
        row["current_period_start"] = end.into();
        row["current_period_end"] = (end + PriceCard::of(&row["price"]).period()).into();
        next.push((row, past));
    }
    if ends {
        // Nothing follows but what was used.
        lines.extend(next.iter().filter_map(|(row, past)| usage_line(space, subscription, row, *past)));
    } else {
        lines.extend(renewal_lines(space, subscription, &next));
    }
    let reason = "upcoming";
    Some(Coming { lines, waiting: true, reason, at: end, period: past, proration_date })
}

/// The first invoice of a subscription that does not exist yet.
fn of_new(call: &Call, space: &mut Space, owner: u64, details: &Form) -> Result<Value, ApiError> {
    let now = call.cause.now;
    let id = space.ids.id(Kind::Customer, owner);
    let rows = details.rows("items")?;
    let trial = details.text("trial_end")?.is_some_and(|end| end != "now");
    let mut currency = Value::Null;
    if let Some(price) = rows.first().map(|row| row.text("price")).transpose()?.flatten() {
        let n = space.find_alive(Kind::Price, price);
        let param = format!("{NAME}[items][0][price]");
        let n = n.ok_or_else(|| no_such_param("price", price, &param))?;
        currency = space.attribute(Kind::Price, n, "currency").into();
    }
    let mut subscription = serde_json::json!({
        "id": null, "customer": id, "currency": currency, "status": if trial { "trialing" } else { "active" },
        "collection_method": "charge_automatically", "discounts": [], "metadata": {}, "items": {"data": []},
    });
    let name = format!("{NAME}[items]");
    let wish = Wish { rows: &rows, name: &name, at: now, restart: false, prorate: false };
    let mut plan = plan(space, &subscription, wish)?;
    let end = if trial { details.int("trial_end")? } else { None };
    for row in &mut plan.rows {
        let length = PriceCard::of(&row["price"]).period();
        row["current_period_start"] = now.into();
        row["current_period_end"] = end.unwrap_or(now + length).into();
    }
    subscription["items"]["data"] = plan.rows.into();
    let wanted = discount::wanted(space, &call.form, &id, now)?.unwrap_or_default();
    let customer = customer_of(space, &subscription);
    let mut draft = Draft::of_subscription(space, &subscription, &customer, "upcoming", now);
    draft.lines = first_lines(space, &subscription);
    draft.discounts = imagined(space, &wanted);
    Ok(shown(&draft, space, now))
}
