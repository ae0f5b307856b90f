//! A running billfold: the real router behind the real accept loop on a real socket, and a Stripe for it to talk to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use billfold::{
    app::{App, By},
    clock::Clock,
    config::Config,
    domain::{
        api_key::{ApiScopes, Preset},
        ids::{ProjectId, TenantId},
        role::Role,
    },
    standin::{self, StandIn, control::accounts::AccountSpec},
    telemetry,
    vault::{Keyring, SecretString},
    web::{
        self,
        health::Readiness,
        server::{Limits, serve},
    },
    worker::{self, Workers},
};
use clap::Parser as _;
use tokio::{net::TcpListener, sync::OnceCell, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Engine, TestDatabase, log,
    people::{self, Tenant},
    program::{self, Program},
    stripe::Account,
    visitor::Visitor,
    work,
};

/// How long a story waits for work in the background.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// Where billfold's Stripe calls go.
    pub stripe: StandIn,
    _database: TestDatabase,
    tenant: OnceCell<Tenant>,
    workers: Mutex<Option<Workers>>,
    stop: CancellationToken,
}

impl Site {
    /// Starts one on a database of its own, with the machine's clock. Nobody lives there yet; workers do not run.
    pub async fn start(engine: Engine) -> Self {
        Self::start_at(engine, Clock::system()).await
    }

    /// Starts one with a clock of the story's, which Stripe follows.
    pub async fn start_at(engine: Engine, clock: Clock) -> Self {
        Self::start_with(engine, clock, &[]).await
    }

    /// Starts one with more flags of the command line.
    pub async fn start_with(engine: Engine, clock: Clock, flags: &[&str]) -> Self {
        log::start();
        let database = TestDatabase::create(engine).await;
        let hands = clock.clone();
        let options = standin::Options {
            clock: Arc::new(move || hands.now()),
            retry_scale: 0.0001,
            unlimited_rate: true,
            ..standin::Options::default()
        };
        let stripe = StandIn::start(options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stripe_url = stripe.url();
        let mut arguments = vec!["billfold", "--bind", &address, "--database-url", &database.url];
        arguments.extend([
            "--stripe-api-base",
            &stripe_url,
            "--stripe-test-rate",
            "1000",
            "--stripe-live-rate",
            "1000",
        ]);
        arguments.extend(flags);
        let config = Settings::parse_from(arguments).config;
        let app = App::new(database.open().await, clock, Keyring::generate(), config).unwrap();
        let (ready, stop) = (Readiness::default(), CancellationToken::new());
        let router = web::router(&app, ready.clone(), telemetry::unused_metrics()).unwrap();
        ready.started();
        tokio::spawn(serve(listener, router, Limits::default(), ready, stop.clone()));
        let base = format!("http://{address}");
        Self { app, base, stripe, _database: database, tenant: OnceCell::new(), workers: Mutex::default(), stop }
    }

    /// A visitor without a session.
    pub fn anonymous(&self) -> Visitor {
        Visitor::new(&self.base)
    }

    /// A program of the story's business that may do everything.
    pub async fn program(&self) -> Program {
        self.program_of(self.tenant().await, Preset::Everything.scopes()).await
    }

    /// A program of a business with a key of these scopes.
    pub async fn program_of(&self, tenant: &Tenant, scopes: ApiScopes) -> Program {
        let made = program::new_key(&self.app, tenant, scopes).await;
        Program::new(&self.base, Some(made.key.expose()))
    }

    /// The business of the story, made when first asked for, with an owner and the project "Production".
    pub async fn tenant(&self) -> &Tenant {
        self.tenant.get_or_init(|| self.new_tenant("Acme Coffee")).await
    }

    /// Another business.
    pub async fn new_tenant(&self, name: &str) -> Tenant {
        people::new_tenant(&self.app, name).await
    }

    /// Somebody of the story's business, signed in, at home in its first project.
    pub async fn user(&self, role: Role) -> Visitor {
        self.user_of(self.tenant().await, role).await
    }

    /// Somebody of a business who has not signed in yet; answers the e-mail address.
    pub async fn new_member(&self, tenant: &Tenant, role: Role) -> String {
        people::new_member(&self.app, &tenant.id, role).await
    }

    /// Somebody of a business, signed in, at home in its first project.
    pub async fn user_of(&self, tenant: &Tenant, role: Role) -> Visitor {
        let email = self.new_member(tenant, role).await;
        people::sign_in(self.anonymous(), &email).await.at_home(tenant.home())
    }

    /// Makes a Stripe account with so many customers and a year of history.
    #[expect(clippy::print_stdout, reason = "a story that fails can be told again with the same account")]
    pub fn stripe_account(&self, customers: u64) -> Account<'_> {
        let seed = rand::random::<u32>();
        println!("the seed of the Stripe account: {seed}");
        self.seeded_account(customers, seed.into())
    }

    /// The Stripe account with so many customers that this seed always gives.
    pub fn seeded_account(&self, customers: u64, seed: u64) -> Account<'_> {
        let id = Some(format!("acct_1Seed{seed:010}"));
        Account::new(&self.stripe, self.stripe.account(AccountSpec { customers, seed, id, ..AccountSpec::default() }))
    }

    /// Connects the story's project to a new Stripe account, the way the page does, and waits until it is mirrored.
    pub async fn connect(&self, customers: u64) -> Account<'_> {
        let tenant = self.tenant().await;
        self.connect_project(&tenant.id, &tenant.project, customers).await
    }

    /// Connects any project to a new Stripe account and waits until it is mirrored.
    pub async fn connect_project(&self, tenant: &TenantId, project: &ProjectId, customers: u64) -> Account<'_> {
        let account = self.stripe_account(customers);
        self.connect_account(tenant, project, &account).await;
        account
    }

    /// Connects any project to a Stripe account and waits until it is mirrored.
    pub async fn connect_account(&self, tenant: &TenantId, project: &ProjectId, account: &Account<'_>) {
        let scope = billfold::connect::Scope {
            app: self.app.clone(),
            tenant: tenant.clone(),
            project: project.clone(),
            by: By::part("story"),
        };
        scope.connect(SecretString::from(account.keys.restricted_key.clone())).await.unwrap();
        self.wait_until_idle().await;
    }

    /// From now on workers run by themselves, as in a real process.
    pub fn start_workers(&self) {
        self.workers.lock().unwrap().get_or_insert_with(|| Workers::start(&self.app));
    }

    /// Until every delivery has been made and no job is due: by waiting for the workers, or without them by running jobs here.
    pub async fn wait_until_idle(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stepped = self.workers.lock().unwrap().is_none();
            while stepped && worker::run_one(&self.app).await.unwrap() {}
            if !self.is_delivering() && work::jobs_at_work(&self.app).await == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "still at work after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn is_delivering(&self) -> bool {
        self.stripe.control().deliveries_under_way() > 0
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
