//! Two-factor sign-in: turned on, asked for, lost, enforced and reset.

use billfold::{
    accounts::two_factor::{code_at, turn_off_by_operator},
    clock::Clock,
    domain::role::Role,
    store::{audit_log, second_factors, users},
    vault::SecretString,
};

use crate::{
    harness::{Answer, Engine, PASSWORD, Site, Tenant, Visitor, both_engines},
    people::{cookie, is_alive, logged_in, try_login},
};

both_engines!(
    a_second_step_stands_between_password_and_pages,
    no_code_works_twice_and_a_neighbour_is_fine,
    the_password_gives_no_more_tries,
    recovery_codes_work_once_and_are_renewed,
    a_business_asks_all_its_members_for_it,
    an_owner_resets_only_who_belongs_here_alone,
    the_operator_lets_somebody_in_again,
    the_secret_is_sealed_for_its_person,
);

const NOW: i64 = 1_790_000_000;

async fn start(engine: Engine) -> (Site, Clock) {
    let clock = Clock::manual(NOW);
    (Site::start_at(engine, clock.clone()).await, clock)
}

/// The page with the key.
async fn begin(visitor: &Visitor) -> Answer {
    let page = visitor.get("/account/two-factor").await.expect(200);
    let begun = visitor.submit(&page.form("form[action='/account/two-factor/begin']")).await.expect(303);
    visitor.follow(begun).await.expect(200)
}

/// Turns it on through the pages; answers the key and the recovery codes.
async fn enrol(visitor: &Visitor, clock: &Clock) -> (SecretString, Vec<String>) {
    let page = begin(visitor).await;
    let key = SecretString::from(page.one("#totp-key"));
    let code = code_at(&key, clock.now()).unwrap();
    let done =
        visitor.submit(&page.form("form[action='/account/two-factor/new']").fill("code", &code)).await.expect(200);
    (key, done.one("#recovery-codes").split(' ').map(str::to_owned).collect())
}

/// Types password and then a code.
async fn sign_in(visitor: &Visitor, email: &str, code: &str) -> Answer {
    let asked = try_login(visitor, email, PASSWORD).await.expect(303);
    let page = visitor.get(asked.header("location")).await.expect(200);
    visitor.submit(&page.form("form[action='/login/two-factor']").fill("code", code)).await
}

async fn actions(site: &Site, tenant: &Tenant) -> Vec<String> {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let all = audit_log::list::outside_projects(&mut tx).await.unwrap();
    all.into_iter().map(|(_, action)| action).collect()
}

async fn a_second_step_stands_between_password_and_pages(engine: Engine) {
    let (site, clock) = start(engine).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Member).await;
    let (visitor, other) = (logged_in(&site, &email).await, logged_in(&site, &email).await);
    visitor.get("/account/two-factor/new").await.expect(303); // nothing waits yet
    let page = begin(&visitor).await;
    assert!(page.has("img.app-qr"));
    let form = page.form("form[action='/account/two-factor/new']");
    let wrong = visitor.submit(&form.clone().fill("code", "000000")).await.expect(422);
    assert!(wrong.has("#code-error"));
    assert_eq!(wrong.one("#totp-key"), page.one("#totp-key"), "the app that has read the key keeps working");
    assert!(
        logged_in(&site, &email).await.get("/").await.header("location").starts_with("/t/"),
        "it does not count yet"
    );
    clock.advance(30);
    let (key, codes) = enrol(&visitor, &clock).await;
    assert_eq!(codes.len(), 10);
    assert!(other.get("/").await.header("location").starts_with("/login"), "every other session ended");
    let off_limits = visitor.get("/account/two-factor/new").await.expect(303);
    assert_eq!(off_limits.header("location"), "/account/two-factor");
    assert!(visitor.get("/account/two-factor").await.expect(200).text().contains("10 recovery codes are left"));
    let members = format!("/t/{}/members", tenant.id);
    assert!(visitor.get(&members).await.expect(200).text().contains("Two-factor"));

    clock.advance(30);
    let newcomer = site.anonymous();
    let wish = newcomer.get(&tenant.home()).await.expect(303).header("location").to_owned();
    let form = newcomer.get(&wish).await.expect(200).form("form[action='/login']");
    let asked = newcomer.submit(&form.fill("email", &email).fill("password", PASSWORD)).await.expect(303);
    assert!(asked.header("location").starts_with("/login/two-factor"), "{}", asked.header("location"));
    let pending = cookie(&asked, "billfold").expect("who it was is kept");
    assert!(!is_alive(&site, &pending).await, "the password alone opens nothing");
    assert!(cookie(&asked, "billfold-device").is_none(), "nor does it make a known browser");
    newcomer.get("/account").await.expect(303);
    let page = newcomer.get(asked.header("location")).await.expect(200);
    let form = page.form("form[action='/login/two-factor']");
    for (typed, status) in [("12345", 422), ("1234567", 422), ("abcdef", 422), ("", 422), ("000000", 401)] {
        let refused = newcomer.submit(&form.clone().fill("code", typed)).await.expect(status);
        assert!(refused.has("#code-error"), "{typed}");
    }
    let code = code_at(&key, clock.now()).unwrap();
    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    let entered = newcomer.submit(&form.clone().fill("code", &spaced)).await.expect(303);
    assert_eq!(entered.header("location"), tenant.home());
    let session = cookie(&entered, "billfold").expect("a new session");
    assert!(session != pending && is_alive(&site, &session).await && !is_alive(&site, &pending).await);
    let noted = actions(&site, tenant).await;
    assert!(noted.iter().any(|action| action == "person.two_factor_on"), "{noted:?}");
    assert!(noted.iter().any(|action| action == "person.code_refused"), "{noted:?}");

    let late = site.anonymous();
    let asked = try_login(&late, &email, PASSWORD).await.expect(303);
    clock.advance(601);
    assert!(late.get(asked.header("location")).await.expect(303).header("location").starts_with("/login"));
}

async fn no_code_works_twice_and_a_neighbour_is_fine(engine: Engine) {
    let (site, clock) = start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let (key, _) = enrol(&logged_in(&site, &email).await, &clock).await;
    let used = code_at(&key, clock.now()).unwrap();
    sign_in(&site.anonymous(), &email, &used).await.expect(401); // turning it on used it up
    clock.advance(300);
    let at = |steps: i64| code_at(&key, clock.now() + steps * 30).unwrap();
    sign_in(&site.anonymous(), &email, &at(-2)).await.expect(401);
    sign_in(&site.anonymous(), &email, &at(2)).await.expect(401);
    sign_in(&site.anonymous(), &email, &at(-1)).await.expect(303);
    sign_in(&site.anonymous(), &email, &at(-1)).await.expect(401);
    sign_in(&site.anonymous(), &email, &at(1)).await.expect(303);
    sign_in(&site.anonymous(), &email, &at(0)).await.expect(401); // an older one than the last
    clock.advance(60);
    let (code, first, second) = (code_at(&key, clock.now()).unwrap(), site.anonymous(), site.anonymous());
    let (left, right) = tokio::join!(sign_in(&first, &email, &code), sign_in(&second, &email, &code));
    let mut both = [left.status, right.status];
    both.sort_unstable();
    assert_eq!(both, [303, 401], "of two at the same moment one comes in");
}

async fn the_password_gives_no_more_tries(engine: Engine) {
    let (site, clock) = start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let (key, _) = enrol(&logged_in(&site, &email).await, &clock).await;
    clock.advance(60);
    let thief = site.anonymous();
    for _ in 0..5 {
        sign_in(&thief, &email, "000000").await.expect(401);
    }
    let stopped = sign_in(&thief, &email, &code_at(&key, clock.now()).unwrap()).await.expect(429);
    assert_eq!(stopped.header("retry-after"), "1");
    clock.advance(2);
    sign_in(&thief, &email, "000000").await.expect(401);
    let longer = sign_in(&thief, &email, "000000").await.expect(429);
    assert_eq!(longer.header("retry-after"), "2");
    clock.advance(30);
    sign_in(&site.anonymous(), &email, &code_at(&key, clock.now()).unwrap()).await.expect(303);
}

async fn recovery_codes_work_once_and_are_renewed(engine: Engine) {
    let (site, clock) = start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let visitor = logged_in(&site, &email).await;
    let (_, codes) = enrol(&visitor, &clock).await;
    let undashed = codes[1].replace('-', "").to_uppercase();
    sign_in(&site.anonymous(), &email, &codes[0]).await.expect(303);
    sign_in(&site.anonymous(), &email, &codes[0]).await.expect(401);
    sign_in(&site.anonymous(), &email, &undashed).await.expect(303);
    let page = visitor.get("/account/two-factor").await.expect(200);
    assert!(page.text().contains("8 recovery codes are left"), "{}", page.text());
    let renewed = visitor.submit(&page.form("form[action='/account/two-factor/codes']")).await.expect(200);
    let new: Vec<String> = renewed.one("#recovery-codes").split(' ').map(str::to_owned).collect();
    assert_eq!(new.len(), 10);
    sign_in(&site.anonymous(), &email, &codes[2]).await.expect(401);
    sign_in(&site.anonymous(), &email, &new[0]).await.expect(303);
    let mut tx = site.app.db.system_read().await.unwrap();
    let stored: Vec<String> = tx.query("SELECT code_hash FROM recovery_codes").fetch_values().await.unwrap();
    assert!(stored.len() == 9 && stored.iter().all(|hash| hash.len() == 64));
    drop(tx);

    clock.advance(601);
    let page = visitor.get("/account/two-factor").await.expect(200);
    let off = page.form("form[action='/account/two-factor/off']");
    visitor.submit(&off).await.expect(401); // the browser was left open
    visitor.get("/account/two-factor/new").await.expect(401);
    let confirm = visitor.get("/confirm?next=/account/two-factor").await.expect(200).form("form[action='/confirm']");
    visitor.submit(&confirm.fill("password", PASSWORD)).await.expect(303);
    let page = visitor.get("/account/two-factor").await.expect(200);
    visitor.submit(&page.form("form[action='/account/two-factor/off']")).await.expect(303);
    let entered = try_login(&site.anonymous(), &email, PASSWORD).await.expect(303);
    assert_eq!(entered.header("location"), "/", "the password is enough again");
}

async fn a_business_asks_all_its_members_for_it(engine: Engine) {
    let (site, clock) = start(engine).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let member = site.user(Role::Viewer).await;
    let members = format!("/t/{}/members", tenant.id);
    let form = owner.get(&members).await.expect(200).form("form[action$='/two-factor']");
    let refused = owner.submit(&form).await.expect(409);
    assert!(refused.one("[role=alert]").contains("yours first"), "{}", refused.text());
    enrol(&owner, &clock).await;
    owner.submit(&form).await.expect(303);

    let led = member.get("customers").await.expect(303);
    assert_eq!(led.header("location"), "/account/two-factor?required=true");
    let partial = member.get_partial("customers").await.expect(403);
    assert_eq!(partial.header("hx-redirect"), "/account/two-factor?required=true");
    let page = member.follow(led).await.expect(200);
    assert!(page.text().contains("The business asks its members"), "{}", page.text());
    enrol(&member, &clock).await;
    member.get("customers").await.expect(200);
    let form = owner.get(&members).await.expect(200).form("form[action$='/two-factor']");
    owner.submit(&form).await.expect(303);
    site.user(Role::Viewer).await.get("customers").await.expect(200);
    let noted = actions(&site, tenant).await;
    assert!(noted.iter().filter(|action| *action == "tenant.two_factor_changed").count() == 2, "{noted:?}");
}

async fn an_owner_resets_only_who_belongs_here_alone(engine: Engine) {
    let (site, clock) = start(engine).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let email = site.new_member(tenant, Role::Member).await;
    let member = logged_in(&site, &email).await;
    enrol(&member, &clock).await;
    let mut tx = site.app.db.system_read().await.unwrap();
    let id = users::by_email(&mut tx, &email).await.unwrap().unwrap().id;
    drop(tx);
    let page = owner.get(&format!("/t/{}/members/{id}", tenant.id)).await.expect(200);
    let reset = page.form("form[action$='/reset-two-factor']");

    let other = site.new_tenant("Bolt Tea").await;
    let mut tx = site.app.db.system_write().await.unwrap();
    billfold::store::members::insert(&mut tx, &other.id, &id, "owner", NOW).await.unwrap();
    tx.commit().await.unwrap();
    let refused = owner.submit(&reset).await.expect(409);
    assert!(refused.one("[role=alert]").contains("other businesses"), "{}", refused.text());
    let mut tx = site.app.db.system_write().await.unwrap();
    billfold::store::members::remove(&mut tx, &other.id, &id).await.unwrap();
    tx.commit().await.unwrap();
    owner.submit(&reset).await.expect(303);
    assert!(member.get("/").await.header("location").starts_with("/login"), "the sessions end with it");
    let entered = try_login(&site.anonymous(), &email, PASSWORD).await.expect(303);
    assert_eq!(entered.header("location"), "/");
    assert!(actions(&site, tenant).await.iter().any(|action| action == "member.two_factor_reset"));
}

async fn the_operator_lets_somebody_in_again(engine: Engine) {
    let (site, clock) = start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Owner).await;
    let visitor = logged_in(&site, &email).await;
    enrol(&visitor, &clock).await;
    turn_off_by_operator(&site.app, &email).await.unwrap();
    assert!(visitor.get("/").await.header("location").starts_with("/login"));
    assert_eq!(try_login(&visitor, &email, PASSWORD).await.expect(303).header("location"), "/");
    let again = turn_off_by_operator(&site.app, &email).await.unwrap_err();
    assert_eq!(again.field().map(|(field, _)| field), Some("email"));
    assert!(turn_off_by_operator(&site.app, "nobody@example.com").await.is_err());
}

async fn the_secret_is_sealed_for_its_person(engine: Engine) {
    let (site, clock) = start(engine).await;
    let tenant = site.tenant().await;
    let mut ids = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let email = site.new_member(tenant, Role::Viewer).await;
        let (key, _) = enrol(&logged_in(&site, &email).await, &clock).await;
        let mut tx = site.app.db.system_read().await.unwrap();
        let id = users::by_email(&mut tx, &email).await.unwrap().unwrap().id;
        let stored = second_factors::find(&mut tx, &id).await.unwrap().unwrap();
        let plain = billfold::vault::ExposeSecret::expose_secret(&key).replace(' ', "");
        assert!(stored.sealed_secret.starts_with("bf1.") && !stored.sealed_secret.contains(&plain));
        ids.push((id, email));
        keys.push(key);
    }
    let mut tx = site.app.db.system_write().await.unwrap();
    let swap = "UPDATE second_factors SET sealed_secret = (SELECT sealed_secret FROM second_factors WHERE user_id = $1) WHERE user_id = $2";
    tx.query(swap).bind(&ids[0].0).bind(&ids[1].0).execute().await.unwrap();
    tx.commit().await.unwrap();
    clock.advance(60);
    let code = code_at(&keys[0], clock.now()).unwrap();
    sign_in(&site.anonymous(), &ids[1].1, &code).await.expect(500); // another person's secret does not open
    sign_in(&site.anonymous(), &ids[0].1, &code).await.expect(303);
    site.app.check_data_keys().await.unwrap();
}
