//! What happens to an invoice: finalized, sent, paid or refused, voided, given up.

use serde_json::Value;

use super::change;
use super::collect::{self, Ask};
use super::draft::{DAY, balance_after};
use super::invoice::State;
use super::payment_method::of_param;
use super::subscription_life;
use crate::standin::errors::{ApiError, no_such};
use crate::standin::events::Cause;
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// The days between two tries of a card.
const NEXT_TRY: i64 = 3 * DAY;

/// The invoice of that number.
pub fn existing(space: &Space, n: u64) -> Result<Value, ApiError> {
    space.value(Kind::Invoice, n).ok_or_else(|| no_such("invoice", &space.ids.id(Kind::Invoice, n)))
}

/// The invoice, if its status is one of these.
pub fn expect_state(space: &Space, n: u64, allowed: &[State], verb: &str) -> Result<Value, ApiError> {
    let invoice = existing(space, n)?;
    if allowed.iter().any(|state| invoice["status"] == state.name()) {
        return Ok(invoice);
    }
    let status = invoice["status"].as_str().unwrap_or_default();
    if verb == "pay" && status == "paid" {
        return Err(ApiError::invalid(400, "Invoice is already paid").code("invoice_already_paid"));
    }
    if verb == "finalize" {
        return Err(ApiError::invalid(
            400,
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        )
        .code("invoice_already_finalized"));
    }
    Err(ApiError::invalid(400, format!("You cannot {verb} this invoice because its status is {status}."))
        .code("invoice_not_editable"))
}

/// Gives a draft its number and opens it; one of which nothing is due is paid at once.
pub fn finalize(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Draft], "finalize")?;
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    if let Some(advance) = form.flag("auto_advance")? {
        invoice["auto_advance"] = advance.into();
    }
    let after = balance_after(&invoice);
    let page = format!("{}/i/{}/{id}", space.account.base, space.account.id);
    invoice["status"] = State::Open.name().into();
    invoice["number"] = close_books(space, cause, &invoice, after).into();
    invoice["status_transitions"]["finalized_at"] = cause.now.into();
    invoice["effective_at"] = cause.now.into();
    invoice["ending_balance"] = after.into();
    invoice["automatically_finalizes_at"] = Value::Null;
    invoice["hosted_invoice_url"] = format!("{page}?s=ap").into();
    invoice["invoice_pdf"] = format!("{page}/pdf?s=ap").into();
    if invoice["collection_method"] == "send_invoice" && invoice["due_date"].is_null() {
        invoice["due_date"] = (cause.now + 30 * DAY).into();
    }
    let due = invoice["amount_due"].as_i64().unwrap_or(0);
    if due > 0 {
        // What the customer pays with is decided when they pay.
        collect::intent(space, cause, &ask_of(&invoice, n, 0));
    }
    change(space, cause, "invoice.finalized", Kind::Invoice, n, invoice);
    if due == 0 { settle(space, cause, n, false) } else { Ok(()) }
}

fn ask_of(invoice: &Value, n: u64, method: u64) -> Ask<'_> {
    let first = invoice["billing_reason"] == "subscription_create";
    let subscribed = !invoice["parent"].is_null();
    Ask {
        amount: invoice["amount_due"].as_i64().unwrap_or(0),
        currency: invoice["currency"].as_str().unwrap_or_default(),
        customer: invoice["customer"].as_str(),
        description: match (subscribed, first) {
            (true, true) => Some("Subscription creation"),
            (true, false) => Some("Subscription update"),
            (false, _) => invoice["number"].as_str().or(Some("Invoice")),
        },
        intent: n,
        method,
        keeps_card: subscribed,
    }
}

/// The customer's next invoice number, which it uses up, together with the balance that the invoice leaves.
fn close_books(space: &mut Space, cause: &Cause, invoice: &Value, balance: i64) -> String {
    let Some(n) = invoice["customer"].as_str().and_then(|id| space.find_alive(Kind::Customer, id)) else {
        return "DELETED-0001".to_owned();
    };
    let mut value = space.value(Kind::Customer, n).unwrap_or_default();
    let sequence = value["next_invoice_sequence"].as_i64().unwrap_or(1);
    let number = format!("{}-{sequence:04}", value["invoice_prefix"].as_str().unwrap_or_default());
    value["next_invoice_sequence"] = (sequence + 1).into();
    value["balance"] = balance.into();
    if value["currency"].is_null() {
        value["currency"] = invoice["currency"].clone();
    }
    change(space, cause, "customer.updated", Kind::Customer, n, value);
    number
}

/// Pays an invoice as its route does: with the named card, the usual one, or outside of Stripe.
pub fn pay(space: &mut Space, cause: &Cause, n: u64, form: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Draft, State::Open, State::Uncollectible], "pay")?;
    let owner = invoice["customer"].as_str().unwrap_or_default().to_owned();
    let named = of_param(space, cause, form, "payment_method", &owner)?;
    if invoice["status"] == State::Draft.name() {
        finalize(space, cause, n, &Form::default())?;
        invoice = existing(space, n)?;
        if invoice["status"] == State::Paid.name() {
            return Ok(());
        }
    }
    if form.flag("paid_out_of_band")? == Some(true) {
        collect::cancel_intent(space, cause, n, "void_invoice");
        return settle(space, cause, n, false);
    }
    let method = named.and_then(|id| space.find_alive(Kind::PaymentMethod, &id));
    let method = method.or_else(|| collect::method_of(space, &invoice)).ok_or_else(nothing_for_invoice)?;
    pay_with(space, cause, n, method)
}

fn nothing_for_invoice() -> ApiError {
    ApiError::invalid(
        400,
        "There is no `default_payment_method` set on this Customer or Invoice. Please attach a default payment method \
         or pass one with the request.",
    )
    .code("resource_missing")
}

/// Asks a card for what is due; a refusal leaves the invoice open and is returned.
pub fn pay_with(space: &mut Space, cause: &Cause, n: u64, method: u64) -> Result<(), ApiError> {
    let invoice = existing(space, n)?;
    if invoice["amount_due"].as_i64().unwrap_or(0) > 0
        && let Err(refused) = collect::ask(space, cause, &ask_of(&invoice, n, method))
    {
        note_refusal(space, cause, n);
        return Err(refused.error());
    }
    settle(space, cause, n, true)
}

/// What becomes of an invoice whose card was refused, or for which there is no card.
pub fn note_refusal(space: &mut Space, cause: &Cause, n: u64) {
    let Some(mut invoice) = space.value(Kind::Invoice, n) else {
        return;
    };
    invoice["attempt_count"] = (invoice["attempt_count"].as_i64().unwrap_or(0) + 1).into();
    invoice["attempted"] = true.into();
    if invoice["auto_advance"] == true {
        invoice["next_payment_attempt"] = (cause.now + NEXT_TRY).into();
    }
    change(space, cause, "invoice.updated", Kind::Invoice, n, invoice.clone());
    space.emit(cause, "invoice.payment_failed", (Kind::Invoice, invoice.clone()), None);
    if !invoice["parent"].is_null() {
        subscription_life::note_unpaid(space, cause, &invoice);
    }
}

/// Marks an invoice as paid, and tells its subscription.
fn settle(space: &mut Space, cause: &Cause, n: u64, asked: bool) -> Result<(), ApiError> {
    let mut invoice = existing(space, n)?;
    if asked {
        invoice["attempt_count"] = (invoice["attempt_count"].as_i64().unwrap_or(0) + 1).into();
    }
    invoice["status"] = State::Paid.name().into();
    invoice["attempted"] = true.into();
    invoice["auto_advance"] = false.into();
    invoice["amount_paid"] = invoice["amount_due"].clone();
    invoice["amount_remaining"] = 0.into();
    invoice["next_payment_attempt"] = Value::Null;
    invoice["status_transitions"]["paid_at"] = cause.now.into();
    change(space, cause, "invoice.paid", Kind::Invoice, n, invoice.clone());
    space.emit(cause, "invoice.payment_succeeded", (Kind::Invoice, invoice.clone()), None);
    subscription_life::note_settled(space, cause, &invoice);
    Ok(())
}

/// Sends an invoice to the customer, finalizing it first when it is a draft.
pub fn send(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let invoice = expect_state(space, n, &[State::Draft, State::Open], "send")?;
    if invoice["collection_method"] != "send_invoice" {
        return Err(ApiError::invalid(
            400,
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        ));
    }
    if invoice["customer_email"].is_null() {
        return Err(ApiError::invalid(
            400,
            "Missing email. In order to send invoices, the customer must have an email.",
        )
        .code("invoice_no_customer_email"));
    }
    if invoice["status"] == State::Draft.name() {
        finalize(space, cause, n, &Form::default())?;
    }
    space.emit(cause, "invoice.sent", (Kind::Invoice, existing(space, n)?), None);
    Ok(())
}

/// Takes an open invoice back.
pub fn void(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Open, State::Uncollectible], "void")?;
    invoice["status"] = State::Void.name().into();
    invoice["auto_advance"] = false.into();
    invoice["next_payment_attempt"] = Value::Null;
    invoice["status_transitions"]["voided_at"] = cause.now.into();
    collect::cancel_intent(space, cause, n, "void_invoice");
    change(space, cause, "invoice.voided", Kind::Invoice, n, invoice.clone());
    subscription_life::note_settled(space, cause, &invoice);
    Ok(())
}

/// Gives an open invoice up.
pub fn give_up(space: &mut Space, cause: &Cause, n: u64, _: &Form) -> Result<(), ApiError> {
    let mut invoice = expect_state(space, n, &[State::Open], "mark as uncollectible")?;
    invoice["status"] = State::Uncollectible.name().into();
    invoice["auto_advance"] = false.into();
    invoice["next_payment_attempt"] = Value::Null;
    invoice["status_transitions"]["marked_uncollectible_at"] = cause.now.into();
    change(space, cause, "invoice.marked_uncollectible", Kind::Invoice, n, invoice.clone());
    subscription_life::note_settled(space, cause, &invoice);
    Ok(())
}

/// Deletes an invoice; only drafts can be deleted. Items that it had taken up wait again.
pub fn delete(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let invoice = expect_state(space, n, &[State::Draft], "delete")?;
    for item in space.made_with(Kind::InvoiceItem, |item| item["invoice"] == invoice["id"]) {
        if let Some(mut value) = space.value(Kind::InvoiceItem, item) {
            value["invoice"] = Value::Null;
            space.replace(Kind::InvoiceItem, item, value);
        }
    }
    if let Some(last) = space.remove(Kind::Invoice, n) {
        space.emit(cause, "invoice.deleted", (Kind::Invoice, last), None);
    }
    Ok(())
}
