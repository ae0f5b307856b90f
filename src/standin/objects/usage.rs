//! What was reported to meters, and what it adds up to.

use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// One reported amount.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Its name, unique for a day.
    pub identifier: String,
    /// Unix seconds of what it counts.
    pub at: i64,
    /// How much.
    pub value: f64,
}

/// The formula of a meter over what a customer used from `start` to before `end`.
pub fn total(space: &Space, meter: &str, customer: &str, start: i64, end: i64) -> i64 {
    rounded(aggregate(space, meter, customer, start, end))
}

#[expect(clippy::cast_possible_truncation, reason = "counts are far below 2^53")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// The same without rounding.
pub fn aggregate(space: &Space, meter: &str, customer: &str, start: i64, end: i64) -> f64 {
    let formula = space
        .find(Kind::Meter, meter)
        .and_then(|n| space.value(Kind::Meter, n))
        .and_then(|meter| meter["default_aggregation"]["formula"].as_str().map(str::to_owned));
    let all = space.usage.get(&(meter.to_owned(), customer.to_owned())).map_or(&[][..], Vec::as_slice);
    let within = || all.iter().filter(|one| (start..end).contains(&one.at));
    match formula.as_deref() {
        Some("count") => within().count() as f64,
        Some("last") => within().max_by_key(|one| one.at).map_or(0.0, |one| one.value),
        _ => within().map(|one| one.value).sum(),
    }
}
