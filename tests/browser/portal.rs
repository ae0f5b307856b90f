//! What a customer does on a phone, from the link to the changed mind.

use billfold::{app::Scope, domain::portal::LinkDraft, standin::kind::Kind, vault::ExposeSecret as _};

use crate::{
    browser::Browser,
    harness::{Engine, Site},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_cancels_and_stays_on_a_phone() {
    let site = Site::start(Engine::Sqlite).await;
    let account = site.connect(20).await;
    let renews = |it: &serde_json::Value| it["status"] == "active" && it["cancel_at_period_end"] == false;
    let subscription = account.dump(Kind::Subscription).into_iter().find(renews).unwrap();
    let tenant = site.tenant().await.clone();
    let scope = Scope {
        app: site.app.clone(),
        tenant: tenant.id,
        project: tenant.project,
        actor: "story".to_owned(),
        request_id: String::new(),
    };
    let made = scope.create_portal_link(&LinkDraft::new(subscription["customer"].as_str().unwrap())).await.unwrap();
    let browser = Browser::open(&site.base).await;
    browser.resize(390, 844, true).await;
    browser.goto(made.url.expose_secret().strip_prefix(&site.base).unwrap()).await;
    let mut problems = look(&browser, "the link").await;
    browser.press("main button[type=submit]").await;
    browser.until_shown("It renews on", false).await;
    assert_eq!(browser.path().await, "/portal");
    problems.extend(look(&browser, "the plan").await);
    browser.press("a[href$='/cancel']").await;
    browser.until_shown("You keep everything until", false).await;
    problems.extend(look(&browser, "the cancellation").await);
    browser.press("button.btn-danger").await;
    browser.until_shown("does not renew", false).await;
    browser.press("form[action$='/keep'] button").await;
    browser.until_shown("goes on", false).await;
    browser.press("a[href='/portal/details']").await;
    browser.until_shown("Postal code", false).await;
    problems.extend(look(&browser, "the details").await);
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
