//! `billfold check` and `billfold healthcheck`.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    connect::doctor::{self, Verdict},
    db::{Db, Engine, Options},
    store::{
        connections::{self, Connection},
        projects, tenants,
    },
    telemetry,
};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use super::{Settings, isolation};

/// What to test.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Check {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    config: Config,
}

/// Tests that are asked for by name.
#[derive(clap::Subcommand)]
enum What {
    /// Try to reach one business from another, by every route and in raw SQL
    ///
    /// Makes two throw-away businesses in the configured database, tries every page, form and operation of one with the ids of the
    /// other, and on Postgres every table in raw SQL, prints what came of it, and removes both. Stripe is imitated in this process;
    /// nothing is asked of the real one. It may run while billfold serves. Fails when a wall leaks.
    Isolation(Settings),
}

impl Check {
    /// Runs the test.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            None => run(self.config).await,
            Some(What::Isolation(Settings { config })) => isolation::run(config).await,
        }
    }
}

/// Goes through everything a start would, line by line, and ends at the first thing that does not hold. Makes and migrates nothing.
async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::start_logs("error", config.log_format)?;
    println!("ok  settings: serves {} at {}", config.bind, config.public_url());
    let options = Options { url: config.database_url.clone(), connections: 2 };
    options.expect_there().context("database")?;
    let db = Db::connect(&options).await.context("database")?;
    db.expect_migrated().await.context("database")?;
    println!("ok  database: reachable, schema up to date");
    db.check().await.context("database")?;
    println!("ok  {}", promise(db.engine()));
    if let Some(damage) = db.damage().await.context("database")?.first() {
        bail!("the database is damaged, put a backup back: {damage}");
    }
    println!("ok  damage: {}", soundness(db.engine()));
    db.close().await;
    let app = App::look(config, Clock::system()).await.context("sealed values")?;
    println!("ok  sealed values: every tenant's data key opens");
    connections(&app).await.context("connections")?;
    match &app.mail {
        Some(mail) => {
            mail.check().await.context("mail (BILLFOLD_SMTP_URL)")?;
            println!("ok  mail: the server lets us in");
        }
        None => println!("--  mail: off, BILLFOLD_SMTP_URL is not set"),
    }
    match &app.openid {
        Some(provider) => {
            provider.check().await.context("identity provider (BILLFOLD_OIDC_ISSUER)")?;
            println!("ok  identity provider: {} can be asked", provider.issuer());
        }
        None => println!("--  identity provider: off, BILLFOLD_OIDC_ISSUER is not set"),
    }
    app.db.close().await;
    Ok(())
}

/// One line for all connections, and one for each that the key doctor has found in need of somebody. Whoever connected it sees
/// more on its page; what is wrong with one business's account is no fault of the installation.
async fn connections(app: &App) -> anyhow::Result<()> {
    let (mut connected, mut unwell) = (0, Vec::new());
    let mut tx = app.db.system_read().await?;
    let names = tenants::names(&mut tx).await?;
    drop(tx);
    for (tenant, name) in names {
        let mut tx = app.db.read(&tenant).await?;
        for project in projects::list(&mut tx).await? {
            let connection = connections::find(&mut tx, &project.id).await?.filter(Connection::is_live);
            let Some(connection) = connection else { continue };
            connected += 1;
            let verdict = match doctor::last(&mut tx, &project.id, &connection).await? {
                _ if connection.state == connections::state::KEY_REJECTED => "Stripe refuses its key",
                Some(made) if made.report.verdict() == Verdict::Broken => "broken",
                Some(made) if made.report.verdict() == Verdict::Attention => "wants a look",
                _ => continue,
            };
            unwell.push(format!("--  {} of {name}: {verdict}, see its page Connection, Key doctor", project.name));
        }
    }
    println!("ok  connections: {connected}, of which {} need somebody", unwell.len());
    for line in unwell {
        println!("{line}");
    }
    Ok(())
}

fn promise(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "durability: SQLite commits with FULL synchronisation to a write-ahead log",
        Engine::Postgres => "isolation: a probe of one tenant cannot see another's row; durability settings are on",
    }
}

fn soundness(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "none in any table or index",
        Engine::Postgres => "the server looks after its files, see data checksums and amcheck",
    }
}

/// Where to ask.
#[derive(clap::Args)]
pub struct Healthcheck {
    /// Address of the running billfold
    #[arg(long, env = "BILLFOLD_BIND", default_value = "127.0.0.1:3000")]
    bind: SocketAddr,
}

impl Healthcheck {
    /// Succeeds when `/readyz` answers 200 within three seconds.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut address = self.bind;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
        let asked = client.get(format!("http://{address}/readyz").parse()?);
        let answer =
            tokio::time::timeout(Duration::from_secs(3), asked).await.context("no answer in three seconds")??;
        if !answer.status().is_success() {
            bail!("{address} does not want traffic: {}", answer.status());
        }
        Ok(())
    }
}
