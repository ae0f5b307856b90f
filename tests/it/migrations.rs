//! Two versions on one database: what a newer one has only added does not disturb an older one, what it takes away keeps the older one
//! out, and no migration takes something away without saying so. The rules stand in `migrations/README.md`.

use std::path::Path;

use crate::harness::{
    Engine, TestDatabase, Verdict, both_engines,
    process::{Ground, billfold, free_port},
};

both_engines!(a_program_works_on_what_a_newer_one_has_added_until_something_is_taken_away);

/// What a newer version does at its start.
async fn migrate_as_a_newer_one(database: &TestDatabase) {
    let checksum = match database.engine {
        Engine::Sqlite => "x'00'",
        Engine::Postgres => r"'\x00'",
    };
    database
        .run_as_owner(
            &format!(
                "ALTER TABLE customers ADD COLUMN colour TEXT;
             ALTER TABLE webhook_events ADD COLUMN tries_elsewhere BIGINT NOT NULL DEFAULT 0;
             CREATE TABLE colours (tenant_id TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tenant_id, id));
             CREATE INDEX customers_colour ON customers (tenant_id, project_id, colour);
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               VALUES (9001, 'colours', TRUE, {checksum}, 0)"
            )
            .replace("BIGINT", if database.engine == Engine::Sqlite { "INTEGER" } else { "BIGINT" }),
        )
        .await;
}

async fn a_program_works_on_what_a_newer_one_has_added_until_something_is_taken_away(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(20).await;
    let older = ground.serve().await;
    ground.wait_until_idle().await;
    account.mutate(60);
    migrate_as_a_newer_one(&ground.database).await;
    account.mutate(60);
    ground.wait_until_idle().await;
    // It is started again as well: on SQLite in the place of the other, on Postgres beside it.
    let bind = format!("127.0.0.1:{}", free_port());
    let again = match engine {
        Engine::Sqlite => {
            older.kill().await;
            vec![ground.serve().await]
        }
        Engine::Postgres => vec![older, ground.serve_with(&[("BILLFOLD_BIND", &bind)]).await],
    };
    account.mutate(60);
    ground.wait_until_idle().await;
    let verdict = Verdict::of(&ground, &ground.tenant, &account).await;
    verdict.expect_exact();
    assert!(verdict.events > 100, "{}", verdict.events);
    for process in again {
        process.kill().await;
    }

    ground.database.run_as_owner("UPDATE instance SET contract_floor = 9001").await;
    for command in ["serve", "check", "migrate"] {
        let output = billfold(&[command]).envs(ground.settings.iter().cloned()).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("schema 9001") && said.contains("Start the newer one"), "{command}: {said}");
    }
}

/// Migrations up to this one were made when there was one version.
const BEFORE_THE_RULE: i64 = 24;

/// What a migration takes away from a program that does not know it.
fn takes_away(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let statements = code.join("\n");
    let all: Vec<String> =
        statements.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let strict = |statement: &str| {
        let upper = statement.to_uppercase();
        let adds = upper.contains(" ADD COLUMN ") && upper.contains(" NOT NULL") && !upper.contains(" DEFAULT ");
        let words: Vec<&str> = upper.split(' ').collect();
        let altered = upper.contains("ALTER COLUMN ") && (words.contains(&"TYPE") || upper.contains("SET NOT NULL"));
        let own = function(&upper, "ON FUNCTION ").is_some_and(|revoked| {
            all.iter().any(|other| function(&other.to_uppercase(), "CREATE FUNCTION ").as_ref() == Some(&revoked))
        });
        let revoked = words.first() == Some(&"REVOKE") && !own;
        let gone = words.contains(&"DROP") && !upper.contains("DROP NOT NULL") && !upper.contains("DROP DEFAULT");
        let replaced = upper.strip_prefix("DROP INDEX ").is_some_and(|index| {
            all.iter().any(|other| other.to_uppercase().starts_with(&format!("CREATE INDEX {index} ")))
        });
        let bound = upper.contains(" ADD CONSTRAINT ") || upper.starts_with("CREATE UNIQUE INDEX ");
        adds || altered || revoked || (gone && !replaced) || bound || words.contains(&"RENAME")
    };
    all.iter().filter(|statement| strict(statement)).cloned().collect()
}

/// Name and number of arguments of the function behind some words of a statement.
fn function(statement: &str, behind: &str) -> Option<(String, usize)> {
    let (name, rest) = statement.split_once(behind)?.1.split_once('(')?;
    Some((name.to_owned(), rest.split_once(')')?.0.split(',').count()))
}

/// Why a migration would break an older program beside it; none when it does not, or says so.
fn broken_rule(sql: &str) -> Option<String> {
    let taken = takes_away(sql);
    let says = sql.lines().any(|line| line.starts_with("-- contract: ")) && sql.contains("SET contract_floor = ");
    (!taken.is_empty() && !says).then(|| taken.join("; "))
}

#[test]
fn no_migration_takes_something_away_without_saying_so() {
    let (mut wrong, mut numbers) = (Vec::new(), Vec::new());
    for engine in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let number: i64 = name.split('_').next().unwrap().parse().unwrap();
            numbers.push(number);
            if number > BEFORE_THE_RULE
                && let Some(taken) = broken_rule(&std::fs::read_to_string(&file).unwrap())
            {
                wrong.push(format!("{engine}/{name}: {taken}"));
            }
        }
    }
    assert!(numbers.contains(&BEFORE_THE_RULE));
    assert!(wrong.is_empty(), "see migrations/README.md: {wrong:#?}");
}

#[test]
fn the_rule_would_notice() {
    for taking in [
        "ALTER TABLE a DROP COLUMN b;",
        "DROP TABLE a;",
        "DROP INDEX a_b;",
        "ALTER TABLE a RENAME COLUMN b TO c;",
        "ALTER TABLE a ALTER COLUMN b TYPE BIGINT;",
        "ALTER TABLE a ALTER COLUMN b SET NOT NULL;",
        "ALTER TABLE a ADD COLUMN b TEXT COLLATE \"C\" NOT NULL;",
        "CREATE UNIQUE INDEX a_b ON a (b);",
        "REVOKE UPDATE ON a FROM billfold_app;",
        "CREATE FUNCTION a(b text) RETURNS text;\nREVOKE EXECUTE ON FUNCTION a(text, text) FROM PUBLIC;",
    ] {
        assert!(broken_rule(taking).is_some(), "{taking}");
        let said =
            format!("-- contract: nobody reads it since schema 40\nUPDATE instance SET contract_floor = 40;\n{taking}");
        assert_eq!(broken_rule(&said), None, "{taking}");
    }
    for adding in [
        "-- nothing that we DROP\nCREATE TABLE a (b TEXT NOT NULL);",
        "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0;",
        "ALTER TABLE a ADD COLUMN b TEXT;",
        "CREATE INDEX a_b ON a (b);",
        "DROP INDEX a_b;\nCREATE INDEX a_b ON a (b, c);",
        "ALTER TABLE a ALTER COLUMN b DROP NOT NULL;",
        "CREATE FUNCTION a(b text) RETURNS text;\nREVOKE EXECUTE ON FUNCTION a(text) FROM PUBLIC;",
    ] {
        assert_eq!(broken_rule(adding), None, "{adding}");
    }
}
