//! `expand[]`: identifiers replaced by the objects they name.

use serde_json::{Value, json};

use super::errors::{ApiError, invalid_param};
use super::keys::Key;
use super::kind::Kind;
use super::objects::draft::payment_of;
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
    if let Some(list) = left_out(space, name, value) {
        value[*name] = list;
    }
    if *name == "confirmation_secret" && value["object"] == "invoice" {
        let secret = value["id"].as_str().and_then(|id| space.find(Kind::Invoice, id));
        let intent = secret.and_then(|n| space.value(Kind::PaymentIntent, n));
        value[*name] = intent
            .map_or(Value::Null, |intent| json!({"client_secret": intent["client_secret"], "type": "payment_intent"}));
        return Ok(());
    }
    let field = value.get_mut(*name).ok_or_else(|| not_expandable(path))?;
    let replaced = match field {
        Value::String(_) => {
            put_in(call, who, space, name, field, path)?;
            true
        }
        Value::Array(rows) if rows.iter().all(Value::is_string) => {
            for row in rows.iter_mut() {
                put_in(call, who, space, name, row, path)?;
            }
            true
        }
        _ => false,
    };
    if !replaced && rest.is_empty() && !field.is_null() && !LEFT_OUT.contains(name) {
        return Err(not_expandable(path));
    }
    if field.is_null() {
        return Ok(());
    }
    walk(call, who, space, field, rest, path)
}

/// Lists that an object shows only when they are asked for.
const LEFT_OUT: [&str; 4] = ["payments", "refunds", "tax_ids", "line_items"];

fn left_out(space: &Space, name: &str, value: &Value) -> Option<Value> {
    let id = value["id"].as_str()?;
    let (rows, url) = match (name, value["object"].as_str()?) {
        ("payments", "invoice") => {
            let rows: Vec<Value> = payment_of(space, value).into_iter().collect();
            (rows, format!("/v1/invoice_payments?invoice={id}"))
        }
        ("line_items", "checkout.session") => {
            let terms = space.find(Kind::CheckoutSession, id).and_then(|n| space.checkouts.get(&n));
            let rows = terms.map_or_else(Vec::new, |terms| terms.items.clone());
            (rows, format!("/v1/checkout/sessions/{id}/line_items"))
        }
        ("refunds", "charge") => {
            (of(space, Kind::Refund, |refund| refund["charge"] == id), format!("/v1/charges/{id}/refunds"))
        }
        ("tax_ids", "customer") => {
            (of(space, Kind::TaxId, |tax_id| tax_id["customer"] == id), format!("/v1/customers/{id}/tax_ids"))
        }
        _ => return None,
    };
    Some(json!({"object": "list", "data": rows, "has_more": false, "url": url}))
}

fn of(space: &Space, kind: Kind, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    space.made_with(kind, fits).into_iter().rev().filter_map(|n| space.value(kind, n)).collect()
}

/// Replaces an identifier by its object, which the key needs to be allowed to read.
fn put_in(
    call: &Call,
    who: (&str, &Key),
    space: &Space,
    name: &str,
    field: &mut Value,
    path: &str,
) -> Result<(), ApiError> {
    let Value::String(id) = field else {
        return Ok(());
    };
    // Coupons have words of their own for identifiers.
    let kind = if name == "coupon" { Some(Kind::Coupon) } else { Kind::of_id(id) };
    let kind = kind.ok_or_else(|| not_expandable(path))?;
    who.1.require(who.0, permission(kind).ok_or_else(|| not_expandable(path))?)?;
    let object = if kind == Kind::Coupon {
        space.kept_coupon(id)
    } else {
        space.find(kind, id).and_then(|n| space.value(kind, n))
    };
    if let Some(object) = object {
        *field = present(space, kind, object, call.version);
    }
    Ok(())
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
        Kind::Invoice | Kind::InvoiceItem => Some("rak_invoice_read"),
        Kind::Charge | Kind::Refund => Some("rak_charge_read"),
        Kind::Coupon | Kind::Discount => Some("rak_coupon_read"),
        Kind::PromotionCode => Some("rak_promotion_code_read"),
        Kind::PaymentMethod => Some("rak_payment_method_read"),
        Kind::PaymentIntent => Some("rak_payment_intent_read"),
        Kind::SetupIntent => Some("rak_setup_intent_read"),
        Kind::Meter => Some("rak_billing_meter_read"),
        _ => None,
    }
}

fn not_expandable(path: &str) -> ApiError {
    invalid_param("expand", format!("This property cannot be expanded ({path})."))
}
