//! Products.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{change, deleted, price_new};
use crate::standin::errors::{ApiError, no_such, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply, require_text};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, delete, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

/// The shape of a product.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/product.json")));

const SETTABLE: &[&str] = &[
    "active",
    "default_price",
    "description",
    "images",
    "marketing_features",
    "metadata",
    "name",
    "shippable",
    "statement_descriptor",
    "unit_label",
    "url",
];
const CREATABLE: &[&str] = &[
    "active",
    "default_price_data",
    "description",
    "id",
    "images",
    "marketing_features",
    "metadata",
    "name",
    "shippable",
    "statement_descriptor",
    "unit_label",
    "url",
];
const FIELDS: &[Field] = &[
    ("active", Sort::Flag),
    ("default_price", Sort::Text),
    ("description", Sort::Text),
    ("images", Sort::Texts),
    ("metadata", Sort::Metadata),
    ("name", Sort::Name),
    ("shippable", Sort::Flag),
    ("statement_descriptor", Sort::Text),
    ("unit_label", Sort::Text),
    ("url", Sort::Text),
];

/// Routes of products.
pub const ROUTES: &[Route] = &[
    list("/v1/products", "rak_product_read", &["active", "created", "ids"], index),
    get("/v1/products/{id}", "rak_product_read", |call, space| call.read(space, Kind::Product)),
    post("/v1/products", "rak_product_write", CREATABLE, create_route),
    post("/v1/products/{id}", "rak_product_write", SETTABLE, update_route),
    delete("/v1/products/{id}", "rak_product_write", &[], delete_route),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let active = call.form.flag("active")?.map(|active| active.to_string());
    let ids = call.form.texts("ids")?;
    call.list(space, Kind::Product, "/v1/products", |n| {
        let has = |name, wanted: &str| space.attribute(Kind::Product, n, name).as_deref() == Some(wanted);
        active.as_deref().is_none_or(|active| has("active", active))
            && (ids.is_empty() || ids.iter().any(|id| has("id", id)))
    })
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = create(space, &call.cause, &call.form)?;
    Ok(call.show(space, Kind::Product, n))
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Product)?;
    update(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Product, n))
}

fn delete_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Product)?;
    remove(space, &call.cause, n)?;
    Ok(deleted(Kind::Product, &call.id))
}

/// Makes a product and returns its number.
pub fn create(space: &mut Space, cause: &Cause, form: &Form) -> Result<u64, ApiError> {
    let name = require_text(form, "name")?;
    let own_id = form.text("id")?.filter(|id| !id.is_empty());
    if let Some(id) = own_id.filter(|id| space.find(Kind::Product, id).is_some()) {
        return Err(ApiError::invalid(400, format!("Product already exists: {id}")).code("resource_already_exists"));
    }
    let (n, id) = space.reserve(Kind::Product);
    let fields = Fields::new()
        .text("id", own_id.unwrap_or(&id))
        .int("created", cause.now)
        .text("name", name)
        .flag("livemode", space.live);
    let mut product = SHAPE.value(&fields);
    apply(form, FIELDS, &mut product)?;
    set_features(form, &mut product)?;
    let own = product["id"].as_str().unwrap_or_default().to_owned();
    space.insert(Kind::Product, n, cause.now, product.clone());
    if let Some(price) = default_price(space, cause, form, &own)? {
        product["default_price"] = price.into();
        space.replace(Kind::Product, n, product.clone());
    }
    space.emit(cause, "product.created", (Kind::Product, product), None);
    Ok(n)
}

/// `default_price_data`: a first price together with the product; nothing is made when it is wrong.
fn default_price(space: &mut Space, cause: &Cause, form: &Form, product: &str) -> Result<Option<String>, ApiError> {
    if form.get("default_price_data").is_none() {
        return Ok(None);
    }
    let mut data = form.parts("default_price_data")?;
    data.only(&["currency", "metadata", "recurring", "tax_behavior", "unit_amount", "unit_amount_decimal"])?;
    data.extend(Form::from_pairs(&[("product", product)])?);
    match price_new::create(space, cause, &data) {
        Ok(n) => Ok(Some(space.ids.id(Kind::Price, n))),
        Err(error) => {
            if let Some(n) = space.find_alive(Kind::Product, product) {
                space.remove(Kind::Product, n);
            }
            Err(error)
        }
    }
}

/// `marketing_features[0][name]`
fn set_features(form: &Form, product: &mut Value) -> Result<(), ApiError> {
    if form.get("marketing_features").is_none() {
        return Ok(());
    }
    let rows = form.rows("marketing_features")?;
    let names: Result<Vec<Value>, ApiError> =
        rows.iter().map(|row| Ok(json!({"name": require_text(row, "name")?}))).collect();
    product["marketing_features"] = names?.into();
    Ok(())
}

/// Changes a product.
pub fn update(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let before = space.value(Kind::Product, n).ok_or_else(|| no_such("product", ""))?;
    if let Some(price) = form.text("default_price")?.filter(|id| !id.is_empty())
        && space.find_alive(Kind::Price, price).is_none()
    {
        return Err(no_such_param("price", price, "default_price"));
    }
    let mut product = before.clone();
    apply(form, FIELDS, &mut product)?;
    set_features(form, &mut product)?;
    if product != before {
        product["updated"] = cause.now.into();
    }
    change(space, cause, "product.updated", Kind::Product, n, product);
    Ok(())
}

/// Deletes a product, which only works while it has no prices.
pub fn remove(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let product = space.value(Kind::Product, n).ok_or_else(|| no_such("product", ""))?;
    if !space.made_with(Kind::Price, |price| price["product"] == product["id"]).is_empty() {
        return Err(ApiError::invalid(
            400,
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    if let Some(last) = space.remove(Kind::Product, n) {
        space.emit(cause, "product.deleted", (Kind::Product, last), None);
    }
    Ok(())
}
