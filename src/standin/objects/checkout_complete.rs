//! Completing a checkout session: who bought, what their bank said, and everything that comes to be by it.

use serde_json::Value;

use super::card::Card;
use super::change;
use super::checkout::{Terms, buyer};
use super::checkout_items::once_lines;
use super::collect::{self, Ask};
use super::coupon::usable_code;
use super::customer;
use super::discount::{Wanted, imagined, spread};
use super::invoice_item::sell_once;
use super::invoice_life::{finalize, pay_with};
use super::invoice_new::sold_once;
use super::payment_intent::last_error;
use super::payment_method;
use super::promotion_code::{refuse_small, typed};
use super::subscription_new;
use crate::standin::errors::{ApiError, invalid_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

const FIELDS: &[Field] = &[("description", Sort::Text), ("metadata", Sort::Metadata)];

/// What somebody typed on the page.
#[derive(Debug)]
pub struct Buyer<'a> {
    /// Who they are.
    pub name: &'a str,
    /// Where their receipts go.
    pub email: &'a str,
    /// A code for a discount; may be empty.
    pub code: &'a str,
    /// Their card.
    pub card: &'a Card,
}

/// Completes an open session, or says why not; the session stays open then.
pub fn complete(space: &mut Space, cause: &Cause, n: u64, buyer: &Buyer<'_>) -> Result<(), ApiError> {
    let mut session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    if session["status"] != "open" {
        return Err(ApiError::invalid(400, "This Checkout Session is not open any more."));
    }
    let Some(mut terms) = space.checkouts.get(&n).cloned() else {
        return Err(ApiError::invalid(400, "This Checkout Session has nothing to pay for."));
    };
    take_code(space, cause, buyer, &mut session, &mut terms)?;
    let mode = session["mode"].as_str().unwrap_or_default().to_owned();
    if let Some(refusal) = buyer.card.refusal() {
        note_decline(space, cause, n, (&session, terms), buyer);
        return Err(refusal.error());
    }
    let owner = owner(space, cause, &session, buyer)?;
    let billing = (some(buyer.name), some(buyer.email));
    let method = payment_method::make(space, cause, buyer.card, billing);
    if let Some(id) = &owner {
        payment_method::attach(space, cause, method, id)?;
    }
    session["customer"] = owner.clone().into();
    match mode.as_str() {
        "setup" => keep_card(space, cause, &mut session, method)?,
        "payment" => sell(space, cause, (n, &mut session), &terms, method)?,
        _ => subscribe(space, cause, &mut session, &terms, method)?,
    }
    finish(space, &mut session, buyer);
    space.replace(Kind::CheckoutSession, n, session.clone());
    space.emit(cause, "checkout.session.completed", (Kind::CheckoutSession, session), None);
    Ok(())
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A code that was typed on the page becomes the discount of the session.
fn take_code(
    space: &Space,
    cause: &Cause,
    who: &Buyer<'_>,
    session: &mut Value,
    terms: &mut Terms,
) -> Result<(), ApiError> {
    if who.code.is_empty() || session["allow_promotion_codes"] != true {
        return Ok(());
    }
    let code = typed(space, who.code).ok_or_else(|| invalid_param("promotion_code", "This code is invalid."))?;
    let customer = session["customer"].as_str().unwrap_or_default();
    let id = code["id"].as_str().unwrap_or_default();
    let wanted = usable_code(space, id, "promotion_code", customer, cause.now)?;
    let subtotal = session["amount_subtotal"].as_i64().unwrap_or(0);
    refuse_small(&code, subtotal, session["currency"].as_str().unwrap_or_default(), "promotion_code")?;
    let off = amount_off(space, terms, std::slice::from_ref(&wanted));
    session["total_details"]["amount_discount"] = off.min(subtotal).into();
    session["amount_total"] = (subtotal - off).max(0).into();
    session["discounts"] = serde_json::json!([{"coupon": null, "promotion_code": id}]);
    terms.discounts = vec![wanted];
    Ok(())
}

fn amount_off(space: &Space, terms: &Terms, wanted: &[Wanted]) -> i64 {
    let trial = terms.data.get("trial_period_days").is_some() || terms.data.get("trial_end").is_some();
    let basket = super::checkout_items::Basket { items: terms.items.clone(), currency: None };
    let off = spread(&mut basket.lines(trial), &imagined(space, wanted));
    off.iter().map(|one| one["amount"].as_i64().unwrap_or(0)).sum()
}

/// The customer of the session, made first where the mode needs one.
fn owner(space: &mut Space, cause: &Cause, session: &Value, who: &Buyer<'_>) -> Result<Option<String>, ApiError> {
    if let Some(id) = session["customer"].as_str() {
        return Ok(Some(id.to_owned()));
    }
    if session["customer_creation"] != "always" {
        return Ok(None);
    }
    let form = Form::from_pairs(&[("name", who.name), ("email", who.email)])?;
    let n = customer::create(space, cause, &form)?;
    Ok(Some(space.ids.id(Kind::Customer, n)))
}

/// The bank said no: the try is on record, and the page can be tried again.
fn note_decline(space: &mut Space, cause: &Cause, n: u64, (session, terms): (&Value, Terms), who: &Buyer<'_>) {
    let method = payment_method::make(space, cause, who.card, (some(who.name), some(who.email)));
    if let Some(id) = session["setup_intent"].as_str().and_then(|id| space.find_alive(Kind::SetupIntent, id)) {
        let mut intent = space.value(Kind::SetupIntent, id).unwrap_or_default();
        let shown = space.value(Kind::PaymentMethod, method).unwrap_or_default();
        intent["last_setup_error"] = who.card.refusal().map_or(Value::Null, |refusal| last_error(refusal, &shown));
        change(space, cause, "setup_intent.setup_failed", Kind::SetupIntent, id, intent);
        return;
    }
    let amount = session["amount_total"].as_i64().unwrap_or(0);
    if amount == 0 {
        return;
    }
    let intent = terms.intent.unwrap_or_else(|| space.reserve(Kind::PaymentIntent).0);
    space.checkouts.insert(n, Terms { intent: Some(intent), ..terms });
    let ask = Ask {
        amount,
        currency: session["currency"].as_str().unwrap_or_default(),
        customer: session["customer"].as_str(),
        description: None,
        intent,
        method,
        keeps_card: session["mode"] == "subscription",
    };
    // The page tells what the bank said; here it is only recorded.
    let _ = collect::ask(space, cause, &ask);
}

fn keep_card(space: &mut Space, cause: &Cause, session: &mut Value, method: u64) -> Result<(), ApiError> {
    let id = session["setup_intent"].as_str().unwrap_or_default();
    let n =
        space.find_alive(Kind::SetupIntent, id).ok_or_else(|| ApiError::invalid(400, "There is no card to keep."))?;
    let mut intent = space.value(Kind::SetupIntent, n).unwrap_or_default();
    intent["customer"] = session["customer"].clone();
    intent["payment_method"] = space.ids.id(Kind::PaymentMethod, method).into();
    intent["last_setup_error"] = Value::Null;
    intent["status"] = "succeeded".into();
    change(space, cause, "setup_intent.succeeded", Kind::SetupIntent, n, intent);
    Ok(())
}

/// One payment, with an invoice where the session asks for one.
fn sell(
    space: &mut Space,
    cause: &Cause,
    (n, session): (u64, &mut Value),
    terms: &Terms,
    method: u64,
) -> Result<(), ApiError> {
    let currency = session["currency"].as_str().unwrap_or_default().to_owned();
    let customer = session["customer"].as_str().map(str::to_owned);
    let amount = session["amount_total"].as_i64().unwrap_or(0);
    let known = customer.as_deref().and_then(|id| space.value(Kind::Customer, space.find_alive(Kind::Customer, id)?));
    session["payment_status"] = if amount == 0 { "no_payment_required" } else { "paid" }.into();
    if let Some(known) = known.filter(|_| session["invoice_creation"]["enabled"] == true) {
        let lines = once_lines(&terms.items, cause.now);
        let invoice = sold_once(space, cause, (&known, &currency), lines, &terms.discounts);
        finalize(space, cause, invoice, &Form::default())?;
        if space.attribute(Kind::Invoice, invoice, "status").as_deref() == Some("open") {
            pay_with(space, cause, invoice, method)?;
            session["payment_intent"] = space.ids.id(Kind::PaymentIntent, invoice).into();
        }
        session["invoice"] = space.ids.id(Kind::Invoice, invoice).into();
        return Ok(());
    }
    if amount == 0 {
        return Ok(());
    }
    let intent = terms.intent.unwrap_or_else(|| space.reserve(Kind::PaymentIntent).0);
    space.checkouts.insert(n, Terms { intent: Some(intent), ..terms.clone() });
    let ask = Ask {
        amount,
        currency: &currency,
        customer: customer.as_deref(),
        description: terms.data.text("description")?,
        intent,
        method,
        keeps_card: terms.data.get("setup_future_usage").is_some(),
    };
    let mut value = collect::intent(space, cause, &ask);
    apply(&terms.data, FIELDS, &mut value)?;
    value["customer"] = customer.clone().into();
    space.replace(Kind::PaymentIntent, intent, value);
    collect::ask(space, cause, &ask).map_err(|refused| refused.error())?;
    session["payment_intent"] = space.ids.id(Kind::PaymentIntent, intent).into();
    Ok(())
}

/// A subscription whose first invoice also holds what is sold once.
fn subscribe(
    space: &mut Space,
    cause: &Cause,
    session: &mut Value,
    terms: &Terms,
    method: u64,
) -> Result<(), ApiError> {
    let customer = session["customer"].as_str().unwrap_or_default().to_owned();
    let currency = session["currency"].as_str().unwrap_or_default();
    for line in once_lines(&terms.items, cause.now) {
        sell_once(space, cause, &customer, currency, &line);
    }
    let mut pairs = vec![
        ("customer".to_owned(), customer),
        ("default_payment_method".to_owned(), space.ids.id(Kind::PaymentMethod, method)),
    ];
    let recurring = terms.items.iter().filter(|item| item["price"]["type"] == "recurring");
    for (i, item) in recurring.enumerate() {
        let price = item["price"]["id"].as_str().unwrap_or_default();
        pairs.push((format!("items[{i}][price]"), price.to_owned()));
        if let Some(quantity) = item["quantity"].as_i64() {
            pairs.push((format!("items[{i}][quantity]"), quantity.to_string()));
        }
    }
    for (i, one) in terms.discounts.iter().enumerate() {
        let (name, id) = match one.code {
            Some(n) => ("promotion_code", space.ids.id(Kind::PromotionCode, n)),
            None => ("coupon", space.attribute(Kind::Coupon, one.coupon, "id").unwrap_or_default()),
        };
        pairs.push((format!("discounts[{i}][{name}]"), id));
    }
    let mut form = Form::from_pairs(&pairs)?;
    form.extend(terms.data.clone());
    let n = subscription_new::create(space, cause, &form)?;
    let subscription = space.value(Kind::Subscription, n).unwrap_or_default();
    session["subscription"] = subscription["id"].clone();
    session["invoice"] = subscription["latest_invoice"].clone();
    let paid = session["amount_total"].as_i64().unwrap_or(0) > 0;
    session["payment_status"] = if paid { "paid" } else { "no_payment_required" }.into();
    Ok(())
}

fn finish(space: &Space, session: &mut Value, who: &Buyer<'_>) {
    let known = session["customer"]
        .as_str()
        .and_then(|id| space.value(Kind::Customer, space.find_alive(Kind::Customer, id)?))
        .unwrap_or_default();
    let text = |typed: &str, name: &str| if typed.is_empty() { known[name].clone() } else { typed.into() };
    session["customer_details"] = buyer(&known["address"], &text(who.email, "email"), &text(who.name, "name"));
    session["status"] = "complete".into();
    session["url"] = Value::Null;
}
