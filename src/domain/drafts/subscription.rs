//! What may be done with a subscription.

use super::Flaw;

/// Why a customer leaves, in Stripe's words.
pub const FEEDBACKS: [&str; 8] = [
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
];

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// When the period that is paid for ends; it can be taken back until then.
    #[default]
    PeriodEnd,
    /// At once and for good.
    Now,
}

/// A cancellation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancellation {
    /// When.
    pub moment: Moment,
    /// One of [`FEEDBACKS`].
    pub feedback: Option<String>,
    /// In the customer's own words.
    pub comment: Option<String>,
    /// With [`Moment::Now`]: credit for the unused time.
    pub prorate: bool,
    /// With [`Moment::Now`]: bill what is open, such as usage and prorations, at once.
    pub invoice_now: bool,
}

impl Cancellation {
    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.feedback.as_deref().is_some_and(|feedback| !FEEDBACKS.contains(&feedback)) {
            flaws.push(Flaw::new("cancellation_details[feedback]", "Not one of the reasons that Stripe knows."));
        }
        let comment = self.comment.as_deref();
        super::check_text("cancellation_details[comment]", comment, false, 5_000, &mut flaws);
        flaws
    }
}

/// What becomes of the invoices of a subscription whose collection is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PauseBehavior {
    /// They stay drafts, to be collected later.
    #[default]
    KeepAsDraft,
    /// They are written off.
    MarkUncollectible,
    /// They are cancelled: the time is free.
    Void,
}

impl PauseBehavior {
    /// Every behaviour.
    pub const ALL: [Self; 3] = [Self::KeepAsDraft, Self::Void, Self::MarkUncollectible];

    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeepAsDraft => "keep_as_draft",
            Self::MarkUncollectible => "mark_uncollectible",
            Self::Void => "void",
        }
    }

    /// From Stripe's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|behavior| behavior.as_str() == text)
    }
}

/// A pause of the collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PauseDraft {
    /// What becomes of invoices meanwhile.
    pub behavior: PauseBehavior,
    /// Unix seconds at which it goes on by itself.
    pub resumes_at: Option<i64>,
}

impl PauseDraft {
    /// What is wrong with it at `now` (unix seconds).
    pub fn flaws(&self, now: i64) -> Vec<Flaw> {
        if self.resumes_at.is_some_and(|at| at <= now) {
            return vec![Flaw::new("pause_collection[resumes_at]", "A day in the future, or none.")];
        }
        Vec::new()
    }
}

/// How a change in the middle of a period is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proration {
    /// Credit and charge stand on the next invoice.
    #[default]
    CreateProrations,
    /// They are billed at once.
    AlwaysInvoice,
    /// Nothing is settled: the new price counts from the next period.
    None,
}

impl Proration {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::CreateProrations, Self::AlwaysInvoice, Self::None];

    /// Stripe's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateProrations => "create_prorations",
            Self::AlwaysInvoice => "always_invoice",
            Self::None => "none",
        }
    }

    /// From Stripe's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proration| proration.as_str() == text)
    }
}

/// A change of what is subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeDraft {
    /// The item that changes, `si_…`; none when there is only one.
    pub item: Option<String>,
    /// The new price by either id; none leaves it.
    pub price: Option<String>,
    /// The new quantity; none leaves it.
    pub quantity: Option<u64>,
    /// How it is settled.
    pub proration: Proration,
    /// The unix second that it is reckoned from: that of the preview.
    pub proration_date: Option<i64>,
}

/// How old a preview may be when it is confirmed, in seconds: what it says changes with time.
pub const PREVIEW_LIFE: i64 = 3_600;

impl ChangeDraft {
    /// What is wrong with it at `now` (unix seconds).
    pub fn flaws(&self, now: i64) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.price.is_none() && self.quantity.is_none() {
            flaws.push(Flaw::new("price", "Choose another price, another quantity, or both."));
        }
        if self.quantity.is_some_and(|quantity| quantity > 1_000_000) {
            flaws.push(Flaw::new("quantity", "At most 1,000,000."));
        }
        if self.proration_date.is_some_and(|date| date > now + 60 || date < now - PREVIEW_LIFE) {
            flaws.push(Flaw::new(
                "proration_date",
                "The preview is older than an hour. Look at it again, then confirm.",
            ));
        }
        flaws
    }
}

/// Prices of one subscription at most, as Stripe has it.
const MOST_ITEMS: usize = 20;

/// A price that is subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionItem {
    /// The price by either id.
    pub price: String,
    /// How many; none for a price by usage.
    pub quantity: Option<u64>,
}

/// A new subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionDraft {
    /// The customer by either id.
    pub customer: String,
    /// What is subscribed to, one price or several.
    pub items: Vec<SubscriptionItem>,
    /// Free days before the first payment.
    pub trial_period_days: Option<u32>,
    /// By invoice, due after so many days; none charges the saved way to pay.
    pub days_until_due: Option<u32>,
    /// A discount from the beginning.
    pub discount: super::DiscountDraft,
    /// Own keys and values.
    pub metadata: super::Metadata,
}

impl SubscriptionDraft {
    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        super::check_text("customer", Some(&self.customer), true, 255, &mut flaws);
        if !(1..=MOST_ITEMS).contains(&self.items.len()) {
            flaws.push(Flaw::new("items[0][price]", format!("Choose 1 to {MOST_ITEMS} prices.")));
        }
        for (position, item) in self.items.iter().enumerate() {
            let param = |field: &str| format!("items[{position}][{field}]");
            super::check_text(&param("price"), Some(&item.price), true, 255, &mut flaws);
            if item.quantity.is_some_and(|quantity| !(1..=1_000_000).contains(&quantity)) {
                flaws.push(Flaw::new(param("quantity"), "1 to 1,000,000."));
            }
            if self.items[..position].iter().any(|before| before.price == item.price) {
                flaws.push(Flaw::new(param("price"), "This price is named already: raise its quantity instead."));
            }
        }
        if self.trial_period_days.is_some_and(|days| !(1..=730).contains(&days)) {
            flaws.push(Flaw::new("trial_period_days", "1 to 730 days, or none."));
        }
        if self.days_until_due.is_some_and(|days| days > 365) {
            flaws.push(Flaw::new("days_until_due", "At most 365 days."));
        }
        super::check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}
