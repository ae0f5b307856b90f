//! The real program as a child process: what is only true of a whole process (signals, crashes, its log) is tested on it.

use std::{
    ops::Range,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use billfold::{
    app::{App, By},
    clock::Clock,
    config::Config,
    domain::role::Role,
    standin::{
        self, StandIn,
        control::accounts::{AccountSpec, NewKeys},
    },
    vault::{ExposeSecret as _, Keyring, SecretString},
};
use clap::Parser as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    time::Instant,
};

use super::{
    Engine, TestDatabase, log,
    people::{self, Tenant},
    stripe::Account,
    work,
};

/// How long a process may take to start, and work to be done.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program that is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_billfold");

/// A command line of the program with an environment of its own.
pub fn billfold(arguments: &[&str]) -> Command {
    command_of(PROGRAM, arguments)
}

fn command_of(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let kept = ["PATH", "HOME", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
    command.args(arguments).env_clear().kill_on_drop(true).stdin(Stdio::null());
    command.envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Ports below those that Linux gives by itself to whoever names none: one of these stays free while a process starts, or starts again.
const PORTS: Range<u16> = 10_000..32_768;

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(PORTS)).find(is_free).unwrap()
}

/// Everything a process needs, and the same program's parts in the test for looking at its data.
pub struct Ground {
    /// The program's parts over the same database and keys.
    pub app: App,
    /// Where its Stripe calls go.
    pub stripe: StandIn,
    /// A business in it.
    pub tenant: Tenant,
    /// Settings of every process.
    pub settings: Vec<(&'static str, String)>,
    /// The database.
    pub database: TestDatabase,
}

impl Ground {
    /// Makes the database, the keys, the stand-in and a business.
    pub async fn make(engine: Engine) -> Self {
        Self::make_on(TestDatabase::create(engine).await).await
    }

    /// The same over a database that is there.
    pub async fn make_on(database: TestDatabase) -> Self {
        let options = standin::Options { retry_scale: 0.0001, unlimited_rate: true, ..standin::Options::default() };
        let stripe = StandIn::start(options).await.unwrap();
        let keys = Keyring::generate_entry();
        let settings = vec![
            ("DATABASE_URL", database.url.clone()),
            ("BILLFOLD_BIND", format!("127.0.0.1:{}", free_port())),
            ("BILLFOLD_MASTER_KEYS", keys.expose_secret().to_owned()),
            ("BILLFOLD_STRIPE_API_BASE", stripe.url()),
            ("BILLFOLD_STRIPE_TEST_RATE", "1000".to_owned()),
        ];
        let flags =
            [("--bind", &settings[1].1), ("--database-url", &settings[0].1), ("--stripe-api-base", &settings[3].1)];
        let arguments = flags.into_iter().flat_map(|(flag, value)| [flag, value.as_str()]);
        let config = Settings::parse_from(std::iter::once("billfold").chain(arguments)).config;
        let app = App::new(database.open().await, Clock::system(), Keyring::parse(&keys).unwrap(), config).unwrap();
        let tenant = people::new_tenant(&app, "Acme Coffee").await;
        Self { app, stripe, tenant, settings, database }
    }

    /// Connects the business to a new account. The copy begins with the first process that runs.
    pub async fn connect(&self, customers: u64) -> Account<'_> {
        self.connect_of(&self.tenant, customers).await
    }

    /// An account that was connected before, by its keys.
    pub fn account(&self, keys: &NewKeys) -> Account<'_> {
        Account::new(&self.stripe, keys.clone())
    }

    /// Makes another business.
    pub async fn new_tenant(&self, name: &str) -> Tenant {
        people::new_tenant(&self.app, name).await
    }

    /// The same for any business.
    pub async fn connect_of(&self, tenant: &Tenant, customers: u64) -> Account<'_> {
        let seed = u64::from(rand::random::<u32>());
        let spec = AccountSpec { customers, seed, ..AccountSpec::default() };
        let account = Account::new(&self.stripe, self.stripe.account(spec));
        let scope = billfold::connect::Scope {
            app: self.app.clone(),
            tenant: tenant.id.clone(),
            project: tenant.project.clone(),
            by: By::part("story"),
        };
        scope.connect(SecretString::from(account.keys.restricted_key.clone())).await.unwrap();
        account
    }

    /// Somebody of the business who has not signed in yet; answers the e-mail address.
    pub async fn new_member(&self, role: Role) -> String {
        people::new_member(&self.app, &self.tenant.id, role).await
    }

    /// Starts `billfold serve` and waits until it wants traffic.
    pub async fn serve(&self) -> Process {
        self.serve_with(&[]).await
    }

    /// The same with more settings.
    pub async fn serve_with(&self, more: &[(&str, &str)]) -> Process {
        self.serve_by(PROGRAM, more).await
    }

    /// The same by another program, such as an older one.
    pub async fn serve_by(&self, program: &str, more: &[(&str, &str)]) -> Process {
        let mut process = self.start(program, more);
        process.wait_until_ready().await;
        process
    }

    fn start(&self, program: &str, more: &[(&str, &str)]) -> Process {
        let mut command = command_of(program, &["serve"]);
        if log::is_kept() {
            command.env("BILLFOLD_LOG", log::LEVEL);
        }
        command.envs(self.settings.iter().map(|(name, value)| (*name, value.as_str()))).envs(more.iter().copied());
        let bind = more
            .iter()
            .find(|(name, _)| *name == "BILLFOLD_BIND")
            .map_or(self.settings[1].1.as_str(), |(_, bind)| bind);
        Process::watch(command.spawn().unwrap(), format!("http://{bind}"))
    }

    /// The same for a process that may die before it wants traffic.
    pub async fn serve_unready(&self, more: &[(&str, &str)]) -> Process {
        let mut process = self.start(PROGRAM, more);
        process.wait_until_ready_or_ended().await;
        process
    }

    /// Until the processes have made and done everything.
    pub async fn wait_until_idle(&self) {
        self.wait_until_idle_within(PATIENCE).await;
    }

    /// The same, with more to be done.
    pub async fn wait_until_idle_within(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.stripe.control().deliveries_under_way() > 0 || work::jobs_at_work(&self.app).await > 0 {
            assert!(Instant::now() < deadline, "still at work after {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// A running process whose output is kept.
pub struct Process {
    /// Scheme, host and port.
    pub base: String,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Process {
    /// Keeps reading what a process says.
    pub fn watch(mut child: Child, base: String) -> Self {
        let output = Arc::default();
        keep(child.stdout.take().unwrap(), &output, |_| ());
        keep(child.stderr.take().unwrap(), &output, log::keep);
        Self { base, child, output }
    }

    /// Everything it has said so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits for a line; answers it.
    pub async fn line(&mut self, holds: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.output().lines().find(|line| line.contains(holds)).map(str::to_owned);
            if let Some(line) = found {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no line with {holds:?}, {ended:?}: {}",
                self.output()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn wait_until_ready(&mut self) {
        self.wait_until_ready_or_ended().await;
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "not ready, {ended:?}: {}", self.output());
    }

    async fn wait_until_ready_or_ended(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let url = format!("{}/readyz", self.base);
        while self.is_running() && !reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200) {
            assert!(Instant::now() < deadline, "not ready: {}", self.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its number in the system.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL: no last words.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends a signal by its name, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        let process = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().await.unwrap().success());
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}

/// Standard output belongs to the command, which may print a link or a password; the log is the other one.
fn keep(stream: impl AsyncRead + Unpin + Send + 'static, output: &Arc<Mutex<String>>, also: fn(&str)) {
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            also(&line);
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    });
}
