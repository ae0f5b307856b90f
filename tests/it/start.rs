//! What billfold refuses to start with, told to the operator in words that help.

use billfold::{
    app::{App, StartError},
    clock::Clock,
    config::Config,
    vault::{ExposeSecret as _, Keyring},
};
use clap::Parser as _;

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
