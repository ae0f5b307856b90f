//! `expand[]`: identifiers replaced by the objects they name.

use serde_json::Value;

use super::errors::{ApiError, invalid_param};
use super::keys::Key;
use super::kind::Kind;
use super::routes::Call;
use super::space::Space;
use super::versions::present;

/// Stripe's limit.
const DEPTH: usize = 4;

/// Expands the body as the request asks; the key needs to be allowed to read what is put in.
pub fn apply(call: &Call, who: (&str, &Key), space: &Space, body: Vec<u8>) -> Result<Vec<u8>, ApiError> {
    let paths = call.form.texts("expand")?;
    if paths.is_empty() {
        return Ok(body);
    }
    let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
    for path in &paths {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > DEPTH + usize::from(parts.first() == Some(&"data")) {
            return Err(invalid_param(
                "expand",
                format!("You cannot expand more than {DEPTH} levels of a property: {path}"),
            ));
        }
        walk(call, who, space, &mut value, &parts, path)?;
    }
    Ok(value.to_string().into_bytes())
}

fn walk(
    call: &Call,
    who: (&str, &Key),
    space: &Space,
    value: &mut Value,
    parts: &[&str],
    path: &str,
) -> Result<(), ApiError> {
    if let Value::Array(rows) = value {
        return rows.iter_mut().try_for_each(|row| walk(call, who, space, row, parts, path));
    }
    let Some((name, rest)) = parts.split_first() else {
        return Ok(());
    };
    if *name == "tiers" && value["object"] == "price" {
        add_tiers(space, value);
        return Ok(());
    }
    let field = value.get_mut(*name).ok_or_else(|| not_expandable(path))?;
    if let Value::String(id) = field {
        let kind = Kind::of_id(id).ok_or_else(|| not_expandable(path))?;
        who.1.require(who.0, permission(kind).ok_or_else(|| not_expandable(path))?)?;
        if let Some(object) = space.find(kind, id).and_then(|n| space.value(kind, n)) {
            *field = present(space, kind, object, call.version);
        }
    } else if rest.is_empty() && !field.is_null() {
        return Err(not_expandable(path));
    }
    if field.is_null() {
        return Ok(());
    }
    walk(call, who, space, field, rest, path)
}

fn add_tiers(space: &Space, price: &mut Value) {
    let stored = price["id"].as_str().and_then(|id| space.value(Kind::Price, space.find(Kind::Price, id)?));
    if let Some(tiers) = stored.and_then(|mut stored| stored.get_mut("tiers").map(Value::take)) {
        price["tiers"] = tiers;
    }
}

fn permission(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Customer => Some("rak_customer_read"),
        Kind::Product => Some("rak_product_read"),
        Kind::Price => Some("rak_plan_read"),
        Kind::Subscription => Some("rak_subscription_read"),
        Kind::Invoice => Some("rak_invoice_read"),
        Kind::Charge => Some("rak_charge_read"),
        _ => None,
    }
}

fn not_expandable(path: &str) -> ApiError {
    invalid_param("expand", format!("This property cannot be expanded ({path})."))
}
