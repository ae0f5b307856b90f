//! Two ways to show the same object: Stripe's current shape and the one before 2025-03-31.basil.
//!
//! Objects are kept in the current shape; the older one is made from it, following the entries of Stripe's changelog.

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::space::{ROWS, Space};

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    name: &'static str,
    old: bool,
}

const fn current(name: &'static str) -> Version {
    Version { name, old: false }
}

const fn old(name: &'static str) -> Version {
    Version { name, old: true }
}

/// The version of an account that never chose one.
pub const DEFAULT: Version = current("2026-09-30.endive");

/// The versions the stand-in knows; others are refused, as Stripe refuses an invented one.
const KNOWN: [Version; 18] = [
    old("2023-10-16"),
    old("2024-04-10"),
    old("2024-06-20"),
    old("2024-09-30.acacia"),
    old("2024-10-28.acacia"),
    old("2024-12-18.acacia"),
    old("2025-01-27.acacia"),
    old("2025-02-24.acacia"),
    current("2025-09-30.clover"),
    current("2026-03-25.dahlia"),
    current("2026-04-22.dahlia"),
    current("2026-05-27.dahlia"),
    current("2026-06-24.dahlia"),
    current("2026-07-29.dahlia"),
    current("2026-08-26.dahlia"),
    DEFAULT,
    current("2026-10-28.endive"),
    current("2026-09-30.preview"),
];

impl Version {
    /// The version of that name.
    pub fn named(name: &str) -> Option<Self> {
        KNOWN.into_iter().find(|version| version.name == name)
    }

    /// Its name, as in the `Stripe-Version` header.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether it is from before 2025-03-31.basil.
    pub fn is_old(self) -> bool {
        self.old
    }
}

/// An object as an answer or event in `version` shows it: sub-lists cut, hidden parts taken out.
pub fn present(space: &Space, kind: Kind, mut value: Value, version: Version) -> Value {
    match kind {
        Kind::Subscription => cut(&mut value["items"]),
        Kind::Invoice => cut(&mut value["lines"]),
        Kind::Price => {
            if let Some(fields) = value.as_object_mut() {
                fields.remove("tiers");
            }
        }
        _ => {}
    }
    if version.is_old() {
        older(space, kind, &mut value);
    }
    value
}

fn cut(list: &mut Value) {
    if let Some(rows) = list["data"].as_array_mut()
        && rows.len() > ROWS
    {
        rows.truncate(ROWS);
        list["has_more"] = true.into();
    }
}

/// Turns an object of the current shape into the one of 2024-06-20.
fn older(space: &Space, kind: Kind, value: &mut Value) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    match kind {
        Kind::Product => older_product(fields),
        Kind::Subscription => older_subscription(space, fields),
        Kind::SubscriptionItem => older_item(fields),
        Kind::Invoice => older_invoice(space, fields),
        Kind::LineItem => older_line(space, fields),
        Kind::Charge => older_charge(space, fields),
        Kind::Discount => older_discount(space, fields),
        _ => {}
    }
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        fields.remove(*name);
    }
}

fn older_product(fields: &mut Map<String, Value>) {
    take(fields, &["tax_details"]);
    fields.insert("attributes".into(), json!([]));
}

fn older_subscription(space: &Space, fields: &mut Map<String, Value>) {
    take(fields, &["billing_mode", "billing_schedules", "managed_payments", "customer_account"]);
    let items = fields["items"]["data"].as_array_mut();
    let mut first = Value::Null;
    for item in items.into_iter().flatten() {
        if first.is_null() {
            first = item.clone();
        }
        if let Some(item) = item.as_object_mut() {
            older_item(item);
        }
    }
    for name in ["current_period_start", "current_period_end", "plan", "quantity"] {
        fields.insert(name.into(), first[name].clone());
    }
    if fields["items"]["data"].as_array().is_some_and(|items| items.len() > 1) {
        fields.insert("plan".into(), Value::Null);
        fields.insert("quantity".into(), Value::Null);
    }
    let discount =
        fields["discounts"][0].as_str().and_then(|id| space.value(Kind::Discount, space.find(Kind::Discount, id)?));
    let shown = discount.map_or(Value::Null, |mut discount| {
        older(space, Kind::Discount, &mut discount);
        discount
    });
    fields.insert("discount".into(), shown);
}

/// The coupon stands in the discount itself, not in its source.
fn older_discount(space: &Space, fields: &mut Map<String, Value>) {
    let coupon = fields["source"]["coupon"].as_str().and_then(|id| space.kept_coupon(id));
    take(fields, &["customer_account", "source"]);
    fields.insert("coupon".into(), coupon.into());
}

fn older_item(fields: &mut Map<String, Value>) {
    take(fields, &["current_period_start", "current_period_end", "current_trial"]);
}

fn older_invoice(space: &Space, fields: &mut Map<String, Value>) {
    let id = fields["id"].as_str().unwrap_or_default();
    let number = space.find(Kind::Invoice, id);
    let charge = number.and_then(|n| space.charge_of_invoice(n));
    let details = fields["parent"]["subscription_details"].clone();
    let paid = fields["status"] == "paid";
    for line in fields["lines"]["data"].as_array_mut().into_iter().flatten() {
        if let Some(line) = line.as_object_mut() {
            older_line(space, line);
        }
    }
    let intent = number.filter(|n| space.created(Kind::PaymentIntent, *n).is_some());
    let intent = intent.map(|n| space.ids.id(Kind::PaymentIntent, n));
    take(fields, &["parent", "amount_overpaid", "customer_account", "total_taxes"]);
    let more = json!({
        "subscription": details["subscription"],
        "subscription_details": if details.is_null() { Value::Null } else { json!({"metadata": details["metadata"]}) },
        "charge": charge.map(|n| space.ids.id(Kind::Charge, n)),
        "payment_intent": intent,
        "paid": paid, "paid_out_of_band": false, "quote": null, "discount": null, "tax": null,
        "application_fee_amount": null, "transfer_data": null, "total_tax_amounts": [],
    });
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}

fn older_line(space: &Space, fields: &mut Map<String, Value>) {
    let parent = fields["parent"].clone();
    let recurs = parent["type"] == "subscription_item_details";
    let details = &parent[if recurs { "subscription_item_details" } else { "invoice_item_details" }];
    let price = fields["pricing"]["price_details"]["price"]
        .as_str()
        .and_then(|id| space.value(Kind::Price, space.find(Kind::Price, id)?))
        .map(|price| present(space, Kind::Price, price, super::versions::DEFAULT));
    take(fields, &["parent", "pricing", "taxes", "subtotal", "quantity_decimal"]);
    let more = json!({
        "plan": price.as_ref().map(super::objects::price::plan_of),
        "price": price,
        "proration": details["proration"], "proration_details": details["proration_details"],
        "subscription_item": details["subscription_item"], "invoice_item": details["invoice_item"],
        "type": if recurs && details["invoice_item"].is_null() { "subscription" } else { "invoiceitem" },
        "tax_amounts": [], "tax_rates": [], "amount_excluding_tax": fields["amount"],
    });
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}

fn older_charge(space: &Space, fields: &mut Map<String, Value>) {
    let intent = fields["payment_intent"].as_str().unwrap_or_default();
    let invoice = space
        .ids
        .number(Kind::PaymentIntent, intent)
        .filter(|n| space.created(Kind::Invoice, *n).is_some())
        .map(|n| space.ids.id(Kind::Invoice, n));
    fields.insert("invoice".into(), invoice.into());
    fields.insert("dispute".into(), Value::Null);
}
