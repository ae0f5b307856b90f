//! How long the pages take at a million customers: `cargo bench --bench pages`, with `-- --customers 100000` for less.
//!
//! Fills a database of its own through the mirror's own writes, starts the real server, signs in, and asks for every kind of
//! list, detail and search one after the other, with changing parameters. Runs on SQLite, and on the empty Postgres database
//! that `BILLFOLD_BENCH_POSTGRES` names.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench ends by panicking and prints its table")]

#[path = "pages/fill.rs"]
mod fill;
#[path = "pages/requests.rs"]
mod requests;

use std::time::{Duration, Instant};

use billfold::{
    accounts::signup::create_tenant_with_owner,
    app::App,
    clock::Clock,
    config::Config,
    db::{Db, Engine, Options},
    store::{
        members, projects,
        users::{self, User},
    },
    telemetry,
    vault::{Keyring, SecretString, new_id},
    web::{
        self,
        health::Readiness,
        server::{Limits, serve},
    },
};
use clap::Parser as _;
use fill::Filled;
use requests::Request;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const PASSWORD: &str = "correct horse battery";
const EMAIL: &str = "bench@billfold.example";

#[derive(clap::Parser)]
struct Arguments {
    /// Customers; subscriptions are one and a half times, invoices three times as many.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 300)]
    requests: usize,
    /// Keep and reuse the SQLite database in this folder.
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap();
    let path = arguments.keep.clone().unwrap_or_else(|| folder.path().to_owned()).join("pages.db");
    run(&format!("sqlite://{}", path.display()), &arguments).await;
    match std::env::var("BILLFOLD_BENCH_POSTGRES") {
        Ok(url) => run(&url, &arguments).await,
        Err(_) => println!("BILLFOLD_BENCH_POSTGRES is not set: no figures for Postgres"),
    }
}

async fn run(url: &str, arguments: &Arguments) {
    let db = Db::connect(&Options { url: url.to_owned(), connections: 8 }).await.unwrap();
    db.migrate().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let config = Settings::parse_from(["billfold", "--database-url", url]).config;
    let app = App::new(db, Clock::system(), Keyring::generate(), config).unwrap();

    let started = Instant::now();
    let filled = business(&app, arguments.customers).await;
    if app.db.engine() == Engine::Postgres {
        analyze(url).await;
    }
    println!("\n{:?}, {} customers, filled in {:.0?}", app.db.engine(), filled.customers, started.elapsed());

    let (ready, stop) = (Readiness::default(), CancellationToken::new());
    let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
    ready.started();
    let server = tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
    let browser = sign_in(&base).await;
    println!("{:<44} {:>9} {:>9} {:>9}", "page", "p50 ms", "p99 ms", "max ms");
    for request in requests::all(&filled) {
        let times = measure(&browser, &base, &filled, &request, arguments.requests).await;
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
        println!("{:<44} {:>9.2} {:>9.2} {:>9.2}", request.name, at(0.5), at(0.99), at(1.0));
    }
    stop.cancel();
    let _ = server.await;
    app.db.close().await;
}

/// What autovacuum does within a minute.
async fn analyze(url: &str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
}

/// Makes the business, once per database.
async fn business(app: &App, customers: u64) -> Filled {
    let mut tx = app.db.system_read().await.unwrap();
    let known = users::by_email(&mut tx, EMAIL).await.unwrap();
    if let Some(user) = known {
        let membership = members::of_user(&mut tx, &user.id).await.unwrap().remove(0);
        let mut tx = tx.into_tenant(&membership.tenant_id).await.unwrap();
        let project = projects::list(&mut tx).await.unwrap().remove(0).id;
        return Filled { tenant: membership.tenant_id, project, customers };
    }
    let user = User {
        id: new_id(),
        email: EMAIL.to_owned(),
        name: String::new(),
        password_hash: app.passwords.hash(SecretString::from(PASSWORD)).await.unwrap(),
        session_version: 1,
        disabled_at: None,
    };
    drop(tx);
    let mut tx = app.db.system_write().await.unwrap();
    users::insert(&mut tx, &user, app.clock.now()).await.unwrap();
    let (tx, project) = create_tenant_with_owner(app, tx, "Bench", &user.id).await.unwrap();
    let tenant = tx.tenant().clone();
    tx.commit().await.unwrap();
    fill::fill(app, tenant, project, customers).await
}

async fn sign_in(base: &str) -> reqwest::Client {
    let browser =
        reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(format!("{base}/login")).send().await.unwrap().text().await.unwrap();
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form =
        serde_urlencoded::to_string([("csrf", token.as_str()), ("email", EMAIL), ("password", PASSWORD)]).unwrap();
    let answer = browser
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", base)
        .header("sec-fetch-site", "same-origin")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303, "signing in");
    browser
}

async fn measure(
    browser: &reqwest::Client,
    base: &str,
    filled: &Filled,
    request: &Request,
    times: usize,
) -> Vec<Duration> {
    let mut taken = Vec::with_capacity(times);
    for n in 0..times + 5 {
        let url = format!("{base}{}{}", filled.home(), (request.path)(filled, n as u64));
        let started = Instant::now();
        let answer = browser.get(&url).send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        // the first few warm the caches
        if n >= 5 {
            taken.push(started.elapsed());
        }
        assert_eq!(status, 200, "{url}: {body:.400}");
        assert!(body.contains(request.expect), "{url} has no {}", request.expect);
    }
    taken.sort_unstable();
    taken
}
