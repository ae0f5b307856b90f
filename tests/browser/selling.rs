//! What staff do so that a program and a customer can go on without them: a key that is shown once, a Checkout page.

use billfold::standin::kind::Kind;

use crate::flows::connected;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_works() {
    let (site, browser, home) = connected().await;
    browser.goto(&format!("{home}api-keys/new")).await;
    browser.fill("name", "Shop back end").await;
    browser.press("main form button.btn-primary").await;
    browser.until_shown("It is shown this once", false).await;
    let key = browser.eval("document.querySelector('#new-key').textContent").await.as_str().unwrap().to_owned();
    assert!(key.starts_with("bs_") && browser.text().await.contains("curl"), "{key}");
    let problems = browser.violations().await;
    assert!(problems.is_empty(), "{problems:#?}");
    browser.press("main a.btn").await;
    browser.until_shown("Shop back end", false).await;
    browser.goto(&format!("{home}api-keys")).await;
    assert!(!browser.eval("document.documentElement.innerHTML").await.as_str().unwrap().contains(&key));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}/v1/customers", site.base)).bearer_auth(&key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_pays_on_a_page_that_staff_made() {
    let (site, browser, home) = connected().await;
    let account = site.connect(10).await;
    site.start_workers();
    let before = account.ids(Kind::Subscription).len();
    browser.goto(&format!("{home}checkout")).await;
    let licensed =
        "[...document.querySelectorAll('select[name=price] option')].find(it => /per seat/.test(it.text)).value";
    browser.eval(&format!("document.querySelector('select[name=price]').value = {licensed}")).await;
    browser.fill("quantity", "2").await;
    browser.fill("customer_email", "eve@example.com").await;
    browser.press("#act form button[type=submit]").await;
    browser.until("the page's address is shown", "document.querySelector('main a[rel~=noopener]')").await;
    let mut problems = browser.violations().await;
    browser.eval("location.assign(document.querySelector('main a[rel~=noopener]').href)").await;
    browser.until("Stripe's page", "location.pathname.startsWith('/c/pay/')").await;
    browser.press("button[value=pay]").await;
    browser.until("the way back", "location.pathname.endsWith('/checkout/done')").await;
    browser.until("the subscription is there", "document.querySelector('main a[href*=\"/subscriptions/ps_\"]')").await;
    problems.extend(browser.violations().await);
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(account.ids(Kind::Subscription).len(), before + 1);
    browser.close().await;
}
