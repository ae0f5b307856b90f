//! People and their own accounts: new passwords by mail, by knowing the old one and by the operator; sessions seen and ended;
//! name, zone and looks.

use std::time::Instant;

use billfold::{
    accounts::recovery,
    clock::Clock,
    domain::role::Role,
    store::{audit_log, password_resets, users},
};

use crate::{
    harness::{
        Engine, PASSWORD, Site, Visitor, both_engines,
        post_office::{Manner, PostOffice},
    },
    people::{cookie, disable, is_alive, logged_in, try_login},
};

both_engines!(
    a_link_by_mail_sets_a_new_password_once,
    asking_tells_nobody_who_exists,
    without_mail_the_page_says_what_the_operator_does,
    who_knows_the_password_changes_it_and_stays,
    sessions_are_seen_and_ended,
    a_person_chooses_name_zone_and_looks,
);

const NOW: i64 = 1_790_000_000;
const NEW: &str = "another horse battery";

async fn with_mail(engine: Engine, clock: Clock) -> (Site, PostOffice) {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    (Site::start_with(engine, clock, &flags.each_ref().map(String::as_str)).await, office)
}

async fn ask(visitor: &Visitor, email: &str) -> crate::harness::Answer {
    let form = visitor.get("/forgot").await.expect(200).form("form[action='/forgot']");
    visitor.submit(&form.fill("email", email)).await
}

async fn a_link_by_mail_sets_a_new_password_once(engine: Engine) {
    let clock = Clock::manual(NOW);
    let (site, office) = with_mail(engine, clock.clone()).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Owner).await;
    let signed_in = logged_in(&site, &email).await;
    let visitor = site.anonymous();
    let login = visitor.get("/login").await.expect(200);
    assert!(login.attributes("main a", "href").contains(&"/forgot".to_owned()));
    ask(&visitor, &email.to_uppercase()).await.expect(200);
    let letter = office.wait_for(1).await.remove(0);
    assert_eq!(letter.to, [email.as_str()]);
    let text = letter.text();
    let path = text.lines().find_map(|line| line.trim().strip_prefix(&site.base)).expect("a link").to_owned();
    let mut tx = site.app.db.system_read().await.unwrap();
    let token = path.strip_prefix("/reset/").unwrap();
    assert!(password_resets::find(&mut tx, token, NOW).await.unwrap().is_none(), "the token itself is not stored");
    drop(tx);

    for _ in 0..3 {
        site.anonymous().get(&path).await.expect(200);
    }
    let form = visitor.get(&path).await.expect(200).form("main form");
    let weak = visitor.submit(&form.clone().fill("password", "password1234")).await.expect(422);
    assert!(weak.one("#password-error").contains("anybody would try"));
    assert!(signed_in.get("/").await.header("location").starts_with("/t/"), "nothing has happened yet");
    clock.advance(1);
    let done = visitor.submit(&form.clone().fill("password", NEW)).await.expect(303);
    assert_eq!(done.header("location"), "/login", "a second factor is still asked for");
    assert!(signed_in.get("/").await.header("location").starts_with("/login"), "every session has ended");
    visitor.submit(&form.fill("password", "a third horse battery")).await.expect(410);
    try_login(&site.anonymous(), &email, PASSWORD).await.expect(401);
    try_login(&visitor, &email, NEW).await.expect(303);
    let told = office.wait_for(2).await.remove(1);
    assert!(told.text().contains("was changed") && !told.text().contains("/reset/"));

    ask(&site.anonymous(), &email).await.expect(200);
    let path = link_of(&site, &office, 3).await;
    clock.advance(recovery::LIFE - 1);
    site.anonymous().get(&path).await.expect(200);
    clock.advance(1);
    site.anonymous().get(&path).await.expect(410);
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let noted = audit_log::list::outside_projects(&mut tx).await.unwrap();
    assert!(noted.iter().any(|(_, action)| action == "person.password_reset"), "{noted:?}");
}

async fn link_of(site: &Site, office: &PostOffice, count: usize) -> String {
    let text = office.wait_for(count).await.remove(count - 1).text();
    text.lines().find_map(|line| line.trim().strip_prefix(&site.base)).expect("a link").to_owned()
}

async fn asking_tells_nobody_who_exists(engine: Engine) {
    let (site, office) = with_mail(engine, Clock::system()).await;
    let tenant = site.tenant().await;
    let known = site.new_member(tenant, Role::Viewer).await;
    let gone = site.new_member(tenant, Role::Viewer).await;
    disable(&site, &gone).await;
    let unknown = known.replace("usr_", "nob_");
    let mut answers = Vec::new();
    let mut times = Vec::new();
    for email in [&known, &unknown, &gone] {
        let began = Instant::now();
        let answer = ask(&site.anonymous(), email).await.expect(200);
        times.push(began.elapsed());
        answers.push(answer.one("main").replace(email.as_str(), "[address]"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    office.wait_for(1).await;
    let slowest = times.iter().max().unwrap();
    assert!(slowest.as_millis() < 2_000, "nobody waits for the mail: {times:?}");

    let visitor = site.anonymous();
    ask(&visitor, "no address").await.expect(422);
    let mut stopped = 0;
    for _ in 0..8 {
        stopped += u32::from(ask(&visitor, &unknown).await.status == 429);
    }
    assert!(stopped > 0, "wishes are slowed down, for an unknown address as well");
    try_login(&visitor, &known, PASSWORD).await.expect(303);
    assert_eq!(office.letters().len(), 1, "{:?}", office.letters());
}

async fn without_mail_the_page_says_what_the_operator_does(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let page = site.anonymous().get("/forgot").await.expect(200);
    assert!(page.text().contains("billfold user reset-password --email") && !page.has("form"), "{}", page.text());
    let signed_in = logged_in(&site, &email).await;
    recovery::set_by_operator(&site.app, &email, NEW.to_owned().into()).await.unwrap();
    assert!(signed_in.get("/").await.header("location").starts_with("/login"));
    try_login(&signed_in, &email, NEW).await.expect(303);
    let refused = recovery::set_by_operator(&site.app, "nobody@example.com", NEW.to_owned().into()).await.unwrap_err();
    assert_eq!(refused.field().map(|(field, _)| field), Some("email"));
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let noted = audit_log::list::outside_projects(&mut tx).await.unwrap();
    assert!(noted.contains(&("operator".to_owned(), "person.password_reset".to_owned())), "{noted:?}");
}

async fn who_knows_the_password_changes_it_and_stays(engine: Engine) {
    let site = Site::start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let other = logged_in(&site, &email).await;
    let visitor = site.anonymous();
    let first = cookie(&try_login(&visitor, &email, PASSWORD).await.expect(303), "billfold").unwrap();
    let form = visitor.get("/account/password").await.expect(200).form("form[action='/account/password']");
    let wrong =
        visitor.submit(&form.clone().fill("current", "not this one, no").fill("password", NEW)).await.expect(422);
    assert!(wrong.one("#current-error").contains("not your password"));
    let form = wrong.form("form[action='/account/password']").fill("current", PASSWORD);
    let weak = visitor.submit(&form.clone().fill("password", "short")).await.expect(422);
    assert!(weak.one("#password-error").contains("12 characters"));
    let form = weak.form("form[action='/account/password']").fill("current", PASSWORD).fill("password", NEW);
    let done = visitor.submit(&form).await.expect(303);
    let second = cookie(&done, "billfold").expect("a new session");
    assert!(first != second && is_alive(&site, &second).await && !is_alive(&site, &first).await);
    assert!(other.get("/").await.header("location").starts_with("/login"), "every other session has ended");
    try_login(&site.anonymous(), &email, PASSWORD).await.expect(401);
    try_login(&site.anonymous(), &email, NEW).await.expect(303);
}

async fn sessions_are_seen_and_ended(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let mine = logged_in(&site, &email).await;
    let (phone, tablet) = (logged_in(&site, &email).await, logged_in(&site, &email).await);
    let stranger = site.user(Role::Viewer).await;
    let page = mine.get("/account/sessions").await.expect(200);
    assert_eq!(page.forms("form[action='/account/sessions/end']").len(), 2, "{}", page.text());
    assert_eq!(page.all(".badge-soft.green").len(), 1, "one is this one");

    let form = page.form("form[action='/account/sessions/end']");
    let foreign = form.value("session").to_owned();
    stranger.get("/account/sessions").await.expect(200);
    stranger.post("/account/sessions/end", &[("session", &foreign)]).await.expect(404);
    mine.submit(&form).await.expect(303);
    let out = async |visitor: &Visitor| visitor.get("/").await.header("location").starts_with("/login");
    assert_eq!(u8::from(out(&phone).await) + u8::from(out(&tablet).await), 1);
    mine.submit(&form).await.expect(404);

    let page = mine.get("/account/sessions").await.expect(200);
    mine.submit(&page.form("form[action='/account/sessions/end-others']")).await.expect(303);
    assert!(out(&phone).await && out(&tablet).await && !out(&mine).await && !out(&stranger).await);
    let page = mine.get("/account/sessions").await.expect(200);
    assert!(!page.has("form[action^='/account/sessions/']"), "nothing is left to end");
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let noted = audit_log::list::outside_projects(&mut tx).await.unwrap();
    for action in ["person.session_ended", "person.sessions_ended"] {
        assert!(noted.iter().any(|(_, noted)| noted == action), "{noted:?}");
    }
}

async fn a_person_chooses_name_zone_and_looks(engine: Engine) {
    let site = Site::start_at(engine, Clock::manual(NOW)).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let visitor = logged_in(&site, &email).await;
    let members = format!("/t/{}/members", tenant.id);
    let before = visitor.get(&members).await.expect(200);
    assert!(before.attributes("time", "title").iter().all(|title| title.ends_with(" UTC")));

    let form = visitor.get("/account").await.expect(200).form("form[action='/account/profile']");
    let form = form.fill("name", "Grace <b>").fill("time_zone", "America/New_York").fill("locale", "en-US");
    let saved = visitor.submit(&form.clone().fill("theme", "dark")).await.expect(303);
    assert_eq!(cookie(&saved, "billfold-theme").as_deref(), Some("dark"));
    let after = visitor.get(&members).await.expect(200);
    let titles = after.attributes("time", "title");
    assert!(!titles.is_empty() && titles.iter().all(|title| title.ends_with("M EDT")), "{titles:?}");
    assert!(after.text().contains("Grace <b>") && after.body.contains("data-theme-pref=\"dark\""));
    for (field, wrong) in [("name", "a\nb"), ("time_zone", "Mars/Olympus"), ("locale", "tlh"), ("theme", "pink")] {
        let refused = visitor.submit(&form.clone().fill(field, wrong)).await.expect(422);
        assert!(refused.has(&format!("#{field}-error")), "{field}");
    }
    let elsewhere = try_login(&site.anonymous(), &email, PASSWORD).await.expect(303);
    assert_eq!(cookie(&elsewhere, "billfold-theme").as_deref(), Some("dark"), "the looks go with the person");
    let mut tx = site.app.db.system_read().await.unwrap();
    let stored = users::by_email(&mut tx, &email).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.taste.time_zone.as_str()), ("Grace <b>", "America/New_York"));
}
