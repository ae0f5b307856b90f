//! A running billfold: the real router behind the real accept loop on a real socket.

use billfold::{
    app::App,
    clock::Clock,
    config::Config,
    telemetry,
    vault::Keyring,
    web::{
        self,
        health::Readiness,
        server::{Limits, serve},
    },
};
use clap::Parser as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Engine, TestDatabase, visitor::Visitor};

/// The settings, read as the command line reads them.
#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// A site that serves until it is dropped.
pub struct Site {
    /// What the use cases get.
    pub app: App,
    /// Scheme, host and port.
    pub base: String,
    stop: CancellationToken,
    _database: TestDatabase,
}

impl Site {
    /// Starts one on a database of its own, with the machine's clock.
    pub async fn start(engine: Engine) -> Self {
        Self::start_at(engine, Clock::system()).await
    }

    /// Starts one with a clock of the story's.
    pub async fn start_at(engine: Engine, clock: Clock) -> Self {
        let database = TestDatabase::create(engine).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let settings =
            Settings::parse_from(["billfold", "--bind", address.as_str(), "--database-url", database.url.as_str()]);
        let app = App::new(database.open().await, clock, Keyring::generate(), settings.config).unwrap();
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
        ready.started();
        tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
        Self { app, base: format!("http://{address}"), stop, _database: database }
    }

    /// A visitor without a session.
    pub fn anonymous(&self) -> Visitor {
        Visitor::new(&self.base)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
