//! The line items of checkout sessions.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::line::Line;
use super::price::PriceCard;
use super::price_new;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;
use crate::standin::versions::{DEFAULT, present};

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/checkout_item.json")));

const KNOWN: &[&str] = &["adjustable_quantity", "metadata", "price", "price_data", "quantity"];
const PRICE_DATA: &[&str] =
    &["currency", "product", "product_data", "recurring", "tax_behavior", "unit_amount", "unit_amount_decimal"];

/// What is sold, in one currency.
#[derive(Debug, Default)]
pub struct Basket {
    /// The `item` objects.
    pub items: Vec<Value>,
    /// None in setup mode.
    pub currency: Option<String>,
}

impl Basket {
    /// What the items cost today; `trial` puts off what recurs.
    pub fn lines(&self, trial: bool) -> Vec<Value> {
        self.items
            .iter()
            .map(|item| {
                let free = trial && item["price"]["type"] == "recurring";
                json!({"amount": if free { json!(0) } else { item["amount_subtotal"].clone() }, "discountable": true,
                    "pricing": {"price_details": {"product": item["price"]["product"]}}})
            })
            .collect()
    }
}

/// Reads `line_items`; prices that are described on the spot are made.
pub fn read(space: &mut Space, cause: &Cause, form: &Form, mode: &str) -> Result<Basket, ApiError> {
    let mut basket = Basket::default();
    if mode == "setup" {
        return Ok(basket);
    }
    let rows = form.rows("line_items")?;
    if rows.is_empty() {
        return Err(missing_param("line_items"));
    }
    let mut recurs = false;
    for (i, row) in rows.iter().enumerate() {
        let at = |name: &str| format!("line_items[{i}][{name}]");
        if let Some((name, _)) = row.entries().iter().find(|entry| !KNOWN.contains(&entry.0.as_str())) {
            return Err(crate::standin::errors::unknown_param(&at(name)));
        }
        let price = price(space, cause, row, &at)?;
        recurs |= price["type"] == "recurring";
        if mode == "payment" && price["type"] == "recurring" {
            return Err(invalid_param(
                &at("price"),
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use \
                 only one-time prices.",
            ));
        }
        let currency = price["currency"].as_str().unwrap_or_default().to_owned();
        if basket.currency.as_ref().is_some_and(|first| *first != currency) {
            return Err(invalid_param(&at("price"), "All prices on a Checkout Session must have the same currency."));
        }
        basket.items.push(item(space, row, &price, &at)?);
        basket.currency = Some(currency);
    }
    if mode == "subscription" && !recurs {
        return Err(invalid_param(
            "line_items",
            "You must provide at least one recurring price in `subscription` mode when using prices.",
        ));
    }
    Ok(basket)
}

fn price(space: &mut Space, cause: &Cause, row: &Form, at: &impl Fn(&str) -> String) -> Result<Value, ApiError> {
    let n = match (row.text("price")?, row.get("price_data")) {
        (Some(id), None) => {
            space.find_alive(Kind::Price, id).ok_or_else(|| no_such_param("price", id, &at("price")))?
        }
        (None, Some(_)) => {
            let data = row.parts("price_data")?;
            data.only(PRICE_DATA)?;
            price_new::create(space, cause, &data)?
        }
        (None, None) => return Err(missing_param(&at("price"))),
        (Some(_), Some(_)) => {
            return Err(invalid_param(
                &at("price"),
                "You may only specify one of these parameters: price, price_data.",
            ));
        }
    };
    let price = space.value(Kind::Price, n).unwrap_or_default();
    if price["active"] == false {
        return Err(invalid_param(
            &at("price"),
            "The price specified is inactive. This field only accepts active prices.",
        ));
    }
    Ok(price)
}

fn item(space: &mut Space, row: &Form, price: &Value, at: &impl Fn(&str) -> String) -> Result<Value, ApiError> {
    let card = PriceCard::of(price);
    let quantity = match row.int("quantity")? {
        Some(_) if card.metered => {
            return Err(invalid_param(
                &at("quantity"),
                "Quantity should not be specified where usage_type is metered.",
            ));
        }
        None if !card.metered => return Err(missing_param(&at("quantity"))),
        Some(quantity) if quantity < 1 => {
            return Err(invalid_param(&at("quantity"), "This value must be greater than or equal to 1.")
                .code("parameter_invalid_integer"));
        }
        quantity => quantity,
    };
    let sum = card.amount(quantity.unwrap_or(0));
    let name = space
        .find(Kind::Product, &card.product)
        .and_then(|n| space.attribute(Kind::Product, n, "name"))
        .unwrap_or_default();
    let shown = present(space, Kind::Price, price.clone(), DEFAULT);
    let fields = Fields::new()
        .text("id", &space.reserve(Kind::CheckoutItem).1)
        .int("amount_discount", 0)
        .int("amount_subtotal", sum)
        .int("amount_total", sum)
        .text("currency", &card.currency)
        .text("description", &name)
        .raw("price", shown.to_string().as_bytes())
        .opt_int("quantity", quantity);
    Ok(SHAPE.value(&fields))
}

/// The lines of an invoice for items that are sold once.
pub fn once_lines(items: &[Value], now: i64) -> Vec<Line> {
    items
        .iter()
        .filter(|item| item["price"]["type"] == "one_time")
        .map(|item| {
            let card = PriceCard::of(&item["price"]);
            let mut line = Line::of(&card, item["quantity"].as_i64().unwrap_or(1), (now, now));
            item["description"].as_str().unwrap_or_default().clone_into(&mut line.description);
            line
        })
        .collect()
}
