//! The making of the schema dies half-way, each time from nothing; the next try makes it whole, and the same as one that nobody
//! killed has made.

use rand::{RngExt as _, rngs::StdRng};
use sqlx::{PgPool, SqlitePool};
use tokio::process::Command;

use crate::{
    Form,
    harness::{
        Engine, TestDatabase,
        process::{Ground, billfold},
    },
    judge::{Tally, judge},
    ways::{Way, dies, finishes},
};

/// Passed when a migration is applied, before the next one.
const POINT: &str = "migrate.between";

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let model = TestDatabase::empty(engine).await;
    let takes = finishes(&mut migrate(&model)).await;
    let (schema, versions) = (schema(&model).await, versions(&model).await);
    let (most, mut kills, mut rounds, mut half_way, mut last) = (form.of(6, 20), 0, 0, 0, model);
    while kills < most {
        rounds += 1;
        assert!(rounds <= 4 * most, "only {kills} of {rounds} have died");
        let database = TestDatabase::empty(engine).await;
        for turn in 0..2 {
            let before = applied(&database, &versions).await;
            let way = if (rounds + turn) % 2 == 0 {
                Way::At(POINT, dice.random_range(1..=versions.len() / 2))
            } else {
                Way::After(dice.random_range(0..takes))
            };
            let died = dies(way, &mut migrate(&database)).await;
            let after = applied(&database, &versions).await;
            if let (true, Way::At(_, passage)) = (died, way) {
                assert!(after >= before + passage, "what was applied is there: {before} and {passage} are {after}");
            }
            kills += usize::from(died);
            half_way += usize::from(died && after > 0 && after < versions.len());
        }
        finishes(&mut migrate(&database)).await;
        assert_eq!(self::schema(&database).await, schema, "as if nobody had killed it");
        last = database;
    }
    assert!(half_way >= most / 2, "only {half_way} of {kills} have left a part");
    let ground = Ground::make_on(last).await;
    let account = ground.connect(20).await;
    let process = ground.serve().await;
    account.mutate(20);
    let note =
        format!("{half_way} of them with a part of {} migrations, from {rounds} empty databases", versions.len());
    let tally = Tally { kills, note, ..judge(&ground, &account).await };
    process.kill().await;
    tally
}

fn migrate(database: &TestDatabase) -> Command {
    let mut command = billfold(&["migrate"]);
    command.env("DATABASE_URL", &database.url);
    command
}

/// How many of the migrations are applied.
async fn applied(database: &TestDatabase, versions: &[i64]) -> usize {
    let db = database.open().await;
    let newest = db.schema_version().await.unwrap();
    db.close().await;
    newest.map_or(0, |newest| versions.iter().filter(|version| **version <= newest).count())
}

async fn versions(database: &TestDatabase) -> Vec<i64> {
    let text = "SELECT CAST(version AS TEXT) FROM _sqlx_migrations ORDER BY version";
    texts(database, text).await.iter().map(|version| version.parse().unwrap()).collect()
}

/// Everything that the migrations have made, with how many rows they have put into it.
async fn schema(database: &TestDatabase) -> Vec<String> {
    match database.engine {
        Engine::Sqlite => {
            let text = "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') FROM sqlite_schema ORDER BY type, name";
            let mut lines = texts(database, text).await;
            for table in texts(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").await {
                let count = format!("SELECT '{table}: ' || COUNT(*) FROM \"{table}\"");
                lines.extend(texts(database, &count).await);
            }
            let applied =
                "SELECT version || ' ' || success || ' ' || hex(checksum) FROM _sqlx_migrations ORDER BY version";
            lines.extend(texts(database, applied).await);
            assert_eq!(texts(database, "PRAGMA integrity_check").await, ["ok"]);
            lines
        }
        Engine::Postgres => {
            let url = database.url.split('?').next().unwrap(); // without what sqlx alone knows
            let dumped = Command::new("pg_dump").args(["--inserts", url]).output().await.unwrap();
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            let text = String::from_utf8(dumped.stdout).unwrap();
            // Newer ones begin and end with a word of chance; of a row its table is enough, since times differ.
            let lines = text.lines().filter(|line| !line.contains("restrict "));
            let mut lines: Vec<String> = lines
                .map(|line| match line.split_once(" VALUES ") {
                    Some((table, _)) if line.starts_with("INSERT INTO ") => table.to_owned(),
                    _ => line.to_owned(),
                })
                .collect();
            let applied = "SELECT version || ' ' || success || ' ' || encode(checksum, 'hex') FROM _sqlx_migrations ORDER BY version";
            lines.extend(texts(database, applied).await);
            lines
        }
    }
}

/// The texts that a query answers, as the owner of the database.
async fn texts(database: &TestDatabase, query: &str) -> Vec<String> {
    let query = sqlx::AssertSqlSafe(query.to_owned());
    match database.engine {
        Engine::Sqlite => {
            let pool = SqlitePool::connect(&database.url).await.unwrap();
            let found = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
            pool.close().await;
            found
        }
        Engine::Postgres => {
            let pool = PgPool::connect(&database.url).await.unwrap();
            let found = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
            pool.close().await;
            found
        }
    }
}
