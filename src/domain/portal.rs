//! What a link to the customer portal allows, and for how long.

use super::drafts::Flaw;

/// Seconds that a link can be used for, unless somebody says otherwise.
pub const LIFE: i64 = 15 * 60;
/// Shortest life of a link.
pub const SHORTEST: i64 = 5 * 60;
/// Longest life of a link.
pub const LONGEST: i64 = 24 * 60 * 60;
/// Seconds of a visit.
pub const VISIT: i64 = 60 * 60;

/// Something that a customer may do in the portal beyond looking at the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permit {
    /// Cancel a subscription at the end of its period, and take that back.
    Cancel,
    /// See the invoices, and pay those that are open.
    Invoices,
    /// Change name, e-mail address and billing address.
    Details,
}

impl Permit {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Cancel, Self::Invoices, Self::Details];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Invoices => "invoices",
            Self::Details => "details",
        }
    }

    /// For staff who choose.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel at the end of the period, and take that back",
            Self::Invoices => "See invoices and pay open ones",
            Self::Details => "Change name, e-mail and billing address",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permit| permit.as_str() == text)
    }

    /// As a column holds several of them.
    pub fn join(permits: &[Self]) -> String {
        permits.iter().map(|permit| permit.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// From such a column. A name that is not known allows nothing.
    pub fn split(text: &str) -> Vec<Self> {
        text.split(' ').filter_map(Self::parse).collect()
    }
}

/// A link to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkDraft {
    /// The customer, by either id.
    pub customer: String,
    /// Seconds that the link can be used for.
    pub life: i64,
    /// What it allows; an empty list allows looking at the plan alone.
    pub permits: Vec<Permit>,
    /// Where the portal's way back leads.
    pub return_url: Option<String>,
}

impl LinkDraft {
    /// A link of the usual life that allows everything.
    pub fn new(customer: impl Into<String>) -> Self {
        Self { customer: customer.into(), life: LIFE, permits: Permit::ALL.to_vec(), return_url: None }
    }

    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let fits = (SHORTEST..=LONGEST).contains(&self.life);
        if fits { Vec::new() } else { vec![Flaw::new("expires_in", "Between 5 minutes and 24 hours.")] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_read_back_and_nothing_else_does() {
        assert_eq!(Permit::split(&Permit::join(&Permit::ALL)), Permit::ALL);
        assert_eq!(Permit::split(""), []);
        assert_eq!(Permit::split("everything cancel"), [Permit::Cancel]);
    }

    #[test]
    fn a_link_lives_between_five_minutes_and_a_day() {
        for (life, flaws) in [(SHORTEST, 0), (LIFE, 0), (LONGEST, 0), (SHORTEST - 1, 1), (LONGEST + 1, 1), (-1, 1)] {
            assert_eq!(LinkDraft { life, ..LinkDraft::new("cus_1") }.flaws().len(), flaws, "{life}");
        }
    }
}
