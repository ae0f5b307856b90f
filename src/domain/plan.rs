//! What a tenant may use, how much of it is used, and how the tenant stands.

use super::ids::PlanId;

/// What a plan counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meter {
    /// Requests to the REST API in a calendar month, UTC.
    ApiCalls,
    /// Members, and invitations that wait.
    Seats,
    /// Projects.
    Projects,
    /// Customers that are mirrored, in all projects.
    Customers,
}

impl Meter {
    /// Every meter, in the order in which pages show them.
    pub const ALL: [Self; 4] = [Self::ApiCalls, Self::Seats, Self::Projects, Self::Customers];

    /// The name of the field in a form, and of the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiCalls => "api_calls",
            Self::Seats => "seats",
            Self::Projects => "projects",
            Self::Customers => "customers",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ApiCalls => "API calls this month",
            Self::Seats => "People",
            Self::Projects => "Projects",
            Self::Customers => "Customers",
        }
    }

    /// What the limit stops, in a sentence.
    pub const fn stops(self) -> &'static str {
        match self {
            Self::ApiCalls => "Programs can read, but change nothing until the month is over or the plan is larger.",
            Self::Seats => "Nobody more can be invited until somebody leaves or the plan is larger.",
            Self::Projects => "No further project can be made until the plan is larger.",
            Self::Customers => {
                "No customer can be made here until the plan is larger. What comes from Stripe is still mirrored."
            }
        }
    }
}

/// What a tenant may use. A limit of none is no limit.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Plan {
    /// Our id.
    pub id: PlanId,
    /// What it is called.
    pub name: String,
    /// Requests to the REST API in a month.
    pub api_calls: Option<i64>,
    /// Members, and invitations that wait.
    pub seats: Option<i64>,
    /// Projects.
    pub projects: Option<i64>,
    /// Mirrored customers.
    pub customers: Option<i64>,
    /// Whether data may be exported.
    pub exports: bool,
}

impl Plan {
    /// A plan without limits, for a tenant whose plan is gone: nobody is stopped by our mistake.
    pub fn unlimited(id: &PlanId) -> Self {
        Self {
            id: id.clone(),
            name: "Unlimited".to_owned(),
            api_calls: None,
            seats: None,
            projects: None,
            customers: None,
            exports: true,
        }
    }

    /// The limit of a meter.
    pub const fn limit(&self, meter: Meter) -> Option<i64> {
        match meter {
            Meter::ApiCalls => self.api_calls,
            Meter::Seats => self.seats,
            Meter::Projects => self.projects,
            Meter::Customers => self.customers,
        }
    }
}

/// How much is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests to the REST API this month.
    pub api_calls: i64,
    /// Members, and invitations that wait.
    pub seats: i64,
    /// Projects.
    pub projects: i64,
    /// Mirrored customers.
    pub customers: i64,
}

impl Usage {
    /// The reading of a meter.
    pub const fn of(&self, meter: Meter) -> i64 {
        match meter {
            Meter::ApiCalls => self.api_calls,
            Meter::Seats => self.seats,
            Meter::Projects => self.projects,
            Meter::Customers => self.customers,
        }
    }
}

/// How close a use is to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// There is room, or no limit.
    Fine,
    /// Four fifths are used.
    Near,
    /// Nothing is left.
    Reached,
}

/// How close `used` is to `limit`.
pub const fn closeness(used: i64, limit: Option<i64>) -> Closeness {
    match limit {
        Some(limit) if used >= limit => Closeness::Reached,
        Some(limit) if used >= limit - limit / 5 => Closeness::Near,
        _ => Closeness::Fine,
    }
}

/// How a tenant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// Everything works.
    Active,
    /// A payment is late; everything works for some days.
    PastDue,
    /// Reads work, changes do not; what Stripe sends is still stored.
    Suspended,
    /// As suspended, and all of it is erased after some days.
    Ending,
    /// It is being erased.
    Erasing,
}

impl TenantState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Active, Self::PastDue, Self::Suspended, Self::Ending, Self::Erasing];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Suspended => "suspended",
            Self::Ending => "ending",
            Self::Erasing => "erasing",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing may be changed.
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::Suspended | Self::Ending | Self::Erasing)
    }
}

/// What the operator's subscription of a tenant says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Paid, or on trial.
    Fine,
    /// Late, ended, or never begun.
    Missing,
}

/// What a status of a subscription says.
pub fn payment_of(status: &str) -> Payment {
    match status {
        "active" | "trialing" => Payment::Fine,
        _ => Payment::Missing,
    }
}

/// What billing makes of a tenant: its state, and the unix second at which that changes by itself.
///
/// A late payment counts from when it was first seen, `since`; after `grace` seconds the tenant is suspended. A payment brings it back at
/// once. What the operator decided by hand is not billing's to change, and is not asked here.
pub const fn billed(
    state: TenantState,
    since: i64,
    payment: Payment,
    now: i64,
    grace: i64,
) -> (TenantState, Option<i64>) {
    match (payment, state) {
        (Payment::Fine, _) => (TenantState::Active, None),
        (Payment::Missing, TenantState::Active) if grace > 0 => (TenantState::PastDue, Some(now + grace)),
        (Payment::Missing, TenantState::PastDue) if now < since + grace => (TenantState::PastDue, Some(since + grace)),
        (Payment::Missing, _) => (TenantState::Suspended, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_fifths_are_near_and_a_limit_of_nothing_is_reached() {
        assert_eq!(closeness(79, Some(100)), Closeness::Fine);
        assert_eq!(closeness(80, Some(100)), Closeness::Near);
        assert_eq!(closeness(100, Some(100)), Closeness::Reached);
        assert_eq!(closeness(0, Some(0)), Closeness::Reached);
        assert_eq!(closeness(1, Some(2)), Closeness::Fine);
        assert_eq!(closeness(i64::MAX, None), Closeness::Fine);
    }

    #[test]
    fn a_late_payment_has_its_days_and_a_payment_ends_them() {
        let late = billed(TenantState::Active, 0, Payment::Missing, 1_000, 60);
        assert_eq!(late, (TenantState::PastDue, Some(1_060)));
        assert_eq!(billed(TenantState::PastDue, 1_000, Payment::Missing, 1_059, 60), late);
        assert_eq!(billed(TenantState::PastDue, 1_000, Payment::Missing, 1_060, 60), (TenantState::Suspended, None));
        assert_eq!(billed(TenantState::Suspended, 1_060, Payment::Missing, 9_999, 60), (TenantState::Suspended, None));
        assert_eq!(billed(TenantState::Suspended, 1_060, Payment::Fine, 9_999, 60), (TenantState::Active, None));
        assert_eq!(billed(TenantState::Active, 0, Payment::Missing, 1_000, 0), (TenantState::Suspended, None));
    }
}
