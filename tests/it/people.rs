//! Set-up, login, sessions, roles and switchers, as the people who use them and as somebody who should not.

use billfold::accounts::setup::new_token_if_open;
use billfold::accounts::signup::{NewUser, SignedUp, signup};
use billfold::clock::Clock;
use billfold::domain::ids::ProjectId;
use billfold::domain::role::Role;
use billfold::store::audit_log;
use reqwest::Method;

use crate::harness::{Answer, Engine, Form, Site, Visitor, both_engines};

both_engines!(
    the_first_run_makes_an_owner_and_closes_the_door,
    two_first_owners_at_once_are_one,
    a_wrong_set_up_link_says_how_to_get_a_new_one,
    a_person_comes_in_and_goes_out_for_good,
    nobody_learns_who_exists,
    guessing_gets_slower_and_a_known_browser_is_spared,
    a_form_from_elsewhere_changes_nothing,
    each_role_may_what_its_name_says,
    another_tenants_pages_look_like_none,
    an_owner_makes_projects_and_switches,
    an_email_address_has_one_spelling,
);

pub const PASSWORD: &str = "correct horse battery";

fn person(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), name: String::new(), password: PASSWORD.to_owned().into() }
}

pub async fn member(site: &Site, email: &str, tenant: &str, role: Role) -> SignedUp {
    signup(&site.app, person(email), tenant, role).await.unwrap()
}

/// Fills in the login form as `email`.
pub async fn try_login(visitor: &Visitor, email: &str, password: &str) -> Answer {
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    visitor.submit(&form.fill("email", email).fill("password", password)).await
}

pub async fn logged_in(site: &Site, email: &str) -> Visitor {
    let visitor = site.anonymous();
    try_login(&visitor, email, PASSWORD).await.expect(303);
    visitor
}

/// The value of a cookie that an answer sets.
pub fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Whether this session cookie still opens a page.
pub async fn is_alive(site: &Site, session: &str) -> bool {
    let visitor = site.anonymous();
    let request = visitor.request(Method::GET, "/").header("cookie", format!("billfold={session}"));
    !visitor.send(request).await.header("location").starts_with("/login")
}

async fn the_first_run_makes_an_owner_and_closes_the_door(engine: Engine) {
    let site = Site::start(engine).await;
    let token = new_token_if_open(&site.app).await.unwrap().expect("nobody exists");
    let owner = site.anonymous();
    let form = owner.get(&format!("/setup?token={token}")).await.expect(200).form("form");
    let filled = form.fill("tenant", "Acme Coffee").fill("email", " Ada@Example.com ").fill("password", PASSWORD);

    let short = owner.submit(&filled.clone().fill("password", "short")).await.expect(422);
    assert!(short.one("#password-error").contains("12 characters"));
    assert_eq!(short.form("form").value("tenant"), "Acme Coffee", "what was typed is kept");
    assert_eq!(short.form("form").value("password"), "", "a password is never sent back");

    let common = owner.submit(&filled.clone().fill("password", "Password1234")).await.expect(422);
    assert!(common.one("#password-error").contains("anybody would try"));

    let done = owner.submit(&filled).await.expect(303);
    let page = owner.follow(done).await;
    assert!(page.text().contains("Acme Coffee") && page.text().contains("Production"), "{}", page.text());

    let late = site.anonymous().get(&format!("/setup?token={token}")).await.expect(410);
    assert!(late.text().contains("closed for good"));
    assert_eq!(new_token_if_open(&site.app).await.unwrap(), None);
}

async fn two_first_owners_at_once_are_one(engine: Engine) {
    let site = Site::start(engine).await;
    let token = new_token_if_open(&site.app).await.unwrap().unwrap();
    let attempt = |email: &'static str| {
        let (visitor, token) = (site.anonymous(), token.clone());
        async move {
            let form = visitor.get(&format!("/setup?token={token}")).await.expect(200).form("form");
            let filled = form.fill("tenant", "Acme").fill("email", email).fill("password", PASSWORD);
            visitor.submit(&filled).await.status
        }
    };
    let mut outcome = [0, 0];
    (outcome[0], outcome[1]) = tokio::join!(attempt("a@example.com"), attempt("b@example.com"));
    outcome.sort_unstable();
    assert_eq!(outcome, [303, 410]);
}

async fn a_wrong_set_up_link_says_how_to_get_a_new_one(engine: Engine) {
    let site = Site::start(engine).await;
    let old = new_token_if_open(&site.app).await.unwrap().unwrap();
    new_token_if_open(&site.app).await.unwrap().expect("a newer link");
    for wrong in [old.as_str(), "", "x"] {
        let page = site.anonymous().get(&format!("/setup?token={wrong}")).await.expect(403);
        assert!(page.text().contains("billfold setup-link"), "{wrong}");
        assert!(!page.has("form"));
    }
}

async fn a_person_comes_in_and_goes_out_for_good(engine: Engine) {
    let site = Site::start(engine).await;
    let made = member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let home = format!("/t/{}/p/{}/", made.tenant, made.project.as_ref().unwrap());
    let visitor = site.anonymous();

    let turned_away = visitor.get(&format!("{home}nothing?q=1")).await.expect(303);
    assert!(turned_away.header("location").starts_with("/login?next=%2Ft%2F"));
    let form = visitor.get(turned_away.header("location")).await.expect(200).form("form[action='/login']");
    let entered = visitor.submit(&form.fill("email", "ADA@example.com").fill("password", PASSWORD)).await.expect(303);
    assert_eq!(entered.header("location"), format!("{home}nothing?q=1"), "back to where the person wanted to go");
    let session = cookie(&entered, "billfold").expect("a session");
    let set: Vec<_> = entered.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert!(
        set.iter().all(|line| line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"))
    );

    let inside = visitor.get(&format!("{home}nothing")).await.expect(404);
    assert!(inside.has("nav#side-nav"), "an unknown page keeps the navigation");
    assert!(is_alive(&site, &session).await);
    let left = visitor.submit(&inside.form("form[action='/logout']")).await.expect(303);
    assert_eq!(left.header("location"), "/login");
    assert_eq!(left.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!is_alive(&site, &session).await, "the old cookie opens nothing");
}

async fn nobody_learns_who_exists(engine: Engine) {
    let site = Site::start(engine).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    member(&site, "gone@example.com", "Gone", Role::Owner).await;
    disable(&site, "gone@example.com").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "wrong password"),
        ("nobody@example.com", "wrong password"),
        ("gone@example.com", PASSWORD),
        ("not an address", "wrong password"),
    ] {
        let answer = try_login(&site.anonymous(), email, password).await.expect(401);
        assert_eq!(cookie(&answer, "billfold"), None);
        answers.push(answer.one("[role=alert]"));
    }
    answers.dedup();
    assert_eq!(answers, ["E-mail address or password is wrong."]);
}

async fn guessing_gets_slower_and_a_known_browser_is_spared(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let known = logged_in(&site, "ada@example.com").await;
    let form = known.get("/").await;
    let page = known.follow(form).await;
    known.submit(&page.form("form[action='/logout']")).await.expect(303);

    let stranger = site.anonymous();
    for _ in 0..5 {
        try_login(&stranger, "ada@example.com", "guess guess guess").await.expect(401);
    }
    let stopped = try_login(&stranger, "ada@example.com", PASSWORD).await.expect(429);
    assert_eq!(stopped.header("retry-after"), "1");
    assert!(stopped.one("[role=alert]").contains("Wait 1 second"));
    try_login(&known, "ada@example.com", PASSWORD).await.expect(303);

    for _ in 0..5 {
        try_login(&stranger, "bob@example.com", "guess guess guess").await.expect(401);
    }
    clock.advance(2);
    try_login(&stranger, "bob@example.com", "guess guess guess").await.expect(401);
    let longer = try_login(&stranger, "bob@example.com", "guess guess guess").await.expect(429);
    assert_eq!(longer.header("retry-after"), "2", "an unknown account waits like a known one");
}

async fn a_form_from_elsewhere_changes_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let made = member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let visitor = logged_in(&site, "ada@example.com").await;
    let page = format!("/t/{}/projects/new", made.tenant);
    let form = visitor.get(&page).await.expect(200).form("main form").fill("name", "Evil");
    let session = session_cookie(&site, "ada@example.com").await;
    let body = serde_urlencoded::to_string(&form.fields).unwrap();
    let elsewhere = |path: &str, header: Option<(&'static str, &'static str)>| {
        let request = reqwest::Client::new().post(format!("{}{path}", site.base)).body(body.clone());
        let request = request.header("cookie", format!("billfold={session}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        header.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    for header in [
        Some(("sec-fetch-site", "cross-site")),
        Some(("sec-fetch-site", "same-site")),
        Some(("origin", "null")),
        Some(("origin", "http://evil.example")),
        None, // a browser is never silent about where a form comes from
    ] {
        for path in [form.action.as_str(), "/login", "/logout"] {
            assert_eq!(visitor.send(elsewhere(path, header)).await.status, 403, "{path} {header:?}");
        }
    }
    let without_token = Form { action: form.action, fields: vec![("name".to_owned(), "Evil".to_owned())] };
    visitor.submit(&without_token).await.expect(403);
    assert!(!visitor.get(&page).await.expect(200).text().contains("Evil"));
}

async fn session_cookie(site: &Site, email: &str) -> String {
    cookie(&try_login(&site.anonymous(), email, PASSWORD).await, "billfold").unwrap()
}

async fn each_role_may_what_its_name_says(engine: Engine) {
    let site = Site::start(engine).await;
    let made = member(&site, "owner@example.com", "Acme", Role::Owner).await;
    let page = format!("/t/{}/projects/new", made.tenant);
    for (role, status) in [(Role::Viewer, 403), (Role::Member, 403), (Role::Admin, 200)] {
        let email = format!("{role}@example.com");
        member(&site, &email, "Acme", role).await;
        let visitor = logged_in(&site, &email).await;
        let answer = visitor.get(&page).await.expect(status);
        if status == 403 {
            assert!(answer.text().contains(&format!("the role admin or higher; yours is {role}")), "{}", answer.text());
            assert!(answer.has("nav#side-nav"));
            let forged = visitor.request(Method::GET, &page).header("hx-request", "true");
            assert_eq!(visitor.send(forged).await.status, 403, "a header changes no right");
        }
        let named = Form { action: format!("/t/{}/projects", made.tenant), fields: Vec::new() };
        let token = answer.attributes("input[name=csrf]", "value").remove(0);
        let fields = vec![("csrf".to_owned(), token), ("name".to_owned(), format!("By {role}"))];
        visitor.submit(&Form { fields, ..named }).await.expect(if status == 403 { 403 } else { 303 });
    }
}

async fn another_tenants_pages_look_like_none(engine: Engine) {
    let site = Site::start(engine).await;
    let mine = member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let other = member(&site, "bob@example.com", "Bolt", Role::Owner).await;
    let visitor = logged_in(&site, "ada@example.com").await;
    let (mine_tenant, other_tenant) = (mine.tenant.as_str(), other.tenant.as_str());
    let (mine_project, other_project) = (mine.project.unwrap(), other.project.unwrap());
    let unknown = "ten_aaaaaaaaaaaaaaaaaaaaaaaa";
    let text = |answer: &Answer| answer.text().replace(answer.header("request-id"), "");
    for (foreign, none) in [
        (format!("/t/{other_tenant}/"), format!("/t/{unknown}/")),
        (format!("/t/{other_tenant}/projects/new"), format!("/t/{unknown}/projects/new")),
        (format!("/t/{other_tenant}/p/{other_project}/x"), format!("/t/{unknown}/p/prj_aaaaaaaaaaaaaaaaaaaaaaaa/x")),
        (format!("/t/{mine_tenant}/p/{other_project}/x"), format!("/t/{mine_tenant}/p/prj_aaaaaaaaaaaaaaaaaaaaaaaa/x")),
    ] {
        let (foreign, none) = (visitor.get(&foreign).await.expect(404), visitor.get(&none).await.expect(404));
        assert_eq!(text(&foreign), text(&none));
        assert!(!foreign.body.contains("Bolt"));
    }
    let listed = visitor.get(&format!("/t/{mine_tenant}/p/{mine_project}/x")).await.expect(404);
    assert!(!listed.body.contains("Bolt"), "the switcher shows own tenants only");
}

async fn an_owner_makes_projects_and_switches(engine: Engine) {
    let site = Site::start(engine).await;
    let made = member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let visitor = logged_in(&site, "ada@example.com").await;
    let form = visitor.get(&format!("/t/{}/projects/new", made.tenant)).await.expect(200).form("main form");
    let taken = visitor.submit(&form.clone().fill("name", "Production")).await.expect(422);
    assert!(taken.one("#name-error").contains("exists already"));
    let none = visitor.submit(&form.clone().fill("name", "  ")).await.expect(422);
    assert!(none.has("[aria-invalid=true]"));
    let done = visitor.submit(&form.fill("name", "Test <b>")).await.expect(303);
    let made_here = done.header("location").strip_suffix("/connection").and_then(|home| home.rsplit('/').next());
    let project = made_here.and_then(ProjectId::parse).expect("the new project's connection page");
    let mut tx = site.app.db.read(&made.tenant).await.unwrap();
    assert_eq!(audit_log::list::actions(&mut tx, &project).await.unwrap(), ["project.created"]);
    drop(tx);
    let page = visitor.get(&format!("/t/{}/projects/new", made.tenant)).await.expect(200);
    assert!(page.text().contains("Production") && page.text().contains("Test <b>"), "the switcher lists both, as text");
    let switches = page.attributes(".app-switch a[href*='/p/']", "href");
    assert_eq!(switches.len(), 2);
}

async fn an_email_address_has_one_spelling(engine: Engine) {
    let site = Site::start(engine).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let again = signup(&site.app, person(" ADA@example.com\n"), "Other", Role::Owner).await.unwrap_err();
    assert_eq!(again.field().map(|(field, _)| field), Some("email"));
    let long = format!("{}@example.com", "x".repeat(300));
    assert!(signup(&site.app, person(&long), "Other", Role::Owner).await.is_err());
    try_login(&site.anonymous(), " Ada@Example.COM ", PASSWORD).await.expect(303);
}

/// A request that is still running when the session ends must not bring it back; the store alone can show this race.
#[tokio::test]
async fn a_change_after_the_logout_brings_nothing_back() {
    let site = Site::start(Engine::Sqlite).await;
    member(&site, "ada@example.com", "Acme", Role::Owner).await;
    let session = session_cookie(&site, "ada@example.com").await;
    let hash = billfold::vault::hash_token(&session);
    let mut tx = site.app.db.system_write().await.unwrap();
    billfold::store::sessions::delete(&mut tx, &hash).await.unwrap();
    billfold::store::sessions::update(&mut tx, &hash, "{\"person\":{}}").await.unwrap();
    tx.commit().await.unwrap();
    assert!(!is_alive(&site, &session).await);
}

pub async fn disable(site: &Site, email: &str) {
    let mut tx = site.app.db.system_write().await.unwrap();
    let changed = tx.query("UPDATE users SET disabled_at = 1 WHERE email = $1").bind(email).execute().await.unwrap();
    assert_eq!(changed, 1);
    tx.commit().await.unwrap();
}
