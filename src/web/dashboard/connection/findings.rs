//! What the key doctor found beside the permissions, in words: what is, and what to do about it.

use crate::connect::doctor::{EndpointState, Owed, Report, Verdict};
use crate::domain::money::grouped;
use crate::stripe::events::SUBSCRIBED;
use crate::web::shell::Shell;

/// One line of the page.
pub(super) struct Finding {
    pub(super) title: &'static str,
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
    /// A word or two.
    pub(super) state: String,
    /// What is.
    pub(super) text: String,
    /// What to do; empty when nothing.
    pub(super) todo: String,
    /// Where to do it: an address of this site, and what it is called.
    pub(super) path: Option<(String, &'static str)>,
}

impl Finding {
    fn new(title: &'static str, verdict: Verdict, state: impl Into<String>, text: impl Into<String>) -> Self {
        let (tone, icon) = match verdict {
            Verdict::Good => ("green", "circle-check"),
            Verdict::Attention => ("orange", "alert-triangle"),
            Verdict::Broken => ("red", "circle-x"),
        };
        Self { title, tone, icon, state: state.into(), text: text.into(), todo: String::new(), path: None }
    }

    /// For what could not be found out: neither good nor bad.
    fn unknown(self) -> Self {
        Self { tone: "grey", icon: "circle-dashed", ..self }
    }

    fn todo(self, todo: impl Into<String>) -> Self {
        Self { todo: todo.into(), ..self }
    }

    fn path(self, path: String, called: &'static str) -> Self {
        Self { path: Some((path, called)), ..self }
    }
}

/// Everything but the permissions, in the order of the page.
pub(super) fn findings(report: &Report, shell: &Shell) -> Vec<Finding> {
    let mut all = vec![key(report)];
    if report.accepted {
        all.extend([endpoint(report, shell), version(report, shell), at_stripe(report, shell)]);
    }
    all.extend([here(report, shell), clock(report)]);
    if report.accepted {
        all.push(rate(report));
    }
    all
}

fn key(report: &Report) -> Finding {
    let what = format!("A {} key in {} mode, ending in {}.", report.key_kind, report.mode(), report.key_last4);
    if !report.accepted {
        return Finding::new("Key", Verdict::Broken, "Not accepted", what)
            .todo("It was revoked or rolled at Stripe. Paste a current key on the page Connection.");
    }
    let found = Finding::new("Key", Verdict::Good, "Accepted", what);
    if report.key_kind == "secret" {
        return found.todo("A secret key may do everything in the account. A restricted key with the permissions of this page is safer.");
    }
    found
}

fn endpoint(report: &Report, shell: &Shell) -> Finding {
    const TITLE: &str = "Webhook endpoint";
    let endpoint = &report.endpoint;
    let found = |state: &str, text: &str| Finding::new(TITLE, endpoint.verdict(), state, text);
    let connection = |finding: Finding| finding.path(shell.url("connection"), "Open the connection");
    let renew = "Renew the signing secret on the page Connection: that makes a new endpoint.";
    let anew = if endpoint.is_ours { renew } else { "Change its address at Stripe, or let billfold make one." };
    match &endpoint.state {
        EndpointState::Enabled if endpoint.missing_events.is_empty() => {
            Finding::new(TITLE, Verdict::Good, "On", "Stripe delivers every event that billfold wants.")
        }
        EndpointState::Enabled => connection(
            Finding::new(
                TITLE,
                Verdict::Attention,
                "On, not everything",
                format!(
                    "It does not get {} of {} types of events: {}.",
                    endpoint.missing_events.len(),
                    SUBSCRIBED.len(),
                    endpoint.missing_events.join(", ")
                ),
            )
            .todo(if endpoint.is_ours { renew } else { "Add them to the endpoint at Stripe." }),
        ),
        EndpointState::Disabled => found(
            "Off",
            "The endpoint is turned off at Stripe, so changes arrive only as billfold fetches them.",
        )
        .todo("Turn it on at Stripe under Webhooks. Until then billfold fetches what it can, as the page Sync says.")
        .path(shell.url("sync"), "Open Sync"),
        EndpointState::Elsewhere(address) => {
            connection(found("Elsewhere", &format!("It leads to {address}, not to this project's address.")).todo(anew))
        }
        EndpointState::Gone => connection(
            found(
                "Gone",
                "The endpoint that billfold made no longer exists at Stripe, so changes arrive only as billfold fetches them.",
            )
            .todo(renew),
        ),
        EndpointState::None => connection(
            found(
                "None",
                "No endpoint at Stripe leads to this project's address, so changes arrive only as billfold fetches them.",
            )
            .todo("Let billfold make one, or make it by hand as the page Connection says."),
        ),
        EndpointState::Hidden => found("Not known", "The key may not look at webhook endpoints.")
            .unknown()
            .todo("Tick Webhook endpoints, or look at Stripe under Webhooks."),
        EndpointState::Unknown(cause) => found("Not answered", cause).unknown(),
    }
}

fn version(report: &Report, shell: &Shell) -> Finding {
    const TITLE: &str = "API version";
    let endpoint = &report.endpoint;
    let wanted = &endpoint.wanted_version;
    if !matches!(endpoint.state, EndpointState::Enabled | EndpointState::Disabled | EndpointState::Elsewhere(_)) {
        return Finding::new(TITLE, Verdict::Good, "Not known", format!("billfold asks for {wanted}.")).unknown();
    }
    if endpoint.has_our_version() {
        let text = format!("Deliveries have the version that billfold asks for, {wanted}.");
        return Finding::new(TITLE, Verdict::Good, "The same", text);
    }
    let theirs = match &endpoint.api_version {
        Some(theirs) => format!("Deliveries have version {theirs}"),
        None => "Deliveries have the account's own version".to_owned(),
    };
    let text = format!(
        "{theirs}; billfold asks for {wanted}. Events are read all the same, but fields that moved may stay empty until an object is read again."
    );
    let todo = if endpoint.is_ours {
        "Renew the signing secret on the page Connection: that makes a new endpoint in billfold's version."
    } else {
        "Make a new endpoint at Stripe in billfold's version; the version of one that is there cannot be changed."
    };
    Finding::new(TITLE, Verdict::Attention, "Another", text)
        .todo(todo)
        .path(shell.url("connection"), "Open the connection")
}

fn at_stripe(report: &Report, shell: &Shell) -> Finding {
    const TITLE: &str = "Deliveries that Stripe owes";
    match &report.owed {
        Owed::Counted { events: 0, .. } => {
            Finding::new(TITLE, Verdict::Good, "None", "Every event of the last 30 days was delivered.")
        }
        Owed::Counted { events, has_more, not_here, .. } => {
            let more = if *has_more { "+" } else { "" };
            let text = format!(
                "{events}{more} of the last 30 days were not taken by some endpoint of the account, billfold's or another's; {not_here} of them have not arrived here."
            );
            if *not_here == 0 {
                return Finding::new(TITLE, Verdict::Good, "None for billfold", text);
            }
            Finding::new(TITLE, Verdict::Attention, format!("{not_here} not here"), text)
                .todo("Some may be on their way. If the number stays, press Fetch missed events on the page Sync.")
                .path(shell.url("sync"), "Open Sync")
        }
        Owed::Hidden => Finding::new(TITLE, Verdict::Good, "Not known", "The key may not list events.")
            .unknown()
            .todo("Tick Events, so that billfold sees this and fetches what no delivery has brought."),
        Owed::Unknown { cause } => Finding::new(TITLE, Verdict::Good, "Not answered", cause.clone()).unknown(),
    }
}

fn here(report: &Report, shell: &Shell) -> Finding {
    const TITLE: &str = "Events that wait here";
    let waiting = format!("{} received and not applied yet.", grouped(report.waiting));
    if report.dead > 0 {
        let dead = grouped(report.dead);
        return Finding::new(TITLE, Verdict::Attention, format!("{dead} given up"), waiting)
            .todo("Look at their causes and process them again.")
            .path(shell.url("events?status=dead"), "Open the events");
    }
    Finding::new(TITLE, Verdict::Good, grouped(report.waiting), waiting)
}

fn clock(report: &Report) -> Finding {
    const TITLE: &str = "Clock";
    let Some(ahead) = report.stripe_is_ahead else {
        return Finding::new(TITLE, Verdict::Good, "Not known", "Stripe's answers carried no time.").unknown();
    };
    let (verdict, seconds) = (report.of_clock(), ahead.abs());
    if verdict == Verdict::Good {
        return Finding::new(TITLE, verdict, "Right", format!("This machine's differs from Stripe's by {seconds} s."));
    }
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    let text = format!("This machine's clock is {seconds} s {direction} Stripe's.");
    let worse = if verdict == Verdict::Broken {
        "From 300 s on every delivery is refused as too old. Whoever runs billfold must set the machine's clock (NTP)."
    } else {
        "From 300 s on every delivery would be refused. Whoever runs billfold should set the machine's clock (NTP)."
    };
    Finding::new(TITLE, verdict, format!("{seconds} s off"), text).todo(worse)
}

fn rate(report: &Report) -> Finding {
    const TITLE: &str = "Rate of calls";
    let budget = &report.budget;
    let used = grouped(i64::from(budget.busiest_minute));
    let text = match budget.per_minute {
        Some(most) => {
            let percent = i64::from(budget.busiest_minute) * 100 / i64::from(most.max(1));
            format!(
                "{used} calls in the busiest minute of the hour before, {percent} % of the {} that billfold allows itself for this account.",
                grouped(i64::from(most))
            )
        }
        None => format!("{used} calls in the busiest minute of the hour before; no limit is set."),
    };
    if budget.slowed == 0 {
        return Finding::new(TITLE, Verdict::Good, "Enough", text);
    }
    Finding::new(TITLE, report.of_rate(), format!("Slowed {} times", grouped(i64::from(budget.slowed))), text).todo(
        "Stripe asked to slow down in the last hour. Your own programs share its limit; whoever runs billfold can lower the rate.",
    )
}
