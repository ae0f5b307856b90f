//! `billfold check isolation`: the self-test of the walls between businesses, as a table.

use anyhow::{Context as _, bail};
use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    db::Engine,
    isolation::{self, Line, Report, Surface},
    standin::{self, StandIn},
    telemetry,
};

/// Leaks that are printed of each line; the rest are counted.
const SHOWN: usize = 10;
/// So many requests a second that the limit of the API is not what answers.
const UNLIMITED: u32 = 1_000_000;

/// Runs it, prints a line for each kind of attempt, and fails when one of them leaked, was not made, or left something behind.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::start_logs("error", config.log_format)?;
    let stripe = StandIn::start(standin::Options { unlimited_rate: true, ..standin::Options::default() }).await?;
    let config = Config {
        stripe_api_base: stripe.url(),
        api_rate: UNLIMITED,
        api_tenant_rate: UNLIMITED,
        smtp_url: None, // nobody is written to
        ..config
    };
    let app = App::start(config, Clock::system()).await?;
    let surface = Surface::of(&app, telemetry::unused_metrics())?;
    println!("Two businesses on {}, and everything that one could try to reach the other:", engine(&app));
    let tried = tokio::select! {
        tried = isolation::run(&app, &stripe, surface) => tried.context("the self-test could not be carried out"),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    // Once more, because an interruption may have come before the removal.
    let left = isolation::clean_up(&app).await.context("the throw-away businesses could not be removed");
    app.db.close().await;
    let (report, left) = (tried?, left?);
    print(&report);
    for (table, rows) in &left {
        println!("left  {rows} rows of the throw-away businesses in {table}");
    }
    match (report.holds(), left.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => bail!("a wall between businesses leaks"),
        (true, false) => bail!("the throw-away businesses could not be removed completely"),
    }
}

fn engine(app: &App) -> &'static str {
    match app.db.engine() {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "Postgres",
    }
}

fn print(report: &Report) {
    for line in &report.lines {
        let Line { what, tried, leaks, untried } = line;
        match untried {
            Some(reason) => println!("--    {:>6}  {what}: {reason}", "not"),
            None if line.holds() => println!("ok    {tried:>6}  {what}"),
            None if leaks.is_empty() => println!("LEAK  {tried:>6}  {what}: nothing could be tried"),
            None => println!("LEAK  {tried:>6}  {what}: {} leaked", leaks.len()),
        }
        for leak in leaks.iter().take(SHOWN) {
            println!("              {leak}");
        }
    }
}
