//! Attempts to look or reach past the tenant's wall on Postgres, in raw SQL as the application role: what a forgotten WHERE
//! or an injected statement could do. Each row-level probe runs on every tenant table.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::catalog::Postgres;

const OURS: &str = "ten_aaaaaaaaaaaaaaaaaaaaaaaa";
const THEIRS: &str = "ten_bbbbbbbbbbbbbbbbbbbbbbbb";

/// A database in which both tenants have one row in every tenant table.
struct World {
    postgres: Postgres,
    tables: Vec<String>,
}

impl World {
    async fn make() -> Self {
        let postgres = Postgres::open().await;
        let tables = postgres.secured_tables().await;
        for table in &tables {
            for tenant in [OURS, THEIRS] {
                postgres.run(&insert(&postgres, table, tenant).await).await;
            }
        }
        Self { postgres, tables }
    }

    /// Runs `probe` in a transaction of the application role, bound to `tenant` the way `db` binds it, and rolls back.
    async fn as_tenant(&self, tenant: &str, sql: &str) -> Result<u64, String> {
        let mut tx = self.postgres.pool().begin().await.unwrap();
        sqlx::query("SELECT set_config('app.tenant_id', $1, true), set_config('role', 'billfold_app', true)")
            .bind(tenant)
            .execute(&mut *tx)
            .await
            .unwrap();
        touched(&mut tx, sql).await
    }
}

/// Rows a statement returns or changes, or the SQLSTATE it fails with.
async fn touched(connection: &mut PgConnection, sql: &str) -> Result<u64, String> {
    let statement = AssertSqlSafe(sql.to_owned());
    let code = |error: sqlx::Error| {
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .map_or_else(|| error.to_string(), std::borrow::Cow::into_owned)
    };
    if sql.starts_with("SELECT count") {
        let row = sqlx::query(statement).fetch_one(connection).await.map_err(code)?;
        return Ok(row.get::<i64, _>(0).cast_unsigned());
    }
    Ok(sqlx::query(statement).execute(connection).await.map_err(code)?.rows_affected())
}

/// A statement that inserts a row of a tenant: a value of the right type in every column.
async fn insert(postgres: &Postgres, table: &str, tenant: &str) -> String {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(postgres.pool())
    .await
    .unwrap();
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(name, kind)| match (name.as_str(), kind.as_str()) {
            ("tenant_id", _) => format!("'{tenant}'"),
            (_, "text") => "'x'".to_owned(),
            (_, "boolean") => "false".to_owned(),
            _ => "1".to_owned(),
        })
        .collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

#[tokio::test]
async fn without_a_where_only_our_own_rows_are_seen_changed_or_deleted() {
    let world = World::make().await;
    for table in &world.tables {
        let select = format!("SELECT count(*) FROM {table}");
        assert_eq!(world.as_tenant(OURS, &select).await, Ok(1), "{table}: a tenant sees its row and no other");
        assert_eq!(world.as_tenant("", &select).await, Ok(0), "{table}: no tenant, no row");
        assert_eq!(world.as_tenant("ten_nobody", &select).await, Ok(0), "{table}");
        let theirs = format!("SELECT count(*) FROM {table} WHERE tenant_id = '{THEIRS}'");
        assert_eq!(world.as_tenant(OURS, &theirs).await, Ok(0), "{table}: asking by name does not help");
        if !table.starts_with("audit_") {
            let update = format!("UPDATE {table} SET tenant_id = tenant_id");
            assert_eq!(world.as_tenant(OURS, &update).await, Ok(1), "{table}: an update changes one row");
            assert_eq!(
                world.as_tenant(OURS, &format!("DELETE FROM {table}")).await,
                Ok(1),
                "{table}: so does a delete"
            );
            assert_eq!(world.as_tenant("", &format!("DELETE FROM {table}")).await, Ok(0), "{table}");
        }
    }
}

#[tokio::test]
async fn the_function_that_searches_finds_our_own_objects_alone() {
    let world = World::make().await;
    let scope = "(SELECT scope FROM search LIMIT 1)";
    let calls = |pattern: &str| {
        let json = format!("json_build_array({pattern})::text");
        [
            format!("SELECT count(*) FROM search_ids('x', 'x', {pattern}, 100)"),
            format!("SELECT count(*) FROM search_ids('x', 'x', {scope}, {json}, '[]', 100)"),
            format!("SELECT count(*) FROM search_ids('x', 'x', '', {json}, '[]', 100)"),
            format!("SELECT count(*) FROM search_ids('x', 'x', {scope}, '[]', {json}, 100)"),
        ]
    };
    for pattern in ["'%'", "'x'", "''' OR true --'", "E'%\\n%'"] {
        for call in calls(pattern) {
            let found = world.as_tenant(OURS, &call).await;
            assert!(matches!(found, Ok(0 | 1)), "{call}: {found:?}");
        }
    }
    for call in [&calls("'%'")[..3], &calls("'x'")[1..]].concat() {
        assert_eq!(world.as_tenant(OURS, &call).await, Ok(1), "{call}");
        assert_eq!(world.as_tenant("", &call).await, Ok(0), "{call}");
        assert_eq!(world.as_tenant("ten_nobody", &call).await, Ok(0), "{call}");
    }
}

#[tokio::test]
async fn nothing_can_be_written_into_another_tenant() {
    let world = World::make().await;
    let denied = Err("42501".to_owned()); // insufficient_privilege: the policy's WITH CHECK
    for table in &world.tables {
        let foreign = insert(&world.postgres, table, THEIRS).await;
        assert_eq!(world.as_tenant(OURS, &foreign).await, denied, "{table}: insert");
        assert_eq!(world.as_tenant("", &foreign).await, denied, "{table}: insert by nobody");
        let upsert = format!("{foreign} ON CONFLICT DO NOTHING");
        assert_eq!(world.as_tenant(OURS, &upsert).await, denied, "{table}: upsert");
        let gift = format!("UPDATE {table} SET tenant_id = '{THEIRS}'");
        assert_eq!(world.as_tenant(OURS, &gift).await, denied, "{table}: moving a row over");
        // The same key in another tenant is not a conflict, so a conflict never tells of another tenant's row.
        let own = insert(&world.postgres, table, "ten_cccccccccccccccccccccccc").await;
        assert_eq!(
            world.as_tenant("ten_cccccccccccccccccccccccc", &own).await,
            Ok(1),
            "{table}: the same id elsewhere"
        );
    }
}

#[tokio::test]
async fn the_application_role_cannot_change_the_rules() {
    let world = World::make().await;
    let owner_only = ["42501"; 1];
    for table in &world.tables {
        for statement in [
            format!("TRUNCATE {table}"),
            format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
            format!("DROP POLICY tenant_isolation ON {table}"),
            format!("CREATE POLICY leak ON {table} USING (true)"),
            format!(
                "CREATE TRIGGER leak BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            format!("DROP TABLE {table}"),
        ] {
            let answer = world.as_tenant(OURS, &statement).await;
            assert!(matches!(&answer, Err(code) if owner_only.contains(&code.as_str())), "{statement}: {answer:?}");
        }
    }
    for statement in [
        "CREATE TABLE public.leak (tenant_id text)",
        "CREATE VIEW public.leak AS SELECT * FROM customers",
        "CREATE MATERIALIZED VIEW public.leak AS SELECT * FROM customers",
        "CREATE FUNCTION public.leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM customers'",
        "CREATE ROLE leak",
        "COPY customers TO PROGRAM 'cat'",
        "UPDATE audit_log SET action = 'nothing'",
        "UPDATE audit_details SET sealed = 'nothing'",
    ] {
        assert_eq!(world.as_tenant(OURS, statement).await, Err("42501".to_owned()), "{statement}");
    }
    // a tenant that is erased takes its log with it; before that a trigger keeps every row
    for statement in ["DELETE FROM audit_log", "DELETE FROM audit_heads"] {
        assert_eq!(world.as_tenant(OURS, statement).await, Err("P0001".to_owned()), "{statement}");
    }
}

#[tokio::test]
async fn switching_row_security_off_is_an_error_and_not_a_way_past_it() {
    let world = World::make().await;
    let mut tx = world.postgres.pool().begin().await.unwrap();
    sqlx::query("SELECT set_config('app.tenant_id', $1, true), set_config('role', 'billfold_app', true)")
        .bind(OURS)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("SET LOCAL row_security = off").execute(&mut *tx).await.unwrap();
    assert_eq!(touched(&mut tx, "SELECT count(*) FROM customers").await, Err("42501".to_owned()));
}

#[tokio::test]
async fn the_tenant_ends_with_its_transaction() {
    let world = World::make().await;
    let mut connection = world.postgres.pool().acquire().await.unwrap();
    for end in ["COMMIT", "ROLLBACK"] {
        sqlx::query("BEGIN").execute(&mut *connection).await.unwrap();
        sqlx::query("SELECT set_config('app.tenant_id', $1, true), set_config('role', 'billfold_app', true)")
            .bind(OURS)
            .execute(&mut *connection)
            .await
            .unwrap();
        sqlx::query(AssertSqlSafe(end)).execute(&mut *connection).await.unwrap();
        let left: (String, String) =
            sqlx::query_as("SELECT COALESCE(current_setting('app.tenant_id', true), ''), current_user::text")
                .fetch_one(&mut *connection)
                .await
                .unwrap();
        assert_eq!(left, (String::new(), "postgres".to_owned()), "after {end}");
    }
}
