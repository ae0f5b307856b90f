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
    /// The process that all of Postgres's others are children of.
    postgres: Option<u32>,
    workers: Option<Workers>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// The engines to measure: the one that `--engine` names, or SQLite and, when `BILLFOLD_BENCH_POSTGRES` names a server, Postgres.
pub fn engines() -> Vec<&'static str> {
    let chosen = text_argument("--engine");
    let mut engines = vec!["sqlite"];
    if std::env::var("BILLFOLD_BENCH_POSTGRES").is_ok() {
        engines.push("postgres");
    } else {
        println!("BILLFOLD_BENCH_POSTGRES is not set: Postgres is not measured");
    }
    engines.retain(|engine| chosen.as_ref().is_none_or(|chosen| chosen == engine));
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

async fn postgres_server(db: &Db) -> Option<u32> {
    let Db::Postgres(pool) = db else { return None };
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(pool).await.unwrap();
    process(&backend.to_string()).map(|(parent, _)| parent)
}

impl Site {
    /// Starts one. `settings` are command line arguments, such as `--stripe-api-base`.
    pub async fn start(engine: &str, settings: &[&str]) -> Self {
        Self::start_at(engine, settings, Clock::system()).await
    }

    /// Starts one with a clock of its own.
    pub async fn start_at(engine: &str, settings: &[&str], clock: Clock) -> Self {
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
        let postgres = postgres_server(&db).await;
        let app = App::new(db, clock, Keyring::generate(), config).unwrap();
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
        ready.started();
        tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
        let workers = Some(Workers::start(&app));
        Self { app, address, postgres, workers, stop, _folder: folder }
    }

    /// Processor time of this process, and on Postgres of every process of the server.
    pub fn processor_time(&self) -> Duration {
        let mut ticks = process("self").unwrap().1;
        if let Some(server) = self.postgres {
            let pids = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
            let all = pids.filter_map(|pid| process(&pid.to_string_lossy()));
            ticks += all.filter(|(parent, _)| *parent == server).map(|(_, ticks)| ticks).sum::<u64>();
        }
        Duration::from_millis(ticks * 10) // 100 ticks a second on Linux
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

/// Parent and ticks of processor time of a process.
fn process(pid: &str) -> Option<(u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
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
    text_argument(flag).map_or(default, |value| value.parse().unwrap())
}

fn text_argument(flag: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != flag).nth(1)
}
