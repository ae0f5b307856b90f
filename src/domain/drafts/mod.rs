//! What a person or a program wants to make or change at Stripe, before it is sent: plain values with the checks that need no
//! look at Stripe or the database. Names and parameters are Stripe's, so that a refusal finds its field on every surface.

mod customer;
mod discount;
mod payment;
mod price;
mod product;
mod subscription;
mod tax_id;

use std::collections::BTreeMap;

pub use customer::{AddressDraft, CustomerDraft};
pub use discount::{CouponDraft, DiscountDraft, Duration, Off, PromotionCodeDraft};
pub use payment::{CheckoutDraft, CheckoutItem, CheckoutMode, REFUND_REASONS, RefundDraft};
pub use price::{Amount, Interval, Period, PriceDraft, Pricing, Tier, Tiering, flaws_of_names};
pub use product::ProductDraft;
pub use subscription::{
    Cancellation, ChangeDraft, FEEDBACKS, Moment, PREVIEW_LIFE, PauseBehavior, PauseDraft, Proration,
    SubscriptionDraft, SubscriptionItem,
};
pub use tax_id::{TAX_ID_KINDS, TaxIdDraft};

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Stripe's name of the parameter, such as `recurring[interval]`.
    pub param: String,
    /// For people.
    pub message: String,
}

impl Flaw {
    /// What is wrong with `param`.
    pub fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: param.into(), message: message.into() }
    }
}

/// Own keys and values. An empty value removes the key.
pub type Metadata = BTreeMap<String, String>;

/// Longest key, longest value and most pairs that Stripe takes (docs.stripe.com/api/metadata); one pair is kept for billfold.
const METADATA: (usize, usize, usize) = (40, 500, 49);

/// What is wrong with metadata.
fn check_metadata(metadata: &Metadata, flaws: &mut Vec<Flaw>) {
    let (key_length, value_length, pairs) = METADATA;
    if metadata.len() > pairs {
        flaws.push(Flaw::new("metadata", format!("At most {pairs} pairs.")));
    }
    for (key, value) in metadata {
        if key.is_empty() || key.chars().count() > key_length || key.contains(['[', ']']) {
            flaws
                .push(Flaw::new("metadata", format!("A key has 1 to {key_length} characters and no square brackets.")));
        } else if value.chars().count() > value_length {
            flaws.push(Flaw::new("metadata", format!("The value of {key} has more than {value_length} characters.")));
        }
    }
}

/// A text that must be there and short enough.
fn check_text(param: &str, text: Option<&str>, required: bool, longest: usize, flaws: &mut Vec<Flaw>) {
    match text.map(str::trim) {
        None | Some("") if required => flaws.push(Flaw::new(param, "This is needed.")),
        Some(text) if text.chars().count() > longest => {
            flaws.push(Flaw::new(param, format!("At most {longest} characters.")));
        }
        _ => {}
    }
}
