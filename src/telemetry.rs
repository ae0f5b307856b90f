//! Logs and metrics. Every line goes to standard error: standard output belongs to the command.

use std::{io::IsTerminal as _, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

/// Targets that would print secrets or personal data on a lower level, and so never get one whatever the filter says:
/// axum-login prints the user at DEBUG, tower-sessions warns about every stale cookie, sqlx prints statements with their text,
/// tower-http prints paths at TRACE, and a path of the webhooks holds the token.
const QUIET: [&str; 7] = [
    "axum_login=warn",
    "tower_sessions_core=error",
    "tower_sessions=error",
    "sqlx=warn",
    "tower_http=warn",
    "hyper=warn",
    "hyper_util=warn",
];

/// Bounds of the histograms that measure a duration, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Starts logging with `filter` (the syntax of `tracing_subscriber`, such as `info,billfold::sync=debug`).
///
/// A second call has no effect, so that tests may share a process.
///
/// # Errors
/// The filter does not parse; the message says where.
pub fn start_logs(filter: &str, format: LogFormat) -> Result<(), tracing_subscriber::filter::ParseError> {
    start_logs_to(std::io::stderr, filter, format)
}

/// The same with another place for the lines: the suite keeps them and looks for secrets.
pub fn start_logs_to(
    place: impl for<'line> MakeWriter<'line> + Send + Sync + 'static,
    filter: &str,
    format: LogFormat,
) -> Result<(), tracing_subscriber::filter::ParseError> {
    let mut directives = EnvFilter::try_new(filter)?;
    for directive in QUIET {
        directives = directives.add_directive(directive.parse()?);
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(directives)
        .with_writer(place)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|wish| wish.is_empty()))
        .with_span_events(FmtSpan::NONE);
    let _already_started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    Ok(())
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Up, from zero at the start of the process: an alert on its rise would miss a first one that comes from nowhere.
    Up,
    /// Up, in a series for each value of its labels.
    UpBy,
    /// Up and down.
    Freely,
    /// A histogram of seconds.
    Seconds,
}

/// Every metric: its name, how it moves, and what it says. The README tells the same for people.
pub const METRICS: [(&str, Moves, &str); 23] = [
    ("http_requests_total", Moves::UpBy, "Answered requests, by method, route and status."),
    (
        "http_request_duration_seconds",
        Moves::Seconds,
        "From the head of a request to the start of its answer, by method and route.",
    ),
    ("http_connections_refused_total", Moves::Up, "Connections over the limit of one address."),
    (
        "billfold_deliveries_total",
        Moves::UpBy,
        "Webhook deliveries, by result: stored, repeated, refused, not_stored, nobodys.",
    ),
    ("billfold_deliveries_refused_total", Moves::UpBy, "Refused webhook deliveries, by reason."),
    ("billfold_events_fetched_total", Moves::Up, "Events that Stripe's list held and no delivery had brought."),
    ("billfold_events_applied_total", Moves::Up, "Events that left the inbox or were tried in vain."),
    (
        "billfold_events_quarantined_total",
        Moves::Up,
        "Events that were stored although they cannot be read or are not the project's.",
    ),
    ("billfold_events_dead_total", Moves::Up, "Events that were given up after all tries."),
    (
        "billfold_polls_total",
        Moves::UpBy,
        "Looks at Stripe's list of events, by result: done, continued, refused, failed.",
    ),
    ("billfold_backfill_objects_total", Moves::Up, "Objects that imports have read."),
    ("billfold_drift_objects_total", Moves::Up, "Objects that differed from Stripe's when they were compared."),
    ("billfold_drift_alarms_total", Moves::Up, "Comparisons that found more differences than BILLFOLD_DRIFT_ALARM."),
    (
        "billfold_stripe_keys_rejected_total",
        Moves::Up,
        "Connections that were paused because Stripe does not accept their key any more.",
    ),
    (
        "billfold_stripe_clock_offset_seconds",
        Moves::Freely,
        "Seconds that Stripe's clock is ahead of this machine's, by its last answer.",
    ),
    ("billfold_writes_total", Moves::UpBy, "Changes at Stripe, by how they ended."),
    ("billfold_jobs_due", Moves::Freely, "Jobs that are due and that no process has taken, of the whole installation."),
    ("billfold_jobs_oldest_due_seconds", Moves::Freely, "How long the first of them has been due."),
    (
        "billfold_jobs_failing",
        Moves::Freely,
        "Jobs that failed when they ran last, by kind, of the whole installation.",
    ),
    ("billfold_api_log_lines_cut_total", Moves::Up, "Lines of the API's request log that were dropped under load."),
    ("billfold_api_keys_leaked_total", Moves::Up, "API keys that were revoked because they were found in public."),
    ("billfold_database_log_bytes", Moves::Freely, "Length of SQLite's write-ahead log."),
    ("billfold_database_damages", Moves::Freely, "Damages that the last reading of SQLite's file has found."),
];

/// Between two runs of [`keep_up`].
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Makes this process collect metrics, and gives the handle that prints them. Somebody must [`keep_up`] with it.
///
/// # Errors
/// A recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    for (name, moves, says) in METRICS {
        match moves {
            Moves::Up => {
                metrics::describe_counter!(name, says);
                metrics::counter!(name).increment(0);
            }
            Moves::UpBy => metrics::describe_counter!(name, says),
            Moves::Freely => metrics::describe_gauge!(name, says),
            Moves::Seconds => metrics::describe_histogram!(name, metrics::Unit::Seconds, says),
        }
    }
    Ok(handle)
}

/// Puts what histograms were told into their buckets, for ever: the samples of a process that nobody asks for its metrics would pile
/// up otherwise. The recorder leaves this to whoever installs it.
pub async fn keep_up(metrics: PrometheusHandle, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        metrics.run_upkeep();
    }
}

/// A handle that no recorder feeds: for a router that is not served, as in tests.
pub fn unused_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
