//! What people do, with keyboard and mouse.

use billfold::{accounts::setup, domain::role::Role, standin::kind::Kind};
use serde_json::json;

use crate::{
    browser::Browser,
    harness::{Engine, PASSWORD, Site},
};

/// The whole way of a newcomer: set up, connect, watch the copy, change something at "Stripe", see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sets_up_connects_and_sees_changes_arrive() {
    let site = Site::start(Engine::Sqlite).await;
    site.start_workers();
    let account = site.stripe_account(150);
    let token = setup::new_token_if_open(&site.app).await.unwrap().unwrap();
    let browser = Browser::open(&site.base).await;

    browser.goto(&format!("/setup?token={token}")).await;
    browser.fill("tenant", "Acme Coffee").await;
    browser.fill("email", "ada@example.com").await;
    browser.fill("password", PASSWORD).await;
    browser.press("main button[type=submit]").await;
    browser.until("the overview is open", "location.pathname.includes('/p/prj_')").await;
    let home = browser.path().await;

    browser.goto(&format!("{home}connection")).await;
    browser.fill("secret_key", &account.keys.publishable_key).await;
    browser.press("#connection form button[type=submit]").await;
    browser.until("a wrong key is refused beside its field", "document.querySelector('#secret_key-error')").await;
    browser.fill("secret_key", &account.keys.restricted_key).await;
    browser.press("#connection form button[type=submit]").await;
    browser.until_shown("Waiting for the first event", false).await;

    // The page turns green by itself.
    let customer = account.ids(Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    browser.until_shown("Events arrive", false).await;

    browser.goto(&home).await;
    browser.until_shown("150", false).await;
    site.wait_until_idle().await;
    browser.goto(&format!("{home}customers/{customer}")).await;
    browser.until_shown("Grace Hopper", true).await;
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    browser.until_shown("Ada Lovelace", true).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_searched_paged_and_left_again() {
    let (site, browser, home) = connected().await;
    let account = site.connect(60).await;
    let customer = account.ids(Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    site.wait_until_idle().await;
    browser.goto(&format!("{home}customers")).await;
    let rows = "document.querySelectorAll('main table tbody tr').length";
    let all = browser.eval(rows).await;
    browser.press("#list-search").await;
    browser.keys("hopper").await;
    browser
        .until("the search narrows the list", &format!("{rows} === 1 && location.search.includes('q=hopper')"))
        .await;
    browser.back().await;
    browser
        .until("Back shows the whole list", &format!("{rows} === {all} && !location.search.includes('hopper')"))
        .await;
    browser.press("main a[rel=next]").await;
    browser.until("the next page has its own address", "location.search !== ''").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_k_finds_anything_and_escape_gives_the_focus_back() {
    let (site, browser, home) = connected().await;
    let account = site.connect(20).await;
    let customer = account.ids(Kind::Customer).remove(0);
    browser.goto(&format!("{home}customers")).await;
    browser.eval("document.querySelector('#list-search').focus()").await;
    browser.control("k").await;
    browser.until("the search opens", "document.querySelector('#search-dialog').open").await;
    browser.until("its field has the focus", "document.activeElement.id === 'search-input'").await;
    browser.keys(&customer).await;
    let found = "document.querySelector('#search-results a[href*=\"/customers/\"]')";
    browser.until("the customer is found", found).await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.keys("\u{e00c}").await; // Escape
    browser.until("the search closes", "!document.querySelector('#search-dialog').open").await;
    browser.until("the focus is back", "document.activeElement.id === 'list-search'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_theme_is_kept_and_the_help_opens_with_a_key() {
    let (_site, browser, home) = connected().await;
    browser.prefer("light").await;
    browser.goto(&home).await;
    browser.press("[data-theme-toggle]").await;
    browser.until("the page is dark", "document.documentElement.dataset.bsTheme === 'dark'").await;
    browser.reload().await;
    browser.until("it stays dark", "document.documentElement.dataset.bsTheme === 'dark'").await;
    browser.keys("?").await;
    browser.until("the help opens", "document.querySelector('#help-dialog').open").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_read_without_scripts() {
    let site = Site::start(Engine::Sqlite).await;
    let account = site.connect(60).await;
    let customer = account.ids(Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    site.wait_until_idle().await;
    let browser = Browser::open_without_scripts(&site.base).await;
    browser.goto("/login").await;
    browser.fill("email", &site.new_member(site.tenant().await, Role::Viewer).await).await;
    browser.fill("password", PASSWORD).await;
    browser.press("main button[type=submit]").await;
    browser.find("nav a[href$='/customers']").await;
    browser.press("nav a[href$='/customers']").await;
    browser.find("main table tbody tr").await;
    browser.fill("q", "hopper\n").await;
    browser.until_shown("Grace Hopper", false).await;
    browser.press("main table tbody tr a").await;
    browser.until_shown(&customer, false).await;
    browser.close().await;
}

/// Somebody signed in to a business that has nothing yet.
pub async fn connected() -> (Site, Browser, String) {
    let site = Site::start(Engine::Sqlite).await;
    let tenant = site.tenant().await.clone();
    let browser = Browser::open(&site.base).await;
    browser.sign_in(&site.new_member(&tenant, Role::Owner).await).await;
    (site, browser, tenant.home())
}
