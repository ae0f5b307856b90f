//! What the benches share: a running billfold in this process, processor time, percentiles, a table.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]

pub mod account;
pub mod load;

use std::{fs, time::Duration};

use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    db::{Db, Options},
    telemetry,
    vault::Keyring,
    web::{
        self,
        health::Readiness,
        server::{Limits, serve},
    },
    worker::Workers,
};
use clap::Parser as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// A billfold that serves and works in this process.
pub struct Site {
    pub app: App,
    pub address: String,
    workers: Option<Workers>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// The engines to measure: SQLite always, Postgres when `BILLFOLD_BENCH_POSTGRES` names a server.
pub fn engines() -> Vec<&'static str> {
    let mut engines = vec!["sqlite"];
    if std::env::var("BILLFOLD_BENCH_POSTGRES").is_ok() {
        engines.push("postgres");
    } else {
        println!("BILLFOLD_BENCH_POSTGRES is not set: Postgres is not measured");
    }
    engines
}

/// A new database on an engine; `folder` holds SQLite's file.
async fn database_url(engine: &str, folder: &std::path::Path) -> String {
    if engine == "sqlite" {
        return format!("sqlite://{}", folder.join("bench.db").display());
    }
    let server = std::env::var("BILLFOLD_BENCH_POSTGRES").unwrap();
    let name = format!("bench_{}", billfold::vault::new_token().split_at(12).0);
    let admin = Db::connect(&Options { url: server.clone(), connections: 2 }).await.unwrap();
    let Db::Postgres(pool) = &admin else { panic!("BILLFOLD_BENCH_POSTGRES must be a postgres:// URL") };
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(pool).await.unwrap();
    admin.close().await;
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

impl Site {
    /// Starts one. `settings` are command line arguments, such as `--stripe-api-base`.
    pub async fn start(engine: &str, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = database_url(engine, folder.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut arguments = vec!["billfold", "--bind", &address, "--database-url", &url];
        arguments.extend_from_slice(settings);
        let config = Settings::parse_from(arguments).config;
        let options = Options { url: config.database_url.clone(), connections: config.database_connections };
        let db = Db::connect(&options).await.unwrap();
        db.migrate().await.unwrap();
        let app = App::new(db, Clock::system(), Keyring::generate(), config).unwrap();
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
        ready.started();
        tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
        let workers = Some(Workers::start(&app));
        Self { app, address, workers, stop, _folder: folder }
    }

    /// Ends it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(workers) = self.workers.take() {
            workers.stop().await;
        }
        self.app.db.close().await;
    }
}

/// Processor time of this process and of every Postgres process.
pub fn processor_time() -> Duration {
    let mut ticks = ticks_of("self");
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres") {
            ticks += ticks_of(&pid);
        }
    }
    Duration::from_millis(ticks * 10) // 100 ticks a second on Linux
}

fn ticks_of(pid: &str) -> u64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.get(11..13).map_or(0, |times| times.iter().filter_map(|time| time.parse::<u64>().ok()).sum())
}

/// The value below which this share of the sorted samples lies.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let position = (0..=last).find(|position| *position as f64 >= last as f64 * share).unwrap_or(last);
    sorted.get(position).copied().unwrap_or_default()
}

/// Milliseconds with two decimals.
pub fn ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1_000.0)
}

/// The number behind a flag of the command line.
pub fn argument(flag: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    let value = arguments.iter().position(|argument| argument == flag).and_then(|at| arguments.get(at + 1));
    value.map_or(default, |value| value.parse().unwrap())
}
