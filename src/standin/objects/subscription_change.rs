//! Changing the items of a subscription: which rows it has after, and what the rest of the period costs.
//!
//! The preview and the change itself both come from [`plan`], so with the same `proration_date` they name the same sums.

use std::sync::Arc;

use serde_json::Value;

use super::discount::{Active, active, net, part};
use super::line::{Line, card_of};
use super::price::PriceCard;
use super::subscription::ItemFacts;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

const ROW_FIELDS: &[Field] = &[("metadata", Sort::Metadata)];

/// What a request asks of the items.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The rows of `items`.
    pub rows: &'a [Form],
    /// What the rows are called in refusals: `items` or `subscription_details[items]`.
    pub name: &'a str,
    /// The moment of the change.
    pub at: i64,
    /// All periods begin anew.
    pub restart: bool,
    /// Whether the rest of the period is credited and charged.
    pub prorate: bool,
}

/// The outcome of a change.
#[derive(Debug)]
pub struct Plan {
    /// The rows after it.
    pub rows: Vec<Value>,
    /// Credits and charges for the rest of the period.
    pub prorations: Vec<Line>,
    /// Whole periods that begin with it; these are billed at once.
    pub begun: Vec<Line>,
}

/// Computes a change of items; nothing is changed yet, but identifiers of new items are used up.
pub fn plan(space: &mut Space, subscription: &Value, wish: Wish<'_>) -> Result<Plan, ApiError> {
    let before = subscription["items"]["data"].as_array().cloned().unwrap_or_default();
    let trial = subscription["status"] == "trialing";
    let mut plan = Plan { rows: before.clone(), prorations: Vec::new(), begun: Vec::new() };
    let period = shared_period(&before, wish.at);
    for (i, wanted) in wish.rows.iter().enumerate() {
        let param = |name: &str| format!("{}[{i}][{name}]", wish.name);
        wanted.only(&["clear_usage", "deleted", "id", "metadata", "price", "quantity"])?;
        match wanted.text("id")? {
            Some(id) => {
                let missing = || no_such_param("subscription item", id, &param("id"));
                let at = plan.rows.iter().position(|row| row["id"] == id).ok_or_else(missing)?;
                if wanted.flag("deleted")? == Some(true) {
                    plan.rows.remove(at);
                } else {
                    plan.rows[at] = changed_row(space, &plan.rows[at], wanted, &param, (wish.at, trial))?;
                }
            }
            None => plan.rows.push(new_row(space, subscription, wanted, &param, (wish.at, period))?),
        }
    }
    refuse_unfit(&plan.rows, subscription, wish.name)?;
    if wish.restart && !trial {
        for row in &mut plan.rows {
            begin_period(row, wish.at);
        }
    }
    if !trial {
        let discounts = active(space, &subscription["discounts"], Some(wish.at));
        compare(space, subscription, &before, &mut plan, wish, &discounts);
    }
    Ok(plan)
}

/// New rows join the period of the others.
fn shared_period(rows: &[Value], now: i64) -> (i64, i64) {
    let of = |name: &str| rows.first().and_then(|row| row[name].as_i64());
    (of("current_period_start").unwrap_or(now), of("current_period_end").unwrap_or(now))
}

/// The price that a row names, which must be for sale and recur.
pub fn card(space: &Space, wanted: &Form, param: &str) -> Result<PriceCard, ApiError> {
    let id = wanted.text("price")?.ok_or_else(|| missing_param(param))?;
    let price = space
        .find_alive(Kind::Price, id)
        .and_then(|n| space.value(Kind::Price, n))
        .ok_or_else(|| no_such_param("price", id, param))?;
    if price["type"] != "recurring" {
        return Err(invalid_param(
            param,
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
        ));
    }
    if price["active"] == false {
        return Err(invalid_param(param, "The price specified is inactive. This field only accepts active prices."));
    }
    Ok(PriceCard::of(&price))
}

/// The quantity of a row: none for usage, otherwise at least nothing.
pub fn quantity(wanted: &Form, price: &PriceCard, param: &str) -> Result<Option<i64>, ApiError> {
    match wanted.int("quantity")? {
        Some(_) if price.metered => {
            Err(invalid_param(param, "You cannot set the quantity for metered plans. Report the usage instead."))
        }
        Some(quantity) if quantity < 0 => {
            Err(invalid_param(param, "This value must be greater than or equal to 0.")
                .code("parameter_invalid_integer"))
        }
        quantity => Ok(quantity),
    }
}

fn changed_row(
    space: &Space,
    before: &Value,
    wanted: &Form,
    param: &impl Fn(&str) -> String,
    (now, trial): (i64, bool),
) -> Result<Value, ApiError> {
    let mut row = before.clone();
    let mut price = card_of(space, &row);
    if wanted.get("price").is_some() {
        let next = card(space, wanted, &param("price"))?;
        row["price"] = serde_json::from_slice(&next.price_json).unwrap_or_default();
        row["plan"] = serde_json::from_slice(&next.plan_json).unwrap_or_default();
        if next.period() != price.period() && !trial {
            begin_period(&mut row, now);
        }
        price = next;
    }
    let quantity = quantity(wanted, &price, &param("quantity"))?;
    if price.metered {
        if let Some(fields) = row.as_object_mut() {
            fields.remove("quantity");
        }
    } else {
        row["quantity"] = quantity.or(row["quantity"].as_i64()).unwrap_or(1).into();
    }
    apply(wanted, ROW_FIELDS, &mut row)?;
    Ok(row)
}

/// Makes a row begin its period now.
fn begin_period(row: &mut Value, now: i64) {
    let length = PriceCard::of(&row["price"]).period();
    row["current_period_start"] = now.into();
    row["current_period_end"] = (now + length).into();
}

fn new_row(
    space: &mut Space,
    subscription: &Value,
    wanted: &Form,
    param: &impl Fn(&str) -> String,
    (now, shared): (i64, (i64, i64)),
) -> Result<Value, ApiError> {
    let price = card(space, wanted, &param("price"))?;
    let quantity = quantity(wanted, &price, &param("quantity"))?;
    let id = subscription["id"].as_str().unwrap_or_default();
    let (item, item_id) = space.reserve(Kind::SubscriptionItem);
    if let Some(owner) = space.find(Kind::Subscription, id) {
        space.item_owner.insert(item, owner);
    }
    let joins = shared.1 - shared.0 == price.period() || subscription["status"] == "trialing";
    let facts = ItemFacts {
        id: item_id,
        created: now,
        quantity: (!price.metered).then(|| quantity.unwrap_or(1)),
        period: if joins { shared } else { (now, now + price.period()) },
        price: Arc::new(price),
    };
    let mut out = Vec::new();
    facts.write(id, &mut out);
    let mut row = serde_json::from_slice(&out).unwrap_or_default();
    apply(wanted, ROW_FIELDS, &mut row)?;
    Ok(row)
}

/// Refuses no rows, two rows of one price, and prices in another currency.
fn refuse_unfit(rows: &[Value], subscription: &Value, name: &str) -> Result<(), ApiError> {
    if rows.is_empty() {
        return Err(ApiError::invalid(400, "A subscription must have at least one active plan."));
    }
    for (i, row) in rows.iter().enumerate() {
        let id = &row["price"]["id"];
        if rows[..i].iter().any(|other| other["price"]["id"] == *id) {
            let id = id.as_str().unwrap_or_default();
            return Err(invalid_param(
                name,
                format!("Cannot add multiple subscription items with the same plan: {id}"),
            ));
        }
        let (own, wanted) = (&row["price"]["currency"], &subscription["currency"]);
        if own != wanted {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            return Err(invalid_param(
                name,
                format!(
                    "The price specified only supports `{}`. This doesn't match the expected currency: `{}`.",
                    text(own),
                    text(wanted)
                ),
            ));
        }
    }
    Ok(())
}

/// Credits what was paid for and is not used, charges what is used instead, and finds the periods that begin.
fn compare(
    space: &Space,
    subscription: &Value,
    before: &[Value],
    plan: &mut Plan,
    wish: Wish<'_>,
    discounts: &[Active],
) {
    let same = |row: &Value, other: &Value| row["id"] == other["id"];
    let costs =
        |row: &Value| (row["price"]["id"].clone(), row["quantity"].clone(), row["current_period_start"].clone());
    for old in before {
        let new = plan.rows.iter().find(|row| same(row, old));
        if new.is_none_or(|new| costs(new) != costs(old)) && wish.prorate {
            plan.prorations.extend(rest(space, subscription, old, wish.at, discounts, true));
        }
    }
    for new in &plan.rows {
        let old = before.iter().find(|row| same(row, new));
        if old.is_some_and(|old| costs(new) == costs(old)) {
            continue;
        }
        let begins = new["current_period_start"].as_i64() == Some(wish.at)
            && old.is_none_or(|old| old["current_period_start"] != new["current_period_start"]);
        if begins {
            plan.begun.extend(whole(space, subscription, new));
        } else if wish.prorate {
            plan.prorations.extend(rest(space, subscription, new, wish.at, discounts, false));
        }
    }
}

/// A whole period of a row; usage is billed when it is over.
pub fn whole(space: &Space, subscription: &Value, row: &Value) -> Option<Line> {
    let price = card_of(space, row);
    let period = period_of(row);
    let quantity = row["quantity"].as_i64()?;
    (!price.metered).then(|| Line::of(&price, quantity, period).of_item(subscription, row))
}

/// The period of a row.
pub fn period_of(row: &Value) -> (i64, i64) {
    let of = |name: &str| row[name].as_i64().unwrap_or(0);
    (of("current_period_start"), of("current_period_end"))
}

/// The rest of a row's period as a credit or a charge.
pub fn rest(
    space: &Space,
    subscription: &Value,
    row: &Value,
    at: i64,
    discounts: &[Active],
    credit: bool,
) -> Option<Line> {
    let price = card_of(space, row);
    let (start, end) = period_of(row);
    if price.metered || at >= end {
        return None;
    }
    let quantity = row["quantity"].as_i64().unwrap_or(1);
    let full = net(price.amount(quantity), &price.product, discounts);
    let share = part(full, end - at.max(start), end - start);
    let mut line = Line::of(&price, quantity, (at.max(start), end)).of_item(subscription, row);
    let what = if credit { "Unused time on" } else { "Remaining time on" };
    line.description = format!("{what} {} after {}", line.description, day(at));
    line.amount = if credit { -share } else { share };
    line.proration = true;
    // The discounts of the subscription are already in the sum.
    line.discountable = false;
    Some(line)
}

/// `21 Nov 2026`
pub fn day(unix: i64) -> String {
    let format = time::macros::format_description!("[day] [month repr:short] [year]");
    time::OffsetDateTime::from_unix_timestamp(unix).ok().and_then(|at| at.format(&format).ok()).unwrap_or_default()
}
