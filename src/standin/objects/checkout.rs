//! Checkout sessions: what somebody is asked to pay for on a page of Stripe's.

use serde_json::{Value, json};

use super::change;
use super::checkout_new::{CREATABLE, create};
use super::discount::Wanted;
use crate::standin::errors::ApiError;
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Handler, Route, list, post};
use crate::standin::space::Space;

const FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const READ: &str = "rak_checkout_session_read";
const WRITE: &str = "rak_checkout_session_write";
const URL: &str = "/v1/checkout/sessions";
const FILTERS: &[&str] = &["created", "customer", "customer_details", "payment_intent", "status", "subscription"];

/// The rows.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: URL, permission: READ, params: FILTERS, list: true, handler: Handler::Write(index) },
    Route {
        method: "GET",
        path: "/v1/checkout/sessions/{id}",
        permission: READ,
        params: &[],
        list: false,
        handler: Handler::Write(show),
    },
    list("/v1/checkout/sessions/{id}/line_items", READ, &[], line_items),
    post(URL, WRITE, CREATABLE, create),
    post("/v1/checkout/sessions/{id}", WRITE, &["metadata"], update),
    post("/v1/checkout/sessions/{id}/expire", WRITE, &[], expire_route),
];

/// What a session needs to know besides what it shows.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is sold.
    pub items: Vec<Value>,
    /// `subscription_data`, `payment_intent_data` or `setup_intent_data`.
    pub data: Form,
    /// What is taken off.
    pub discounts: Vec<Wanted>,
    /// The number of the payment intent of earlier tries.
    pub intent: Option<u64>,
}

/// Reading a session closes it first when its time is over.
fn show(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    expire_if_due(space, &call.cause.unasked(), n);
    Ok(call.show(space, Kind::CheckoutSession, n))
}

fn index(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    for n in space.made_with(Kind::CheckoutSession, |session| session["status"] == "open") {
        expire_if_due(space, &call.cause.unasked(), n);
    }
    let space = &*space;
    let status = call.form.word("status", &["open", "complete", "expired"])?;
    let details = call.form.parts("customer_details")?;
    details.only(&["email"])?;
    let email = details.text("email")?;
    let mut wanted = Vec::new();
    for name in ["customer", "payment_intent", "subscription"] {
        if let Some(text) = call.form.text(name)? {
            wanted.push((name, text));
        }
    }
    wanted.extend(status.map(|status| ("status", status)));
    call.list(space, Kind::CheckoutSession, URL, |n| {
        let of = |name| space.attribute(Kind::CheckoutSession, n, name);
        let mailed = || space.value(Kind::CheckoutSession, n).unwrap_or_default()["customer_details"]["email"].clone();
        wanted.iter().all(|(name, text)| of(name).as_deref() == Some(text))
            && email.is_none_or(|email| mailed() == email)
    })
}

fn line_items(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    let rows = space.checkouts.get(&n).map_or(&[][..], |terms| &terms.items);
    let key = |at: usize| (0, (rows.len() - at) as u64);
    let page = Page::read(&call.form, "item", |id| rows.iter().position(|row| row["id"] == id).map(key))?;
    let (numbers, more) = page.sort_and_take((0..rows.len()).map(key).collect());
    let shown: Vec<Vec<u8>> = numbers
        .into_iter()
        .filter_map(|n| rows.get(rows.len() - usize::try_from(n).ok()?))
        .map(|row| row.to_string().into_bytes())
        .collect();
    Ok(body_of(&shown, more, &format!("{URL}/{}/line_items", call.id)))
}

/// `customer_details`
pub fn buyer(address: &Value, email: &Value, name: &Value) -> Value {
    json!({
        "address": address, "business_name": null, "email": email, "individual_name": null, "name": name,
        "phone": null, "tax_exempt": "none", "tax_ids": [],
    })
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    let mut session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut session)?;
    space.replace(Kind::CheckoutSession, n, session);
    Ok(call.show(space, Kind::CheckoutSession, n))
}

fn expire_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    expire(space, &call.cause, n)?;
    Ok(call.show(space, Kind::CheckoutSession, n))
}

/// Closes a session that nobody has completed.
pub fn expire(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let mut session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    let status = session["status"].as_str().unwrap_or_default().to_owned();
    if status != "open" {
        return Err(ApiError::invalid(
            400,
            format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \
                 {status}."
            ),
        ));
    }
    session["status"] = "expired".into();
    session["url"] = Value::Null;
    space.replace(Kind::CheckoutSession, n, session.clone());
    if let Some(id) = session["setup_intent"].as_str().and_then(|id| space.find_alive(Kind::SetupIntent, id)) {
        let mut intent = space.value(Kind::SetupIntent, id).unwrap_or_default();
        intent["status"] = "canceled".into();
        intent["cancellation_reason"] = "abandoned".into();
        change(space, cause, "setup_intent.canceled", Kind::SetupIntent, id, intent);
    }
    space.emit(cause, "checkout.session.expired", (Kind::CheckoutSession, session), None);
    Ok(())
}

/// Closes a session whose time is over.
pub fn expire_if_due(space: &mut Space, cause: &Cause, n: u64) {
    let session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    if session["status"] == "open" && session["expires_at"].as_i64().is_some_and(|at| at <= cause.now) {
        // It is open, so it can be closed.
        let _ = expire(space, cause, n);
    }
}
