//! The restore drill: a backup taken under load is put back, ends what must end, does nothing twice, and becomes exact again.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::pin,
    process::Output,
    time::{Duration, Instant},
};

use billfold::{
    accounts::restored,
    app::{App, By},
    billing::{Nonce, Outcome},
    connect::Scope,
    db::files,
    domain::{drafts::CustomerDraft, role::Role},
    standin::kind::Kind,
    vault::Keyring,
};
use serde_json::json;

use crate::harness::{
    Account, Engine, PASSWORD, TestDatabase, Visitor, both_engines,
    oracle::differences,
    process::{Ground, billfold},
    setting,
};

both_engines!(a_backup_taken_under_load_is_put_back_and_becomes_exact, settling_twice_does_no_harm);

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn run(ground: &Ground, arguments: &[&str]) -> Output {
    billfold(arguments).envs(ground.settings.iter().cloned()).output().await.unwrap()
}

async fn succeed(ground: &Ground, arguments: &[&str]) -> String {
    let output = run(ground, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

async fn fail(ground: &Ground, arguments: &[&str], because: &str) {
    end_with(1, ground, arguments, because).await;
}

async fn end_with(code: i32, ground: &Ground, arguments: &[&str], because: &str) {
    let output = run(ground, arguments).await;
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    assert!(said(&output).contains(because), "{because:?} is missing: {}", said(&output));
}

/// The database as the tools of Postgres take it: without what only sqlx understands.
fn plain_url(ground: &Ground) -> String {
    ground.database.url.split('?').next().unwrap().to_owned()
}

/// A tool of Postgres, from its package or the path.
async fn postgres_tool(name: &str, arguments: &[&str]) {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut tools: Vec<PathBuf> = installed.map(|version| version.path().join("bin").join(name)).collect();
    tools.sort();
    let tool = tools.pop().unwrap_or_else(|| name.into());
    let output = tokio::process::Command::new(tool).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{name}: {}", said(&output));
}

async fn back_up(ground: &Ground, file: &str) {
    match ground.database.engine {
        Engine::Sqlite => {
            let said = succeed(ground, &["backup", file]).await;
            assert!(said.contains("master key is not in it") && said.contains("BILLFOLD_MASTER_KEYS"), "{said}");
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
            fail(ground, &["backup", file], "exists already").await;
        }
        Engine::Postgres => {
            fail(ground, &["backup", file], "pg_dump --format=custom").await;
            postgres_tool("pg_dump", &["--format=custom", "--file", file, &plain_url(ground)]).await;
        }
    }
}

/// The same while the account changes all the time. Answers how long it took, and how many changes there were.
async fn back_up_under_load(ground: &Ground, file: &str, account: &Account<'_>) -> (Duration, usize) {
    let (began, mut changes, mut made_in) = (Instant::now(), 0, None);
    let mut backup = pin!(back_up(ground, file));
    loop {
        account.mutate(10);
        changes += 10;
        tokio::select! {
            () = &mut backup, if made_in.is_none() => made_in = Some(began.elapsed()),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        if let (Some(made_in), 200..) = (made_in, changes) {
            return (made_in, changes);
        }
    }
}

async fn put_back(ground: &mut Ground, file: &str) {
    match ground.database.engine {
        Engine::Sqlite => {
            fail(ground, &["restore", file], "holds a billfold already").await;
            fail(ground, &["restore", "--replace", file], "in use").await; // by the story itself
            ground.app.db.close().await;
            let said = succeed(ground, &["restore", "--replace", file]).await;
            assert!(said.contains("is kept as") && said.contains("1 connections are copied anew"), "{said}");
        }
        Engine::Postgres => {
            ground.app.db.close().await;
            ground.database = TestDatabase::empty(Engine::Postgres).await;
            ground.settings[0].1.clone_from(&ground.database.url);
            postgres_tool("pg_restore", &["--exit-on-error", "--dbname", &plain_url(ground), file]).await;
            // half a minute goes by: a billfold that the dump saw at work is at work no more
            postgres_tool("psql", &["--command", "UPDATE jobs SET lease_until = 0", &plain_url(ground)]).await;
            succeed(ground, &["restore", "--after"]).await;
        }
    }
    let keys = ground.settings.iter().find(|(name, _)| *name == "BILLFOLD_MASTER_KEYS").unwrap().1.clone();
    let (clock, config) = (ground.app.clock.clone(), (*ground.app.config).clone());
    ground.app = App::new(ground.database.open().await, clock, Keyring::parse(&keys.into()).unwrap(), config).unwrap();
}

fn scope(ground: &Ground) -> Scope {
    Scope {
        app: ground.app.clone(),
        tenant: ground.tenant.id.clone(),
        project: ground.tenant.project.clone(),
        by: By::part("story"),
    }
}

fn named(name: &str) -> CustomerDraft {
    CustomerDraft { name: Some(name.to_owned()), ..CustomerDraft::default() }
}

/// How many customers were ever made with this name: chance may have renamed or deleted one since.
async fn made(ground: &Ground, account: &Account<'_>, name: &str) -> usize {
    let url = format!("{}/v1/events?type=customer.created&limit=100", ground.stripe.url());
    let (mut made, mut after) = (0, String::new());
    loop {
        let request = reqwest::Client::new().get(format!("{url}{after}")).bearer_auth(&account.keys.secret_key);
        let page = request.send().await.unwrap().text().await.unwrap();
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let events = page["data"].as_array().expect("a list of events");
        made += events.iter().filter(|event| event["data"]["object"]["name"] == name).count();
        match (page["has_more"].as_bool(), events.last()) {
            (Some(true), Some(last)) => after = format!("&starting_after={}", last["id"].as_str().unwrap()),
            _ => return made,
        }
    }
}

fn switch(ground: &Ground, switches: serde_json::Value) {
    ground.stripe.control().switches.change(None, switches).unwrap();
}

/// How each write ended, in the order in which they were asked for.
async fn writes(ground: &Ground) -> Vec<(String, i64)> {
    let mut tx = ground.app.db.read(&ground.tenant.id).await.unwrap();
    let all = "SELECT state, CASE WHEN restored_at IS NULL THEN 0 ELSE 1 END FROM outbox WHERE tenant_id = $1 ORDER BY created, id";
    let rows: Vec<(String, i32)> = tx.query(all).fetch_all().await.unwrap();
    rows.into_iter().map(|(state, restored)| (state, i64::from(restored))).collect()
}

/// Customers of the drill's account. The long form has a database of about 1 GB:
/// `BILLFOLD_TEST_CUSTOMERS=20000 tests/run put_back_and_becomes_exact --no-capture`.
fn customers() -> u64 {
    setting("BILLFOLD_TEST_CUSTOMERS", 60)
}

/// Waits until everything is copied and applied.
async fn wait_until_idle(ground: &Ground) {
    ground.wait_until_idle_within(Duration::from_secs(60 + customers() / 20)).await;
}

/// The same, and until no write waits for Stripe.
async fn wait_until_settled(ground: &Ground) {
    wait_until_idle(ground).await;
    while writes(ground).await.iter().any(|(state, _)| state == "waiting") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    wait_until_idle(ground).await;
}

#[expect(clippy::print_stdout, reason = "a figure of the README")]
async fn a_backup_taken_under_load_is_put_back_and_becomes_exact(engine: Engine) {
    let mut ground = Ground::make(engine).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup").display().to_string();
    let keys = ground.connect(customers()).await.keys;
    let account = ground.account(&keys);
    let email = ground.new_member(Role::Member).await;
    let process = ground.serve().await;
    wait_until_idle(&ground).await;
    let visitor = Visitor::new(&process.base).at_home(ground.tenant.home());
    let login = visitor.get("/login").await.expect(200).form("form[action='/login']");
    visitor.submit(&login.fill("email", &email).fill("password", PASSWORD)).await.expect(303);
    visitor.get("customers").await.expect(200);

    // Two writes that Stripe does not take now, and events, while the backup is made.
    switch(&ground, json!({ "rate_limited": 1.0 }));
    for name in ["Soon", "Later"] {
        let asked = scope(&ground).create_customer(&Nonce::fresh(), &named(name)).await.unwrap();
        assert!(matches!(asked, Outcome::Waiting(_)), "{asked:?}");
    }
    let (made_in, changes) = back_up_under_load(&ground, &file, &account).await;
    let is_ours = |customer: &serde_json::Value| customer["name"] == "Soon" || customer["name"] == "Later";
    assert!(!account.dump(Kind::Customer).iter().any(is_ours), "Stripe takes nothing now");

    // After it they are sent, and more happens. Then the machine is gone.
    switch(&ground, json!({ "rate_limited": 0.0 }));
    wait_until_settled(&ground).await;
    assert_eq!((made(&ground, &account, "Soon").await, made(&ground, &account, "Later").await), (1, 1));
    account.mutate(100);
    let gone = account.ids(Kind::Customer).pop().unwrap(); // the oldest: none of the two
    account.delete(&gone);
    wait_until_idle(&ground).await;
    process.kill().await;
    account.mutate(40); // nobody hears of these

    let restoring = Instant::now();
    put_back(&mut ground, &file).await;
    let restored_in = restoring.elapsed();
    let account = ground.account(&keys);
    assert_eq!(writes(&ground).await, [("waiting".to_owned(), 1), ("waiting".to_owned(), 1)]);
    // Stripe has forgotten the key of one of them.
    let mut tx = ground.app.db.write(&ground.tenant.id).await.unwrap();
    let older = "UPDATE outbox SET created = created - 90000 WHERE tenant_id = $1 AND body LIKE '%Later%'";
    assert_eq!(tx.query(older).execute().await.unwrap(), 1);
    tx.commit().await.unwrap();

    let process = ground.serve().await;
    let visitor = visitor.moved_to(&process.base);
    visitor.get("customers").await.expect(303);
    wait_until_settled(&ground).await;
    assert_eq!(writes(&ground).await, [("done".to_owned(), 1), ("done".to_owned(), 1)]);
    assert_eq!((made(&ground, &account, "Soon").await, made(&ground, &account, "Later").await), (1, 1), "done twice");
    assert_eq!(differences(&ground.app.db, &ground.tenant, &account).await, Vec::<String>::new());
    let megabytes = std::fs::metadata(&file).unwrap().len() / 1_000_000;
    println!(
        "{engine:?}: {megabytes} MB and {changes} changes in {made_in:.1?}, put back in {restored_in:.1?}, exact after {:.1?}: differing=0",
        restoring.elapsed(),
    );
    let log = succeed(&ground, &["audit", "verify"]).await;
    assert!(log.contains("intact"), "{log}");
    process.kill().await;
}

async fn settling_twice_does_no_harm(engine: Engine) {
    let ground = Ground::make(engine).await;
    ground.connect(3).await;
    let first = restored::settle(&ground.app).await.unwrap();
    let second = restored::settle(&ground.app).await.unwrap();
    assert_eq!((first, first.connections), (second, 1));
    let process = ground.serve().await;
    ground.wait_until_idle().await;
    process.kill().await;
}

/// A ground on SQLite with a backup of it.
async fn backed_up(folder: &Path) -> (Ground, String) {
    let ground = Ground::make(Engine::Sqlite).await;
    let file = folder.join("backup").display().to_string();
    succeed(&ground, &["backup", &file]).await;
    ground.app.db.close().await;
    (ground, file)
}

#[tokio::test]
async fn a_backup_that_cannot_be_trusted_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ground, file) = backed_up(folder.path()).await;
    let database = ground.database.file().unwrap().to_owned();
    let before = std::fs::read(&database).unwrap();
    let damaged = folder.path().join("damaged").display().to_string();
    let mut bytes = std::fs::read(&file).unwrap();
    let (middle, end) = (bytes.len() / 2, bytes.len());
    bytes[middle..(middle + 40_000).min(end)].fill(0xaa);
    std::fs::write(&damaged, bytes).unwrap();
    let strange = folder.path().join("strange").display().to_string();
    std::fs::write(&strange, "no database at all").unwrap();
    let empty = folder.path().join("empty").display().to_string();
    std::fs::write(&empty, "").unwrap();
    fail(&ground, &["restore", "--replace", &damaged], "cannot be used").await;
    fail(&ground, &["restore", "--replace", &strange], "cannot be used").await;
    fail(&ground, &["restore", "--replace", &empty], "holds no billfold").await;
    fail(&ground, &["restore", "--replace", "/no/such/file"], "cannot be read").await;
    let keys = ground.settings.iter().position(|(name, _)| *name == "BILLFOLD_MASTER_KEYS").unwrap();
    let good = ground.settings.remove(keys);
    let missing = folder.path().join("no.key").display().to_string();
    ground.settings.push(("BILLFOLD_KEY_FILE", missing.clone()));
    end_with(2, &ground, &["restore", "--replace", &file], "the master key of the backup is missing").await;
    assert!(!Path::new(&missing).exists(), "a key was made that opens nothing");
    ground.settings.pop();
    let other = String::from_utf8(run(&ground, &["keys", "generate"]).await.stdout).unwrap().trim().to_owned();
    ground.settings.push(("BILLFOLD_MASTER_KEYS", other));
    end_with(2, &ground, &["restore", "--replace", &file], "sealed by master key").await;
    // Apart from the head, which tells that the log was folded in.
    assert_eq!(std::fs::read(&database).unwrap()[100..], before[100..]);
    let left: Vec<_> =
        std::fs::read_dir(database.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["billfold.db"], "something was left behind");
    ground.settings.pop();
    ground.settings.push(good);
    succeed(&ground, &["restore", "--replace", &file]).await;
}

/// Spoils a file from `from` on.
fn damage(file: &Path, from: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[from..].fill(0xaa);
    std::fs::write(file, bytes).unwrap();
}

/// What was kept of a database that made way, by the ends of their names.
fn kept(database: &Path) -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(database.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    let mut kept: Vec<_> =
        files.filter(|file| name(file).contains(".replaced-")).map(|file| (name(&file), file)).collect();
    kept.sort();
    kept.into_iter().map(|(name, file)| (name.trim_start_matches(|c: char| c != '-')[1..].to_owned(), file)).collect()
}

#[tokio::test]
async fn a_damaged_database_makes_way_and_is_kept() {
    for from in [0, 8 * 4_096] {
        let folder = tempfile::tempdir().unwrap();
        let (ground, file) = backed_up(folder.path()).await;
        let database = ground.database.file().unwrap();
        damage(database, from);
        let before = std::fs::read(database).unwrap();
        fail(&ground, &["restore", &file], "With --replace it is kept").await;
        let told = succeed(&ground, &["restore", "--replace", &file]).await;
        let kept = kept(database);
        assert!(told.contains(&kept[0].1.display().to_string()), "{told}");
        assert_eq!(std::fs::read(&kept[0].1).unwrap()[100..], before[100..], "kept as it was, but for the head");
        succeed(&ground, &["check"]).await;
    }
}

/// SQLite itself cannot tell who has a file that it cannot read.
#[tokio::test]
async fn a_damaged_database_that_is_in_use_does_not_make_way() {
    let folder = tempfile::tempdir().unwrap();
    let (ground, file) = backed_up(folder.path()).await;
    let mut process = ground.serve().await;
    damage(ground.database.file().unwrap(), 0);
    fail(&ground, &["restore", "--replace", &file], "is in use").await;
    process.signal("TERM").await;
    process.ended().await;
    damage(ground.database.file().unwrap(), 0); // again: what stood in the log was written at the end
    let told = succeed(&ground, &["restore", "--replace", &file]).await;
    assert!(told.contains("could not be read: "), "{told}");
    succeed(&ground, &["check"]).await;
}

#[test]
fn what_lies_beside_a_database_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["old", "old-wal", "old-shm", "new"] {
        std::fs::write(at(name), name).unwrap();
    }
    let kept = files::replace(&at("new"), &at("old"), &at("aside")).unwrap();
    assert_eq!(kept, [at("aside"), at("aside-wal"), at("aside-shm")]);
    for (name, holds) in [("old", "new"), ("aside", "old"), ("aside-wal", "old-wal"), ("aside-shm", "old-shm")] {
        assert_eq!(std::fs::read_to_string(at(name)).unwrap(), holds);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is left beside the new one");
}

#[tokio::test]
async fn a_backup_moves_to_a_machine_that_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ground, file) = backed_up(folder.path()).await;
    let fresh = folder.path().join("elsewhere.db");
    ground.settings[0].1 = format!("sqlite://{}", fresh.display());
    succeed(&ground, &["restore", &file]).await;
    assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
    succeed(&ground, &["check"]).await;
    let live = folder.path().join("elsewhere.db").display().to_string();
    std::fs::write(folder.path().join("elsewhere.db-wal"), "x").unwrap();
    fail(&ground, &["restore", "--replace", &live], "a database, not a backup").await;
    ground.settings[0].1 = format!("sqlite://{}", folder.path().join("nowhere.db").display());
    fail(&ground, &["backup", &folder.path().join("other").display().to_string()], "there is no database").await;
}
