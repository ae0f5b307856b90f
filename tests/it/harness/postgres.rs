//! Postgres databases for tests: a template is migrated once per schema, and each test gets a clone of it.

use std::path::Path;

use billfold::db::{Db, Options};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

/// Names the server: a superuser's URL on a server that may be filled and thrown away.
const VARIABLE: &str = "BILLFOLD_TEST_POSTGRES";

/// A clone of the template; dropped with the value.
pub struct Clone {
    /// The superuser's URL of the clone.
    pub url: String,
    name: String,
}

impl Clone {
    /// Makes a clone, and the template before the first one.
    pub async fn create() -> Self {
        Self::of_template("").await
    }

    /// Makes a clone in a tablespace in `folder`, which must be the server's.
    pub async fn create_in(folder: &Path) -> Self {
        let space = format!("space_{:016x}", rand::random::<u64>());
        let mut admin = connect("postgres").await;
        run(&mut admin, &format!("CREATE TABLESPACE {space} LOCATION '{}'", folder.display())).await;
        admin.close().await.unwrap();
        Self::of_template(&format!("TABLESPACE {space}")).await
    }

    /// Makes a database without any table.
    pub async fn empty() -> Self {
        let mut admin = connect("postgres").await;
        let made = Self::made(&mut admin, "").await;
        admin.close().await.unwrap();
        made
    }

    async fn of_template(more: &str) -> Self {
        let template = template_name();
        let mut admin = connect("postgres").await;
        make_template(&mut admin, &template).await;
        let made = Self::made(&mut admin, &format!("TEMPLATE {template} {more}")).await;
        admin.close().await.unwrap();
        made
    }

    async fn made(admin: &mut PgConnection, how: &str) -> Self {
        let name = format!("test_{:016x}", rand::random::<u64>());
        run(admin, &format!("CREATE DATABASE {name} {how}")).await;
        Self { url: url(&name), name }
    }
}

impl Drop for Clone {
    /// In a thread of its own, because a drop cannot wait and the test's runtime may be ending.
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                run(&mut connect("postgres").await, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        let _ = dropped.join(); // a failed clean-up must not hide the test's own failure
    }
}

/// The server's URL, or a failure that says how to get one: a test never skips itself.
fn server() -> String {
    std::env::var(VARIABLE)
        .unwrap_or_else(|_| panic!("{VARIABLE} is not set: run tests/run, which starts a Postgres and everything else"))
}

fn options(database: &str) -> PgConnectOptions {
    server().parse::<PgConnectOptions>().unwrap().database(database)
}

fn url(database: &str) -> String {
    options(database).to_url_lossy().into()
}

async fn connect(database: &str) -> PgConnection {
    PgConnection::connect_with(&options(database)).await.unwrap()
}

async fn run(admin: &mut PgConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(admin).await.unwrap();
}

/// The template's name holds the hash of the migrations, so a changed schema gets a new one.
fn template_name() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).unwrap());
    }
    format!("template_{}", &hex::encode(hash.finalize())[..16])
}

/// Several test processes may come at once: the first migrates, the others wait for its lock.
async fn make_template(admin: &mut PgConnection, template: &str) {
    run(admin, "SELECT pg_advisory_lock(7007)").await;
    let made: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(template)
        .fetch_one(&mut *admin)
        .await
        .unwrap();
    if !made {
        let unfinished = format!("{template}_unfinished");
        run(admin, &format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        run(admin, &format!("CREATE DATABASE {unfinished}")).await;
        let db = Db::connect(&Options { url: url(&unfinished), connections: 2 }).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        run(admin, &format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await;
    }
    run(admin, "SELECT pg_advisory_unlock(7007)").await;
}
