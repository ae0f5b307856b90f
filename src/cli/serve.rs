//! `billfold serve`: the app from its start to its graceful end.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use billfold::{
    accounts::setup,
    app::App,
    clock::Clock,
    config::Config,
    telemetry,
    web::{
        self,
        health::Readiness,
        server::{Limits, serve},
    },
    worker::Workers,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::systemd;

/// What a stop may take once connections and workers have ended: closing the database.
const CLOSE: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::start_logs(&config.log, config.log_format).context("BILLFOLD_LOG")?;
    let new_key_file = config.master_keys.is_none() && !config.key_file.exists();
    let running = Running::start(config).await?;
    print_welcome(&running.app, new_key_file).await;
    systemd::ready();
    stopped().await;
    systemd::stopping();
    running.stop().await;
    Ok(())
}

/// The app while it accepts connections and works.
pub struct Running {
    /// The program's parts.
    pub app: App,
    ready: Readiness,
    stop: CancellationToken,
    workers: Workers,
    server: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Opens everything, then listens, then works: a request never meets half a program.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let metrics = telemetry::start_metrics()?;
        let bind = config.bind;
        let listener = TcpListener::bind(bind).await.with_context(|| format!("BILLFOLD_BIND {bind}"))?;
        let app = App::start(config, Clock::system()).await?;
        Workers::take_over(&app).await?;
        Self::serve(app, listener, metrics)
    }

    fn serve(app: App, listener: TcpListener, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        tokio::spawn(stop.clone().run_until_cancelled_owned(telemetry::keep_up(metrics.clone(), telemetry::UPKEEP)));
        let router = web::router(&app, ready.clone(), metrics).context("BILLFOLD_PUBLIC_URL")?;
        let limits = Limits { per_address: app.config.connections_per_ip as usize, ..Limits::default() };
        let workers = Workers::start(&app);
        ready.started();
        let server = tokio::spawn(serve(listener, router, limits, ready.clone(), stop.clone()));
        Ok(Self { app, ready, stop, workers, server })
    }

    /// Readiness off, connections drained while the workers finish and give their leases back, the database closed.
    pub async fn stop(self) {
        self.ready.stopping();
        self.stop.cancel();
        let ((), served) = tokio::join!(self.workers.stop(), self.server);
        if let Err(error) = served {
            tracing::error!(%error, "the server ended badly");
        }
        if !self.app.settle(CLOSE).await {
            tracing::warn!("the last lines of the request log were not written, or mail was not sent, in time");
        }
        if tokio::time::timeout(CLOSE, self.app.db.close()).await.is_err() {
            tracing::warn!("the database was not closed in time; nothing is lost by that");
        }
        tracing::info!("stopped");
    }
}

/// Waits for SIGTERM or SIGINT. A second one ends the process at once.
pub async fn stopped() {
    wait_for_signal().await;
    tracing::info!("stopping");
    tokio::spawn(async {
        wait_for_signal().await;
        std::process::exit(130);
    });
}

async fn wait_for_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = interrupted.await;
}

/// What a person needs to know at a start; on the first one how to go on.
async fn print_welcome(app: &App, new_key_file: bool) {
    let config = &app.config;
    println!("billfold {} listens on {}", env!("CARGO_PKG_VERSION"), config.public_url());
    println!("  data        {}", shown_database(&config.database_url));
    if config.master_keys.is_some() {
        println!("  master keys BILLFOLD_MASTER_KEYS");
    } else {
        println!("  master keys {}", absolute(&config.key_file));
    }
    if new_key_file {
        println!("              made just now: back this file up, without it the sealed Stripe keys are lost");
    }
    match setup::new_token_if_open(app).await {
        Ok(Some(token)) => {
            println!("  set up      {}/setup?token={token}", config.public_url());
            println!("              open this link to create the first business and its owner; it works once");
        }
        Ok(None) => {}
        // Deliveries are taken already: a line of text is no reason to end.
        Err(error) => {
            tracing::warn!(%error, "whether there is something to set up is not known; the next start says it");
        }
    }
}

/// The connection string without its password; a file as a whole path.
fn shown_database(url: &str) -> String {
    if let Some(file) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
        return absolute(Path::new(file.split('?').next().unwrap_or_default()));
    }
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => url.to_owned(),
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::shown_database;

    #[test]
    fn a_database_is_shown_without_its_password() {
        assert_eq!(shown_database("postgres://ada:secret@db.example/bill"), "postgres://…@db.example/bill");
        assert_eq!(shown_database("sqlite:///var/lib/billfold.db?mode=rwc"), "/var/lib/billfold.db");
    }
}
