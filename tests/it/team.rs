//! Members and invitations: who comes into a business, who decides about it, and what ends at once.

use billfold::{
    clock::Clock,
    domain::{ids::UserId, role::Role},
    store::{audit_log, invitations, members, users},
    vault::hash_token,
};
use reqwest::Method;

use crate::{
    harness::{
        Answer, Engine, PASSWORD, Site, Tenant, Visitor, both_engines,
        post_office::{Manner, PostOffice},
    },
    people::{logged_in, try_login},
};

both_engines!(
    a_newcomer_joins_by_a_link_that_works_once,
    somebody_with_an_account_signs_in_to_accept,
    a_link_ends_when_it_is_old_renewed_or_withdrawn,
    an_invitation_goes_by_mail_where_mail_is_set_up,
    whatever_changes_for_a_member_ends_the_sessions,
    the_last_owner_stays,
    two_owners_who_remove_each_other_leave_one,
    one_person_in_two_businesses_loses_only_one,
    nobody_raises_the_own_role,
    a_browser_left_open_changes_nobody,
);

const NOW: i64 = 1_790_000_000;

/// Sends an invitation from the page of members.
async fn invite(owner: &Visitor, tenant: &Tenant, email: &str, role: &str) -> Answer {
    let page = owner.get(&format!("/t/{}/members", tenant.id)).await.expect(200);
    let form = page.form("form[action$='/invitations']");
    let mut form = form.fill("email", email);
    form.fields.retain(|(name, _)| name != "role");
    form.fields.push(("role".to_owned(), role.to_owned()));
    owner.submit(&form).await
}

/// The path of the link that an answer shows.
fn link(site: &Site, answer: &Answer) -> String {
    answer.one("#new-link").strip_prefix(&site.base).expect("a link of this site").to_owned()
}

async fn actions(site: &Site, tenant: &Tenant) -> Vec<String> {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let all = audit_log::list::outside_projects(&mut tx).await.unwrap();
    all.into_iter().map(|(_, action)| action).filter(|action| !action.starts_with("person.")).collect()
}

async fn role_of(site: &Site, tenant: &Tenant, email: &str) -> Option<String> {
    let mut tx = site.app.db.system_read().await.unwrap();
    members::by_email(&mut tx, &tenant.id, email).await.unwrap().map(|member| member.role)
}

async fn id_of(site: &Site, email: &str) -> UserId {
    let mut tx = site.app.db.system_read().await.unwrap();
    users::by_email(&mut tx, email).await.unwrap().expect("somebody").id
}

/// Presses a button of a member's page.
async fn press(owner: &Visitor, tenant: &Tenant, member: &UserId, what: &str, fields: &[(&str, &str)]) -> Answer {
    owner.get(&format!("/t/{}/members", tenant.id)).await; // for its form token
    owner.post(&format!("/t/{}/members/{member}/{what}", tenant.id), fields).await
}

async fn a_newcomer_joins_by_a_link_that_works_once(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let made = invite(&owner, tenant, " New@Example.com", "member").await.expect(200);
    assert!(made.text().contains("Mail is off"), "why there is a link to copy: {}", made.text());
    let path = link(&site, &made);
    assert!(!owner.get(&format!("/t/{}/members", tenant.id)).await.body.contains("/invite/"), "shown once");

    let scanner = site.anonymous();
    for _ in 0..3 {
        scanner.get(&path).await.expect(200);
        scanner.send(scanner.request(Method::HEAD, &path)).await.expect(200);
    }
    let newcomer = site.anonymous();
    let page = newcomer.get(&path).await.expect(200);
    assert!(page.text().contains("Join Acme Coffee") && page.text().contains("new@example.com"), "{}", page.text());
    let form = page.form("main form").fill("name", "Grace").fill("password", "short");
    let refused = newcomer.submit(&form).await.expect(422);
    assert!(refused.one("#password-error").contains("12 characters"));
    let form = refused.form("main form").fill("password", PASSWORD);
    assert_eq!(form.value("name"), "Grace");
    let joined = newcomer.submit(&form).await.expect(303);
    let home = newcomer.follow(joined).await.expect(200);
    assert!(home.text().contains("member of Acme Coffee"), "{}", home.text());

    let late = site.anonymous();
    late.get(&path).await.expect(410);
    late.submit(&form).await.expect(403); // another browser's form
    let forged = newcomer.submit(&form).await;
    assert!(matches!(forged.status, 403 | 410), "{}", forged.status);
    let list = owner.get(&format!("/t/{}/members", tenant.id)).await.expect(200);
    assert!(list.text().contains("Grace new@example.com member Active"), "{}", list.text());
    assert!(list.text().contains("None is waiting"));
    assert_eq!(actions(&site, tenant).await, ["invitation.created", "member.joined"]);
}

async fn somebody_with_an_account_signs_in_to_accept(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let other = site.new_tenant("Bolt Tea").await;
    let guest = site.new_member(&other, Role::Owner).await;
    let owner = site.user(Role::Owner).await;
    let known = invite(&owner, tenant, &guest, "viewer").await.expect(200);
    let unknown = invite(&owner, tenant, "usr_bbbbbbbbbbbbbbbbbbbbbbbb@example.com", "viewer").await.expect(200);
    let plain = |answer: &Answer| {
        let shown = answer.one("#new-link");
        answer
            .one("main")
            .replace(&shown, "")
            .replace(&guest, "x")
            .replace("usr_bbbbbbbbbbbbbbbbbbbbbbbb@example.com", "x")
    };
    assert_eq!(plain(&known), plain(&unknown), "an invitation does not tell who has an account");
    let path = link(&site, &known);

    let visitor = site.anonymous();
    let page = visitor.get(&path).await.expect(200);
    assert!(!page.has("input[type=password]"), "an account is not made twice");
    let to_login = page.attributes("main a", "href").remove(0);
    let login = visitor.get(&to_login).await.expect(200).form("form[action='/login']");
    let entered = visitor.submit(&login.fill("email", &guest).fill("password", PASSWORD)).await.expect(303);
    assert_eq!(entered.header("location"), path);

    let stranger = site.user_of(&other, Role::Viewer).await;
    let refused = stranger.get(&path).await.expect(403);
    assert!(refused.text().contains("another address"));
    stranger.post(&path, &[]).await.expect(403);
    assert_eq!(role_of(&site, tenant, &guest).await, None);
    let left = stranger.submit(&refused.form("form[action='/logout']")).await.expect(303);
    assert_eq!(left.header("location"), "/login");

    let form = visitor.get(&path).await.expect(200).form("main form");
    let joined = visitor.submit(&form).await.expect(303);
    assert!(visitor.follow(joined).await.expect(200).text().contains("viewer of Acme Coffee"));
    assert_eq!(role_of(&site, tenant, &guest).await.as_deref(), Some("viewer"));
    assert_eq!(role_of(&site, &other, &guest).await.as_deref(), Some("owner"), "the other business is as it was");
    let again = invite(&owner, tenant, &guest, "viewer").await.expect(422);
    assert!(again.one("#email-error").contains("member already"));
}

async fn a_link_ends_when_it_is_old_renewed_or_withdrawn(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let first = link(&site, &invite(&owner, tenant, "a@example.com", "admin").await.expect(200));
    let token = first.strip_prefix("/invite/").unwrap();
    let mut tx = site.app.db.system_read().await.unwrap();
    assert!(invitations::by_token(&mut tx, token, NOW).await.unwrap().is_none(), "the token itself is not stored");
    assert!(invitations::by_token(&mut tx, &hash_token(token), NOW).await.unwrap().is_some());
    drop(tx);
    let twice = invite(&owner, tenant, "A@example.com", "admin").await.expect(422);
    assert!(twice.one("#email-error").contains("invited already"));

    clock.advance(1); // what happens in one instant has no order
    let page = owner.get(&format!("/t/{}/members", tenant.id)).await.expect(200);
    let second = link(&site, &owner.submit(&page.form("form[action$='/renew']")).await.expect(200));
    site.anonymous().get(&first).await.expect(410);
    site.anonymous().get(&second).await.expect(200);

    clock.advance(7 * 86_400 - 1);
    site.anonymous().get(&second).await.expect(200);
    clock.advance(1);
    let visitor = site.anonymous();
    visitor.get(&second).await.expect(410);

    let owner = site.user(Role::Owner).await;
    let page = owner.get(&format!("/t/{}/members", tenant.id)).await.expect(200);
    assert!(page.text().contains("ran out"), "{}", page.text());
    let third = link(&site, &owner.submit(&page.form("form[action$='/renew']")).await.expect(200));
    let form = visitor.get(&third).await.expect(200).form("main form").fill("password", PASSWORD);
    clock.advance(1);
    owner.submit(&page.form("form[action$='/withdraw']")).await.expect(303);
    visitor.submit(&form).await.expect(410);
    assert_eq!(role_of(&site, tenant, "a@example.com").await, None);
    let noted = actions(&site, tenant).await;
    assert_eq!(noted, ["invitation.created", "invitation.renewed", "invitation.renewed", "invitation.withdrawn"]);
}

async fn an_invitation_goes_by_mail_where_mail_is_set_up(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    let site = Site::start_with(engine, Clock::system(), &flags.each_ref().map(String::as_str)).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let sent = invite(&owner, tenant, "grace@example.com", "member").await.expect(303);
    assert!(!sent.body.contains("/invite/"), "the link goes to its reader alone");
    let letter = office.wait_for(1).await.remove(0);
    assert_eq!(letter.to, ["grace@example.com"]);
    let text = letter.text();
    let path = text.lines().find_map(|line| line.strip_prefix(&site.base)).expect("the link on a line of its own");
    assert!(text.contains("invites you to Acme Coffee") && text.contains("as member"), "{text}");
    site.anonymous().get(path.trim()).await.expect(200);

    let gone = PostOffice::open(Manner::Refuses).await;
    let flags = gone.flags();
    let site = Site::start_with(engine, Clock::system(), &flags.each_ref().map(String::as_str)).await;
    let owner = site.user(Role::Owner).await;
    let shown = invite(&owner, site.tenant().await, "grace@example.com", "member").await.expect(200);
    assert!(shown.text().contains("The mail was not sent"), "{}", shown.text());
    site.anonymous().get(&link(&site, &shown)).await.expect(200);
}

async fn whatever_changes_for_a_member_ends_the_sessions(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let id = id_of(&site, &email).await;
    let is_out = async |visitor: &Visitor| visitor.get(&tenant.home()).await.header("location").starts_with("/login");

    let visitor = logged_in(&site, &email).await;
    press(&owner, tenant, &id, "role", &[("role", "admin")]).await.expect(303);
    assert!(is_out(&visitor).await, "a new role begins with a new session");
    let visitor = logged_in(&site, &email).await;
    visitor.get(&format!("/t/{}/projects/new", tenant.id)).await.expect(200);

    press(&owner, tenant, &id, "disable", &[]).await.expect(303);
    assert!(is_out(&visitor).await);
    let visitor = logged_in(&site, &email).await;
    visitor.get(&tenant.home()).await.expect(404);
    assert!(visitor.get("/").await.expect(200).text().contains("do not belong to a business"));
    press(&owner, tenant, &id, "enable", &[]).await.expect(303);
    visitor.get(&tenant.home()).await.expect(200);

    press(&owner, tenant, &id, "remove", &[]).await.expect(303);
    assert!(is_out(&visitor).await);
    logged_in(&site, &email).await.get(&tenant.home()).await.expect(404);
    press(&owner, tenant, &id, "remove", &[]).await.expect(404);
    let expected = ["member.role_changed", "member.disabled", "member.enabled", "member.removed"];
    assert_eq!(actions(&site, tenant).await, expected);
}

async fn the_last_owner_stays(engine: Engine) {
    let site = Site::start(engine).await;
    let made = crate::people::member(&site, "ada@example.com", "Solo", Role::Owner).await;
    let tenant = Tenant { id: made.tenant, project: made.project.unwrap() };
    let owner = logged_in(&site, "ada@example.com").await;
    let refused = press(&owner, &tenant, &made.user, "role", &[("role", "admin")]).await.expect(409);
    assert!(refused.one("[role=alert]").contains("last owner"), "{}", refused.text());
    press(&owner, &tenant, &made.user, "disable", &[]).await.expect(409);
    press(&owner, &tenant, &made.user, "remove", &[]).await.expect(409);
    let second = site.new_member(&tenant, Role::Owner).await;
    let second = id_of(&site, &second).await;
    press(&owner, &tenant, &second, "disable", &[]).await.expect(303);
    press(&owner, &tenant, &made.user, "role", &[("role", "admin")]).await.expect(409); // the other one cannot come in
    press(&owner, &tenant, &second, "enable", &[]).await.expect(303);
    press(&owner, &tenant, &made.user, "role", &[("role", "admin")]).await.expect(303);
    assert_eq!(role_of(&site, &tenant, "ada@example.com").await.as_deref(), Some("admin"));
}

async fn two_owners_who_remove_each_other_leave_one(engine: Engine) {
    let site = Site::start(engine).await;
    for round in 0..6 {
        let name = format!("Pair {round}");
        let first = format!("a{round}@example.com");
        let made = crate::people::member(&site, &first, &name, Role::Owner).await;
        let tenant = Tenant { id: made.tenant, project: made.project.unwrap() };
        let second = site.new_member(&tenant, Role::Owner).await;
        let (one, two) = (logged_in(&site, &first).await, logged_in(&site, &second).await);
        one.get(&tenant.home()).await.expect(200);
        two.get(&tenant.home()).await.expect(200);
        let (their, mine) = (id_of(&site, &second).await, made.user.clone());
        let what = if round % 2 == 0 { "disable" } else { "remove" };
        let (left, right) =
            tokio::join!(press(&one, &tenant, &their, what, &[]), press(&two, &tenant, &mine, what, &[]));
        let mut tx = site.app.db.system_read().await.unwrap();
        assert_eq!(
            members::count_owners(&mut tx, &tenant.id).await.unwrap(),
            1,
            "{} and {}",
            left.status,
            right.status
        );
    }
}

async fn one_person_in_two_businesses_loses_only_one(engine: Engine) {
    let site = Site::start(engine).await;
    let (acme, bolt) = (site.tenant().await, site.new_tenant("Bolt Tea").await);
    let email = site.new_member(acme, Role::Member).await;
    let id = id_of(&site, &email).await;
    let mut tx = site.app.db.system_write().await.unwrap();
    members::insert(&mut tx, &bolt.id, &id, "viewer", NOW).await.unwrap();
    tx.commit().await.unwrap();
    let visitor = logged_in(&site, &email).await;
    let page = visitor.get(&acme.home()).await.expect(200);
    assert!(page.text().contains("Bolt Tea"), "the switcher names both");
    let owner = site.user(Role::Owner).await;
    press(&owner, acme, &id, "remove", &[]).await.expect(303);
    let visitor = logged_in(&site, &email).await;
    visitor.get(&acme.home()).await.expect(404);
    visitor.get(&bolt.home()).await.expect(200);
    assert!(actions(&site, &bolt).await.is_empty(), "the other business is told nothing");
}

async fn nobody_raises_the_own_role(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Admin).await;
    let id = id_of(&site, &email).await;
    let admin = logged_in(&site, &email).await.at_home(tenant.home());
    press(&admin, tenant, &id, "role", &[("role", "owner")]).await.expect(403);
    admin
        .post(&format!("/t/{}/invitations", tenant.id), &[("email", "x@example.com"), ("role", "owner")])
        .await
        .expect(403);
    assert_eq!(role_of(&site, tenant, &email).await.as_deref(), Some("admin"));

    let owner = site.user(Role::Owner).await;
    let other = site.new_tenant("Bolt Tea").await;
    let foreign = id_of(&site, &site.new_member(&other, Role::Viewer).await).await;
    let unknown = UserId::parse("usr_bbbbbbbbbbbbbbbbbbbbbbbb").unwrap();
    for what in ["role", "disable", "enable", "remove"] {
        press(&owner, tenant, &foreign, what, &[("role", "owner")]).await.expect(404);
        press(&owner, tenant, &unknown, what, &[("role", "owner")]).await.expect(404);
    }
    press(&owner, tenant, &id, "role", &[("role", "emperor")]).await.expect(422);
    assert!(!admin.get(&format!("/t/{}/members", tenant.id)).await.expect(200).has("form[action$='/invitations']"));
}

async fn a_browser_left_open_changes_nobody(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let id = id_of(&site, &email).await;
    clock.advance(601);
    let asked = press(&owner, tenant, &id, "role", &[("role", "owner")]).await.expect(401);
    invite(&owner, tenant, "x@example.com", "viewer").await.expect(401);
    assert_eq!(role_of(&site, tenant, &email).await.as_deref(), Some("viewer"));
    let form = asked.form("form[action='/confirm']").fill("password", PASSWORD);
    owner.submit(&form).await.expect(303);
    press(&owner, tenant, &id, "role", &[("role", "member")]).await.expect(303);
    try_login(&site.anonymous(), &email, PASSWORD).await.expect(303);
}
