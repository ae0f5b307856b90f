//! What billfold refuses to start with, told to the operator in words that help.

use billfold::{
    app::{App, StartError},
    clock::Clock,
    config::Config,
    vault::{ExposeSecret as _, Keyring},
};
use clap::Parser as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::harness::{Engine, TestDatabase, both_engines, new_tenant};

both_engines!(a_missing_master_key_is_named, a_lost_key_file_is_not_replaced_in_silence);

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

fn config(database: &TestDatabase, flags: &[&str]) -> Config {
    let arguments = ["billfold", "--database-url", &database.url];
    Settings::parse_from(arguments.into_iter().chain(flags.iter().copied())).config
}

async fn start(database: &TestDatabase, keys: &str) -> Result<App, StartError> {
    App::start(config(database, &["--master-keys", keys]), Clock::system()).await
}

async fn a_missing_master_key_is_named(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (old, new) = (Keyring::generate_entry(), Keyring::generate_entry());
    let app = start(&database, old.expose_secret()).await.unwrap();
    for name in ["Acme Coffee", "Rival"] {
        new_tenant(&app, name).await;
    }
    app.db.close().await;

    let refused = start(&database, new.expose_secret()).await.err().expect("refused");
    let id = old.expose_secret().split(':').next().unwrap();
    let text = refused.to_string();
    assert!(text.contains("2 tenant(s)") && text.contains(id), "{text}");
    assert!(!text.contains(old.expose_secret().split(':').nth(1).unwrap()), "the key itself stays out of it");

    let both = format!("{},{}", new.expose_secret(), old.expose_secret());
    start(&database, &both).await.expect("the old key still opens what it sealed").db.close().await;
}

async fn a_lost_key_file_is_not_replaced_in_silence(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("billfold.key");
    let flags = ["--key-file", file.to_str().unwrap()];
    let app = App::start(config(&database, &flags), Clock::system()).await.unwrap();
    new_tenant(&app, "Acme Coffee").await;
    app.db.close().await;
    App::start(config(&database, &flags), Clock::system()).await.expect("the file opens it again").db.close().await;

    std::fs::remove_file(&file).unwrap();
    let refused = App::start(config(&database, &flags), Clock::system()).await;
    assert!(matches!(refused.err(), Some(StartError::MissingMasterKey { tenants: 1, .. })));
}

/// As a managed Postgres gives it: it owns its database, is no superuser, and makes no roles.
#[tokio::test]
async fn a_role_of_postgres_that_may_not_take_on_ours_is_told_what_to_run() {
    let database = TestDatabase::empty(Engine::Postgres).await;
    let mut admin = PgConnection::connect(&database.url).await.unwrap();
    let name = format!("plain_{:016x}", rand::random::<u64>());
    run(&mut admin, &format!("CREATE ROLE {name} LOGIN PASSWORD 'plain'")).await;
    let its: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut admin).await.unwrap();
    run(&mut admin, &format!("ALTER DATABASE {its} OWNER TO {name}")).await;
    let (_, place) = database.url.split_once('@').unwrap();
    let flags = ["--database-url", &format!("postgres://{name}:plain@{place}")];
    let keys = Keyring::generate_entry();
    let started = async || {
        let config =
            Settings::parse_from(["billfold", "--master-keys", keys.expose_secret()].iter().chain(&flags)).config;
        App::start(config, Clock::system()).await
    };

    let refused = started().await.err().expect("refused").to_string();
    let grant = format!("GRANT billfold_app TO {name};");
    assert!(refused.contains("CREATE ROLE billfold_app NOLOGIN;") && refused.contains(&grant), "{refused}");

    let made = "CREATE ROLE billfold_app NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL";
    run(&mut admin, &format!("DO $$ BEGIN {made}; END $$")).await;
    run(&mut admin, &grant).await;
    started().await.expect("it may now").db.close().await;

    // Roles belong to the server: this one is to go with its database. It owns the latter, too.
    run(&mut admin, &format!("REASSIGN OWNED BY {name} TO CURRENT_USER")).await;
    run(&mut admin, &format!("DROP OWNED BY {name}")).await;
    run(&mut admin, &format!("DROP ROLE {name}")).await;
}

async fn run(admin: &mut PgConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(admin).await.unwrap();
}
