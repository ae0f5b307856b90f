//! The two engines behind `db`: transactions, isolation, contention, errors.

use billfold::{db::Error, domain::ids::TenantId, vault::new_id};

use crate::harness::{Engine, TestDatabase, both_engines};

both_engines!(a_transaction_that_is_not_committed_leaves_nothing);

async fn a_transaction_that_is_not_committed_leaves_nothing(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let db = database.open().await;
    let tenant: TenantId = new_id();
    let insert = "INSERT INTO projects (tenant_id, id, name, created) VALUES ($1, $2, 'Production', 0)";
    let mut dropped = db.write(&tenant).await.unwrap();
    dropped.query(insert).bind("prj_1").execute().await.unwrap();
    drop(dropped);
    let mut tx = db.write(&tenant).await.unwrap();
    tx.query(insert).bind("prj_2").execute().await.unwrap();
    let conflict = tx.query(insert).bind("prj_2").execute().await;
    assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    drop(tx);
    let mut tx = db.write(&tenant).await.unwrap();
    tx.query(insert).bind("prj_3").execute().await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.read(&tenant).await.unwrap();
    let ids: Vec<String> = tx.query("SELECT id FROM projects WHERE tenant_id = $1").fetch_values().await.unwrap();
    assert_eq!(ids, ["prj_3"]);
}
