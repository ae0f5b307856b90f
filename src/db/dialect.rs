//! Where the engines truly differ. Each exception has its reason; everything else is one text.

use super::Engine;

impl Engine {
    /// Queue claims: Postgres workers must step over rows that another worker is claiming, or they would wait for it and
    /// come back empty. SQLite has one writer, so there is nobody to step over.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// A row that serialises writers: on SQLite `BEGIN IMMEDIATE` already did.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// After `INSERT` or `UPDATE`: what a statement has changed before it fails need not be undone, because whoever meets the error drops the
    /// transaction. SQLite keeps a copy of every page that a statement of many rows touches, so that it could undo that alone; on
    /// Postgres it costs nothing.
    pub fn or_fail(self) -> &'static str {
        match self {
            Self::Sqlite => " OR FAIL",
            Self::Postgres => "",
        }
    }

    /// Unix microseconds by the database's own clock, read anew by each use: what several machines agree on must not hang on how
    /// well their clocks agree.
    pub fn now_micros(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// Finds the ids of what contains every word: FTS5's trigram index on SQLite, `pg_trgm` on Postgres. `$2` is the project, `$3` the kind,
    /// `$4` to `$6` are made by [`Engine::search_values`], `$7` is how many ids at most.
    ///
    /// Either index reads what it has of each three letters that it is asked for, and of the scope that narrows it to one kind in one
    /// project. SQLite leaves the scope out where fewer than a thousand rows of the whole database have the pieces, Postgres where at least
    /// half of the table's rows, as the planner knows it, are the project's objects of the kind.
    ///
    /// On Postgres the index is reached through a function: under row-level security the planner may not use `LIKE`, which
    /// is not leakproof, as an index condition. The function names the tenant itself.
    pub fn search(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT search.id FROM search_index CROSS JOIN search ON search.row = search_index.rowid
                 WHERE search_index MATCH CASE
                     WHEN $4 <> '' AND (SELECT COUNT(*) FROM (SELECT 1 FROM search_index WHERE search_index MATCH $4 LIMIT 1000)) < 1000
                     THEN $4 ELSE $5 END
                   AND search.tenant_id = $1 AND search.project_id = $2 AND search.kind = $3
                   AND NOT EXISTS (SELECT 1 FROM json_each($6) WHERE instr(search.words, value) = 0)
                 ORDER BY search_index.rowid DESC LIMIT $7"
            }
            Self::Postgres => {
                "SELECT found.id FROM
                   (SELECT CASE WHEN SUM(n) * 2 >= (SELECT NULLIF(reltuples, -1) FROM pg_class WHERE oid = 'search'::REGCLASS)
                                THEN '' ELSE $5 END AS scope
                    FROM counts WHERE tenant_id = $1 AND project_id = $2 AND kind = $3) AS narrowed,
                   LATERAL search_ids($2, $3, narrowed.scope, $4, $6, $7) AS found (id)"
            }
        }
    }

    /// What [`Engine::search`] binds: how the index is asked for the pieces, how it is narrowed, and the words as a JSON array. Without
    /// pieces it is asked for the words.
    pub fn search_values(self, scope: &str, pieces: &[&str], words: &[String]) -> [String; 3] {
        let wanted = serde_json::Value::from(words).to_string();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match self {
            Self::Sqlite => {
                let quoted = |text: &&str| format!("words : \"{}\"", text.replace('"', "\"\""));
                let all = |texts: &[&str]| texts.iter().map(quoted).collect::<Vec<_>>().join(" AND ");
                [all(pieces), format!("scope : \"{scope}\" AND {}", all(&words)), wanted]
            }
            Self::Postgres => {
                let escape = |text: &str| text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                let asked = if pieces.is_empty() { &words } else { pieces };
                let patterns: Vec<_> = asked.iter().map(|text| format!("%{}%", escape(text))).collect();
                [serde_json::Value::from(patterns).to_string(), scope.to_owned(), wanted]
            }
        }
    }

    /// Answers 1 where migrations were applied before: each engine has a catalogue of its own.
    pub fn finds_migrations(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Self::Postgres => "SELECT CAST(1 AS BIGINT) WHERE to_regclass('_sqlx_migrations') IS NOT NULL",
        }
    }

    /// Names of the tables with a column `tenant_id`: each engine has a catalogue of its own.
    pub fn tables_that_name_a_tenant(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant_id' WHERE m.type = 'table' ORDER BY m.name"
            }
            Self::Postgres => {
                "SELECT table_name::TEXT FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'tenant_id' ORDER BY 1"
            }
        }
    }

    /// For the table `$1`, an expression that holds everything of a row as text, for [`Engine::fingerprint`]: Postgres can write a row as
    /// text, SQLite needs the columns.
    pub fn columns_as_text(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT group_concat('quote(\"' || name || '\")', ' || ') FROM pragma_table_info($1)",
            Self::Postgres => "SELECT 'all of ' || CAST($1 AS TEXT)",
        }
    }

    /// How many rows tenant `$1` has in a table, and a text that differs when anything in them does. `line` is what
    /// [`Engine::columns_as_text`] gave.
    pub fn fingerprint(self, table: &str, line: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "SELECT COUNT(*), COALESCE(group_concat(line, ' '), '') FROM (SELECT {line} AS line FROM {table} WHERE tenant_id = $1 ORDER BY 1)"
            ),
            Self::Postgres => format!(
                "SELECT COUNT(*), COALESCE(md5(string_agg(t::TEXT, ' ' ORDER BY t::TEXT)), '') FROM {table} t WHERE tenant_id = $1"
            ),
        }
    }

    /// Sentences about everything in the catalogue that row-level security does not hold for the present role; what follows is
    /// `IN` with the system's tables. Only Postgres has any of it.
    pub fn beyond_row_level_security(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT 'the role ' || rolname || ' stands above every policy' FROM pg_roles
                   WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
                 UNION ALL SELECT 'the materialized view ' || relname || ' knows no policy' FROM pg_class
                   WHERE relkind = 'm' AND relnamespace = current_schema()::REGNAMESPACE
                 UNION ALL SELECT 'the view ' || relname || ' shows what its owner may see' FROM pg_class
                   WHERE relkind = 'v' AND relnamespace = current_schema()::REGNAMESPACE
                     AND COALESCE(reloptions::TEXT, '') NOT LIKE '%security_invoker=true%'
                 UNION ALL SELECT 'the function ' || proname || ' does what its owner may do' FROM pg_proc
                   WHERE prosecdef AND pronamespace = current_schema()::REGNAMESPACE AND proname <> 'search_ids'
                 UNION ALL SELECT tablename || ' has the further policy ' || policyname FROM pg_policies
                   WHERE schemaname = current_schema() AND policyname NOT IN ('tenant_isolation', 'search_ids')
                 UNION ALL SELECT c.relname || ' has no forced row-level security' FROM pg_class c
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                   WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::REGNAMESPACE
                     AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND NOT c.relname::TEXT",
            ),
        }
    }
}
