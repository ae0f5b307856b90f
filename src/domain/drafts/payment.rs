//! Refunds and Checkout sessions.

use super::{Flaw, Metadata, check_metadata};

/// Why money is given back, in Stripe's words.
pub const REFUND_REASONS: [&str; 3] = ["requested_by_customer", "duplicate", "fraudulent"];

/// Money to be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundDraft {
    /// Minor units; none for all that is left.
    pub amount: Option<i64>,
    /// One of [`REFUND_REASONS`].
    pub reason: Option<String>,
    /// Own keys and values.
    pub metadata: Metadata,
}

impl RefundDraft {
    /// What is wrong with it, when so much (minor units) of the charge is left.
    pub fn flaws(&self, left: i64) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if left <= 0 {
            flaws.push(Flaw::new("charge", "All of this charge was given back already."));
        } else if self.amount.is_some_and(|amount| amount < 1 || amount > left) {
            flaws.push(Flaw::new("amount", "More than zero, and not more than what is left of the charge."));
        }
        if self.reason.as_deref().is_some_and(|reason| !REFUND_REASONS.contains(&reason)) {
            flaws.push(Flaw::new("reason", "Not one of the reasons that Stripe knows."));
        }
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}

/// What a Checkout session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckoutMode {
    /// Starts a subscription.
    #[default]
    Subscription,
    /// Takes one payment.
    Payment,
    /// Saves a way to pay.
    Setup,
}

impl CheckoutMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Subscription, Self::Payment, Self::Setup];

    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Payment => "payment",
            Self::Setup => "setup",
        }
    }

    /// From Stripe's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Something to be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutItem {
    /// A price by either id.
    pub price: String,
    /// How many; none for a price by usage.
    pub quantity: Option<u64>,
}

/// A page of Stripe's on which a customer pays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutDraft {
    /// What it is for.
    pub mode: CheckoutMode,
    /// An existing customer by either id.
    pub customer: Option<String>,
    /// The e-mail address of a new one.
    pub customer_email: Option<String>,
    /// What is bought; nothing in setup mode.
    pub items: Vec<CheckoutItem>,
    /// Free days before the first payment.
    pub trial_period_days: Option<u32>,
    /// Whether the customer may type a promotion code.
    pub allow_promotion_codes: bool,
    /// Where the customer is sent after paying.
    pub success_url: String,
    /// Where the customer is sent after turning back.
    pub cancel_url: Option<String>,
    /// The tenant's own reference, such as the id of an order.
    pub client_reference_id: Option<String>,
    /// Lower-case ISO code; setup mode needs one where no price names it.
    pub currency: Option<String>,
    /// Own keys and values.
    pub metadata: Metadata,
}

/// Longest trial that Stripe takes, in days.
const LONGEST_TRIAL: u32 = 730;

impl CheckoutDraft {
    /// What is wrong with it. Addresses are checked against those that the project allows, elsewhere.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        match (self.mode, self.items.len()) {
            (CheckoutMode::Setup, 1..) => flaws.push(Flaw::new("line_items", "Nothing is bought in setup mode.")),
            (CheckoutMode::Subscription | CheckoutMode::Payment, 0) => {
                flaws.push(Flaw::new("line_items", "Choose a price."));
            }
            (_, 21..) => flaws.push(Flaw::new("line_items", "At most 20 prices.")),
            _ => {}
        }
        for (position, item) in self.items.iter().enumerate() {
            if item.quantity == Some(0) {
                flaws.push(Flaw::new(format!("line_items[{position}][quantity]"), "One or more."));
            }
        }
        if self.customer.is_some() && self.customer_email.is_some() {
            flaws.push(Flaw::new("customer_email", "An existing customer, or the address of a new one, not both."));
        }
        let trial = self.trial_period_days;
        if trial.is_some() && self.mode != CheckoutMode::Subscription {
            flaws.push(Flaw::new("subscription_data[trial_period_days]", "Only a subscription has a trial."));
        } else if trial.is_some_and(|days| !(1..=LONGEST_TRIAL).contains(&days)) {
            let text = format!("1 to {LONGEST_TRIAL} days, or none.");
            flaws.push(Flaw::new("subscription_data[trial_period_days]", text));
        }
        if self.allow_promotion_codes && self.mode == CheckoutMode::Setup {
            flaws.push(Flaw::new("allow_promotion_codes", "Nothing is paid in setup mode."));
        }
        if self.client_reference_id.as_deref().is_some_and(|id| id.len() > 200) {
            flaws.push(Flaw::new("client_reference_id", "At most 200 characters."));
        }
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}
