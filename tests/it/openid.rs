//! Signing in with the operator's identity provider: linked by whoever is signed in, believed only as far as its keys reach.

use billfold::{
    accounts::two_factor::code_at, clock::Clock, domain::role::Role, store::audit_log, vault::SecretString,
};
use serde_json::json;

use crate::{
    harness::{
        Answer, Engine, PASSWORD, Site, Visitor, both_engines,
        identity_provider::{CLIENT, IdentityProvider, SECRET},
    },
    people::{cookie, is_alive, logged_in},
};

both_engines!(
    a_linked_account_signs_in_until_it_is_unlinked,
    an_address_alone_opens_nothing,
    one_account_belongs_to_one_person,
    a_second_factor_is_asked_for_as_well,
    what_cannot_be_believed_opens_nothing,
    an_answer_counts_once_and_in_its_own_browser,
    a_new_key_of_the_provider_is_looked_up,
    it_confirms_who_is_there_when_it_asked_anew,
    without_the_provider_passwords_work,
);

const NOW: i64 = 1_790_000_000;

async fn start(engine: Engine) -> (Site, IdentityProvider, Clock) {
    let clock = Clock::manual(NOW);
    let provider = IdentityProvider::start(&clock).await;
    let flags = [
        "--oidc-issuer",
        provider.issuer(),
        "--oidc-client-id",
        CLIENT,
        "--oidc-client-secret",
        SECRET,
        "--oidc-name",
        "Acme ID",
    ];
    let site = Site::start_with(engine, clock.clone(), &flags).await;
    (site, provider, clock)
}

/// Presses a button that leads to the provider; answers the address that the provider sends the browser back to.
async fn go(visitor: &Visitor, page: &Answer, css: &str) -> String {
    let leave = visitor.submit(&page.form(css)).await.expect(200);
    let href = leave.attributes("main a", "href").remove(0);
    let refresh = leave.attributes("meta[http-equiv=refresh]", "content").remove(0);
    assert_eq!(refresh, format!("0; url={href}"));
    // the provider gets the browser, not its cookies for billfold
    let back = Visitor::new("").get(&href).await.expect(303);
    back.header("location").to_owned()
}

async fn begin(visitor: &Visitor) -> String {
    let page = visitor.get("/login").await.expect(200);
    assert!(page.text().contains("Sign in with Acme ID"));
    go(visitor, &page, "form[action='/login/openid']").await
}

async fn link(visitor: &Visitor) -> Answer {
    let page = visitor.get("/account/password").await.expect(200);
    let back = go(visitor, &page, "form[action='/account/openid']").await;
    visitor.get(&back).await.expect(303)
}

/// Somebody with a linked account.
async fn linked(site: &Site) -> (String, Visitor) {
    let email = site.new_member(site.tenant().await, Role::Admin).await;
    let visitor = logged_in(site, &email).await;
    assert_eq!(link(&visitor).await.header("location"), "/account/password");
    (email, visitor)
}

async fn a_linked_account_signs_in_until_it_is_unlinked(engine: Engine) {
    let (site, _provider, _) = start(engine).await;
    let (_, owner) = linked(&site).await;
    let page = owner.get("/account/password").await.expect(200);
    assert!(page.text().contains("ada@provider.example") && page.text().contains("never used"), "{}", page.text());

    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    let entered = visitor.get(&back).await.expect(303);
    assert_eq!(entered.header("location"), "/");
    assert!(is_alive(&site, &cookie(&entered, "billfold").unwrap()).await);

    let page = visitor.get("/account/password").await.expect(200);
    assert!(!page.text().contains("never used"));
    visitor.submit(&page.form("form[action='/account/openid/remove']")).await.expect(303);
    visitor.post("/account/openid/remove", &[]).await.expect(404);
    let stranger = site.anonymous();
    let back = begin(&stranger).await;
    stranger.get(&back).await.expect(401);

    let mut tx = site.app.db.read(&site.tenant().await.id).await.unwrap();
    let noted = audit_log::list::outside_projects(&mut tx).await.unwrap();
    for action in ["person.openid_linked", "person.logged_in", "person.openid_unlinked"] {
        assert!(noted.iter().any(|(_, noted)| noted == action), "{action} in {noted:?}");
    }
}

async fn an_address_alone_opens_nothing(engine: Engine) {
    let (site, provider, _) = start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Admin).await;
    provider.tell(|teller| teller.email.clone_from(&email));
    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    let refused = visitor.get(&back).await.expect(401);
    let text = refused.one("[role=alert]");
    assert!(text.contains(&email) && text.contains("not linked"), "{text}");
    visitor.get("/account").await.expect(303);
    // the password leads to the page that links it
    let form = refused.form("form[action='/login']").fill("email", &email).fill("password", PASSWORD);
    let entered = visitor.submit(&form).await.expect(303);
    assert_eq!(entered.header("location"), "/account/password");
    link(&visitor).await;
    let again = site.anonymous();
    let back = begin(&again).await;
    again.get(&back).await.expect(303);
}

async fn one_account_belongs_to_one_person(engine: Engine) {
    let (site, provider, _) = start(engine).await;
    linked(&site).await;
    let other = logged_in(&site, &site.new_member(site.tenant().await, Role::Admin).await).await;
    let said = link(&other).await;
    assert!(cookie(&said, "billfold-toast").unwrap().contains("already"));
    assert!(other.get("/account/password").await.expect(200).has("form[action='/account/openid']"), "still unlinked");
    provider.tell(|teller| "subject-2".clone_into(&mut teller.subject));
    link(&other).await;
    assert!(other.get("/account/password").await.expect(200).has("form[action='/account/openid/remove']"));
}

async fn a_second_factor_is_asked_for_as_well(engine: Engine) {
    let (site, _provider, clock) = start(engine).await;
    let (_, owner) = linked(&site).await;
    let page = owner.get("/account/two-factor").await.expect(200);
    let begun = owner.submit(&page.form("form[action='/account/two-factor/begin']")).await.expect(303);
    let page = owner.follow(begun).await.expect(200);
    let key = SecretString::from(page.one("#totp-key"));
    let form = page.form("form[action='/account/two-factor/new']").fill("code", &code_at(&key, clock.now()).unwrap());
    owner.submit(&form).await.expect(200);

    clock.advance(60);
    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    let held = visitor.get(&back).await.expect(303);
    assert!(held.header("location").starts_with("/login/two-factor"), "{}", held.header("location"));
    visitor.get("/account").await.expect(303);
    let page = visitor.get(held.header("location")).await.expect(200);
    let form = page.form("form[action='/login/two-factor']").fill("code", &code_at(&key, clock.now()).unwrap());
    visitor.submit(&form).await.expect(303);
    visitor.get("/account").await.expect(200);
}

async fn what_cannot_be_believed_opens_nothing(engine: Engine) {
    let (site, provider, _) = start(engine).await;
    linked(&site).await;
    let lies = [
        json!({ "nonce": "another" }),
        json!({ "aud": "somebody-else" }),
        json!({ "aud": [CLIENT, "somebody-else"], "azp": "somebody-else" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": NOW - 1 }),
    ];
    for lie in lies {
        provider.tell(|teller| teller.lies = lie.clone());
        let visitor = site.anonymous();
        let back = begin(&visitor).await;
        let refused = visitor.get(&back).await.expect(401);
        assert!(refused.one("[role=alert]").contains("was not accepted"), "{lie}");
        visitor.get("/account").await.expect(303);
    }
    provider.tell(|teller| (teller.lies, teller.forged) = (json!(null), true));
    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    visitor.get(&back).await.expect(401);
    provider.tell(|teller| (teller.forged, teller.denies) = (false, true));
    let back = begin(&visitor).await;
    let refused = visitor.get(&back).await.expect(401);
    assert!(refused.one("[role=alert]").contains("did not sign you in"));
    provider.tell(|teller| teller.denies = false);
    let back = begin(&visitor).await;
    visitor.get(&back).await.expect(303);
}

async fn an_answer_counts_once_and_in_its_own_browser(engine: Engine) {
    let (site, _provider, clock) = start(engine).await;
    linked(&site).await;
    let (victim, thief) = (site.anonymous(), site.anonymous());
    let stolen = begin(&thief).await;
    victim.get(&stolen).await.expect(401); // nobody can be signed in as somebody else by a link
    victim.get("/account").await.expect(303);
    let own = begin(&victim).await;
    thief.get(&own).await.expect(401);
    let changed = own.replace("state=", "state=x");
    victim.get(&changed).await.expect(401);
    victim.get(&own).await.expect(401); // the question was used up

    let back = begin(&victim).await;
    clock.advance(601);
    victim.get(&back).await.expect(401);
    let back = begin(&victim).await;
    victim.get(&back).await.expect(303);
    victim.get(&back).await.expect(401);
    victim.get("/login/openid/callback").await.expect(401);
}

async fn a_new_key_of_the_provider_is_looked_up(engine: Engine) {
    let (site, provider, clock) = start(engine).await;
    linked(&site).await;
    assert_eq!(provider.asked_for_keys(), 1, "they are kept for an hour");
    provider.renew_key();
    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    visitor.get(&back).await.expect(303);
    assert_eq!(provider.asked_for_keys(), 2);
    // made-up answers do not have us ask for each of them
    provider.tell(|teller| teller.forged = true); // names the first key
    for _ in 0..3 {
        let visitor = site.anonymous();
        let back = begin(&visitor).await;
        visitor.get(&back).await.expect(401);
    }
    assert_eq!(provider.asked_for_keys(), 2);
    clock.advance(60);
    let visitor = site.anonymous();
    let back = begin(&visitor).await;
    visitor.get(&back).await.expect(401);
    assert_eq!(provider.asked_for_keys(), 3);
}

async fn it_confirms_who_is_there_when_it_asked_anew(engine: Engine) {
    let (site, provider, clock) = start(engine).await;
    let (_, owner) = linked(&site).await;
    clock.advance(601);
    let asked = owner.post("/account/openid/remove", &[]).await.expect(401);
    assert!(asked.text().contains("Confirm with Acme ID"));
    provider.tell(|teller| teller.typed_ago = 3_600);
    let page = owner.get("/confirm?next=/account").await.expect(200);
    let back = go(&owner, &page, "form[action='/confirm/openid']").await;
    let refused = owner.get(&back).await.expect(303);
    assert_eq!(refused.header("location"), "/confirm?next=%2Faccount");
    owner.post("/account/openid/remove", &[]).await.expect(401);

    provider.tell(|teller| (teller.typed_ago, teller.subject) = (0, "subject-2".to_owned()));
    let page = owner.get("/confirm?next=/account").await.expect(200);
    let back = go(&owner, &page, "form[action='/confirm/openid']").await;
    assert!(owner.get(&back).await.expect(303).header("location").starts_with("/confirm"));

    provider.tell(|teller| "subject-1".clone_into(&mut teller.subject));
    let page = owner.get("/confirm?next=/account").await.expect(200);
    let back = go(&owner, &page, "form[action='/confirm/openid']").await;
    assert_eq!(owner.get(&back).await.expect(303).header("location"), "/account");
    let page = owner.get("/account/password").await.expect(200);
    owner.submit(&page.form("form[action='/account/openid/remove']")).await.expect(303);
}

async fn without_the_provider_passwords_work(engine: Engine) {
    let clock = Clock::manual(NOW);
    let nobody = "http://127.0.0.1:1";
    let flags = ["--oidc-issuer", nobody, "--oidc-client-id", CLIENT, "--oidc-client-secret", SECRET];
    let site = Site::start_with(engine, clock.clone(), &flags).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let visitor = site.anonymous();
    let page = visitor.get("/login").await.expect(200);
    let down = visitor.submit(&page.form("form[action='/login/openid']")).await.expect(503);
    assert!(down.text().contains("Use the password") && !down.text().contains("127.0.0.1:1"), "{}", down.text());
    logged_in(&site, &email).await.get("/account").await.expect(200);

    let plain = Site::start_at(engine, clock).await;
    let visitor = plain.anonymous();
    assert!(!visitor.get("/login").await.expect(200).has("form[action='/login/openid']"));
    visitor.post("/login/openid", &[]).await.expect(404);
    visitor.get("/login/openid/callback").await.expect(404);
}
