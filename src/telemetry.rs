//! Logs and metrics. Every line goes to standard error: standard output belongs to the command.

use std::io::IsTerminal as _;

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

/// Makes this process collect metrics, and gives the handle that prints them.
///
/// # Errors
/// A recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
}

/// A handle that no recorder feeds: for a router that is not served, as in tests.
pub fn unused_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
