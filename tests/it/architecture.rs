//! The rules that keep the code readable, held over the source itself: who may import whom, where SQL may stand, how long a
//! file may be. The table is the one of `src/lib.rs`.

mod source;

use source::{Source, sources, text_files};

/// What each module may import. A module that is not in the table fails the test, so a new one gets its line here.
const MAY_IMPORT: [(&str, &[&str]); 22] = [
    ("domain", &[]),
    ("clock", &[]),
    ("telemetry", &["domain"]),
    ("https", &[]),
    ("vault", &["domain"]),
    ("config", &["domain", "telemetry"]),
    ("db", &["domain", "clock", "vault", "config", "telemetry"]),
    ("store", &["domain", "db"]),
    ("stripe", &["domain", "clock", "vault", "config", "telemetry", "https"]),
    ("mail", &["domain", "clock", "vault", "config", "telemetry"]),
    ("openid", &["domain", "clock", "vault", "config", "telemetry", "https"]),
    ("app", BELOW_APP),
    ("mirror", BELOW_APP),
    ("accounts", BELOW_USE_CASES),
    ("billing", BELOW_USE_CASES),
    ("connect", BELOW_USE_CASES),
    ("sync", BELOW_USE_CASES),
    ("worker", BELOW_SURFACES),
    ("web", BELOW_SURFACES),
    ("standin", &[]),
    ("isolation", EVERYTHING_BELOW),
    ("lib", &[]),
];
const BELOW_APP: &[&str] =
    &["domain", "clock", "vault", "config", "telemetry", "db", "store", "stripe", "mail", "openid"];
const BELOW_USE_CASES: &[&str] =
    &["domain", "clock", "vault", "config", "telemetry", "db", "store", "stripe", "mail", "openid", "app", "mirror"];
const BELOW_SURFACES: &[&str] = &[
    "domain",
    "clock",
    "vault",
    "config",
    "telemetry",
    "db",
    "store",
    "stripe",
    "mail",
    "openid",
    "app",
    "mirror",
    "accounts",
    "billing",
    "connect",
    "sync",
];
const EVERYTHING_BELOW: &[&str] = &[
    "domain",
    "clock",
    "vault",
    "config",
    "telemetry",
    "db",
    "store",
    "stripe",
    "mail",
    "openid",
    "app",
    "mirror",
    "accounts",
    "billing",
    "connect",
    "sync",
    "worker",
    "web",
    "standin",
];
/// Parts of `web` that serve different people and share only what stands beside them.
const SURFACES: [&str; 5] = ["dashboard", "operator", "portal", "api", "webhooks"];

/// Longest file, in lines.
const FILE_LINES: usize = 400;
/// Longest function, in lines from brace to brace.
const FUNCTION_LINES: usize = 80;

#[test]
fn a_module_imports_only_what_stands_below_it() {
    let mut wrong = Vec::new();
    for source in library() {
        let top = source.module[0].as_str();
        let row = MAY_IMPORT.iter().find(|(module, _)| *module == top);
        let Some((_, allowed)) = row else {
            wrong.push(format!("{}: the module {top} has no line in MAY_IMPORT", source.path));
            continue;
        };
        for path in source.imports() {
            let target = path[0].as_str();
            if target != top && !allowed.contains(&target) {
                wrong.push(format!("{}: {top} may not import {}", source.path, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_surfaces_do_not_import_each_other() {
    let surface = |path: &[String]| match path {
        [web, part, ..] if web == "web" => SURFACES.into_iter().find(|surface| surface == part),
        _ => None,
    };
    let mut wrong = Vec::new();
    for source in library() {
        let Some(own) = surface(&source.module) else { continue };
        let foreign = source.imports().into_iter().filter(|path| surface(path).is_some_and(|other| other != own));
        wrong.extend(foreign.map(|path| format!("{}: {own} may not import {}", source.path, path.join("::"))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_of_the_big_libraries_is_named_in_one_place() {
    let mut wrong = Vec::new();
    for source in library() {
        let top = source.module[0].as_str();
        for name in source.external_names() {
            if name == "sqlx" && top != "db" {
                wrong.push(format!("{}: names sqlx outside a derive", source.path));
            }
            if name == "lettre" && top != "mail" {
                wrong.push(format!("{}: names lettre", source.path));
            }
            if name == "openidconnect" && top != "openid" {
                wrong.push(format!("{}: names openidconnect", source.path));
            }
            if is_async_stripe(&name) && top != "stripe" {
                wrong.push(format!("{}: names {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sql_stands_in_store_and_db_alone() {
    let mut wrong = Vec::new();
    for source in library() {
        if !matches!(source.module[0].as_str(), "store" | "db") {
            let sql = source.strings().into_iter().filter(|text| is_sql(text));
            wrong.extend(sql.map(|text| format!("{}: {text:.60}", source.path)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_and_no_function_is_long() {
    let mut wrong = Vec::new();
    for (path, text) in
        text_files(&["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets", "templates"], &["rs", "html", "svg"])
    {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            wrong.push(format!("{path} has {lines} lines"));
        }
    }
    for source in sources(&["src", "tests", "benches", "fuzz/src"]) {
        let long = source.functions().into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES);
        wrong.extend(long.map(|(name, lines)| format!("{}: {name} has {lines} lines", source.path)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_leaves_nothing_undone() {
    // Written apart, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore"), concat!("unimple", "mented!")];
    let mut wrong = Vec::new();
    for (path, text) in text_files(&["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"], &["rs"]) {
        if !text.starts_with("//! ") {
            wrong.push(format!("{path} does not begin with //!"));
        }
        let left = marks.into_iter().filter(|mark| text.contains(mark));
        wrong.extend(left.map(|mark| format!("{path} holds {mark}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The files of the library: everything below `src` but the command line, which may import all.
fn library() -> impl Iterator<Item = Source> {
    sources(&["src"]).into_iter().filter(|source| source.module[0] != "main" && source.module[0] != "cli")
}

fn is_async_stripe(name: &str) -> bool {
    let crates = ["async_stripe", "stripe_client_core", "stripe_types", "stripe_shared", "stripe_core"];
    crates.contains(&name)
        || ["stripe_billing", "stripe_product", "stripe_checkout", "stripe_misc", "stripe_connect"].contains(&name)
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "WITH ", "CREATE ", "ALTER ", "DROP ", "PRAGMA "]
        .iter()
        .any(|verb| text.starts_with(verb))
}

#[test]
fn the_rules_would_notice() {
    let source = Source::parse(
        "src/sync/apply.rs",
        "//! x\nuse crate::{domain::ids, web::{self, html}};\nuse super::inbox;\n#[derive(sqlx::FromRow)] struct R;\n\
         mod tests { use super::super::mirror; }\nfn f() { sqlx::query(\"SELECT 1\"); crate::worker::run(); super::super::store::x(); }\n",
    );
    let imports: Vec<_> = source.imports().iter().map(|path| path.join("::")).collect();
    assert_eq!(imports, ["domain::ids", "web", "sync::inbox", "sync::mirror", "worker::run", "store::x"]);
    assert!(source.external_names().iter().any(|name| name == "sqlx"));
    assert_eq!(source.strings().iter().filter(|text| is_sql(text)).count(), 1);
    assert_eq!(source.functions(), [("f".to_owned(), 1)]);
}
