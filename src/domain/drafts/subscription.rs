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
