//! Whoever runs the installation, in a real browser: the door, every page of the area, a suspension as the people of the business
//! see it, looking in, and the sign-up. Each page is looked at on a desk and on a phone, in both colour schemes.

use billfold::{accounts::operators, domain::role::Role};

use crate::{
    browser::Browser,
    harness::{Engine, PASSWORD, Site},
    people::look,
};

/// An operator at the open door.
async fn operator(site: &Site) -> Browser {
    let email = site.new_member(site.tenant().await, Role::Owner).await;
    operators::appoint(&site.app, &email, true).await.unwrap();
    let browser = Browser::open(&site.base).await;
    browser.sign_in(&email).await;
    browser.goto("/operator").await;
    browser.until_shown("Operator's area", false).await;
    look(&browser, "the door").await;
    browser.fill("password", PASSWORD).await;
    browser.press("main form button[type=submit]").await;
    browser.until("the area is open", "location.pathname === '/operator'").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_business_sees_why_and_an_operator_looks_in() {
    let site = Site::start(Engine::Sqlite).await;
    site.connect(5).await;
    let bolt = site.new_tenant("Bolt Tea").await;
    site.connect_project(&bolt.id, &bolt.project, 5).await;
    let operator = operator(&site).await;
    let page = format!("/operator/tenants/{}", bolt.id);
    for (path, name) in [
        ("/operator", "tenants"),
        ("/operator?q=nobody", "no tenant"),
        ("/operator/plans", "plans"),
        ("/operator/plans/pla_aaaaaaaaaaaaaaaaaaaaaaaa", "a plan"),
        ("/operator/jobs", "jobs"),
        ("/operator/settings", "settings"),
        (&page, "a tenant"),
    ] {
        operator.goto(path).await;
        look(&operator, name).await;
    }

    let owner = Browser::open(&site.base).await;
    owner.sign_in(&site.new_member(&bolt, Role::Owner).await).await;
    operator.goto(&page).await;
    operator.fill("reason", "The invoice of May is open").await;
    operator.press("form[action$='/suspend'] button").await;
    operator.until_shown("The tenant is suspended", false).await;
    look(&operator, "a suspended tenant").await;
    owner.goto(&format!("{}customers", bolt.home())).await;
    owner.until_shown("The invoice of May is open", false).await;
    look(&owner, "the banner").await;
    owner.goto(&format!("/t/{}/plan", bolt.id)).await;
    look(&owner, "plan and usage").await;
    owner.goto(&format!("/t/{}/projects/new", bolt.id)).await;
    owner.fill("name", "Another").await;
    owner.press("main form button[type=submit]").await;
    owner.until_shown("everything can be read, nothing changed", false).await;
    let complaints = owner.complaints().await; // Chromium tells of the status
    assert!(complaints.iter().all(|text| text.contains("402")), "{complaints:#?}");

    operator.goto(&page).await;
    operator.press("form[action$='/restore'] button").await;
    operator.until_shown("The tenant is restored", false).await;
    owner.goto(&format!("{}customers", bolt.home())).await;
    assert!(!owner.text().await.contains("suspended"), "{}", owner.text().await);
    owner.close().await;

    operator.goto(&page).await;
    operator.fill("look_reason", "Ticket 17").await;
    operator.press("form[action$='/look-in'] button").await;
    operator.until_shown("You look in as an operator", false).await;
    look(&operator, "a look").await;
    operator.press("form[action='/operator/leave'] button").await;
    operator.until_shown("You do not look in any more", false).await;
    operator.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_signs_up() {
    let site = Site::start(Engine::Sqlite).await;
    site.connect(5).await;
    let operator = operator(&site).await;
    operator.goto("/operator/settings").await;
    operator.eval("(document.querySelector('#billing').selectedIndex = 1)").await;
    operator.press("input[name=sign_up]").await;
    operator.press("form[action='/operator/settings'] button").await;
    operator.until_shown("Saved.", false).await;
    operator.goto("/operator/plans").await;
    operator.press("form[action='/operator/plan-prices'] button").await;
    operator.until_shown("Whoever pays that price has that plan", false).await;
    look(&operator, "a plan with a price").await;
    operator.close().await;

    let newcomer = Browser::open(&site.base).await;
    newcomer.goto("/signup").await;
    look(&newcomer, "the sign-up").await;
    newcomer.fill("tenant", "Olive Oil").await;
    newcomer.fill("email", "olive@example.com").await;
    newcomer.fill("password", PASSWORD).await;
    newcomer.press("main form button[type=submit]").await;
    newcomer.until_shown("Choose a plan to begin", false).await;
    look(&newcomer, "choosing a plan").await;
    newcomer.press("input[name=price]").await;
    newcomer.press("form[action$='/plan/subscribe'] button").await;
    newcomer.until_shown("Pay at Stripe", false).await;
    look(&newcomer, "the way to payment").await;
    newcomer.press("a[href*='/c/pay/']").await;
    newcomer.press("button[value=pay]").await;
    newcomer.until("it leads back", "location.pathname.endsWith('/plan')").await;
    site.wait_until_idle().await;
    newcomer.until_shown("Open the portal", true).await;
    look(&newcomer, "a paid plan").await;
    newcomer.close().await;
}
