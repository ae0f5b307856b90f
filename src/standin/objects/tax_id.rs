//! Tax ids of customers.

use std::sync::LazyLock;

use super::{customer, deleted};
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::require_text;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/tax_id.json")));

/// Type, country, and how many characters a value has.
const SORTS: [(&str, Option<&str>, std::ops::RangeInclusive<usize>); 16] = [
    ("ae_trn", Some("AE"), 15..=15),
    ("au_abn", Some("AU"), 11..=14),
    ("br_cnpj", Some("BR"), 14..=18),
    ("ca_bn", Some("CA"), 9..=15),
    ("ca_gst_hst", Some("CA"), 15..=15),
    ("ch_vat", Some("CH"), 12..=19),
    ("es_cif", Some("ES"), 9..=9),
    ("eu_vat", None, 8..=14),
    ("gb_vat", Some("GB"), 11..=14),
    ("in_gst", Some("IN"), 15..=15),
    ("jp_cn", Some("JP"), 13..=13),
    ("jp_trn", Some("JP"), 14..=14),
    ("mx_rfc", Some("MX"), 12..=13),
    ("no_vat", Some("NO"), 9..=12),
    ("nz_gst", Some("NZ"), 8..=11),
    ("us_ein", Some("US"), 9..=10),
];

/// The rows; Stripe has no permission of its own for them.
pub const ROUTES: &[Route] = &[
    list("/v1/customers/{id}/tax_ids", "rak_customer_read", &[], index_of_customer),
    post("/v1/customers/{id}/tax_ids", "rak_customer_write", &["type", "value"], create_of_customer),
    get("/v1/customers/{id}/tax_ids/{sub}", "rak_customer_read", show_of_customer),
    delete("/v1/customers/{id}/tax_ids/{sub}", "rak_customer_write", &[], delete_of_customer),
    list("/v1/tax_ids", "rak_customer_read", &["owner"], index),
    post("/v1/tax_ids", "rak_customer_write", &["owner", "type", "value"], create),
    get("/v1/tax_ids/{id}", "rak_customer_read", |call, space| call.read(space, Kind::TaxId)),
    delete("/v1/tax_ids/{id}", "rak_customer_write", &[], remove),
];

fn of_owner(call: &Call, space: &Space, owner: u64, url: &str) -> Result<Vec<u8>, ApiError> {
    call.list_of(space, Kind::TaxId, url, customer::of(space, Kind::TaxId, owner), |_| true)
}

fn index_of_customer(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let owner = call.number(space, Kind::Customer)?;
    of_owner(call, space, owner, &format!("/v1/customers/{}/tax_ids", call.id))
}

fn create_of_customer(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    call.number(space, Kind::Customer)?;
    let (sort, value) = read(&call.form, "")?;
    let n = add(space, &call.cause, &call.id, &sort, &value);
    Ok(call.show(space, Kind::TaxId, n))
}

/// The tax id in the path, if it is this customer's.
fn of_path(call: &Call, space: &Space) -> Result<u64, ApiError> {
    call.number(space, Kind::Customer)?;
    space
        .find_alive(Kind::TaxId, &call.sub)
        .filter(|n| space.attribute(Kind::TaxId, *n, "customer").as_deref() == Some(&call.id))
        .ok_or_else(|| no_such("tax_id", &call.sub))
}

fn show_of_customer(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    Ok(call.show(space, Kind::TaxId, of_path(call, space)?))
}

fn delete_of_customer(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = of_path(call, space)?;
    take(space, &call.cause, n);
    Ok(deleted(Kind::TaxId, &call.sub))
}

/// The customer that `owner[type]=customer&owner[customer]=…` names.
fn owner(call: &Call, space: &Space) -> Result<u64, ApiError> {
    let owner = call.form.parts("owner")?;
    owner.only(&["customer", "type"])?;
    if owner.text("type")? != Some("customer") {
        return Err(invalid_param("owner[type]", "Only tax ids of customers are kept here."));
    }
    let id = require_text(&owner, "customer").map_err(|_| missing_param("owner[customer]"))?;
    space.find_alive(Kind::Customer, id).ok_or_else(|| no_such_param("customer", id, "owner[customer]"))
}

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    of_owner(call, space, owner(call, space)?, "/v1/tax_ids")
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let owner = owner(call, space)?;
    let (sort, value) = read(&call.form, "")?;
    let id = space.ids.id(Kind::Customer, owner);
    let n = add(space, &call.cause, &id, &sort, &value);
    Ok(call.show(space, Kind::TaxId, n))
}

fn remove(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::TaxId)?;
    take(space, &call.cause, n);
    Ok(deleted(Kind::TaxId, &call.id))
}

fn take(space: &mut Space, cause: &Cause, n: u64) {
    if let Some(last) = space.remove(Kind::TaxId, n) {
        space.emit(cause, "customer.tax_id.deleted", (Kind::TaxId, last), None);
    }
}

/// The `tax_id_data` of a new customer.
pub fn wanted(form: &Form) -> Result<Vec<(String, String)>, ApiError> {
    let rows = form.rows("tax_id_data")?;
    rows.iter().enumerate().map(|(i, row)| read(row, &format!("tax_id_data[{i}]"))).collect()
}

fn read(form: &Form, prefix: &str) -> Result<(String, String), ApiError> {
    let param = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}[{name}]") };
    let sort = require_text(form, "type").map_err(|_| missing_param(&param("type")))?;
    let value = require_text(form, "value").map_err(|_| missing_param(&param("value")))?;
    let Some(row) = SORTS.iter().find(|row| row.0 == sort) else {
        let words: Vec<&str> = SORTS.iter().map(|row| row.0).collect();
        let words = crate::standin::form::listed(&words);
        return Err(invalid_param(&param("type"), format!("Invalid type: must be one of {words}")));
    };
    let letters = value.chars().all(|c| c.is_ascii_alphanumeric() || " .-/".contains(c));
    if !letters || !row.2.contains(&value.chars().count()) {
        return Err(invalid_param(&param("value"), format!("Invalid value for {sort}.")).code("tax_id_invalid"));
    }
    Ok((sort.to_owned(), value.to_owned()))
}

/// Gives a customer a tax id and returns its number.
pub fn add(space: &mut Space, cause: &Cause, customer: &str, sort: &str, value: &str) -> u64 {
    let (n, id) = space.reserve(Kind::TaxId);
    let own = SORTS.iter().find(|row| row.0 == sort).and_then(|row| row.1);
    let country = own.or(value.get(..2).filter(|letters| letters.chars().all(|c| c.is_ascii_uppercase())));
    let fields = Fields::new()
        .text("id", &id)
        .opt_text("country", country)
        .int("created", cause.now)
        .text("customer", customer)
        .flag("livemode", space.live)
        .text("type", sort)
        .text("value", value)
        .text("verification", if ["eu_vat", "gb_vat", "au_abn"].contains(&sort) { "pending" } else { "unavailable" });
    let tax_id = SHAPE.value(&fields);
    space.insert(Kind::TaxId, n, cause.now, tax_id.clone());
    space.emit(cause, "customer.tax_id.created", (Kind::TaxId, tax_id), None);
    n
}
