//! Customers and charges.

use serde::Deserialize;

use super::{Reference, Unreadable, lenient, read};
use crate::domain::{ids::ProjectId, kind::Kind};

/// The columns of a customer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Customer {
    /// May be empty.
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
    /// May be empty.
    #[serde(default, deserialize_with = "lenient")]
    pub email: String,
    /// The currency the customer is billed in, once there is one.
    #[serde(default, deserialize_with = "lenient")]
    pub currency: Option<String>,
    /// Minor units; negative is credit.
    #[serde(default, deserialize_with = "lenient")]
    pub balance: i64,
    #[serde(default, deserialize_with = "lenient")]
    delinquent: bool,
}

impl Customer {
    pub(super) fn read(raw: &str) -> Result<Self, Unreadable> {
        read(raw)
    }

    /// `delinquent` when the latest invoice's payment failed, else `active`.
    pub fn status(&self) -> &'static str {
        if self.delinquent { "delinquent" } else { "active" }
    }
}

/// The columns of a charge.
#[derive(Clone, Debug, Default)]
pub struct Charge {
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// Our id of the customer.
    pub customer_id: Option<String>,
    /// Our id of the invoice; only older API versions say it on the charge.
    pub invoice_id: Option<String>,
    /// Stripe's `pi_…`.
    pub payment_intent: Option<String>,
    /// Lower-case ISO code.
    pub currency: String,
    /// Minor units.
    pub amount: i64,
    /// Minor units.
    pub amount_refunded: i64,
    /// Whether the payment is disputed.
    pub disputed: bool,
    /// Why it failed, for people.
    pub failure_message: Option<String>,
    /// Free text.
    pub description: Option<String>,
}

impl Charge {
    pub(super) fn read(project: &ProjectId, raw: &str) -> Result<Self, Unreadable> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields {
            #[serde(deserialize_with = "lenient")]
            status: String,
            #[serde(deserialize_with = "lenient")]
            customer: Reference,
            #[serde(deserialize_with = "lenient")]
            invoice: Reference,
            #[serde(deserialize_with = "lenient")]
            payment_intent: Reference,
            #[serde(deserialize_with = "lenient")]
            currency: String,
            #[serde(deserialize_with = "lenient")]
            amount: i64,
            #[serde(deserialize_with = "lenient")]
            amount_refunded: i64,
            #[serde(deserialize_with = "lenient")]
            disputed: bool,
            #[serde(deserialize_with = "lenient")]
            failure_message: Option<String>,
            #[serde(deserialize_with = "lenient")]
            description: Option<String>,
        }
        let fields: Fields = read(raw)?;
        Ok(Self {
            status: fields.status,
            customer_id: fields.customer.derive(Kind::Customer, project),
            invoice_id: fields.invoice.derive(Kind::Invoice, project),
            payment_intent: fields.payment_intent.0,
            currency: fields.currency,
            amount: fields.amount,
            amount_refunded: fields.amount_refunded,
            disputed: fields.disputed,
            failure_message: fields.failure_message,
            description: fields.description,
        })
    }
}
