//! Lines of new invoices: what an item costs for a period, a part of one, or something sold once.

use serde_json::{Value, json};

use super::price::PriceCard;
use crate::standin::kind::Kind;
use crate::standin::space::Space;

/// A line before it is on an invoice.
#[derive(Clone, Debug)]
pub struct Line {
    /// Minor units; negative for a credit.
    pub amount: i64,
    /// The sentence for people.
    pub description: String,
    /// Pieces.
    pub quantity: i64,
    /// What was sold: price, product, minor units per piece as a decimal text.
    pub price: Option<(String, String, Option<String>)>,
    /// Start and end of the period.
    pub period: (i64, i64),
    /// `sub_…`
    pub subscription: Option<String>,
    /// `si_…`
    pub subscription_item: Option<String>,
    /// `ii_…`, when it waited as an invoice item.
    pub invoice_item: Option<String>,
    /// Part of a period.
    pub proration: bool,
    /// Discounts of the invoice reduce it.
    pub discountable: bool,
}

impl Line {
    /// What a price costs for a quantity and a period.
    pub fn of(price: &PriceCard, quantity: i64, period: (i64, i64)) -> Self {
        let name = price.nickname.as_deref().unwrap_or("Subscription");
        Self {
            amount: price.amount(quantity),
            description: format!("{quantity} × {name}"),
            quantity,
            price: Some((price.id.clone(), price.product.clone(), price.unit_amount_decimal.clone())),
            period,
            subscription: None,
            subscription_item: None,
            invoice_item: None,
            proration: false,
            discountable: true,
        }
    }

    /// As a row of a subscription.
    #[must_use]
    pub fn of_item(mut self, subscription: &Value, item: &Value) -> Self {
        self.subscription = subscription["id"].as_str().map(str::to_owned);
        self.subscription_item = item["id"].as_str().map(str::to_owned);
        self
    }

    /// The row of an invoice.
    pub fn value(&self, id: &str, invoice: &str, currency: &str, live: bool) -> Value {
        json!({
            "id": id, "object": "line_item", "amount": self.amount, "currency": currency,
            "description": self.description, "discount_amounts": [], "discountable": self.discountable,
            "discounts": [], "invoice": invoice, "livemode": live, "metadata": {}, "parent": self.parent(),
            "period": {"end": self.period.1, "start": self.period.0}, "pretax_credit_amounts": [],
            "pricing": self.pricing(), "quantity": self.quantity, "quantity_decimal": self.quantity.to_string(),
            "subscription": self.subscription, "subtotal": self.amount, "taxes": [],
        })
    }

    fn parent(&self) -> Value {
        if let Some(item) = &self.subscription_item {
            return json!({
                "invoice_item_details": null, "type": "subscription_item_details",
                "subscription_item_details": {
                    "invoice_item": self.invoice_item, "proration": self.proration,
                    "proration_details": {"credited_items": null},
                    "subscription": self.subscription, "subscription_item": item,
                },
            });
        }
        json!({
            "subscription_item_details": null, "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": self.invoice_item.clone().unwrap_or_default(), "proration": self.proration,
                "proration_details": {"credited_items": null}, "subscription": self.subscription,
            },
        })
    }

    /// What was sold, as lines and invoice items show it.
    pub fn pricing(&self) -> Value {
        self.price.as_ref().map_or(Value::Null, |(price, product, each)| {
            json!({"price_details": {"price": price, "product": product}, "type": "price_details",
                "unit_amount_decimal": each})
        })
    }

    /// The line of a waiting invoice item.
    pub fn of_invoice_item(item: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let details = &item["pricing"]["price_details"];
        let parent = &item["parent"]["subscription_details"];
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        Self {
            amount: number(&item["amount"]),
            description: text(&item["description"]).unwrap_or_default(),
            quantity: item["quantity"].as_i64().unwrap_or(1),
            price: text(&details["price"]).map(|price| {
                (price, text(&details["product"]).unwrap_or_default(), text(&item["pricing"]["unit_amount_decimal"]))
            }),
            period: (number(&item["period"]["start"]), number(&item["period"]["end"])),
            subscription: text(&parent["subscription"]),
            subscription_item: text(&parent["subscription_item"]),
            invoice_item: text(&item["id"]),
            proration: item["proration"] == true,
            discountable: item["discountable"] == true,
        }
    }
}

/// The price of an item as it is now, with its tiers; the item's own copy when it is gone.
pub fn card_of(space: &Space, item: &Value) -> PriceCard {
    item["price"]["id"]
        .as_str()
        .and_then(|id| space.value(Kind::Price, space.find(Kind::Price, id)?))
        .map_or_else(|| PriceCard::of(&item["price"]), |price| PriceCard::of(&price))
}
