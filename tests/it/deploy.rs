//! What is needed to run billfold somewhere: the files of `deploy/` and `.env.example` name settings that exist, and systemd is told
//! what it asks for.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::Path,
    process::Command,
    time::Duration,
};

use crate::harness::{
    Engine,
    process::{Ground, billfold},
};

/// Names that the compose files use among themselves.
const OF_COMPOSE: [&str; 2] = ["BILLFOLD_HOST", "BILLFOLD_UPSTREAMS"];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Every setting by its variable, with its default, as the help tells them.
async fn settings() -> BTreeMap<String, Option<String>> {
    let output = billfold(&["serve", "--help"]).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let mut settings = BTreeMap::new();
    let mut last = None;
    for line in help.lines().map(str::trim) {
        let between = |from: &str| Some(line.split_once(from)?.1.split_once(']')?.0.to_owned());
        if let Some(variable) = between("[env: ") {
            let name = variable.trim_end_matches('=').to_owned();
            settings.insert(name.clone(), None);
            last = Some(name);
        }
        if let (Some(default), Some(name)) = (between("[default: "), &last) {
            settings.insert(name.clone(), Some(default));
        }
    }
    settings.remove("BILLFOLD_CONFIG"); // names the file that holds the others
    assert!(settings.len() > 15, "{settings:?}");
    settings
}

/// Every variable of billfold's that a text names.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    let ours = words.filter(|word| *word == "DATABASE_URL" || (word.starts_with("BILLFOLD_") && word.len() > 9));
    ours.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_example_of_an_environment_holds_every_setting_and_its_default() {
    let settings = settings().await;
    let (mut shown, mut wrong) = (BTreeSet::new(), Vec::new());
    for line in read(".env.example").lines() {
        let (commented, line) = line.strip_prefix("# ").map_or((false, line), |line| (true, line));
        let Some((name, value)) = line.split_once('=') else { continue };
        if !variables(name).contains(name) {
            continue;
        }
        shown.insert(name.to_owned());
        let default = settings.get(name).cloned().flatten();
        if !commented && default.as_deref() != Some(value) {
            wrong.push(format!("{name}={value}, and the default is {default:?}"));
        }
    }
    assert_eq!(shown, settings.into_keys().collect(), "left: .env.example, right: --help");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every setting of the example by its name, also the ones that are commented out.
fn example() -> Vec<String> {
    let setting = |line: &str| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        let (name, _) = line.split_once('=')?;
        variables(name).contains(name).then(|| line.to_owned())
    };
    read(".env.example").lines().filter_map(setting).collect()
}

#[test]
fn a_shell_reads_the_example_of_an_environment_as_systemd_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    std::fs::write(&file, example().join("\n")).unwrap();
    let output = Command::new("sh").args(["-euc", "set -a; . \"$1\"; env", "sh"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = String::from_utf8(output.stdout).unwrap();
    for setting in example() {
        let meant = setting.replace('"', "");
        assert!(seen.lines().any(|line| line == meant), "{setting}");
    }
}

#[test]
fn a_copied_example_cannot_displace_what_a_container_stands_on() {
    for file in ["deploy/compose.sqlite.yml", "deploy/compose.postgres.yml"] {
        let text = read(file);
        assert!(text.contains("env_file: [{path: .env, required: false}]"), "{file}");
        let key = if file.contains("sqlite") { "BILLFOLD_KEY_FILE" } else { "BILLFOLD_MASTER_KEYS" };
        for name in ["DATABASE_URL", "BILLFOLD_BIND", "BILLFOLD_PUBLIC_URL", "BILLFOLD_CONNECTIONS_PER_IP", key] {
            let given = text.lines().any(|line| line.trim_start().starts_with(&format!("{name}: ")));
            assert!(given, "{file} leaves {name} to whoever fills deploy/.env");
        }
    }
    let unit = read("deploy/billfold.service");
    assert!(unit.contains("serve --key-file %d/master.keys"), "a flag: it wins over the file of the environment");
}

#[test]
fn the_unit_tries_again_for_ever_but_not_with_wrong_settings() {
    let unit = read("deploy/billfold.service");
    for line in ["Type=notify", "Restart=on-failure", "StartLimitIntervalSec=0", "RestartPreventExitStatus=2"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn no_log_of_a_container_grows_without_bound() {
    for file in ["deploy/compose.sqlite.yml", "deploy/compose.postgres.yml"] {
        let text = read(file);
        assert!(
            text.contains("x-logging: &logging") && text.contains("max-size: ") && text.contains("max-file: "),
            "{file}"
        );
        let (shared, services) = text.split_once("\nservices:\n").unwrap();
        let (services, _) = services.split_once("\nvolumes:\n").unwrap();
        let limited = |text: &str| text.lines().any(|line| line.trim() == "logging: *logging");
        let mut seen = 0;
        // Each begins with its name, two spaces in.
        let begins = |line: &str| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':');
        let lines: Vec<&str> = services.lines().collect();
        for service in lines.chunk_by(|_, next| !begins(next)) {
            let inherits = service.iter().any(|line| line.trim() == "<<: *billfold");
            let is_limited = limited(&service.join("\n")) || (inherits && limited(shared));
            assert!(is_limited, "{file}: {}", service[0]);
            seen += 1;
        }
        assert!(seen >= 2, "{file}");
    }
}

#[test]
fn a_backup_of_postgres_replaces_nothing_before_it_is_whole() {
    let compose = read("deploy/compose.postgres.yml");
    let place = |text: &str| compose.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(place("--format=custom billfold > $file.part") < place("mv $file.part $file"));
    assert!(place("--dbname=billfold_restored <") < place("RENAME TO billfold_before"));
    assert!(place("RENAME TO billfold_before") < place("dropdb -U billfold billfold_before"));
    assert!(!compose.contains("dropdb -U billfold --force"), "the old database goes only when the new one is there");
}

#[test]
fn nothing_starts_on_the_postgres_that_only_makes_the_database() {
    let compose = read("deploy/compose.postgres.yml");
    assert!(compose.contains(r#"["CMD", "pg_isready", "-h", "127.0.0.1", "#), "that one answers on its socket alone");
}

#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("billfold.db");
    let url = format!("sqlite://{}", file.display());
    let made = billfold(&["migrate"]).env("DATABASE_URL", url).output().await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn the_files_for_running_it_name_settings_that_exist() {
    let settings: BTreeSet<String> = settings().await.into_keys().collect();
    let mut seen = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        for name in variables(&std::fs::read_to_string(&file).unwrap()) {
            let known = settings.contains(&name) || OF_COMPOSE.contains(&name.as_str());
            assert!(known, "{}: there is no setting {name}", file.display());
            seen.insert(name);
        }
    }
    for needed in ["DATABASE_URL", "BILLFOLD_PUBLIC_URL", "BILLFOLD_TRUSTED_PROXIES", "BILLFOLD_KEY_FILE"] {
        assert!(seen.contains(needed), "{needed} is set nowhere");
    }
}

#[test]
fn the_image_is_made_of_what_the_build_needs() {
    let copied = read("deploy/Dockerfile.dockerignore");
    let copied: BTreeSet<&str> = copied.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for needed in
        [".cargo", "Cargo.toml", "Cargo.lock", "build.rs", "src", "benches", "migrations", "static", "templates"]
    {
        assert!(copied.contains(needed), "{needed} is not copied");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(needed).exists(), "{needed} is not there");
    }
    let dockerfile = read("deploy/Dockerfile");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let rust = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-")), "Cargo.toml asks for Rust {rust}");
    assert!(dockerfile.contains("mkdir -m 700 /places/data /places/keys /places/backups"), "new volumes get that mode");
    for line in [
        "USER 65532:65532",
        "COPY --from=build --chown=65532:65532 /places/ /",
        "HEALTHCHECK",
        r#"CMD ["billfold", "healthcheck"]"#,
        "STOPSIGNAL SIGTERM",
    ] {
        assert!(dockerfile.contains(line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_of_the_start_the_life_and_the_stop() {
    let ground = Ground::make(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let hear = || {
        let mut bytes = [0; 512];
        let length = socket.recv(&mut bytes).expect("systemd is told something");
        String::from_utf8(bytes[..length].to_vec()).unwrap().trim().to_owned()
    };
    let more = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut process = ground.serve_with(&more).await;
    assert_eq!([hear(), hear(), hear()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    process.signal("TERM").await;
    while hear() != "STOPPING=1" {}
    assert!(process.ended().await.success());
    assert!(!process.output().contains('\u{1b}'), "a journal is no terminal: {}", process.output());
}
