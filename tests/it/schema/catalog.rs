//! What the engines say about their own schema.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::harness::{Engine, TestDatabase};

/// A table's column by `(table, column)`.
pub type Columns = BTreeMap<(String, String), Column>;

/// What both engines can say about a column in the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `text`, `integer` or `bytes`.
    pub holds: &'static str,
    /// Whether NULL may stand in it.
    pub nullable: bool,
}

/// A primary key, unique constraint or index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The table.
    pub table: String,
    /// Whether it is unique.
    pub unique: bool,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// A migrated SQLite database.
pub struct Sqlite {
    pool: SqlitePool,
    _database: TestDatabase,
}

impl Sqlite {
    /// Makes one.
    pub async fn open() -> Self {
        let database = TestDatabase::create(Engine::Sqlite).await;
        Self { pool: SqlitePool::connect(&database.url).await.unwrap(), _database: database }
    }

    /// Tables and the statements that made them, without the search index and its own tables.
    pub async fn definitions(&self) -> Vec<(String, String)> {
        let all = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                   AND name NOT LIKE 'search_index%' AND name <> '_sqlx_migrations' ORDER BY name";
        sqlx::query_as(all).fetch_all(&self.pool).await.unwrap()
    }

    /// Every column.
    pub async fn columns(&self) -> Columns {
        let mut columns = Columns::new();
        for (table, _) in self.definitions().await {
            let rows: Vec<(String, String, bool)> =
                sqlx::query_as("SELECT name, type, \"notnull\" FROM pragma_table_info($1)")
                    .bind(&table)
                    .fetch_all(&self.pool)
                    .await
                    .unwrap();
            for (column, kind, not_null) in rows {
                let holds = match kind.as_str() {
                    "TEXT" => "text",
                    "INTEGER" => "integer",
                    "BLOB" => "bytes",
                    other => panic!("{table}.{column} is {other}"),
                };
                columns.insert((table.clone(), column), Column { holds, nullable: !not_null });
            }
        }
        columns
    }

    /// Every key and index.
    pub async fn keys(&self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        for (table, _) in self.definitions().await {
            let indexes: Vec<(String, bool)> = sqlx::query_as("SELECT name, \"unique\" FROM pragma_index_list($1)")
                .bind(&table)
                .fetch_all(&self.pool)
                .await
                .unwrap();
            for (index, unique) in indexes {
                keys.insert(Key { table: table.clone(), unique, columns: self.index_columns(&index).await });
            }
            // A primary key of one integer is the table itself and has no index of its own.
            let primary: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1) WHERE pk > 0")
                .bind(&table)
                .fetch_all(&self.pool)
                .await
                .unwrap();
            if primary.len() == 1 {
                keys.insert(Key { table: table.clone(), unique: true, columns: primary });
            }
        }
        keys
    }

    async fn index_columns(&self, index: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT name FROM pragma_index_info($1) ORDER BY seqno")
            .bind(index)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }
}

/// A migrated Postgres database, seen by its superuser.
pub struct Postgres {
    pool: PgPool,
    /// The database itself.
    pub database: TestDatabase,
}

/// A policy as the catalog shows it.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Policy {
    name: String,
    permissive: bool,
    commands: String,
    using: Option<String>,
    check: Option<String>,
}

impl Policy {
    /// The one policy of every tenant table.
    pub fn of_tenants() -> Self {
        let condition = "(tenant_id = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))".to_owned();
        Self {
            name: "tenant_isolation".to_owned(),
            permissive: true,
            commands: "*".to_owned(),
            using: Some(condition.clone()),
            check: Some(condition),
        }
    }
}

impl Postgres {
    /// Makes one.
    pub async fn open() -> Self {
        let database = TestDatabase::create(Engine::Postgres).await;
        Self { pool: PgPool::connect(&database.url).await.unwrap(), database }
    }

    /// The pool of superuser's connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs a statement.
    pub async fn run(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap();
    }

    /// The name of the database.
    pub async fn database_name(&self) -> String {
        self.one("SELECT current_database()::text").await.remove(0)
    }

    async fn one(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap()
    }

    /// Every table.
    pub async fn tables(&self) -> Vec<String> {
        self.one("SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1")
            .await
    }

    /// Tables whose row-level security is enabled and forced.
    pub async fn secured_tables(&self) -> Vec<String> {
        self.one(
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
             AND relrowsecurity AND relforcerowsecurity ORDER BY 1",
        )
        .await
    }

    /// Every column, without the migrator's table.
    pub async fn columns(&self) -> Columns {
        let rows: Vec<(String, String, String, bool)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES'
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let column = |table: &str, column: &str, kind: &str| match kind {
            "text" => "text",
            "bigint" | "boolean" | "integer" => "integer",
            "bytea" => "bytes",
            other => panic!("{table}.{column} is {other}"),
        };
        rows.into_iter()
            .map(|(table, name, kind, nullable)| {
                let holds = column(&table, &name, &kind);
                ((table, name), Column { holds, nullable })
            })
            .collect()
    }

    /// Columns that are true or false.
    pub async fn flags(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND data_type = 'boolean'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Text columns that do not sort by bytes.
    pub async fn collations_other_than_c(&self) -> Vec<String> {
        self.one(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND data_type = 'text'
             AND collation_name IS DISTINCT FROM 'C'",
        )
        .await
    }

    /// Every key and B-tree index.
    pub async fn keys(&self) -> BTreeSet<Key> {
        let rows: Vec<(String, bool, Vec<String>)> = sqlx::query_as(
            "SELECT t.relname::text, x.indisunique,
               ARRAY(SELECT a.attname::text FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k(n, place)
                     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n ORDER BY k.place)
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
             JOIN pg_am m ON m.oid = i.relam
             WHERE t.relnamespace = 'public'::regnamespace AND m.amname = 'btree' AND t.relname <> '_sqlx_migrations'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().map(|(table, unique, columns)| Key { table, unique, columns }).collect()
    }

    /// Foreign keys with their first column.
    pub async fn foreign_keys(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT c.conname::text, a.attname::text FROM pg_constraint c
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// The policies of a table that hold for the application role.
    pub async fn policies(&self, table: &str) -> Vec<Policy> {
        sqlx::query_as(
            "SELECT polname::text AS name, polpermissive AS permissive, polcmd::text AS commands,
               pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check
             FROM pg_policy WHERE polrelid = $1::regclass
             AND polroles && ARRAY[0, (SELECT oid FROM pg_roles WHERE rolname = 'billfold_app')]::oid[]",
        )
        .bind(table)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Whether the application role is a superuser, passes policies by, makes databases or roles, logs in, replicates.
    pub async fn role_powers(&self) -> [bool; 6] {
        let (superuser, bypasses, databases, roles, logs_in, replicates) = sqlx::query_as(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication
             FROM pg_roles WHERE rolname = 'billfold_app'",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        [superuser, bypasses, databases, roles, logs_in, replicates]
    }

    /// Roles that the application role is a member of.
    pub async fn roles_above(&self) -> Vec<String> {
        self.one("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'billfold_app'::regrole").await
    }

    /// Objects that the application role owns in this database.
    pub async fn owned_by_app(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM pg_class WHERE relowner = 'billfold_app'::regrole")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// What the application role may do with each table.
    pub async fn privileges(&self) -> Vec<(String, Vec<String>)> {
        sqlx::query_as(
            "SELECT c.relname::text, ARRAY(
               SELECT p FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) p
               WHERE has_table_privilege('billfold_app', c.oid, p) ORDER BY p)
             FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Views and materialized views.
    pub async fn views(&self) -> Vec<String> {
        self.one(
            "SELECT relname::text FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace",
        )
        .await
    }

    /// Functions that run with their owner's power, with the settings they pin and whether everybody may call them.
    pub async fn definer_functions(&self) -> Vec<(String, Vec<String>, bool)> {
        sqlx::query_as(
            "SELECT proname::text, COALESCE(proconfig, '{}')::text[], has_function_privilege('public', oid, 'EXECUTE')
             FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}
