//! People and their accounts in a real browser: an invitation, a new password, the second factor, a passkey. Each page on the
//! way is looked at on a desk and on a phone, in both colour schemes.

use billfold::{accounts::two_factor::code_at, clock::Clock, domain::role::Role};

use crate::{
    browser::Browser,
    harness::{
        Engine, PASSWORD, Site,
        identity_provider::{CLIENT, IdentityProvider, SECRET},
        post_office::{Manner, PostOffice},
    },
};

/// Fails the test when the page as it stands is not sound in some size or scheme.
pub async fn look(browser: &Browser, name: &str) {
    let mut problems = Vec::new();
    for (width, height, mobile) in [(390, 844, true), (1280, 900, false)] {
        browser.resize(width, height, mobile).await;
        for scheme in ["dark", "light"] {
            browser.prefer(scheme).await;
            problems.extend(browser.violations().await.into_iter().map(|it| format!("{name} {width} {scheme}: {it}")));
            let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            if browser.eval(wide).await.as_i64() > Some(0) {
                problems.push(format!("{name} is wider than {width} pixels"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_follows_an_invitation() {
    let site = Site::start(Engine::Sqlite).await;
    let tenant = site.tenant().await.clone();
    let owner = Browser::open(&site.base).await;
    owner.sign_in(&site.new_member(&tenant, Role::Owner).await).await;
    owner.goto(&format!("/t/{}/members", tenant.id)).await;
    look(&owner, "members").await;
    owner.fill("email", "grace@example.com").await;
    owner.press("form[action$='/invitations'] button").await;
    owner.until_shown("Hand over the link", false).await;
    look(&owner, "the link").await;
    let link = owner.eval("document.querySelector('#new-link').textContent").await;
    let path = link.as_str().unwrap().strip_prefix(&site.base).unwrap().to_owned();

    let newcomer = Browser::open(&site.base).await;
    newcomer.goto(&path).await;
    look(&newcomer, "the invitation").await;
    newcomer.fill("password", PASSWORD).await;
    newcomer.press("main button[type=submit]").await;
    newcomer.until("the business is open", "location.pathname.includes('/p/prj_')").await;
    newcomer.goto(&path).await;
    newcomer.until_shown("opens nothing any more", false).await;
    newcomer.goto("/login").await; // leads inside, so what the console said of the 410 is passed over below
    let complaints = newcomer.complaints().await;
    assert!(complaints.iter().all(|text| text.contains("410")), "{complaints:#?}");
    newcomer.close().await;

    owner.goto(&format!("/t/{}/members", tenant.id)).await;
    owner.until_shown("grace@example.com", false).await;
    owner.press("table a[href*='/members/usr_']").await;
    owner.until_shown("Member since", false).await;
    look(&owner, "a member").await;
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew() {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    let site = Site::start_with(Engine::Sqlite, Clock::system(), &flags.each_ref().map(String::as_str)).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let browser = Browser::open(&site.base).await;
    browser.goto("/login").await;
    browser.press("main a[href='/forgot']").await;
    browser.find("#email").await;
    look(&browser, "forgot").await;
    browser.fill("email", &email).await;
    browser.press("main button[type=submit]").await;
    browser.until_shown("is on its way", false).await;
    look(&browser, "asked").await;
    let letter = office.wait_for(1).await.remove(0).text();
    let path = letter.lines().find_map(|line| line.trim().strip_prefix(&site.base)).expect("a link").to_owned();
    browser.goto(&path).await;
    look(&browser, "reset").await;
    browser.fill("password", "another horse battery").await;
    browser.press("main button[type=submit]").await;
    browser.until("the sign-in is open", "location.pathname === '/login'").await;
    browser.fill("email", &email).await;
    browser.fill("password", "another horse battery").await;
    browser.press("form[action='/login'] button[type=submit]").await;
    browser.until("the business is open", "location.pathname.includes('/p/prj_')").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_turned_on_and_asked_for() {
    let site = Site::start(Engine::Sqlite).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let browser = Browser::open(&site.base).await;
    browser.sign_in(&email).await;
    for page in ["/account", "/account/password", "/account/sessions", "/account/two-factor"] {
        browser.goto(page).await;
        look(&browser, page).await;
    }
    browser.press("form[action='/account/two-factor/begin'] button").await;
    browser.find("#totp-key").await;
    look(&browser, "the key").await;
    let key = browser.eval("document.querySelector('#totp-key').textContent").await.as_str().unwrap().to_owned();
    let code = code_at(&key.clone().into(), site.app.clock.now()).unwrap();
    browser.fill("code", &code).await;
    browser.press("form[action='/account/two-factor/new'] button").await;
    browser.find("#recovery-codes").await;
    look(&browser, "the recovery codes").await;
    let codes =
        browser.eval("document.querySelector('#recovery-codes').textContent").await.as_str().unwrap().to_owned();

    let other = Browser::open(&site.base).await;
    other.goto("/login").await;
    other.fill("email", &email).await;
    other.fill("password", PASSWORD).await;
    other.press("form[action='/login'] button[type=submit]").await;
    other.find("#code").await;
    look(&other, "the second step").await;
    other.fill("code", codes.split_whitespace().next().unwrap()).await;
    other.press("main button[type=submit]").await;
    other.until("the business is open", "location.pathname.includes('/p/prj_')").await;
    other.close().await;
    browser.goto("/account/two-factor").await;
    browser.until_shown("9 recovery codes are left", false).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_and_signs_in() {
    let site = Site::start(Engine::Sqlite).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let named = site.base.replace("127.0.0.1", "localhost"); // passkeys are for names
    let browser = Browser::open(&named).await;
    browser.add_authenticator().await;
    browser.sign_in(&email).await;
    browser.goto("/account/passkeys").await;
    browser.until("the form is offered", "!document.querySelector('form[data-passkey]').hidden").await;
    look(&browser, "no passkeys").await;
    browser.fill("name", "My laptop").await;
    browser.press("form[data-passkey] button").await;
    browser.until_shown("never used", false).await;
    look(&browser, "a passkey").await;
    browser.press("form[action='/logout'] button").await;
    browser.until("the sign-in is open", "location.pathname === '/login'").await;
    browser.until("the form is offered", "!document.querySelector('form[data-passkey]').hidden").await;
    look(&browser, "sign-in with a passkey").await;
    browser.press("form[data-passkey] button").await;
    browser.until("the business is open", "location.pathname.includes('/p/prj_')").await;

    browser.goto("/account/passkeys").await;
    browser.until_shown("My laptop", false).await;
    assert!(!browser.text().await.contains("never used"));
    browser.press("details summary").await;
    let field = browser.eval("document.querySelector('details[open] input[name=name]').id").await;
    browser.eval(&format!("document.getElementById({field}).value = 'Old laptop'")).await;
    browser.press("details[open] button").await;
    browser.until_shown("Old laptop", false).await;
    browser.press("form[action$='/remove'] button").await;
    browser.press("#confirm-yes").await;
    browser.until_shown("None yet", false).await;

    // What the device still has opens nothing any more.
    browser.press("form[action='/logout'] button").await;
    browser.until("the form is offered", "!!document.querySelector('form[data-passkey]:not([hidden])')").await;
    browser.press("form[data-passkey] button").await;
    browser.until_shown("not known here", false).await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|text| text.contains("401")), "{complaints:#?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_provider_signs_in_and_confirms() {
    let clock = Clock::system();
    let provider = IdentityProvider::start(&clock).await;
    let flags = ["--oidc-issuer", provider.issuer(), "--oidc-client-id", CLIENT, "--oidc-client-secret", SECRET];
    let flags: Vec<&str> = flags.into_iter().chain(["--oidc-name", "Acme ID"]).collect();
    let site = Site::start_with(Engine::Sqlite, clock, &flags).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let browser = Browser::open(&site.base).await;
    browser.goto("/login").await;
    look(&browser, "a login with a provider").await;
    // unknown there: the password leads to the page that links it
    browser.press("form[action='/login/openid'] button").await;
    browser.until_shown("not linked to anybody here yet", false).await;
    look(&browser, "not linked").await;
    browser.fill("email", &email).await;
    browser.fill("password", PASSWORD).await;
    browser.press("form[action='/login'] button").await;
    browser.until("the page that links it", "location.pathname === '/account/password'").await;
    look(&browser, "to be linked").await;
    browser.press("form[action='/account/openid'] button").await;
    browser.until_shown("signs you in as ada@provider.example", false).await;
    look(&browser, "linked").await;
    browser.goto("/confirm?next=/account").await;
    look(&browser, "a confirmation with a provider").await;
    browser.press("form[action='/confirm/openid'] button").await;
    browser.until("it is confirmed", "location.pathname === '/account'").await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|text| text.contains("401")), "{complaints:#?}");
    browser.close().await;

    let other = Browser::open(&site.base).await;
    other.goto("/login").await;
    other.press("form[action='/login/openid'] button").await;
    other.until("the business is open", "location.pathname.includes('/p/prj_')").await;
    other.close().await;
}
