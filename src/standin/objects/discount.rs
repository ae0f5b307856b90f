//! Discounts: coupons and promotion codes given to a subscription or an invoice, and what they take off.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::coupon::{redeem, usable_code, usable_coupon};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/discount.json")));

/// A month, as everywhere here: a twelfth of a year of 365 days.
const MONTH: i64 = 2_628_000;

/// What a request asks to take off.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The coupon's number.
    pub coupon: u64,
    /// The promotion code's number, when that is how it was named.
    pub code: Option<u64>,
    /// A discount that already exists and stays.
    pub keeps: Option<String>,
}

/// What a discount is given to.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// `cus_…`
    pub customer: &'a str,
    /// `sub_…`
    pub subscription: Option<&'a str>,
    /// `in_…`
    pub invoice: Option<&'a str>,
}

/// A discount with the coupon it comes from.
#[derive(Clone, Debug)]
pub struct Active {
    /// `di_…`
    pub id: String,
    /// The coupon as it was.
    pub coupon: Value,
}

/// Reads `discounts[0][coupon]`, `[promotion_code]` or `[discount]`; nothing when the parameter is missing.
pub fn wanted(space: &Space, form: &Form, customer: &str, now: i64) -> Result<Option<Vec<Wanted>>, ApiError> {
    if form.get("discounts").is_none() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for (i, row) in form.rows("discounts")?.iter().enumerate() {
        row.only(&["coupon", "discount", "promotion_code"])?;
        let param = |name: &str| format!("discounts[{i}][{name}]");
        let one = match (row.text("coupon")?, row.text("promotion_code")?, row.text("discount")?) {
            (Some(coupon), None, None) => {
                let n = usable_coupon(space, coupon, &param("coupon"), now)?;
                Wanted { coupon: n, code: None, keeps: None }
            }
            (None, Some(code), None) => usable_code(space, code, &param("promotion_code"), customer, now)?,
            (None, None, Some(id)) => kept(space, id, &param("discount"))?,
            (None, None, None) => return Err(missing_param(&param("coupon"))),
            _ => {
                return Err(invalid_param(
                    &param("coupon"),
                    "You may only specify one of these parameters: coupon, discount, promotion_code.",
                ));
            }
        };
        found.push(one);
    }
    Ok(Some(found))
}

fn kept(space: &Space, id: &str, param: &str) -> Result<Wanted, ApiError> {
    let missing = || no_such_param("discount", id, param);
    let n = space.find_alive(Kind::Discount, id).ok_or_else(missing)?;
    let value = space.value(Kind::Discount, n).unwrap_or_default();
    let coupon = value["source"]["coupon"].as_str().and_then(|id| space.find(Kind::Coupon, id)).ok_or_else(missing)?;
    Ok(Wanted { coupon, code: None, keeps: Some(id.to_owned()) })
}

/// Gives the discounts to their owner and returns their identifiers; each redemption is counted.
pub fn grant(space: &mut Space, cause: &Cause, wanted: &[Wanted], owner: Owner<'_>) -> Vec<Value> {
    wanted.iter().map(|one| grant_one(space, cause, one, owner).into()).collect()
}

fn grant_one(space: &mut Space, cause: &Cause, one: &Wanted, owner: Owner<'_>) -> String {
    if let Some(id) = &one.keeps {
        return id.clone();
    }
    let (n, id) = space.reserve(Kind::Discount);
    let value = document(space, one, owner, (&id, cause.now));
    space.insert(Kind::Discount, n, cause.now, value.clone());
    redeem(space, cause, one);
    space.emit(cause, "customer.discount.created", (Kind::Discount, value), None);
    id
}

fn document(space: &Space, one: &Wanted, owner: Owner<'_>, (id, now): (&str, i64)) -> Value {
    let coupon = space.value(Kind::Coupon, one.coupon).unwrap_or_default();
    let months = coupon["duration_in_months"].as_i64();
    let end = (coupon["duration"] == "repeating").then(|| now + months.unwrap_or(1) * MONTH);
    let fields = Fields::new()
        .text("id", id)
        .text("customer", owner.customer)
        .opt_int("end", end)
        .opt_text("invoice", owner.invoice)
        .opt_text("promotion_code", one.code.map(|n| space.ids.id(Kind::PromotionCode, n)).as_deref())
        .text("coupon", coupon["id"].as_str().unwrap_or_default())
        .int("start", now)
        .opt_text("subscription", owner.subscription);
    SHAPE.value(&fields)
}

/// Tells that a discount is taken away; invoices that had it go on to name it.
pub fn revoke(space: &mut Space, cause: &Cause, id: &str) {
    if let Some(n) = space.find_alive(Kind::Discount, id)
        && let Some(last) = space.value(Kind::Discount, n)
    {
        let mut gone = last;
        gone["deleted"] = true.into();
        if let Some(fields) = gone.as_object_mut() {
            fields.remove("end");
        }
        space.emit(cause, "customer.discount.deleted", (Kind::Discount, gone), None);
    }
}

/// Takes what is over from a subscription that was just billed: discounts whose time has passed, and those for one invoice
/// once they have taken something off.
pub fn use_up(space: &mut Space, cause: &Cause, subscription: &mut Value) {
    let named = subscription["discounts"].as_array().into_iter().flatten();
    let ids: Vec<String> = named.filter_map(|id| Some(id.as_str()?.to_owned())).collect();
    let running = active(space, &subscription["discounts"], Some(cause.now));
    let invoice = subscription["latest_invoice"].as_str().and_then(|id| space.find(Kind::Invoice, id));
    let invoice = invoice.and_then(|n| space.value(Kind::Invoice, n)).unwrap_or_default();
    let took = |id: &str| {
        let mut amounts = invoice["total_discount_amounts"].as_array().into_iter().flatten();
        amounts.any(|row| row["discount"] == id && row["amount"].as_i64() > Some(0))
    };
    let stays =
        |id: &String| running.iter().any(|one| one.id == *id && (one.coupon["duration"] != "once" || !took(id)));
    let (kept, spent): (Vec<String>, Vec<String>) = ids.into_iter().partition(stays);
    if !spent.is_empty() {
        subscription["discounts"] = kept.into();
    }
    for id in &spent {
        revoke(space, cause, id);
    }
}

/// The discounts that an object names; with a moment only those that still run then.
pub fn active(space: &Space, ids: &Value, now: Option<i64>) -> Vec<Active> {
    ids.as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| {
            let id = id.as_str()?;
            let value = space.value(Kind::Discount, space.find(Kind::Discount, id)?)?;
            if now.is_some_and(|now| value["end"].as_i64().is_some_and(|end| end <= now)) {
                return None;
            }
            let coupon = space.kept_coupon(value["source"]["coupon"].as_str()?)?;
            Some(Active { id: id.to_owned(), coupon })
        })
        .collect()
}

/// The same before anything is granted, for a preview.
pub fn imagined(space: &Space, wanted: &[Wanted]) -> Vec<Active> {
    let of = |one: &Wanted| {
        let id = one.keeps.clone().unwrap_or_else(|| format!("di_preview_{}", one.coupon));
        Some(Active { id, coupon: space.value(Kind::Coupon, one.coupon)? })
    };
    wanted.iter().filter_map(of).collect()
}

/// What is left of an amount after all discounts, for a part of a period.
pub fn net(amount: i64, product: &str, discounts: &[Active]) -> i64 {
    discounts.iter().filter(|active| applies(&active.coupon, product)).fold(amount, |left, active| {
        match active.coupon["percent_off"].as_f64() {
            Some(percent) => left - share(left, percent),
            None => left,
        }
    })
}

#[expect(clippy::cast_possible_truncation, reason = "sums of money are far below 2^53")]
fn share(amount: i64, percent: f64) -> i64 {
    (amount as f64 * percent / 100.0).round() as i64
}

fn applies(coupon: &Value, product: &str) -> bool {
    coupon["applies_to"]["products"].as_array().is_none_or(|products| products.iter().any(|id| id == product))
}

/// Spreads the discounts over the lines, one after the other, and returns what each takes off.
pub fn spread(lines: &mut [Value], discounts: &[Active]) -> Vec<Value> {
    let mut left: Vec<i64> = lines.iter().map(|line| line["amount"].as_i64().unwrap_or(0)).collect();
    let mut totals = Vec::new();
    for line in lines.iter_mut() {
        line["discount_amounts"] = json!([]);
    }
    for active in discounts {
        let fits: Vec<usize> = (0..lines.len())
            .filter(|at| {
                let product = lines[*at]["pricing"]["price_details"]["product"].as_str().unwrap_or_default();
                lines[*at]["discountable"] == true && left[*at] > 0 && applies(&active.coupon, product)
            })
            .collect();
        let base: i64 = fits.iter().map(|at| left[*at]).sum();
        let off = match active.coupon["percent_off"].as_f64() {
            Some(percent) => share(base, percent),
            None => active.coupon["amount_off"].as_i64().unwrap_or(0).min(base),
        };
        let (mut given, mut seen) = (0, 0);
        for at in fits {
            // Rounding the running sum, not each part, makes the parts add up to the whole.
            seen += left[at];
            let upto = part(off, seen, base);
            let mine = upto - given;
            given = upto;
            left[at] -= mine;
            if let Some(amounts) = lines[at]["discount_amounts"].as_array_mut() {
                amounts.push(json!({"amount": mine, "discount": active.id}));
            }
        }
        totals.push(json!({"amount": given, "discount": active.id}));
    }
    totals
}

/// `whole × numerator ÷ denominator`, rounded half away from zero.
pub fn part(whole: i64, numerator: i64, denominator: i64) -> i64 {
    if denominator == 0 {
        return 0;
    }
    let product = i128::from(whole) * i128::from(numerator) * 2;
    let denominator = i128::from(denominator);
    let rounded = (product + denominator * product.signum()) / (denominator * 2);
    i64::try_from(rounded).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_rounded_away_from_zero() {
        assert_eq!((part(100, 1, 3), part(100, 1, 8), part(-100, 1, 8)), (33, 13, -13));
    }

    #[test]
    fn discounts_follow_each_other_and_their_parts_add_up() {
        let line = |amount: i64, product: &str| json!({"amount": amount, "discountable": true, "pricing": {"price_details": {"product": product}}});
        let mut lines = [line(1000, "a"), line(333, "b"), line(-200, "a")];
        let half = Active { id: "di_1".to_owned(), coupon: json!({"percent_off": 50.0}) };
        let fixed =
            Active { id: "di_2".to_owned(), coupon: json!({"amount_off": 100, "applies_to": {"products": ["b"]}}) };
        let totals = spread(&mut lines, &[half, fixed]);
        assert_eq!(totals, [json!({"amount": 667, "discount": "di_1"}), json!({"amount": 100, "discount": "di_2"})]);
        assert_eq!(
            lines[1]["discount_amounts"],
            json!([{"amount": 167, "discount": "di_1"}, {"amount": 100, "discount": "di_2"}])
        );
        assert_eq!(lines[2]["discount_amounts"], json!([]));
    }
}
