//! The account itself.

use std::sync::LazyLock;

use crate::standin::errors::ApiError;
use crate::standin::routes::{Call, Route, get};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/account.json")));

/// Routes of the account.
pub const ROUTES: &[Route] = &[
    get("/v1/account", "rak_connected_account_read", |_, space| Ok(own(space))),
    get("/v1/accounts/{id}", "rak_connected_account_read", by_id),
];

fn own(space: &Space) -> Vec<u8> {
    let seller = &space.account;
    let fields = Fields::new()
        .text("id", &seller.id)
        .text("name", &seller.name)
        .text("country", &seller.country)
        .int("created", 1_700_000_000)
        .text("currency", "usd")
        .text("email", "owner@example.com")
        .text("external_accounts_url", &format!("/v1/accounts/{}/external_accounts", seller.id));
    let mut out = Vec::new();
    SHAPE.write(&fields, &mut out);
    out
}

fn by_id(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    if call.id == space.account.id {
        return Ok(own(space));
    }
    Err(ApiError::invalid(
        403,
        format!(
            "The provided key does not have access to account '{}' (or that account does not exist). Application access may have been revoked.",
            call.id
        ),
    )
    .code("account_invalid"))
}
