//! Routes of prices.

use super::price_new::{CREATABLE, create, update};
use crate::standin::errors::ApiError;
use crate::standin::kind::Kind;
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::space::Space;

const SETTABLE: &[&str] = &["active", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key"];

/// The rows.
pub const ROUTES: &[Route] = &[
    list(
        "/v1/prices",
        "rak_plan_read",
        &["active", "created", "currency", "lookup_keys", "product", "recurring", "type"],
        index,
    ),
    get("/v1/prices/{id}", "rak_plan_read", |call, space| call.read(space, Kind::Price)),
    post("/v1/prices", "rak_plan_write", CREATABLE, create_route),
    post("/v1/prices/{id}", "rak_plan_write", SETTABLE, update_route),
];

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let active = call.form.flag("active")?.map(|active| active.to_string());
    let keys = call.form.texts("lookup_keys")?;
    let mut wanted = Vec::new();
    for name in ["currency", "product", "type"] {
        if let Some(text) = call.form.text(name)? {
            wanted.push((name, text));
        }
    }
    let recurring = call.form.parts("recurring")?;
    recurring.only(&["interval", "meter", "usage_type"])?;
    let mut period = Vec::new();
    for name in ["interval", "meter", "usage_type"] {
        if let Some(text) = recurring.text(name)? {
            period.push((name, text));
        }
    }
    let recurs = |n: u64| {
        let price = space.value(Kind::Price, n).unwrap_or_default();
        period.iter().all(|(name, text)| price["recurring"][*name] == **text)
    };
    wanted.extend(active.as_deref().map(|active| ("active", active)));
    call.list(space, Kind::Price, "/v1/prices", |n| {
        let of = |name| space.attribute(Kind::Price, n, name);
        wanted.iter().all(|(name, text)| of(name).as_deref() == Some(text))
            && (period.is_empty() || recurs(n))
            && (keys.is_empty() || of("lookup_key").is_some_and(|key| keys.contains(&key)))
    })
}

fn create_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = create(space, &call.cause, &call.form)?;
    Ok(call.show(space, Kind::Price, n))
}

fn update_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::Price)?;
    update(space, &call.cause, n, &call.form)?;
    Ok(call.show(space, Kind::Price, n))
}
