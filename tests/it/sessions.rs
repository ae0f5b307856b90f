//! Sessions and their ends, as the people in them and as somebody who found a cookie.

use std::time::Duration;

use billfold::{accounts::signup::SignedUp, clock::Clock, domain::role::Role, store::audit_log};

use crate::{
    harness::{Engine, Site, both_engines},
    people::{PASSWORD, cookie, disable, is_alive, logged_in, member, try_login},
};

both_engines!(
    who_comes_in_and_goes_is_written_down,
    a_second_login_gets_a_new_session,
    a_session_ends_when_idle_and_after_half_a_day,
    a_changed_password_or_a_disabled_person_ends_every_session,
    the_table_holds_no_cookie,
);

async fn who_comes_in_and_goes_is_written_down(engine: Engine) {
    let site = Site::start(engine).await;
    let made = member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let visitor = site.anonymous();
    try_login(&visitor, "ada@example.com", "something else entirely").await.expect(401);
    try_login(&visitor, "nobody@example.com", PASSWORD).await.expect(401);
    while noted(&site, &made).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await; // a failure is noted after its answer
    }
    try_login(&visitor, "ada@example.com", PASSWORD).await.expect(303);
    let home = format!("/t/{}/p/{}/", made.tenant, made.project.as_ref().unwrap());
    let page = visitor.get(&home).await.expect(200);
    visitor.submit(&page.form("form[action='/logout']")).await.expect(303);

    let noted = noted(&site, &made).await;
    let actions: Vec<&str> = noted.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["person.login_failed", "person.logged_in", "person.logged_out"]);
    assert!(noted.iter().all(|(actor, _)| *actor == made.user.as_str()), "{noted:?}");
}

/// Actors and actions in the tenant's audit log.
async fn noted(site: &Site, of: &SignedUp) -> Vec<(String, String)> {
    let mut tx = site.app.db.read(&of.tenant).await.unwrap();
    audit_log::list::outside_projects(&mut tx).await.unwrap()
}

async fn a_second_login_gets_a_new_session(engine: Engine) {
    let site = Site::start(engine).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    member(&site, "bob@example.com", "Bolt", Role::Owner).await;
    let visitor = site.anonymous();
    let bobs_login = visitor.get("/login").await.expect(200).form("form[action='/login']");
    let first = try_login(&visitor, "ada@example.com", PASSWORD).await.expect(303);
    let first = cookie(&first, "billfold").unwrap();
    // the login page sends a signed-in person away, so the form was opened before, as in a second tab
    let second =
        visitor.submit(&bobs_login.fill("email", "bob@example.com").fill("password", PASSWORD)).await.expect(303);
    let second = cookie(&second, "billfold").unwrap();
    assert_ne!(first, second);
    assert!(!is_alive(&site, &first).await, "ada's cookie must not become bob's");
    assert!(is_alive(&site, &second).await);
}

async fn a_session_ends_when_idle_and_after_half_a_day(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let visitor = logged_in(&site, "ada@example.com").await;
    for _ in 0..3 {
        clock.advance(20 * 60);
        let home = visitor.get("/").await.expect(303);
        assert!(home.header("location").starts_with("/t/"), "a session in use goes on");
    }
    clock.advance(31 * 60);
    let partial = visitor.get_partial("/").await.expect(401);
    assert!(partial.header("hx-redirect").starts_with("/login"), "htmx is told to load the login");
    assert!(visitor.get("/").await.expect(303).header("location").starts_with("/login"));

    let visitor = logged_in(&site, "ada@example.com").await;
    for _ in 0..(12 * 60 / 25) {
        clock.advance(25 * 60);
        assert!(visitor.get("/").await.header("location").starts_with("/t/"));
    }
    clock.advance(20 * 60 + 1);
    assert!(visitor.get("/").await.header("location").starts_with("/login"), "12 hours are the end");

    assert!(sessions(&site).await > 0);
    site.start_workers();
    while sessions(&site).await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await; // a running billfold forgets them, without another login
    }
}

async fn a_changed_password_or_a_disabled_person_ends_every_session(engine: Engine) {
    let site = Site::start(engine).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let visitor = logged_in(&site, "ada@example.com").await;
    let mut tx = site.app.db.system_write().await.unwrap();
    tx.query("UPDATE users SET session_version = session_version + 1").execute().await.unwrap();
    tx.commit().await.unwrap();
    assert!(visitor.get("/").await.header("location").starts_with("/login"));

    let visitor = logged_in(&site, "ada@example.com").await;
    disable(&site, "ada@example.com").await;
    assert!(visitor.get("/").await.header("location").starts_with("/login"));
}

async fn the_table_holds_no_cookie(engine: Engine) {
    let site = Site::start(engine).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let entered = try_login(&site.anonymous(), "ada@example.com", PASSWORD).await.expect(303);
    let session = cookie(&entered, "billfold").unwrap();
    let mut tx = site.app.db.system_read().await.unwrap();
    let rows: Vec<(String, String)> = tx.query("SELECT id_hash, data FROM sessions").fetch_all().await.unwrap();
    assert_eq!(rows.len(), 1, "an anonymous visit makes no session");
    assert!(rows.iter().all(|(id, data)| id.len() == 64 && !id.contains(&session) && !data.contains(&session)));
    drop(tx);
    assert!(!is_alive(&site, &rows[0].0).await, "what the table holds opens nothing");
}

async fn sessions(site: &Site) -> i64 {
    let mut tx = site.app.db.system_read().await.unwrap();
    tx.query("SELECT COUNT(*) FROM sessions").fetch_value().await.unwrap()
}
