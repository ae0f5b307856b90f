//! Invoices before they are finalized: made from lines, discounts and the customer's balance, and added up.

use std::sync::Arc;

use serde_json::{Value, json};

use super::discount::{Active, spread};
use super::invoice::{Facts, State};
use super::line::Line;
use crate::standin::events::Cause;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// What a new invoice is made from.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The whole customer.
    pub customer: &'a Value,
    /// Lower-case currency code.
    pub currency: &'a str,
    /// The whole subscription, if it is for one.
    pub subscription: Option<&'a Value>,
    /// Why it exists.
    pub reason: &'static str,
    /// Days until it is due, when it is sent instead of charged.
    pub days_until_due: Option<i64>,
    /// Start and end of the period billed.
    pub period: (i64, i64),
    /// What is billed.
    pub lines: Vec<Line>,
    /// What is taken off.
    pub discounts: Vec<Active>,
    /// The moment that a proration was computed for.
    pub proration_date: Option<i64>,
}

impl<'a> Draft<'a> {
    /// An invoice of a subscription, with its discounts.
    pub fn of_subscription(
        space: &Space,
        subscription: &'a Value,
        customer: &'a Value,
        reason: &'static str,
        now: i64,
    ) -> Self {
        let by_invoice = subscription["collection_method"] == "send_invoice";
        Self {
            customer,
            currency: subscription["currency"].as_str().unwrap_or_default(),
            subscription: Some(subscription),
            reason,
            days_until_due: by_invoice.then(|| subscription["days_until_due"].as_i64().unwrap_or(30)),
            period: (now, now),
            lines: Vec::new(),
            discounts: super::discount::active(space, &subscription["discounts"], Some(now)),
            proration_date: None,
        }
    }

    /// The invoice as a draft with that identifier.
    pub fn value(&self, space: &mut Space, id: &str, now: i64) -> Value {
        let lines: Vec<(String, &Line)> =
            self.lines.iter().map(|line| (space.reserve(Kind::LineItem).1, line)).collect();
        let mut invoice = self.facts(space, id, now).value();
        let rows: Vec<Value> =
            lines.iter().map(|(line_id, line)| line.value(line_id, id, self.currency, space.live)).collect();
        invoice["lines"]["data"] = rows.into();
        invoice["discounts"] = self.discounts.iter().map(|active| Value::from(active.id.clone())).collect();
        invoice["starting_balance"] = self.customer["balance"].as_i64().unwrap_or(0).into();
        invoice["customer_phone"] = self.customer["phone"].clone();
        invoice["customer_tax_exempt"] = self.customer["tax_exempt"].clone();
        if let Some(days) = self.days_until_due {
            invoice["due_date"] = (now + days * DAY).into();
        }
        if let Some(subscription) = self.subscription.filter(|value| !value["id"].is_null()) {
            let details = &mut invoice["parent"]["subscription_details"];
            details["metadata"] = subscription["metadata"].clone();
            if let Some(at) = self.proration_date {
                details["subscription_proration_date"] = at.into();
            }
        }
        add_up(&mut invoice, &self.discounts);
        invoice
    }

    fn facts(&self, space: &Space, id: &str, now: i64) -> Facts {
        let text = |name: &str| self.customer[name].as_str().map(str::to_owned);
        Facts {
            id: id.to_owned(),
            account: Arc::clone(&space.account),
            live: space.live,
            customer: text("id").unwrap_or_default(),
            number: None,
            customer_name: text("name"),
            customer_email: text("email"),
            customer_address: self.customer["address"].to_string().into_bytes(),
            subscription: self.subscription.and_then(|value| value["id"].as_str()).map(str::to_owned),
            billing_reason: self.reason,
            by_invoice: self.days_until_due.is_some(),
            created: now,
            currency: self.currency.to_owned(),
            finalized_at: None,
            settled_at: now,
            attempts: 0,
            period: self.period,
            lines: Vec::new(),
            state: State::Draft,
        }
    }
}

/// Puts the draft on the shelf and tells; returns its number.
pub fn open(space: &mut Space, cause: &Cause, draft: &Draft<'_>) -> u64 {
    let (n, id) = space.reserve(Kind::Invoice);
    let invoice = draft.value(space, &id, cause.now);
    space.insert(Kind::Invoice, n, cause.now, invoice.clone());
    space.emit(cause, "invoice.created", (Kind::Invoice, invoice), None);
    n
}

/// Adds the lines up, takes the discounts off, and sets the customer's balance against what is left.
pub fn add_up(invoice: &mut Value, discounts: &[Active]) {
    let mut lines = invoice["lines"]["data"].as_array().cloned().unwrap_or_default();
    let off = spread(&mut lines, discounts);
    let sum = |rows: &[Value]| rows.iter().map(|row| row["amount"].as_i64().unwrap_or(0)).sum::<i64>();
    let subtotal = sum(&lines);
    let total = subtotal - sum(&off);
    let balance = invoice["starting_balance"].as_i64().unwrap_or(0);
    let due = due(total, balance);
    invoice["lines"]["data"] = lines.into();
    for name in ["subtotal", "subtotal_excluding_tax"] {
        invoice[name] = subtotal.into();
    }
    for name in ["total", "total_excluding_tax"] {
        invoice[name] = total.into();
    }
    invoice["total_discount_amounts"] = off.into();
    invoice["amount_due"] = due.into();
    invoice["amount_remaining"] = (due - invoice["amount_paid"].as_i64().unwrap_or(0)).into();
}

/// What is to be paid of a total when the customer has a balance; a negative balance is money in hand.
fn due(total: i64, balance: i64) -> i64 {
    if total < 0 { 0 } else { (total + balance).max(0) }
}

/// The customer's balance after an invoice.
pub fn balance_after(invoice: &Value) -> i64 {
    let number = |name: &str| invoice[name].as_i64().unwrap_or(0);
    number("starting_balance") + number("total") - number("amount_due")
}

/// Adds a draft up again, after its lines or discounts have changed.
pub fn add_up_again(space: &Space, invoice: &mut Value) {
    let discounts = super::discount::active(space, &invoice["discounts"], None);
    add_up(invoice, &discounts);
}

/// The invoice items that wait for a customer's next invoice, or for that of a subscription.
pub fn waiting(space: &Space, customer: &str, subscription: Option<&str>) -> Vec<u64> {
    space.made_with(Kind::InvoiceItem, |item| {
        let parent = &item["parent"]["subscription_details"]["subscription"];
        item["customer"] == customer
            && item["invoice"].is_null()
            && (parent.is_null() || parent.as_str() == subscription)
    })
}

/// Notes on invoice items that an invoice has taken them up.
pub fn take_up(space: &mut Space, items: &[u64], invoice: &str) {
    for n in items {
        if let Some(mut item) = space.value(Kind::InvoiceItem, *n) {
            item["invoice"] = invoice.into();
            space.replace(Kind::InvoiceItem, *n, item);
        }
    }
}

/// The payment that an invoice is waiting for or has had, as `payments` shows it when asked for.
pub fn payment_of(space: &Space, invoice: &Value) -> Option<Value> {
    let n = space.find(Kind::Invoice, invoice["id"].as_str()?)?;
    let intent = space.value(Kind::PaymentIntent, n)?;
    let paid = intent["status"] == "succeeded";
    let canceled = intent["status"] == "canceled";
    Some(json!({
        "id": space.ids.id(Kind::InvoicePayment, n), "object": "invoice_payment",
        "amount_paid": paid.then(|| intent["amount_received"].clone()), "amount_requested": intent["amount"],
        "created": intent["created"], "currency": intent["currency"], "invoice": invoice["id"], "is_default": true,
        "livemode": intent["livemode"], "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": if paid { "paid" } else if canceled { "canceled" } else { "open" },
        "status_transitions": {
            "canceled_at": intent["canceled_at"],
            "paid_at": if paid { invoice["status_transitions"]["paid_at"].clone() } else { Value::Null },
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_set_against_the_total() {
        for (total, balance, wanted, after) in
            [(500, 0, 500, 0), (500, -200, 300, 0), (500, -700, 0, -200), (-300, 0, 0, -300), (100, 50, 150, 0)]
        {
            assert_eq!(due(total, balance), wanted, "{total} with {balance}");
            let invoice = json!({"total": total, "starting_balance": balance, "amount_due": wanted});
            assert_eq!(balance_after(&invoice), after, "{total} with {balance}");
        }
    }
}
