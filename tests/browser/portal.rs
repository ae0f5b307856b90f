//! What a customer does on a phone, from the link to the other plan, the changed mind, the new card and the way out.

use billfold::{
    app::{By, Scope},
    domain::{brand::PortalDraft, drafts::Proration, portal::LinkDraft},
    standin::kind::Kind,
    vault::ExposeSecret as _,
};
use serde_json::Value;

use crate::{
    browser::Browser,
    harness::{Account, Engine, Site},
};

async fn scope(site: &Site) -> Scope {
    let tenant = site.tenant().await.clone();
    Scope { app: site.app.clone(), tenant: tenant.id, project: tenant.project, by: By::part("story") }
}

/// A subscription that renews, is counted but not up to seven, which it shall become, and is its customer's only one.
fn counted(account: &Account<'_>) -> Value {
    let all = account.dump(Kind::Subscription);
    let fits = |it: &&Value| {
        let items = it["items"]["data"].as_array().unwrap();
        let alone = all.iter().filter(|other| other["customer"] == it["customer"]).count() == 1;
        let renews = it["status"] == "active" && it["cancel_at_period_end"] == false;
        renews && alone && items.len() == 1 && items[0]["quantity"].as_u64().is_some_and(|n| n != 7)
    };
    all.iter().find(fits).expect("a subscription by number").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_manages_a_subscription_on_a_phone() {
    let site = Site::start(Engine::Sqlite).await;
    let account = site.connect(30).await;
    site.start_workers();
    let scope = scope(&site).await;
    let prices = account.dump(Kind::Price).into_iter().filter(|price| !price["recurring"].is_null());
    let prices = prices.map(|price| price["id"].as_str().unwrap().to_owned()).collect();
    let look_of = PortalDraft {
        name: "Acme Coffee".to_owned(),
        colour: "#6f3c1e".to_owned(),
        support: "help@acme.example".to_owned(),
        proration: Proration::AlwaysInvoice,
        prices,
    };
    scope.save_portal(&look_of).await.unwrap();
    let subscription = counted(&account);
    let made = scope.create_portal_link(&LinkDraft::new(subscription["customer"].as_str().unwrap())).await.unwrap();
    let path = made.url.expose_secret().strip_prefix(&site.base).unwrap().to_owned();
    let browser = Browser::open(&site.base).await;
    browser.resize(390, 844, true).await;
    browser.goto(&format!("{path}?lang=en")).await;
    let mut problems = look(&browser, "the link").await;
    browser.press("main button[type=submit]").await;
    browser.until_shown("It renews on", false).await;
    assert_eq!(browser.path().await, "/portal");
    problems.extend(look(&browser, "the plan").await);

    browser.press("a[href$='/change']").await;
    browser.fill("quantity", "7").await;
    browser.press("form[method=get] button").await;
    browser.until_shown("You pay now", false).await;
    problems.extend(look(&browser, "the preview").await);
    browser.press("form[method=post] button").await;
    browser.until_shown("Your plan is changed", false).await;
    browser.until_shown("× 7", false).await;

    browser.press("a[href$='/cancel']").await;
    browser.until_shown("You keep everything until", false).await;
    problems.extend(look(&browser, "the cancellation").await);
    browser.press("button.btn-danger").await;
    browser.until_shown("does not renew", false).await;
    browser.press("form[action$='/keep'] button").await;
    browser.until_shown("goes on", false).await;

    browser.press("a[href='/portal/card']").await;
    browser.until_shown("Replace the card", false).await;
    problems.extend(look(&browser, "the card").await);
    browser.press("form[action='/portal/card'] button").await;
    browser.until("Stripe's page", "location.pathname.startsWith('/c/pay/')").await;
    browser.press("button[value=pay]").await;
    browser.until_shown("Your new card is saved", false).await;

    browser.find("a[href$='/pdf']").await;
    browser.press("a[href='/portal/details']").await;
    browser.until_shown("Postal code", false).await;
    problems.extend(look(&browser, "the details").await);
    browser.goto("/portal/tax-ids").await;
    problems.extend(look(&browser, "the tax ids").await);
    browser.press("a[hreflang=ja]").await;
    browser.until_shown("納税者番号", false).await;
    problems.extend(look(&browser, "Japanese").await);
    browser.goto("/portal").await;
    browser.press("form[action='/portal/end'] button").await;
    browser.until_shown("終了しました", false).await;
    problems.extend(look(&browser, "the end").await);
    browser.close().await;
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What is wrong with a page in either colour scheme.
async fn look(browser: &Browser, page: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        problems.extend(browser.violations().await.into_iter().map(|problem| format!("{page}, {scheme}: {problem}")));
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        if wide.as_i64() > Some(0) {
            problems.push(format!("{page}, {scheme}: wider than the screen by {wide} pixels"));
        }
    }
    problems
}
