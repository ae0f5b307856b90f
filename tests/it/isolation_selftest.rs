//! The isolation self-test on each engine, and on Postgres without row-level security: each wall holds alone. And with holes made on
//! purpose: the test can fail.

use axum::{Router, extract::State, routing::get};
use billfold::{
    app::App,
    clock::Clock,
    domain::ids::TenantId,
    isolation::{self, Report, Surface},
    telemetry,
    web::extract::Path,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::harness::{Engine, Site, both_engines};

both_engines!(every_wall_holds_and_nothing_is_left, what_breaks_off_is_removed_too);

async fn site(engine: Engine) -> Site {
    Site::start_with(engine, Clock::system(), &["--api-rate", "1000000", "--api-tenant-rate", "1000000"]).await
}

fn surface(site: &Site) -> Surface {
    Surface::of(&site.app, telemetry::unused_metrics()).unwrap()
}

/// The lines that concern pages, forms and the API: the application's own wall.
fn of_the_application(report: &Report) -> impl Iterator<Item = &isolation::Line> {
    report.lines.iter().filter(|line| !line.what.starts_with("SQL"))
}

async fn every_wall_holds_and_nothing_is_left(engine: Engine) {
    let site = site(engine).await;
    let tenant = site.tenant().await; // somebody who lives there stays
    let report = isolation::run(&site.app, &site.stripe, surface(&site)).await.unwrap();
    assert!(report.holds(), "{:#?}", report.lines);
    assert!(report.left.is_empty(), "{:?}: {:?}", report.left, audited(&site.app).await);
    let tried = |what: &str| report.lines.iter().find(|line| line.what.starts_with(what)).unwrap().tried;
    assert!(tried("pages and forms, by the address") > 2_000, "{}", tried("pages and forms, by the address"));
    assert!(tried("links") > 80 && tried("forms") > 40, "{:#?}", report.lines);
    assert!(tried("API, by the path") > 500 && tried("API, by query") > 300 && tried("API, by the body") > 150);
    let in_sql: usize = report.lines.iter().filter(|line| line.what.starts_with("SQL")).map(|line| line.tried).sum();
    match engine {
        Engine::Sqlite => assert_eq!(in_sql, 0),
        Engine::Postgres => assert!(in_sql > 100, "{in_sql}"),
    }
    assert_eq!(rows(&site.app).await, [("members", 1), ("sessions", 0), ("tenants", 1), ("users", 1)]);
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let projects: i64 = tx.query("SELECT COUNT(*) FROM projects WHERE tenant_id = $1").fetch_value().await.unwrap();
    assert_eq!(projects, 1);
}

/// What the audit logs tell of the throw-away businesses: nothing, where none of them has done anything.
async fn audited(app: &App) -> Vec<(String, String)> {
    let mut tx = app.db.system_read().await.unwrap();
    tx.query("SELECT action, target FROM audit_log").fetch_all().await.unwrap()
}

/// How many rows there are of whatever tenant.
async fn rows(app: &App) -> Vec<(&'static str, i64)> {
    let mut counted = Vec::new();
    for table in ["members", "sessions", "tenants", "users"] {
        let mut tx = app.db.system_read().await.unwrap();
        counted.push((table, tx.query(format!("SELECT COUNT(*) FROM {table}")).fetch_value().await.unwrap()));
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_row_level_security_the_application_holds_alone_and_the_test_says_what_does_not() {
    let site = site(Engine::Postgres).await;
    let mut admin = PgConnection::connect(&site.app.config.database_url).await.unwrap();
    let secured: Vec<String> = sqlx::query_scalar("SELECT relname::TEXT FROM pg_class WHERE relrowsecurity")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert!(secured.len() > 20);
    for table in secured {
        let off = format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY");
        sqlx::query(AssertSqlSafe(off)).execute(&mut admin).await.unwrap();
    }
    let report = isolation::run(&site.app, &site.stripe, surface(&site)).await.unwrap();
    for line in of_the_application(&report) {
        assert!(line.holds(), "{}: {:#?}", line.what, line.leaks);
    }
    assert!(!report.holds(), "the other wall is gone");
    for what in ["looking", "changing", "removing", "moving", "catalogue", "row_security"] {
        let leaks =
            report.lines.iter().any(|line| line.what.starts_with("SQL") && line.what.contains(what) && !line.holds());
        assert!(leaks, "{what} is not found: {:#?}", report.lines);
    }
    assert!(report.left.is_empty(), "{:?}", report.left);
}

/// Shows how many customers any business has to whoever is signed in.
async fn forgetful(State(app): State<App>, Path((tenant, _)): Path<(String, String)>) -> String {
    let Some(tenant) = TenantId::parse(&tenant) else { return "0".to_owned() };
    let mut tx = app.db.read(&tenant).await.unwrap();
    let customers: i64 = tx.query("SELECT COUNT(*) FROM customers WHERE tenant_id = $1").fetch_value().await.unwrap();
    customers.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_forgets_who_may_is_found() {
    let site = site(Engine::Sqlite).await;
    let mut surface = surface(&site);
    let hole = "/t/{tenant}/forgetful/{id}";
    surface.router = surface.router.merge(Router::new().route(hole, get(forgetful)).with_state(site.app.clone()));
    surface.paths = vec![hole.to_owned()];
    let report = isolation::run(&site.app, &site.stripe, surface).await.unwrap();
    let pages = &report.lines[0];
    assert!(!report.holds() && !pages.holds(), "{pages:#?}");
    assert!(pages.leaks.iter().any(|leak| leak.contains("/forgetful/")), "{pages:#?}");
    assert!(report.left.is_empty());
}

async fn what_breaks_off_is_removed_too(engine: Engine) {
    let site = site(engine).await;
    let broken = async || -> &'static str { panic!("on purpose") };
    let surface = Surface { router: Router::new().fallback(broken), paths: Vec::new() };
    let failed = isolation::run(&site.app, &site.stripe, surface).await.unwrap_err();
    assert!(failed.to_string().contains("panicked"), "{failed}");
    assert_eq!(rows(&site.app).await, [("members", 0), ("sessions", 0), ("tenants", 0), ("users", 0)]);
}
