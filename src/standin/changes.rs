//! Life: random but realistic changes, each with its events.

use super::dice::Dice;
use super::errors::ApiError;
use super::events::Cause;
use super::form::Form;
use super::kind::Kind;
use super::objects::card::Card;
use super::objects::{
    billing_routes, customer, invoice_life, invoice_new, price_new, product, subscription_life, subscription_new,
    subscription_update,
};
use super::seed::names;
use super::space::Space;

/// What life does, and how often.
const MOVES: [(Kind, &str, u64); 13] = [
    (Kind::Customer, "create", 12),
    (Kind::Customer, "update", 22),
    (Kind::Customer, "delete", 3),
    (Kind::Subscription, "create", 12),
    (Kind::Subscription, "update", 22),
    (Kind::Subscription, "cancel", 5),
    (Kind::Subscription, "renew", 6),
    (Kind::Invoice, "update", 6),
    (Kind::Charge, "update", 4),
    (Kind::Product, "create", 2),
    (Kind::Product, "update", 4),
    (Kind::Price, "create", 2),
    (Kind::Price, "update", 4),
];

/// Makes `count` random changes to the given kinds (all when empty). The clock is read for each change.
pub fn make(space: &mut Space, clock: &dyn Fn() -> i64, dice: &mut Dice, count: usize, kinds: &[Kind]) {
    let moves: Vec<_> = MOVES.iter().filter(|row| kinds.is_empty() || kinds.contains(&row.0)).collect();
    let total: u64 = moves.iter().map(|row| row.2).sum();
    let (mut done, mut tried) = (0, 0);
    // A move may find nothing to move; the second limit ends a world in which nothing can.
    while done < count && tried < count * 50 + 50 {
        tried += 1;
        let mut at = dice.below(total);
        let Some(row) = moves.iter().find(|row| {
            let here = at < row.2;
            at = at.saturating_sub(row.2);
            here
        }) else {
            return;
        };
        let cause = Cause { now: clock(), ..Cause::default() };
        let before = space.events.len();
        if one(space, &cause, dice, row.0, row.1).is_ok() && space.events.len() > before {
            done += 1;
        }
    }
}

fn one(space: &mut Space, cause: &Cause, dice: &mut Dice, kind: Kind, verb: &str) -> Result<(), ApiError> {
    if verb == "create" {
        return create(space, cause, dice, kind);
    }
    let Some(n) = any(space, dice, kind) else {
        return Ok(());
    };
    match (kind, verb) {
        (Kind::Customer, "delete") => customer::remove(space, cause, n),
        (Kind::Subscription, "cancel") => subscription_life::cancel(space, cause, n, &Form::default()),
        (Kind::Subscription, "renew") => subscription_life::renew(space, cause, n),
        (Kind::Subscription, _) => update_subscription(space, cause, dice, n),
        _ => touch(space, cause, kind, n, &changed(dice, kind)?),
    }
}

/// Changes one object of any kind as its update route would.
pub fn touch(space: &mut Space, cause: &Cause, kind: Kind, n: u64, form: &Form) -> Result<(), ApiError> {
    match kind {
        Kind::Customer => customer::update(space, cause, n, form),
        Kind::Product => product::update(space, cause, n, form),
        Kind::Price => price_new::update(space, cause, n, form),
        Kind::Subscription => subscription_update::update(space, cause, n, form),
        Kind::Invoice => invoice_new::annotate(space, cause, n, form),
        Kind::Charge => billing_routes::annotate_charge(space, cause, n, form),
        _ => Err(ApiError::invalid(400, "This kind cannot be changed.")),
    }
}

/// Deletes one object of any kind as its delete route would.
pub fn delete(space: &mut Space, cause: &Cause, kind: Kind, n: u64) -> Result<(), ApiError> {
    match kind {
        Kind::Customer => customer::remove(space, cause, n),
        Kind::Product => product::remove(space, cause, n),
        Kind::Subscription => subscription_life::cancel(space, cause, n, &Form::default()),
        Kind::Invoice => invoice_life::delete(space, cause, n),
        _ => Err(ApiError::invalid(400, "This kind cannot be deleted.")),
    }
}

/// An object of a kind that exists: of the seed or made since.
fn any(space: &Space, dice: &mut Dice, kind: Kind) -> Option<u64> {
    let made = space.made_list(kind);
    let lanes = space.seed.as_ref().map_or(0, |seed| seed.lanes(kind));
    let seeded = space.seed.as_ref().filter(|_| lanes > 0);
    for _ in 0..40 {
        let n = match seeded {
            Some(seed) if made.is_empty() || dice.chance(0.8) => {
                let (lane, at) = (dice.below(lanes), dice.below(seed.lane_len(kind)));
                seed.place(kind, lane, at).1
            }
            _ => *dice.pick(made)?,
        };
        if space.created(kind, n).is_some() && !space.is_deleted(kind, n) {
            return Some(n);
        }
    }
    None
}

fn id_of_any(space: &Space, dice: &mut Dice, kind: Kind, fits: impl Fn(&serde_json::Value) -> bool) -> Option<String> {
    for _ in 0..20 {
        let value = space.value(kind, any(space, dice, kind)?)?;
        if fits(&value) {
            return value["id"].as_str().map(str::to_owned);
        }
    }
    None
}

fn create(space: &mut Space, cause: &Cause, dice: &mut Dice, kind: Kind) -> Result<(), ApiError> {
    match kind {
        Kind::Customer => {
            let name = person(dice);
            let email = format!("{}@example.com", dice.letters(9).to_lowercase());
            let form = Form::from_pairs(&[("name", name.as_str()), ("email", email.as_str())])?;
            let n = customer::create(space, cause, &form)?;
            customer::give_card(space, cause, n, &Card::drawn(dice.roll(), "US"))
        }
        Kind::Product => {
            let name = format!("{} pack", dice.pick(names::COMPANY).copied().unwrap_or("New"));
            product::create(space, cause, &Form::from_pairs(&[("name", name)])?).map(drop)
        }
        Kind::Price => {
            let Some(product) = id_of_any(space, dice, Kind::Product, |_| true) else {
                return Ok(());
            };
            let amount = dice.between(3, 400) * 100;
            let form = Form::from_pairs(&[
                ("currency", "usd"),
                ("product", product.as_str()),
                ("unit_amount", amount.to_string().as_str()),
                ("recurring[interval]", if dice.chance(0.7) { "month" } else { "year" }),
            ])?;
            price_new::create(space, cause, &form).map(drop)
        }
        _ => subscribe(space, cause, dice),
    }
}

fn subscribe(space: &mut Space, cause: &Cause, dice: &mut Dice) -> Result<(), ApiError> {
    let customer = id_of_any(space, dice, Kind::Customer, |_| true);
    let price = id_of_any(space, dice, Kind::Price, |price| {
        price["active"] == true && price["type"] == "recurring" && price["recurring"]["usage_type"] == "licensed"
    });
    let (Some(customer), Some(price)) = (customer, price) else {
        return Ok(());
    };
    let quantity = dice.between(1, 12).to_string();
    let mut pairs = vec![
        ("customer", customer.as_str()),
        ("items[0][price]", price.as_str()),
        ("items[0][quantity]", quantity.as_str()),
    ];
    if dice.chance(0.2) {
        pairs.push(("trial_period_days", "14"));
    }
    subscription_new::create(space, cause, &Form::from_pairs(&pairs)?).map(drop)
}

fn update_subscription(space: &mut Space, cause: &Cause, dice: &mut Dice, n: u64) -> Result<(), ApiError> {
    let value = space.value(Kind::Subscription, n).unwrap_or_default();
    let item = value["items"]["data"][0].clone();
    let ending = value["cancel_at_period_end"] == true;
    let toggled = (!ending).to_string();
    let quantity = dice.between(1, 60).to_string();
    let note = dice.letters(8);
    let id = item["id"].as_str().unwrap_or_default();
    let pairs = match dice.below(10) {
        0..3 => vec![("cancel_at_period_end", toggled.as_str())],
        3..7 if item["quantity"].is_i64() => vec![("items[0][id]", id), ("items[0][quantity]", quantity.as_str())],
        _ => vec![("metadata[note]", note.as_str())],
    };
    subscription_update::update(space, cause, n, &Form::from_pairs(&pairs)?)
}

/// Parameters of a small change.
fn changed(dice: &mut Dice, kind: Kind) -> Result<Form, ApiError> {
    let note = dice.letters(8);
    let name = person(dice);
    let email = format!("{}@example.org", dice.letters(9).to_lowercase());
    let pair = match (kind, dice.below(4)) {
        (Kind::Customer, 0) => ("name", name.as_str()),
        (Kind::Customer, 1) => ("email", email.as_str()),
        (Kind::Customer, 2) => ("description", name.as_str()),
        (Kind::Product, 0 | 1) => ("description", note.as_str()),
        (Kind::Price, 0 | 1) => ("nickname", note.as_str()),
        _ => ("metadata[note]", note.as_str()),
    };
    Form::from_pairs(&[pair])
}

fn person(dice: &mut Dice) -> String {
    let mut word = |list: &'static [&'static str]| dice.pick(list).copied().unwrap_or_default();
    format!("{} {}", word(names::GIVEN), word(names::FAMILY))
}
