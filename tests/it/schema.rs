//! The schema: one design on both engines, and on Postgres a second wall between tenants that holds without a WHERE.

mod catalog;
mod probes;

use std::collections::{BTreeMap, BTreeSet};

use billfold::{
    db::Error,
    store::{erasure, throwaways::SHARED},
};

use crate::harness::{Engine, TestDatabase, both_engines};
use catalog::{Postgres, Sqlite};

/// Tables without a tenant's data: people, routes by hash, the queue's ids. Everything else is a tenant's.
const SYSTEM: [&str; 23] = [
    "account_routes",
    "api_keys",
    "instance",
    "invitations",
    "jobs",
    "login_failures",
    "members",
    "operator_log",
    "openid_identities",
    "passkeys",
    "password_resets",
    "plan_prices",
    "plans",
    "portal_links",
    "portal_logos",
    "portal_sessions",
    "recovery_codes",
    "second_factors",
    "sessions",
    "stripe_turns",
    "tenants",
    "users",
    "webhook_routes",
];
/// Columns that only one engine needs, each with its reason in the migration.
const ONLY_SQLITE: [(&str, &str); 1] = [("search", "row")];

both_engines!(migrations_run_again_without_a_change);

async fn migrations_run_again_without_a_change(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let db = database.open().await;
    let mut twice = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let db = db.clone();
        twice.spawn(async move { db.migrate().await });
    }
    while let Some(done) = twice.join_next().await {
        done.unwrap().unwrap();
    }
    db.check().await.unwrap();
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_types() {
    let (sqlite, postgres) = (Sqlite::open().await, Postgres::open().await);
    let mut left = sqlite.columns().await;
    for (table, column) in ONLY_SQLITE {
        assert!(
            left.remove(&(table.to_owned(), column.to_owned())).is_some(),
            "{table}.{column} is not there any more"
        );
    }
    let right = postgres.columns().await;
    let only = |one: &BTreeMap<_, _>, other: &BTreeMap<_, _>| -> Vec<_> {
        one.iter()
            .filter(|(name, column)| other.get(*name) != Some(*column))
            .map(|(n, c)| format!("{n:?} {c:?}"))
            .collect()
    };
    assert_eq!(only(&left, &right), only(&right, &left), "left: SQLite, right: Postgres");
    assert!(left.len() > 200, "the catalog query finds {} columns", left.len());
}

#[tokio::test]
async fn both_engines_have_the_same_keys_and_indexes() {
    let (sqlite, postgres) = (Sqlite::open().await, Postgres::open().await);
    let (left, right) = (sqlite.keys().await, postgres.keys().await);
    // The primary key of `search` is its row on SQLite; what stands in its place is the unique key.
    let differing: Vec<_> = left.symmetric_difference(&right).filter(|key| key.table != "search").collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

#[tokio::test]
async fn every_sqlite_table_is_strict_and_every_flag_is_zero_or_one() {
    let sqlite = Sqlite::open().await;
    for (table, sql) in sqlite.definitions().await {
        assert!(sql.trim_end().ends_with("STRICT"), "{table} is not STRICT");
    }
    let flags = Postgres::open().await.flags().await;
    assert!(!flags.is_empty());
    let definitions: BTreeMap<_, _> = sqlite.definitions().await.into_iter().collect();
    for (table, column) in flags {
        let check = format!("{column} INTEGER NOT NULL CHECK ({column} IN (0, 1))");
        assert!(definitions[&table].contains(&check), "{table}.{column} takes other numbers on SQLite");
    }
}

#[tokio::test]
async fn every_text_on_postgres_sorts_like_sqlite() {
    let wrong = Postgres::open().await.collations_other_than_c().await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn every_table_belongs_to_tenants_or_is_on_the_list() {
    let postgres = Postgres::open().await;
    let columns = postgres.columns().await;
    let naming =
        SYSTEM.into_iter().filter(|table| columns.contains_key(&((*table).to_owned(), "tenant_id".to_owned())));
    assert_eq!(naming.collect::<Vec<_>>(), SHARED, "the isolation self-test expects a wall around every other table");
    let secured: BTreeSet<String> = postgres.secured_tables().await.into_iter().collect();
    let system: BTreeSet<String> = SYSTEM.into_iter().map(str::to_owned).collect();
    let all: BTreeSet<String> =
        postgres.tables().await.into_iter().filter(|table| table != "_sqlx_migrations").collect();
    assert_eq!(secured.union(&system).cloned().collect::<BTreeSet<_>>(), all, "a table without row-level security");
    assert!(secured.is_disjoint(&system));
    for table in &secured {
        assert_eq!(postgres.policies(table).await, [catalog::Policy::of_tenants()], "{table}");
    }
}

#[tokio::test]
async fn whatever_belongs_to_a_tenant_is_erased_with_it() {
    let sqlite = Sqlite::open().await;
    let columns = sqlite.columns().await;
    let of_tenants: BTreeSet<&str> =
        columns.keys().filter(|(_, column)| column == "tenant_id").map(|(table, _)| table.as_str()).collect();
    let erased: BTreeSet<&str> = erasure::TABLES.into_iter().map(|(table, _)| table).chain(["jobs"]).collect();
    assert_eq!(of_tenants, erased);
}

#[tokio::test]
async fn every_key_of_a_tenants_table_starts_with_the_tenant() {
    let postgres = Postgres::open().await;
    let secured = postgres.secured_tables().await;
    for key in postgres.keys().await.into_iter().filter(|key| secured.contains(&key.table)) {
        assert_eq!(key.columns[0], "tenant_id", "{key:?}");
    }
    for (constraint, first) in postgres.foreign_keys().await {
        assert_eq!(first, "tenant_id", "{constraint}");
    }
}

#[tokio::test]
async fn the_application_role_can_do_its_work_and_nothing_else() {
    let postgres = Postgres::open().await;
    assert_eq!(postgres.role_powers().await, [false; 6], "super, bypassrls, createdb, createrole, login, replication");
    assert_eq!(postgres.roles_above().await, Vec::<String>::new(), "billfold_app is a member of something");
    assert_eq!(postgres.owned_by_app().await, 0, "billfold_app owns something");
    for (table, privileges) in postgres.privileges().await {
        let allowed: &[&str] = match table.as_str() {
            "_sqlx_migrations" => &[],
            "operator_log" => &["INSERT", "SELECT"],
            "audit_log" | "audit_details" => &["DELETE", "INSERT", "SELECT"],
            _ => &["DELETE", "INSERT", "SELECT", "UPDATE"],
        };
        assert_eq!(privileges, allowed, "{table}");
    }
}

#[tokio::test]
async fn nothing_looks_past_the_policies() {
    let postgres = Postgres::open().await;
    assert_eq!(postgres.views().await, Vec::<String>::new());
    // The one exception, with its reason in the migrations, and again as older programs call it; `probes` tries to see another tenant by both.
    let search = || ("search_ids".to_owned(), vec!["search_path=pg_catalog, public".to_owned()], false);
    assert_eq!(postgres.definer_functions().await, [search(), search()]);
}

#[tokio::test]
async fn a_start_refuses_a_server_that_may_lose_an_acknowledgement() {
    let postgres = Postgres::open().await;
    let name = postgres.database_name().await;
    postgres.run(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
    let refused = postgres.database.open().await.check().await;
    let Err(Error::Refused(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("synchronous_commit=off"), "{reason}");
}

#[tokio::test]
async fn a_start_refuses_a_database_whose_wall_has_a_gap() {
    for gap in ["CREATE POLICY leak ON projects USING (true)", "ALTER TABLE projects DISABLE ROW LEVEL SECURITY"] {
        let postgres = Postgres::open().await;
        postgres.run(gap).await;
        let refused = postgres.database.open().await.check().await;
        let Err(Error::Refused(reason)) = refused else { panic!("{gap}: {refused:?}") };
        assert!(reason.contains("row-level security"), "{reason}");
    }
}
