//! The two engines behind `db`: transactions, isolation, contention, what errors mean.

use std::time::Duration;

use billfold::{
    db::{Bulk, Db, Error},
    domain::ids::TenantId,
    vault::new_id,
};
use sqlx::{Connection as _, SqliteConnection};

use crate::harness::{Engine, TestDatabase, both_engines};

both_engines!(
    a_transaction_that_is_not_committed_leaves_nothing,
    a_tenant_sees_its_own_rows_alone,
    many_rows_go_in_at_once_and_come_back,
    writers_wait_for_each_other_and_none_fails,
    a_reader_keeps_its_picture,
    a_caller_that_goes_away_leaves_the_pool_clean,
    a_database_is_there_before_its_first_migration,
);

const INSERT: &str = "INSERT INTO projects (tenant_id, id, name, created) VALUES ($1, $2, $2, 0)";

async fn insert(db: &Db, tenant: &TenantId, id: &str) -> Result<(), Error> {
    let mut tx = db.write(tenant).await?;
    tx.query(INSERT).bind(id).execute().await?;
    tx.commit().await
}

async fn ids(db: &Db, tenant: &TenantId) -> Vec<String> {
    let mut tx = db.read(tenant).await.unwrap();
    tx.query("SELECT id FROM projects WHERE tenant_id = $1 ORDER BY id").fetch_values().await.unwrap()
}

async fn a_transaction_that_is_not_committed_leaves_nothing(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let mut dropped = db.write(&tenant).await.unwrap();
    dropped.query(INSERT).bind("prj_1").execute().await.unwrap();
    drop(dropped);
    let mut tx = db.write(&tenant).await.unwrap();
    tx.query(INSERT).bind("prj_2").execute().await.unwrap();
    let conflict = tx.query(INSERT).bind("prj_2").execute().await;
    assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    drop(tx);
    insert(&db, &tenant, "prj_3").await.unwrap();
    assert_eq!(ids(&db, &tenant).await, ["prj_3"]);
}

/// On Postgres also without a WHERE: the policies are a second wall. On SQLite the WHERE is the wall.
async fn a_tenant_sees_its_own_rows_alone(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let db = database.open().await;
    let (ours, theirs) = (new_id::<TenantId>(), new_id::<TenantId>());
    insert(&db, &ours, "prj_same").await.unwrap();
    insert(&db, &theirs, "prj_same").await.unwrap();
    assert_eq!(ids(&db, &ours).await, ["prj_same"]);
    let mut tx = db.write(&ours).await.unwrap();
    let changed = tx.query("UPDATE projects SET name = 'x' WHERE tenant_id = $1").execute().await.unwrap();
    assert_eq!(changed, 1);
    drop(tx);
    if engine == Engine::Postgres {
        let mut tx = db.read(&ours).await.unwrap();
        // `$1` is bound to the tenant, so it is named without filtering by it.
        let unfiltered = "SELECT COUNT(*) FROM projects WHERE $1::text IS NOT NULL";
        assert_eq!(tx.query(unfiltered).fetch_value::<i64>().await.unwrap(), 1);
        let mut nobody = db.system_read().await.unwrap();
        assert_eq!(nobody.query("SELECT COUNT(*) FROM projects").fetch_value::<i64>().await.unwrap(), 0);
    }
}

async fn many_rows_go_in_at_once_and_come_back(engine: Engine) {
    const BULK: Bulk = Bulk {
        insert: "INSERT INTO counts (tenant_id, project_id, kind, status, n)",
        columns: 3,
        suffix: "ON CONFLICT (tenant_id, project_id, kind, status) DO UPDATE SET n = counts.n + excluded.n RETURNING n",
    };
    let database = TestDatabase::create(engine).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let rows: Vec<(String, i64)> = (0..1_000).map(|number| (format!("status {number} \u{0416} '\""), number)).collect();
    for round in 1..=2_i64 {
        let mut tx = db.write(&tenant).await.unwrap();
        let returned: Vec<(i64,)> = BULK
            .fetch_all(&mut tx, "prj_1", &rows, |query, (status, n)| query.bind("customer").bind(status).bind(*n))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(returned.iter().map(|(n,)| n).sum::<i64>(), round * 499_500);
    }
    let mut tx = db.read(&tenant).await.unwrap();
    let read: Vec<String> =
        tx.query("SELECT status FROM counts WHERE tenant_id = $1 ORDER BY n LIMIT 2").fetch_values().await.unwrap();
    assert_eq!(read, [rows[0].0.clone(), rows[1].0.clone()]);
    // Lists of every length and type, none among them.
    for length in [0, 1, 3, 500] {
        let found: Vec<i64> = tx
            .query("SELECT n FROM counts WHERE tenant_id = $1 AND n > 0 AND n")
            .push_in((1..=length).map(|n| n * 2))
            .push(" AND status")
            .push_in(rows.iter().map(|(status, _)| status.as_str()))
            .fetch_values()
            .await
            .unwrap();
        assert_eq!(i64::try_from(found.len()).unwrap(), length.min(500));
    }
}

async fn writers_wait_for_each_other_and_none_fails(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let mut tx = db.write(&tenant).await.unwrap();
    tx.query("INSERT INTO counts (tenant_id, project_id, kind, status, n) VALUES ($1, '', '', '', 0)")
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (db, tenant) = (db.clone(), tenant.clone());
        writers.spawn(async move {
            for _ in 0..10 {
                let mut tx = db.write(&tenant).await?;
                // Read first, then write: on SQLite this is where a deferred transaction would fail.
                let lock = tx.engine().for_update();
                let n: i64 = tx.query("SELECT n FROM counts WHERE tenant_id = $1").push(lock).fetch_value().await?;
                tx.query("UPDATE counts SET n = $2 WHERE tenant_id = $1").bind(n + 1).execute().await?;
                tx.commit().await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap().unwrap();
    }
    let mut tx = db.read(&tenant).await.unwrap();
    assert_eq!(tx.query("SELECT n FROM counts WHERE tenant_id = $1").fetch_value::<i64>().await.unwrap(), 160);
}

/// SQLite promises one picture per reading transaction; Postgres one per statement, which no page needs more than.
async fn a_reader_keeps_its_picture(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    insert(&db, &tenant, "prj_1").await.unwrap();
    let mut reader = db.read(&tenant).await.unwrap();
    let count = "SELECT COUNT(*) FROM projects WHERE tenant_id = $1";
    assert_eq!(reader.query(count).fetch_value::<i64>().await.unwrap(), 1);
    let mut writer = db.write(&tenant).await.unwrap();
    writer.query(INSERT).bind("prj_2").execute().await.unwrap();
    assert_eq!(reader.query(count).fetch_value::<i64>().await.unwrap(), 1, "nothing uncommitted is seen");
    writer.commit().await.unwrap();
    drop(reader);
    assert_eq!(ids(&db, &tenant).await.len(), 2);
}

/// A client that disconnects while BEGIN is on its way must not leave an open transaction in the pool: the next user's
/// write would be acknowledged and lost (sqlx #4385).
async fn a_caller_that_goes_away_leaves_the_pool_clean(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let mut acknowledged = Vec::new();
    for round in 0..300_u64 {
        let patience = Duration::from_micros(round * 7 % 1_500);
        let _ = tokio::time::timeout(patience, async { drop(db.write(&tenant).await) }).await;
        let id = format!("prj_{round:03}");
        insert(&db, &tenant, &id).await.unwrap();
        acknowledged.push(id);
    }
    db.close().await;
    assert_eq!(ids(&database.open().await, &tenant).await, acknowledged);
}

async fn a_database_is_there_before_its_first_migration(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open().await;
    db.ping().await.unwrap();
    db.migrate().await.unwrap();
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_that_can_be_read_no_more_is_not_there() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let db = database.open().await;
    db.ping().await.unwrap();
    let Db::Sqlite { writer, .. } = &db else { panic!("not SQLite") };
    let pages = "SELECT rootpage FROM sqlite_schema WHERE tbl_name = '_sqlx_migrations'";
    let pages: Vec<i64> = sqlx::query_scalar(pages).fetch_all(writer.pool()).await.unwrap();
    let file = database.file().unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    for page in pages {
        let begins = (usize::try_from(page).unwrap() - 1) * 4_096;
        bytes[begins..begins + 64].fill(0xff);
    }
    std::fs::write(file, bytes).unwrap();
    assert!(db.ping().await.is_err(), "answered from memory");
}

#[tokio::test]
async fn a_postgres_that_takes_no_writes_is_not_there() {
    let database = TestDatabase::create(Engine::Postgres).await;
    let set = |on: &str| {
        format!(
            "SET transaction_read_only = off;
             DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {on}', current_database()); END $$"
        )
    };
    database.run_as_owner(&set("on")).await;
    let refused = database.open().await.ping().await;
    assert!(matches!(&refused, Err(Error::Unavailable(told)) if told.contains("writes")), "{refused:?}");
    database.run_as_owner(&format!("BEGIN; {}; COMMIT", set("off"))).await;
    database.open().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_an_outage_and_loses_nothing_acknowledged() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let Db::Sqlite { writer, .. } = &db else { panic!("not SQLite") };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer.pool()).await.unwrap();
    let limit = |pages: i64| sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit(pages + 8)).execute(writer.pool()).await.unwrap();
    let mut acknowledged = Vec::new();
    let refused = loop {
        let id = format!("prj_{:04}_{}", acknowledged.len(), "x".repeat(900));
        match insert(&db, &tenant, &id).await {
            Ok(()) => acknowledged.push(id),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    assert!(!acknowledged.is_empty());
    sqlx::query(limit(pages + 800)).execute(writer.pool()).await.unwrap();
    insert(&db, &tenant, "prj_9999").await.expect("there is room again, on the same connection");
    acknowledged.push("prj_9999".to_owned());
    assert_eq!(ids(&db, &tenant).await, acknowledged);
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(writer.pool()).await.unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_database_that_is_neither_engine_is_refused_by_name() {
    let options = billfold::db::Options { url: "mysql://localhost/x".to_owned(), connections: 1 };
    let refused = Db::connect(&options).await.unwrap_err();
    assert!(refused.blames_settings(), "{refused:?}");
    let refused = refused.to_string();
    assert!(refused.contains("DATABASE_URL") && refused.contains("postgres://"), "{refused}");
}

/// Whoever keeps reading an old state holds up the log; as soon as that ends, the log ends at its bound.
#[tokio::test]
async fn a_log_that_a_reader_has_made_long_ends_with_the_reader() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let write = async |n: usize| insert(&db, &tenant, &format!("prj_{n:03}_{}", "x".repeat(1 << 20))).await.unwrap();
    let mut reader = db.read(&tenant).await.unwrap();
    let count = "SELECT COUNT(*) FROM projects WHERE tenant_id = $1";
    assert_eq!(reader.query(count).fetch_value::<i64>().await.unwrap(), 0);
    for n in 0..40 {
        write(n).await;
    }
    assert!(db.log_bytes() > Some(80 << 20), "{:?}", db.log_bytes());
    drop(reader);
    // It begins anew once all of it is copied, which goes on beside the writes.
    for n in 40..140 {
        write(n).await;
        if db.log_bytes() <= Some(64 << 20) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", db.log_bytes());
}

/// The writer copies its log by itself when that has 8,192 pages. It is copied long before, beside the writer.
#[tokio::test]
async fn the_log_is_copied_before_the_writer_has_to() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    let mut looker = SqliteConnection::connect(&database.url).await.unwrap();
    for n in 0.. {
        assert!(n < 1_000, "nothing was copied");
        insert(&db, &tenant, &format!("prj_{n}")).await.unwrap();
        let look = sqlx::query_as("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut looker);
        let (_, pages, copied): (i64, i64, i64) = look.await.unwrap();
        assert!(pages < 8_192);
        if copied > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn damage_is_found_and_a_database_that_was_left_open_is_known() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let (db, tenant) = (database.open().await, new_id::<TenantId>());
    assert!(!db.was_left_open());
    for n in 0..100 {
        insert(&db, &tenant, &format!("prj_{n:03}_{}", "x".repeat(400))).await.unwrap();
    }
    let other = database.open().await;
    assert!(other.was_left_open(), "somebody else has it");
    other.close().await;
    assert_eq!(db.damage().await.unwrap(), Vec::<String>::new());
    db.close().await;

    let file = database.file().unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let row = bytes.windows(7).rposition(|window| window == b"prj_050").expect("a row");
    let page = row / 4_096 * 4_096;
    bytes[page..page + 64].fill(0xff);
    std::fs::write(file, bytes).unwrap();
    let db = database.open().await;
    assert!(!db.was_left_open());
    let found = db.damage().await.unwrap();
    assert!(!found.is_empty(), "a broken page is not noticed");
}

/// `.cargo/config.toml` reaches the build: without it each page that is read goes through one mutex of the whole process.
#[tokio::test]
async fn sqlite_is_built_for_speed() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let db = database.open().await;
    let mut tx = db.system_read().await.unwrap();
    for (option, used) in [("ENABLE_MEMORY_MANAGEMENT", 0), ("ENABLE_API_ARMOR", 0), ("DEFAULT_MEMSTATUS=0", 1)] {
        let query = tx.query("SELECT sqlite_compileoption_used($1)").bind(option);
        assert_eq!(query.fetch_value::<i64>().await.unwrap(), used, "{option}");
    }
}
