//! Setup intents: a card kept for later, made by checkout in setup mode.

use std::sync::LazyLock;

use super::customer;
use crate::standin::errors::ApiError;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list};
use crate::standin::shape::Shape;
use crate::standin::space::Space;

/// The shape of a setup intent.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/setup_intent.json")));

/// The rows.
pub const ROUTES: &[Route] = &[
    list("/v1/setup_intents", "rak_setup_intent_read", &["created", "customer", "payment_method"], index),
    get("/v1/setup_intents/{id}", "rak_setup_intent_read", |call, space| call.read(space, Kind::SetupIntent)),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let method = call.form.text("payment_method")?;
    let fits = |n| method.is_none() || space.attribute(Kind::SetupIntent, n, "payment_method").as_deref() == method;
    match call.param(space, Kind::Customer, "customer")? {
        Some(owner) => {
            let numbers = customer::of(space, Kind::SetupIntent, owner);
            call.list_of(space, Kind::SetupIntent, "/v1/setup_intents", numbers, fits)
        }
        None => call.list(space, Kind::SetupIntent, "/v1/setup_intents", fits),
    }
}
