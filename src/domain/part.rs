//! Objects of Stripe's that are not mirrored but belong to one that is: what happens to them changes that one.

use serde::Deserialize;

use super::{
    kind::Kind,
    objects::{Reference, lenient},
};

/// One that Stripe shows by its id, so that an event that only names it leads to the mirrored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `credit_note`, of an invoice
    CreditNote,
    /// `dispute`, of a charge
    Dispute,
    /// `invoice_payment`, of an invoice
    InvoicePayment,
    /// `refund`, of a charge
    Refund,
    /// `subscription_item`, of a subscription
    SubscriptionItem,
    /// `subscription_schedule`, of a subscription
    SubscriptionSchedule,
    /// `tax_id`, of a customer
    TaxId,
}

impl Part {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::CreditNote,
        Self::Dispute,
        Self::InvoicePayment,
        Self::Refund,
        Self::SubscriptionItem,
        Self::SubscriptionSchedule,
        Self::TaxId,
    ];

    /// Stripe's `object` name; also what the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreditNote => "credit_note",
            Self::Dispute => "dispute",
            Self::InvoicePayment => "invoice_payment",
            Self::Refund => "refund",
            Self::SubscriptionItem => "subscription_item",
            Self::SubscriptionSchedule => "subscription_schedule",
            Self::TaxId => "tax_id",
        }
    }

    /// Stripe's path to all of them: the plural of the name.
    pub fn plural(self) -> String {
        format!("{}s", self.as_str())
    }

    /// From Stripe's `object` name.
    pub fn parse(object: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == object)
    }
}

/// The mirrored object that an object of Stripe's with this name belongs to: its kind and Stripe's id.
pub fn whole_of(object: &str, raw: &str) -> Option<(Kind, String)> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Wholes {
        #[serde(deserialize_with = "lenient")]
        charge: Reference,
        #[serde(deserialize_with = "lenient")]
        customer: Reference,
        #[serde(deserialize_with = "lenient")]
        invoice: Reference,
        #[serde(deserialize_with = "lenient")]
        subscription: Reference,
    }
    let wholes: Wholes = serde_json::from_str(raw).unwrap_or_default();
    let (kind, id) = match object {
        "discount" if wholes.subscription.0.is_some() => (Kind::Subscription, wholes.subscription),
        "discount" | "tax_id" | "cash_balance" => (Kind::Customer, wholes.customer),
        "dispute" | "refund" => (Kind::Charge, wholes.charge),
        "invoice_payment" | "credit_note" => (Kind::Invoice, wholes.invoice),
        "subscription_item" | "subscription_schedule" => (Kind::Subscription, wholes.subscription),
        _ => return None,
    };
    id.0.map(|id| (kind, id))
}

#[cfg(test)]
mod tests {
    use super::{Part, whole_of};
    use crate::domain::kind::Kind;

    #[test]
    fn a_part_leads_to_its_whole() {
        let raw = r#"{"charge":"ch_1","customer":{"id":"cus_1"},"invoice":"in_1","subscription":"sub_1"}"#;
        let wholes = Part::ALL.map(|part| whole_of(part.as_str(), raw).unwrap().1);
        assert_eq!(wholes, ["in_1", "ch_1", "in_1", "ch_1", "sub_1", "sub_1", "cus_1"]);
        assert_eq!(whole_of("discount", raw), Some((Kind::Subscription, "sub_1".to_owned())));
        assert_eq!(
            whole_of("discount", r#"{"customer":"cus_1","subscription":null}"#),
            Some((Kind::Customer, "cus_1".to_owned()))
        );
        for (object, raw) in [("refund", "{}"), ("refund", "nonsense"), ("coupon", raw), ("", raw)] {
            assert_eq!(whole_of(object, raw), None, "{object} {raw}");
        }
    }

    #[test]
    fn a_part_is_stored_by_its_name() {
        for part in Part::ALL {
            assert_eq!(Part::parse(part.as_str()), Some(part));
            assert!(Kind::parse(part.as_str()).is_none(), "a name stands for one thing");
        }
    }
}
