//! The commands and their flags. Settings come from flags, environment and an optional TOML file, in this order.
#![expect(clippy::print_stdout, reason = "the command line speaks to a person")]

mod api_keys;
mod audit;
mod backup;
mod check;
mod demo;
#[cfg(feature = "failpoints")]
pub mod fail_points;
mod isolation;
mod keys;
mod operators;
mod people;
mod place;
mod portal_links;
mod restore;
mod serve;
pub mod settings;
mod stand_in;
mod systemd;

use std::path::PathBuf;

use anyhow::Context as _;
use billfold::{
    app::{App, StartError},
    clock::Clock,
    config::Config,
    db::{self, Db, Options},
    telemetry,
};
use clap::{Parser, Subcommand};
use tower_http::csrf::ConfigError;
use tracing_subscriber::filter::ParseError;

/// Many businesses run their Stripe billing from one program: an exact mirror, a fast dashboard, one binary.
#[derive(Parser)]
#[command(name = "billfold", version, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments or settings.")]
pub struct Cli {
    /// TOML file with settings, named like the long flags (bind = "0.0.0.0:3000"); flags and environment win
    #[arg(long, global = true, env = "BILLFOLD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What billfold can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the app: dashboard, webhooks and workers
    Serve(Settings),
    /// Run the app with an imitation of Stripe, a year of made-up history and a login; nothing leaves this machine
    Demo(demo::Demo),
    /// Run the imitation of Stripe alone
    StandIn(stand_in::Arguments),
    /// Apply database migrations and stop
    Migrate(Settings),
    /// People
    #[command(subcommand)]
    User(people::User),
    /// Who runs this installation
    #[command(subcommand)]
    Operator(operators::Operator),
    /// Keys of the REST API
    #[command(subcommand)]
    ApiKey(api_keys::ApiKey),
    /// Links to the customer portal
    #[command(subcommand)]
    PortalLink(portal_links::PortalLink),
    /// Print a new one-time link to /setup, as long as nobody exists
    SetupLink(Settings),
    /// Master keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Audit logs
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Test settings, database, row-level security and sealed values, and stop
    Check(Box<check::Check>),
    /// Copy a SQLite database to a file, while billfold serves; on Postgres say how
    Backup(backup::Backup),
    /// Put a backup back, and settle it with what has happened since
    Restore(restore::Restore),
    /// Ask a running billfold whether it wants traffic; for containers
    Healthcheck(check::Healthcheck),
}

/// The settings, for commands that need nothing else.
#[derive(clap::Args)]
pub struct Settings {
    #[command(flatten)]
    config: Config,
}

impl Command {
    /// Runs the command to its end.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(Settings { config }) => serve::run(config).await,
            Self::Demo(demo) => demo.run().await,
            Self::StandIn(arguments) => stand_in::run(arguments).await,
            Self::Migrate(Settings { config }) => migrate(config).await,
            Self::User(user) => user.run().await,
            Self::Operator(operator) => operator.run().await,
            Self::ApiKey(api_key) => api_key.run().await,
            Self::PortalLink(link) => link.run().await,
            Self::SetupLink(Settings { config }) => people::setup_link(config).await,
            Self::Keys(keys) => keys.run().await,
            Self::Audit(audit) => audit.run().await,
            Self::Check(check) => check.run().await,
            Self::Backup(backup) => backup.run().await,
            Self::Restore(restore) => restore.run().await,
            Self::Healthcheck(healthcheck) => healthcheck.run().await,
        }
    }
}

/// Settings that each alone look right and cannot be used all the same. Says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongSettings(String);

/// Whether the settings are what a command failed for, and not what it met: then the same command fails in the same way until somebody
/// changes them, and whoever starts programs again by itself should not.
pub fn blames_settings(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(StartError::blames_settings)
            || cause.downcast_ref().is_some_and(db::Error::blames_settings)
            || cause.is::<WrongSettings>()
            || cause.is::<ParseError>() // BILLFOLD_LOG
            || cause.is::<ConfigError>() // BILLFOLD_PUBLIC_URL
    })
}

async fn migrate(config: Config) -> anyhow::Result<()> {
    telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
    let db = Db::connect(&Options { url: config.database_url, connections: 2 }).await?;
    db.migrate().await?;
    db.close().await;
    println!("The database is up to date.");
    Ok(())
}

/// Opens the app for a command that changes nothing.
async fn look(config: Config) -> anyhow::Result<App> {
    telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
    Ok(App::look(config, Clock::system()).await?)
}

/// Starts the app for a short command.
async fn open(config: Config) -> anyhow::Result<App> {
    telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
    Ok(App::start(config, Clock::system()).await?)
}
