//! What the benches share: a running billfold in this process, processor time, percentiles, a table.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]

pub mod account;
pub mod business;
pub mod fill;
pub mod load;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    db::{Db, Options},
    telemetry,
    vault::{ExposeSecret as _, Keyring, SecretString},
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
    /// From the first look at the database until it was ready for requests.
    pub started_in: Duration,
    ground: Ground,
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

/// A database, and the key that its secrets are sealed with.
pub struct Ground {
    url: String,
    keys: SecretString,
    /// What is known of a database that stays: it is written once that is ready.
    note: Option<PathBuf>,
    /// Holds SQLite's file and goes with it.
    _folder: Option<tempfile::TempDir>,
}

impl Ground {
    /// A new one.
    pub async fn new(engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            "sqlite" => sqlite_url(&folder.path().join("bench.db")),
            _ => new_postgres(&billfold::vault::new_token()[..12]).await,
        };
        Self { url, keys: Keyring::generate_entry(), note: None, _folder: Some(folder) }
    }

    /// The one of this name in the folder that `--keep` names, with what was noted of it if it is ready; without the flag a new one.
    pub async fn kept(engine: &str, name: &str) -> (Self, Option<String>) {
        let Some(folder) = text_argument("--keep") else { return (Self::new(engine).await, None) };
        let note = PathBuf::from(folder).join(format!("{engine}-{name}.txt"));
        if let Ok(text) = fs::read_to_string(&note) {
            let [url, keys, told] = text.splitn(3, '\n').collect::<Vec<_>>().try_into().unwrap();
            let ground = Self { url: url.to_owned(), keys: keys.into(), note: None, _folder: None };
            return (ground, Some(told.to_owned()));
        }
        let url = match engine {
            "sqlite" => sqlite_url(&note.with_extension("db")),
            _ => new_postgres(name).await,
        };
        (Self { url, keys: Keyring::generate_entry(), note: Some(note), _folder: None }, None)
    }

    /// Notes that it is ready, for the next bench.
    pub fn keep(&self, told: &str) {
        if let Some(note) = &self.note {
            fs::write(note, format!("{}\n{}\n{told}", self.url, self.keys.expose_secret())).unwrap();
        }
    }
}

fn sqlite_url(file: &std::path::Path) -> String {
    format!("sqlite://{}", file.display())
}

async fn new_postgres(name: &str) -> String {
    let server = std::env::var("BILLFOLD_BENCH_POSTGRES").unwrap();
    let name = format!("bench_{name}");
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
        Self::start_on(Ground::new(engine).await, settings, clock).await
    }

    /// Starts one over a database.
    pub async fn start_on(ground: Ground, settings: &[&str], clock: Clock) -> Self {
        let start = Instant::now();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut arguments = vec!["billfold", "--bind", &address, "--database-url", &ground.url];
        arguments.extend_from_slice(settings);
        let config = Settings::parse_from(arguments).config;
        let options = Options { url: config.database_url.clone(), connections: config.database_connections };
        let db = Db::connect(&options).await.unwrap();
        db.migrate().await.unwrap();
        let postgres = postgres_server(&db).await;
        let app = App::new(db, clock, Keyring::parse(&ground.keys).unwrap(), config).unwrap();
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
        ready.started();
        tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
        let workers = Some(Workers::start(&app));
        Self { app, address, postgres, workers, stop, started_in: start.elapsed(), ground }
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

    /// Ends it; answers what it stood on.
    pub async fn stop(mut self) -> Ground {
        self.stop.cancel();
        if let Some(workers) = self.workers.take() {
            workers.stop().await;
        }
        self.app.db.close().await;
        self.ground
    }
}

/// The most memory that this process has held so far, in megabytes.
pub fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
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
