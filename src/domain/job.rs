//! The kinds of work the queue knows. A project has at most one job of each kind.

/// What a job does for its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Applies the events of the inbox to the mirror.
    Apply,
    /// Reads single objects again from Stripe.
    Refetch,
    /// Copies the whole account.
    Backfill,
    /// Finishes writes whose answer is missing.
    Outbox,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Apply, Self::Refetch, Self::Backfill, Self::Outbox];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Refetch => "refetch",
            Self::Backfill => "backfill",
            Self::Outbox => "outbox",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Apply => "Apply events",
            Self::Refetch => "Read objects again",
            Self::Backfill => "Import",
            Self::Outbox => "Finish changes at Stripe",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A time that never comes: the job sleeps until it is woken.
pub const NEVER: i64 = 253_402_300_799; // the end of the year 9999
