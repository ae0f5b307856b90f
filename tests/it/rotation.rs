//! Every secret is changed while requests flow, and nobody notices: one process on SQLite, two on Postgres, about a hundred
//! requests a second, and not one that fails.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use billfold::{
    app::By,
    clock::Clock,
    connect::Scope,
    domain::{
        api_key::{Grace, Preset},
        time::DAY_SECONDS,
    },
    standin::control::accounts::KeySpec,
    store::{connections, instance, signing_secrets},
    vault::{ExposeSecret as _, Keyring, SecretString},
};

use crate::harness::{
    Account, Engine, both_engines, new_key,
    process::{Ground, Process, billfold, free_port},
    setting,
};

both_engines!(
    the_master_key_is_changed,
    the_stripe_key_is_changed,
    the_signing_secret_is_renewed,
    the_webhook_address_is_renewed,
    an_api_key_is_rolled,
);

/// How long the requests of a story may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// One process on SQLite, two on Postgres.
async fn processes(ground: &Ground, engine: Engine, more: &[(&str, &str)]) -> Vec<Process> {
    let mut processes = vec![ground.serve_with(more).await];
    if let Engine::Postgres = engine {
        let bind = format!("127.0.0.1:{}", free_port());
        let more: Vec<(&str, &str)> = more.iter().copied().chain([("BILLFOLD_BIND", bind.as_str())]).collect();
        processes.push(ground.serve_with(&more).await);
    }
    processes
}

/// Requests of every kind that need a secret, about a hundred a second over all processes.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// What a task sends: a delivery to the address and with the secret of the moment, or a read of the API.
#[derive(Clone)]
enum Sent {
    Delivery { path: String, secret: String },
    Read { path: &'static str, key: String },
}

impl Load {
    fn start(processes: &[Process], kinds: &[Sent]) -> Self {
        let load = Self { stop: Arc::default(), sent: Arc::default(), failures: Arc::default(), tasks: Vec::new() };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let lanes =
            processes.iter().flat_map(|process| kinds.iter().map(move |kind| (process.base.clone(), kind.clone())));
        let lanes: Vec<(String, Sent)> = lanes.collect();
        let pause = Duration::from_millis(10 * lanes.len() as u64);
        let tasks = lanes.into_iter().enumerate().map(|(lane, (base, kind))| {
            let (stop, sent, failures, http) =
                (load.stop.clone(), load.sent.clone(), load.failures.clone(), http.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let request = kind.request(&http, &base, lane, n);
                    let answer = request.send().await;
                    sent.fetch_add(1, Ordering::Relaxed);
                    if !answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                        let text = match answer {
                            Ok(answer) => format!("{} {}", answer.status(), answer.text().await.unwrap_or_default()),
                            Err(error) => error.to_string(),
                        };
                        failures.lock().unwrap().push(text);
                    }
                    n += 1;
                    tokio::time::sleep(pause).await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { tasks, ..load }
    }

    /// Lets it run on for a while and until there were so many requests, and ends it. None has failed.
    async fn end(self, after: Duration, requests: usize) {
        let deadline = Instant::now() + PATIENCE;
        tokio::time::sleep(after).await;
        while self.sent.load(Ordering::Relaxed) < requests {
            assert!(Instant::now() < deadline, "fewer than {requests} requests in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{} requests failed, first {:?}", failures.len(), failures.first());
    }
}

impl Sent {
    fn request(&self, http: &reqwest::Client, base: &str, lane: usize, n: usize) -> reqwest::RequestBuilder {
        match self {
            Self::Delivery { path, secret } => {
                let now = Clock::system().now();
                let payload = format!(
                    r#"{{"id":"evt_{lane}_{n}_{now}","object":"event","type":"ping.done","created":{now},"livemode":false,"data":{{"object":{{}}}}}}"#
                );
                let signature =
                    billfold::standin::signature::header(std::slice::from_ref(secret), now, payload.as_bytes(), false);
                http.post(format!("{base}{path}")).header("stripe-signature", signature).body(payload)
            }
            Self::Read { path, key } => http.get(format!("{base}{path}")).bearer_auth(key),
        }
    }
}

struct Story<'g> {
    account: Account<'g>,
    processes: Vec<Process>,
    kinds: Vec<Sent>,
    scope: Scope,
}

/// A connected business, its processes, and the requests that it gets.
async fn story<'g>(ground: &'g Ground, engine: Engine, more: &[(&str, &str)]) -> Story<'g> {
    let account = ground.connect(5).await;
    let key = new_key(&ground.app, &ground.tenant, Preset::Everything.scopes()).await.key;
    let scope = Scope {
        app: ground.app.clone(),
        tenant: ground.tenant.id.clone(),
        project: ground.tenant.project.clone(),
        by: By::part("story"),
    };
    let processes = processes(ground, engine, more).await;
    ground.wait_until_idle().await;
    let kinds = vec![
        Sent::Delivery { path: path_of(&account.webhook_url()), secret: secret_of(ground).await },
        Sent::Read { path: "/v1/customers?limit=1", key: key.expose().to_owned() },
        Sent::Read { path: "/v1/coupons", key: key.expose().to_owned() }, // asked of Stripe
    ];
    Story { account, processes, kinds, scope }
}

fn path_of(url: &str) -> String {
    url[url.find("/webhooks").unwrap()..].to_owned()
}

/// The newest signing secret, as Stripe knows it.
async fn secret_of(ground: &Ground) -> String {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let secrets = ground.app.signing_secrets(&mut tx, &ground.tenant.project, ground.app.clock.now()).await.unwrap();
    secrets[0].expose_secret().to_owned()
}

/// Longer than a process remembers an open secret.
const FORGOTTEN: Duration = Duration::from_secs(6);

async fn run(arguments: &[&str], settings: &[(&'static str, String)]) -> String {
    let output = billfold(arguments).envs(settings.iter().cloned()).output().await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

/// The long form: `BILLFOLD_TEST_TENANTS=10000 tests/run master_key_is_changed`.
#[expect(clippy::print_stdout, reason = "a figure of the README")]
async fn the_master_key_is_changed(engine: Engine) {
    let mut ground = Ground::make(engine).await;
    let others: usize = setting("BILLFOLD_TEST_TENANTS", 0);
    for n in 0..others {
        ground.new_tenant(&format!("Business {n}")).await;
    }
    let old = ground.settings.iter().find(|(name, _)| *name == "BILLFOLD_MASTER_KEYS").unwrap().1.clone();
    let old_id = old.split(':').next().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("billfold.key");
    // People's own secrets hang on the master key as well.
    let mut tx = ground.app.db.system_write().await.unwrap();
    instance::set_people_key(&mut tx, &ground.app.keyring.new_people_key().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    // One process keeps its keys in a file, which it follows; several are told of the new key before it seals.
    let new = Keyring::generate_entry().expose_secret().to_owned();
    let (processes_know, command_knows) = match engine {
        Engine::Sqlite => {
            std::fs::write(&file, &old).unwrap();
            ground.settings.retain(|(name, _)| *name != "BILLFOLD_MASTER_KEYS");
            let file = ("BILLFOLD_KEY_FILE", file.display().to_string());
            (vec![file.clone()], vec![file])
        }
        Engine::Postgres => (
            vec![("BILLFOLD_MASTER_KEYS", format!("{old},{new}"))],
            vec![("BILLFOLD_MASTER_KEYS", format!("{new},{old}"))],
        ),
    };
    let more: Vec<(&str, &str)> = processes_know.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let story = story(&ground, engine, &more).await;
    let load = Load::start(&story.processes, &story.kinds);
    let settings: Vec<_> = ground.settings.iter().cloned().chain(command_knows).collect();
    let began = Instant::now();
    let rotated = run(&["keys", "rotate"], &settings).await;
    println!("{engine:?}: {} data keys sealed anew in {:.1?}", others + 2, began.elapsed());
    assert!(
        rotated.contains(&format!("Sealed {} data keys anew", others + 2)) && rotated.contains("not needed any more"),
        "{rotated}"
    );
    let status = run(&["keys", "status"], &settings).await;
    assert!(status.lines().any(|line| line.starts_with(&old_id) && line.contains(" 0 data keys")), "{status}");
    if let Engine::Sqlite = engine {
        run(&["keys", "retire", &old_id], &settings).await;
        assert!(!std::fs::read_to_string(&file).unwrap().contains(&old_id));
    }
    load.end(FORGOTTEN, 200).await;
}

async fn the_stripe_key_is_changed(engine: Engine) {
    let ground = Ground::make(engine).await;
    let story = story(&ground, engine, &[]).await;
    let load = Load::start(&story.processes, &story.kinds);
    let spec = KeySpec { kind: "secret".to_owned(), livemode: false, permissions: Vec::new() };
    let another = ground.stripe.control().new_key(&story.account.keys.account, spec).unwrap();
    story.scope.clone().replace_key(SecretString::from(another)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await; // requests under way end with the old one
    ground.stripe.control().keys.revoke(&story.account.keys.restricted_key);
    load.end(FORGOTTEN, 200).await;
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let connection = connections::find(&mut tx, &ground.tenant.project).await.unwrap().unwrap();
    assert_eq!((connection.state.as_str(), connection.credential_version), ("connected", 2));
}

async fn the_signing_secret_is_renewed(engine: Engine) {
    let ground = Ground::make(engine).await;
    let story = story(&ground, engine, &[]).await;
    let load = Load::start(&story.processes, &story.kinds);
    story.scope.clone().renew_secret().await.unwrap();
    // What the new endpoint sends, beside what was still signed with the old secret.
    let renewed = Sent::Delivery { path: path_of(&story.account.webhook_url()), secret: secret_of(&ground).await };
    let both = Load::start(&story.processes, &[renewed]);
    both.end(FORGOTTEN, 20).await;
    load.end(Duration::ZERO, 200).await;
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let now = ground.app.clock.now();
    assert_eq!(signing_secrets::live(&mut tx, &ground.tenant.project, now).await.unwrap().len(), 2);
    let later = signing_secrets::live(&mut tx, &ground.tenant.project, now + DAY_SECONDS + 1).await.unwrap();
    assert_eq!(later.len(), 1, "the old one ends after a day");
    drop(tx);
    story.scope.clone().renew_secret().await.unwrap();
    assert!(story.scope.clone().renew_secret().await.is_err(), "three at most");
}

async fn the_webhook_address_is_renewed(engine: Engine) {
    let ground = Ground::make(engine).await;
    let story = story(&ground, engine, &[]).await;
    let load = Load::start(&story.processes, &story.kinds);
    let old = story.account.webhook_url();
    story.scope.clone().renew_address().await.unwrap();
    let new = story.account.webhook_url();
    assert_ne!(old, new, "the endpoint at Stripe has moved");
    let moved =
        Load::start(&story.processes, &[Sent::Delivery { path: path_of(&new), secret: secret_of(&ground).await }]);
    moved.end(FORGOTTEN, 20).await;
    load.end(Duration::ZERO, 200).await; // the old address is answered as well
}

async fn an_api_key_is_rolled(engine: Engine) {
    let ground = Ground::make(engine).await;
    let story = story(&ground, engine, &[]).await;
    let load = Load::start(&story.processes, &story.kinds);
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let keys = billfold::store::api_keys::list(&mut tx, &ground.tenant.id, &ground.tenant.project, 0).await.unwrap();
    drop(tx);
    let rolled = story.scope.roll_api_key(&keys[0].id, Grace::Hour).await.unwrap().key;
    let fresh =
        Load::start(&story.processes, &[Sent::Read { path: "/v1/customers?limit=1", key: rolled.expose().to_owned() }]);
    fresh.end(Duration::from_secs(2), 20).await;
    load.end(Duration::ZERO, 100).await; // both keys work
}
