//! The command line, as the operator who types it and as the scripts that read its output.

use std::{os::unix::fs::PermissionsExt as _, process::Output, time::Duration};

use billfold::vault::{ExposeSecret as _, Keyring, SecretString};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::Instant};

use crate::harness::{
    Engine, Form, Program, TestDatabase, Visitor, both_engines,
    process::{Ground, Process, billfold, free_port},
};

both_engines!(
    a_person_made_by_hand_can_sign_in,
    check_names_what_holds,
    who_only_looks_makes_and_migrates_nothing,
    a_stop_drains_and_gives_the_leases_back,
);

const PASSWORD: &str = "correct horse battery";

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    billfold(arguments).envs(settings.iter().copied()).output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn every_command_explains_itself() {
    let commands = [
        "serve",
        "demo",
        "stand-in",
        "migrate",
        "user create",
        "user reset-password",
        "user disable-two-factor",
        "setup-link",
        "api-key create",
        "api-key list",
        "api-key revoke",
        "portal-link create",
        "portal-link revoke",
        "keys generate",
        "keys rotate",
        "keys status",
        "keys retire",
        "audit verify",
        "check",
        "check isolation",
        "backup",
        "restore",
        "healthcheck",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = run(&arguments, &[]).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", said(&output));
        assert!(said(&output).contains("Usage:"), "{command}");
    }
    for setting in ["DATABASE_URL", "BILLFOLD_MASTER_KEYS", "BILLFOLD_LOG_FORMAT", "BILLFOLD_CONFIG"] {
        assert!(said(&run(&["serve", "--help"], &[]).await).contains(setting), "{setting} is not in the help");
    }
    assert_eq!(run(&["no-such-command"], &[]).await.status.code(), Some(2));
    assert_eq!(run(&[], &[]).await.status.code(), Some(2));
}

/// Environment, settings file, and the words that the answer must hold.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

#[tokio::test]
async fn a_wrong_setting_is_named_with_what_it_must_look_like() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("billfold.toml");
    let database = format!("sqlite://{}", folder.path().join("x.db").display());
    let cases: [Case<'_>; 11] = [
        (&[("BILLFOLD_BIND", "nowhere")], "", &["BILLFOLD_BIND", "Listen address"]),
        (
            &[("BILLFOLD_PUBLIC_URL", "billing.example.com")],
            "",
            &["BILLFOLD_PUBLIC_URL", "https://billing.example.com"],
        ),
        (&[("BILLFOLD_WORKERS", "0")], "", &["BILLFOLD_WORKERS", "1..=256"]),
        (&[("DATABASE_URL", "mysql://x")], "", &["DATABASE_URL", "sqlite://", "postgres://"]),
        (&[("DATABASE_URL", "postgres://ada:c2hvcnQ@db.example:port/x")], "", &["DATABASE_URL", "port"]),
        (&[("DATABASE_URL", "sqlite://x.db?mode=odd")], "", &["DATABASE_URL", "odd"]),
        (&[], "bnid = \"127.0.0.1:1\"", &["there is no setting 'bnid'", "did you mean 'bind'"]),
        (&[("BILLFOLD_MASTER_KEYS", "k1:c2hvcnQ=")], "", &["master keys", "32"]),
        (&[("BILLFOLD_KEY_FILE", "/")], "", &["key file /"]),
        (&[("BILLFOLD_SMTP_URL", "smtps://ada:c2hvcnQ@mail.example.com")], "", &["BILLFOLD_MAIL_FROM is missing"]),
        (&[("BILLFOLD_OIDC_ISSUER", "https://login.example.com")], "", &["BILLFOLD_OIDC_CLIENT_ID"]),
    ];
    let keys = folder.path().join("billfold.key");
    std::fs::write(&keys, Keyring::generate_entry().expose_secret()).unwrap();
    assert!(run(&["migrate"], &[("DATABASE_URL", &database)]).await.status.success());
    for (settings, toml, expected) in cases {
        std::fs::write(&file, toml).unwrap();
        let bind = format!("127.0.0.1:{}", free_port());
        let base = [
            ("BILLFOLD_CONFIG", file.to_str().unwrap()),
            ("DATABASE_URL", database.as_str()),
            ("BILLFOLD_KEY_FILE", keys.to_str().unwrap()),
        ];
        let base = base.into_iter().chain(toml.is_empty().then_some(("BILLFOLD_BIND", bind.as_str())));
        let all: Vec<_> = base.chain(settings.iter().copied()).collect();
        for command in ["check", "serve"] {
            let output = run(&[command], &all).await;
            assert_eq!(output.status.code(), Some(2), "{command} {settings:?} {toml}: {}", said(&output));
            for text in expected {
                assert!(said(&output).contains(text), "{text:?} is missing: {}", said(&output));
            }
            assert!(!said(&output).contains("c2hvcnQ"), "a secret is repeated");
        }
    }
}

/// What systemd tries again, and what it does not.
#[tokio::test]
async fn a_database_that_is_away_is_no_wrong_setting_and_a_filter_of_logs_is() {
    let folder = tempfile::tempdir().unwrap();
    let (bind, away) = (format!("127.0.0.1:{}", free_port()), format!("postgres://x@127.0.0.1:{}/x", free_port()));
    let keys = folder.path().join("billfold.key").display().to_string();
    let base = [("BILLFOLD_BIND", bind.as_str()), ("BILLFOLD_KEY_FILE", &keys), ("DATABASE_URL", &away)];
    let output = run(&["serve"], &base).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for command in [&["serve"][..], &["migrate"], &["keys", "status"], &["backup", "x"]] {
        let output = run(command, &[&base[..], &[("BILLFOLD_LOG", "billfold=loud")]].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
        assert!(said(&output).contains("BILLFOLD_LOG"), "{}", said(&output));
    }
}

#[tokio::test]
async fn a_generated_key_is_a_key_and_never_the_same() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let output = run(&["keys", "generate"], &[]).await;
        let entry = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(Keyring::parse(&SecretString::from(entry.clone())).is_ok(), "{entry}");
        made.push(entry);
    }
    assert_ne!(made[0], made[1]);
}

#[tokio::test]
async fn the_first_start_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", free_port());
    let mut command = billfold(&["serve"]);
    let mut process = Process::watch(
        command.current_dir(folder.path()).env("BILLFOLD_BIND", &bind).spawn().unwrap(),
        format!("http://{bind}"),
    );
    let link = process.line("/setup?token=").await.split_whitespace().last().unwrap().to_owned();
    let output = process.output();
    for text in [process.base.as_str(), "billfold.db", "billfold.key", "back this file up"] {
        assert!(output.contains(text), "{text:?} is missing: {output}");
    }
    let key = folder.path().join("billfold.key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let visitor = Visitor::new(&process.base);
    visitor.get(link.strip_prefix(&process.base).unwrap()).await.expect(200);
    let health = run(&["healthcheck", "--bind", &bind], &[]).await;
    assert_eq!(health.status.code(), Some(0), "{}", said(&health));
    process.signal("INT").await;
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.output());
    assert_eq!(run(&["healthcheck", "--bind", &bind], &[]).await.status.code(), Some(1));
}

async fn a_person_made_by_hand_can_sign_in(engine: Engine) {
    let ground = Ground::make(engine).await;
    let settings: Vec<(&str, &str)> = ground.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let create = ["user", "create", "--email", " Ada@Example.com", "--tenant", "Bolt Tea", "--role", "owner"];
    let mut child = billfold(&[&create[..], &["--password-stdin"]].concat())
        .envs(settings.iter().copied())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!said(&output).contains(PASSWORD));

    let twice = run(&create, &settings).await;
    assert_eq!(twice.status.code(), Some(1));
    assert!(said(&twice).contains("--email: A person with this e-mail address exists already."), "{}", said(&twice));
    let link = run(&["setup-link"], &settings).await;
    assert!(link.status.code() == Some(1) && said(&link).contains("somebody exists"), "{}", said(&link));

    let process = ground.serve().await;
    let visitor = Visitor::new(&process.base);
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    let done = visitor.submit(&form.fill("email", "ada@example.com").fill("password", PASSWORD)).await.expect(303);
    assert!(visitor.follow(done).await.expect(200).text().contains("Bolt Tea"));
    process.kill().await;
}

#[tokio::test]
async fn the_walls_between_businesses_can_be_tried_from_outside() {
    let ground = Ground::make(Engine::Sqlite).await;
    let settings: Vec<(&str, &str)> = ground.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let walls = run(&["check", "isolation"], &settings).await;
    assert_eq!(walls.status.code(), Some(0), "{}", said(&walls));
    assert!(
        said(&walls).contains("pages and forms, by the address") && !said(&walls).contains("LEAK"),
        "{}",
        said(&walls)
    );
    let mixed = run(&["check", "--bind", "127.0.0.1:1", "isolation"], &settings).await;
    assert_eq!(mixed.status.code(), Some(2), "a flag that would be ignored is refused: {}", said(&mixed));
}

async fn check_names_what_holds(engine: Engine) {
    let ground = Ground::make(engine).await;
    let settings: Vec<(&str, &str)> = ground.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let good = run(&["check"], &settings).await;
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert_eq!(said(&good).lines().filter(|line| line.starts_with("ok  ")).count(), 6, "{}", said(&good));

    let other = run(&["keys", "generate"], &[]).await;
    let other = String::from_utf8(other.stdout).unwrap();
    let mut wrong = settings.clone();
    wrong.push(("BILLFOLD_MASTER_KEYS", other.trim()));
    let began = Instant::now();
    let bad = run(&["serve"], &wrong).await;
    assert_eq!(bad.status.code(), Some(2));
    assert!(began.elapsed() < Duration::from_secs(5));
    let key = settings.iter().find(|(name, _)| *name == "BILLFOLD_MASTER_KEYS").unwrap().1.split(':').next().unwrap();
    assert!(said(&bad).contains(&format!("master key '{key}'")) && said(&bad).contains("1 tenant"), "{}", said(&bad));
}

/// A newer program that is asked about an older database must not turn it into a newer one.
async fn who_only_looks_makes_and_migrates_nothing(engine: Engine) {
    let keys_of_a_project = ["api-key", "list", "--tenant", "Acme Coffee", "--project", "Production"];
    let looks =
        [&["check"][..], &["keys", "status"], &["audit", "verify"], &["operator", "list"], &keys_of_a_project[..]];
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("billfold.key");
    let empty = TestDatabase::empty(engine).await;
    let there = TestDatabase::create(engine).await;
    let newest = there.open().await.schema_version().await.unwrap().unwrap();
    there.run_as_owner(&format!("DELETE FROM _sqlx_migrations WHERE version = {newest}")).await;
    let older = format!("of schema {} and this billfold needs {newest}", newest - 1);
    for (database, expected) in [(&empty, "there is no billfold in this database yet"), (&there, older.as_str())] {
        let settings = [("DATABASE_URL", database.url.as_str()), ("BILLFOLD_KEY_FILE", keys.to_str().unwrap())];
        for command in looks {
            let output = run(command, &settings).await;
            assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
            assert!(
                said(&output).contains(expected) && said(&output).contains("`billfold migrate`"),
                "{}",
                said(&output)
            );
        }
    }
    assert!(!keys.exists(), "a master key was made");
    match empty.file() {
        Some(file) => assert!(!file.exists(), "a database was made"),
        None => assert_eq!(empty.open().await.schema_version().await.unwrap(), None),
    }
    assert_eq!(there.open().await.schema_version().await.unwrap(), Some(newest - 1));
}

/// With connections that never finish their request and a copy under way.
async fn a_stop_drains_and_gives_the_leases_back(engine: Engine) {
    let ground = Ground::make(engine).await;
    ground.connect(300).await;
    ground.stripe.control().switches.change(None, json!({ "latency_ms": 200 })).unwrap();
    let mut process = ground.serve().await;
    let address = process.base.strip_prefix("http://").unwrap().to_owned();
    let mut half_open = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        half_open.push(socket);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.code(), Some(0), "{}", process.output());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let mut tx = ground.app.db.system_read().await.unwrap();
    let held: i64 = tx.query("SELECT COUNT(*) FROM jobs WHERE lease_until > 0").fetch_value().await.unwrap();
    assert_eq!(held, 0, "a lease was kept");
    drop(half_open);
}

/// What a program gets from the demo, used as that program would: signed in, changed at "Stripe", seen in billfold.
#[tokio::test]
async fn the_demo_is_a_whole_installation() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let arguments = ["demo", "--json", "--port", "0", "--customers", "30", "--keep", kept.to_str().unwrap()];
    let mut process = Process::watch(billfold(&arguments).spawn().unwrap(), String::new());
    let demo: Value = serde_json::from_str(&process.line("{").await).unwrap();
    let text = |name: &str| demo[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {demo}")).to_owned();
    let visitor = Visitor::new(&text("url")).at_home(format!("/t/{}/p/{}/", text("tenant"), text("project")));
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    visitor.submit(&form.fill("email", &text("email")).fill("password", &text("password"))).await.expect(303);

    let customer = Visitor::new(&text("url"));
    let link = text("portal_url").strip_prefix(&text("url")).unwrap().to_owned();
    let button = customer.get(&link).await.expect(200).form("form[method=post]");
    customer.submit(&Form { action: link, ..button }).await.expect(303);
    assert!(customer.get("/portal").await.expect(200).has("a[href$='/cancel']"));

    let stripe = reqwest::Client::new();
    let made = stripe.post(format!("{}/v1/customers", text("stripe_api_base"))).bearer_auth(text("secret_key"));
    let made = made.header("content-type", "application/x-www-form-urlencoded").body("name=Ada+Lovelace").send();
    let made: Value = serde_json::from_str(&made.await.unwrap().text().await.unwrap()).unwrap();
    let id = made["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while visitor.get(&format!("customers/{id}")).await.status != 200 {
        assert!(Instant::now() < deadline, "the new customer did not arrive");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let program = Program::new(&text("url"), Some(&text("api_key")));
    assert_eq!(program.get(&format!("/v1/customers/{id}")).await.expect(200).json()["name"], "Ada Lovelace");
    let description = reqwest::get(text("openapi_url")).await.unwrap().text().await.unwrap();
    assert!(description.contains("/v1/customers/{id}"), "{description}");

    let payload = r#"{"id":"evt_byhand","object":"event","type":"customer.updated","created":1,"livemode":false,"data":{"object":{}}}"#;
    let now = billfold::clock::Clock::system().now();
    let signature = billfold::standin::signature::header(&[text("webhook_secret")], now, payload.as_bytes(), false);
    for (signature, status) in [(signature.as_str(), 200), ("t=1,v1=00", 400)] {
        let sent = stripe.post(text("webhook_url")).header("stripe-signature", signature).body(payload).send();
        assert_eq!(sent.await.unwrap().status(), status);
    }
    process.signal("INT").await;
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.output());
    assert!(kept.join("billfold.db").exists());

    let mut again = Process::watch(billfold(&arguments).spawn().unwrap(), String::new());
    let second: Value = serde_json::from_str(&again.line("{").await).unwrap();
    assert_eq!((&second["tenant"], &second["password"]), (&demo["tenant"], &demo["password"]), "the login stays");
    assert_ne!(second["project"], demo["project"]);
    again.kill().await;
}

#[tokio::test]
async fn the_imitation_of_stripe_runs_alone() {
    let arguments = ["stand-in", "--port", "0", "--customers", "3", "--seed", "7"];
    let mut process = Process::watch(billfold(&arguments).spawn().unwrap(), String::new());
    let base = process.line("listens on").await.split_whitespace().last().unwrap().to_owned();
    let key = process.line("secret key").await.split_whitespace().last().unwrap().to_owned();
    let list = reqwest::Client::new().get(format!("{base}/v1/customers")).bearer_auth(key).send().await.unwrap();
    let list: Value = serde_json::from_str(&list.text().await.unwrap()).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 3, "{list}");
    process.kill().await;
}

#[tokio::test]
async fn migrations_can_be_applied_alone() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let output = run(&["migrate"], &[("DATABASE_URL", &database.url)]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// The two commands of the README are the ones that are tested.
#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    ")).take(2).collect();
    assert_eq!(commands, ["cargo run -- demo", "tests/run"]);
}
