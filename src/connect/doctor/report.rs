//! What the key doctor finds out, and how bad it is.

use serde::{Deserialize, Serialize};

use crate::{
    connect::check::Outcome,
    domain::mode::Mode,
    stripe::{Budget, permissions::Need},
};

/// Seconds that two clocks may differ before somebody should know.
const CLOCK_IS_OFF: i64 = 30;
/// Seconds from which on every delivery is refused as too old, or from the future.
const CLOCK_IS_WRONG: i64 = 300;

/// Everything that is found out about a connection in one go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Whether Stripe accepts the key. When not, the rest was not asked for.
    pub accepted: bool,
    /// `restricted` or `secret`.
    pub key_kind: String,
    /// The key's last four characters.
    pub key_last4: String,
    /// Whether real money moves.
    pub livemode: bool,
    /// Every permission with its outcome, as in `connections.permissions`.
    pub permissions: String,
    /// The webhook endpoint at Stripe.
    pub endpoint: Endpoint,
    /// Deliveries that Stripe has not made.
    pub owed: Owed,
    /// Events that have arrived and wait to be applied, those that are tried again included.
    pub waiting: i64,
    /// Events that were given up.
    pub dead: i64,
    /// Seconds that Stripe's clock is ahead of ours.
    pub stripe_is_ahead: Option<i64>,
    /// How much of the account's rate was used in the hour before.
    pub budget: Budget,
}

/// The webhook endpoint, as Stripe has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// What is with it.
    pub state: EndpointState,
    /// `we_…`, where it is known.
    pub id: Option<String>,
    /// Whether billfold made it.
    pub is_ours: bool,
    /// The version of its deliveries; none: the account's own.
    pub api_version: Option<String>,
    /// The version that billfold asks for.
    pub wanted_version: String,
    /// The types that billfold wants and that it does not get.
    pub missing_events: Vec<String>,
}

/// What is with a webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "cause", rename_all = "snake_case")]
pub enum EndpointState {
    /// Deliveries are made.
    Enabled,
    /// Stripe, or somebody there, has turned it off.
    Disabled,
    /// It leads to another address than this project's.
    Elsewhere(String),
    /// billfold made it, and it is there no more.
    Gone,
    /// None leads to this project's address.
    None,
    /// The key may not look.
    Hidden,
    /// Stripe did not tell; in plain words why.
    Unknown(String),
}

impl EndpointState {
    /// Its name, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Elsewhere(_) => "elsewhere",
            Self::Gone => "gone",
            Self::None => "none",
            Self::Hidden => "hidden",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Deliveries of the last thirty days that Stripe has not made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum Owed {
    /// So many events.
    Counted {
        /// To any endpoint of the account, counted up to a hundred.
        events: usize,
        /// Whether there are more.
        has_more: bool,
        /// Those among them that billfold wants and that have not arrived here.
        not_here: usize,
        /// Unix seconds of the oldest of those that are not here.
        oldest: Option<i64>,
    },
    /// The key may not look.
    Hidden,
    /// Stripe did not tell; in plain words why.
    Unknown {
        /// Why.
        cause: String,
    },
}

/// How a connection is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to do.
    Good,
    /// It works, and somebody should look.
    Attention,
    /// The mirror cannot keep up until somebody does something.
    Broken,
}

impl Verdict {
    /// Its name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Broken => "broken",
        }
    }
}

impl Report {
    /// Test or live.
    pub fn mode(&self) -> Mode {
        Mode::from_livemode(self.livemode)
    }

    /// The permissions that the key lacks, by the names to tick at Stripe, each once.
    pub fn to_tick(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for result in self.results().iter().filter(|result| result.outcome == Outcome::Missing) {
            if !names.iter().any(|name| name == result.to_tick()) {
                names.push(result.to_tick().to_owned());
            }
        }
        names
    }

    /// How bad the worst finding is.
    pub fn verdict(&self) -> Verdict {
        if !self.accepted {
            return Verdict::Broken;
        }
        let findings =
            [self.of_permissions(), self.endpoint.verdict(), self.of_deliveries(), self.of_clock(), self.of_rate()];
        findings.into_iter().max().unwrap_or(Verdict::Good)
    }

    /// What the permissions say. An optional one that nobody ticked is a choice; one that Stripe refuses is not.
    pub fn of_permissions(&self) -> Verdict {
        let of_one = |outcome: &Outcome, needed: bool| match outcome {
            Outcome::Missing | Outcome::Refused(_) if needed => Verdict::Broken,
            Outcome::Refused(_) | Outcome::Failed(_) => Verdict::Attention,
            Outcome::Granted | Outcome::Missing | Outcome::Untried => Verdict::Good,
        };
        let results = self.results();
        let all = results.iter().map(|result| of_one(&result.outcome, result.permission.need == Need::Required));
        all.max().unwrap_or(Verdict::Good)
    }

    /// What the deliveries say. A few may be on their way at any moment; what was given up stays until a person looks.
    pub fn of_deliveries(&self) -> Verdict {
        let lacking = matches!(self.owed, Owed::Counted { not_here, .. } if not_here > 0);
        if lacking || self.dead > 0 { Verdict::Attention } else { Verdict::Good }
    }

    /// What the clocks say.
    pub fn of_clock(&self) -> Verdict {
        match self.stripe_is_ahead.map_or(0, i64::abs) {
            CLOCK_IS_WRONG.. => Verdict::Broken,
            CLOCK_IS_OFF.. => Verdict::Attention,
            _ => Verdict::Good,
        }
    }

    /// What the rate says.
    pub fn of_rate(&self) -> Verdict {
        if self.budget.slowed > 0 { Verdict::Attention } else { Verdict::Good }
    }
}

impl Endpoint {
    /// Whether its deliveries have the version that billfold asks for.
    pub fn has_our_version(&self) -> bool {
        self.api_version.as_deref() == Some(self.wanted_version.as_str())
    }

    /// What the endpoint says.
    pub fn verdict(&self) -> Verdict {
        match self.state {
            EndpointState::Disabled | EndpointState::Elsewhere(_) | EndpointState::Gone => Verdict::Broken,
            EndpointState::Enabled if self.has_our_version() && self.missing_events.is_empty() => Verdict::Good,
            // Without an endpoint something else may bring the events, such as `stripe listen` on a laptop.
            EndpointState::Enabled | EndpointState::None | EndpointState::Unknown(_) => Verdict::Attention,
            EndpointState::Hidden => Verdict::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Endpoint, EndpointState, Owed, Report, Verdict};

    fn report() -> Report {
        Report {
            accepted: true,
            key_kind: "restricted".to_owned(),
            key_last4: "abcd".to_owned(),
            livemode: true,
            permissions: "[]".to_owned(),
            endpoint: Endpoint {
                state: EndpointState::Enabled,
                id: None,
                is_ours: true,
                api_version: Some("v".to_owned()),
                wanted_version: "v".to_owned(),
                missing_events: Vec::new(),
            },
            owed: Owed::Counted { events: 3, has_more: false, not_here: 0, oldest: None },
            waiting: 4,
            dead: 0,
            stripe_is_ahead: Some(1),
            budget: Budget::default(),
        }
    }

    #[test]
    fn the_worst_finding_counts() {
        assert_eq!(report().verdict(), Verdict::Good);
        assert_eq!(Report { stripe_is_ahead: Some(-31), ..report() }.verdict(), Verdict::Attention);
        assert_eq!(Report { stripe_is_ahead: Some(-300), dead: 1, ..report() }.verdict(), Verdict::Broken);
        assert_eq!(Report { accepted: false, ..report() }.verdict(), Verdict::Broken);
        let permissions = r#"[{"name":"rak_coupon_write","outcome":"missing","named":"rak_discount_write"}]"#;
        let choice = Report { permissions: permissions.to_owned(), ..report() };
        assert_eq!((choice.verdict(), choice.to_tick()), (Verdict::Good, vec!["rak_discount_write".to_owned()]));
        let permissions = r#"[{"name":"rak_plan_read","outcome":"missing"}]"#;
        assert_eq!(Report { permissions: permissions.to_owned(), ..report() }.verdict(), Verdict::Broken);
    }

    #[test]
    fn a_report_reads_back() {
        let text = serde_json::to_string(&report()).unwrap();
        let again: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}
