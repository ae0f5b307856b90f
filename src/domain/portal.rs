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
    /// Change to another of the prices that the project offers.
    Plan,
    /// Change how many are subscribed to.
    Quantity,
    /// Cancel a subscription at the end of its period, and take that back.
    Cancel,
    /// Replace the card that is charged.
    Card,
    /// See the invoices, and pay those that are open.
    Invoices,
    /// Change name, e-mail address, billing address and tax ids.
    Details,
}

impl Permit {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Plan, Self::Quantity, Self::Cancel, Self::Card, Self::Invoices, Self::Details];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Quantity => "quantity",
            Self::Cancel => "cancel",
            Self::Card => "card",
            Self::Invoices => "invoices",
            Self::Details => "details",
        }
    }

    /// For staff who choose.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plan => "Change to another plan that the portal offers",
            Self::Quantity => "Change the quantity",
            Self::Cancel => "Cancel at the end of the period, and take that back",
            Self::Card => "Replace the card",
            Self::Invoices => "See invoices and pay open ones",
            Self::Details => "Change name, e-mail, billing address and tax ids",
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

/// Where a visit begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// The page with everything.
    #[default]
    Overview,
    /// Cancelling, when there is one subscription to cancel.
    Cancel,
    /// Replacing the card.
    UpdateCard,
    /// Changing the plan, when there is one subscription to change.
    ChangePlan,
    /// The invoices.
    Invoices,
}

impl Flow {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Cancel, Self::UpdateCard, Self::ChangePlan, Self::Invoices];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Cancel => "cancel",
            Self::UpdateCard => "update_card",
            Self::ChangePlan => "change_plan",
            Self::Invoices => "invoices",
        }
    }

    /// For staff who choose.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "The overview",
            Self::Cancel => "Cancelling",
            Self::UpdateCard => "Replacing the card",
            Self::ChangePlan => "Changing the plan",
            Self::Invoices => "The invoices",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.as_str() == text)
    }

    /// What a link must allow so that a visit can begin there.
    pub const fn needs(self) -> Option<Permit> {
        match self {
            Self::Overview => None,
            Self::Cancel => Some(Permit::Cancel),
            Self::UpdateCard => Some(Permit::Card),
            Self::ChangePlan => Some(Permit::Plan),
            Self::Invoices => Some(Permit::Invoices),
        }
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
    /// Where the visit begins.
    pub flow: Flow,
    /// Where the portal's way back leads.
    pub return_url: Option<String>,
}

impl LinkDraft {
    /// A link of the usual life that allows everything.
    pub fn new(customer: impl Into<String>) -> Self {
        Self {
            customer: customer.into(),
            life: LIFE,
            permits: Permit::ALL.to_vec(),
            flow: Flow::Overview,
            return_url: None,
        }
    }

    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if !(SHORTEST..=LONGEST).contains(&self.life) {
            flaws.push(Flaw::new("expires_in", "Between 5 minutes and 24 hours."));
        }
        if self.flow.needs().is_some_and(|permit| !self.permits.contains(&permit)) {
            flaws.push(Flaw::new("flow", "The link does not allow what it would begin with."));
        }
        flaws
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
    fn a_link_begins_with_something_that_it_allows() {
        for flow in Flow::ALL {
            assert_eq!(Flow::parse(flow.as_str()), Some(flow));
            let permits = flow.needs().into_iter().collect();
            assert_eq!(LinkDraft { permits, flow, ..LinkDraft::new("cus_1") }.flaws(), []);
            let none = LinkDraft { flow, permits: Vec::new(), ..LinkDraft::new("cus_1") };
            assert_eq!(none.flaws().is_empty(), flow == Flow::Overview, "{flow:?}");
        }
    }

    #[test]
    fn a_link_lives_between_five_minutes_and_a_day() {
        for (life, flaws) in [(SHORTEST, 0), (LIFE, 0), (LONGEST, 0), (SHORTEST - 1, 1), (LONGEST + 1, 1), (-1, 1)] {
            assert_eq!(LinkDraft { life, ..LinkDraft::new("cus_1") }.flaws().len(), flaws, "{life}");
        }
    }
}
