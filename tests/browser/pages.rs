//! Every page that can be reached, in both colour schemes: no accessibility violation, nothing in the console, nothing wider
//! than the screen.

use std::collections::BTreeMap;

use billfold::{accounts::setup, domain::role::Role};

use crate::{
    browser::Browser,
    harness::{
        Engine, Site,
        crawl::{Reach, crawl, pattern},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_on_a_desk() {
    check_all(1280, 900, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_on_a_phone() {
    check_all(390, 844, true).await;
}

async fn check_all(width: u32, height: u32, mobile: bool) {
    let site = Site::start(Engine::Sqlite).await;
    let browser = Browser::open(&site.base).await;
    browser.resize(width, height, mobile).await;
    let token = setup::new_token_if_open(&site.app).await.unwrap().unwrap();
    let mut problems =
        check(&browser, &["/login".to_owned(), format!("/setup?token={token}"), "/setup?token=x".to_owned()]).await;

    let owner = site.user(Role::Owner).await;
    browser.sign_in(&site.new_member(site.tenant().await, Role::Owner).await).await;
    problems.extend(check(&browser, &pages(&crawl(&owner, owner.home()).await)).await);

    let account = site.connect(60).await;
    account.mutate(20);
    site.wait_until_idle().await;
    owner.get("connection/doctor").await.expect(200);
    owner.post("connection/doctor", &[]).await.expect(303); // so that its page has a report to show
    let mut full = pages(&crawl(&owner, owner.home()).await);
    assert!(full.len() > 15, "the crawl found only {full:?}");
    for extra in ["customers?q=zzzz", "search?q=a", "search?q=zzzz", "customers/cus_nobody", "nothing-here"] {
        full.push(format!("{}{extra}", owner.home()));
    }
    problems.extend(check(&browser, &full).await);
    browser.close().await;
    assert!(problems.is_empty(), "{problems:#?}");
}

/// One address of each page; sorted and filtered views of a list look alike. What is fetched into a page, a download and a
/// redirect are no pages.
fn pages(reach: &Reach) -> Vec<String> {
    let plain = |path: &str| pattern(path.split('?').next().unwrap_or_default());
    let documents = reach.pages.iter().filter(|(_, answer)| answer.body.contains("<html"));
    let by_pattern: BTreeMap<String, &String> = documents.map(|(path, _)| (plain(path), path)).collect();
    by_pattern.into_values().cloned().collect()
}

async fn check(browser: &Browser, paths: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for path in paths {
            browser.goto(path).await;
            let place = |problem: String| format!("{scheme} {path}: {problem}");
            problems.extend(browser.violations().await.into_iter().map(place));
            let wide =
                browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
            if wide.as_i64() > Some(0) {
                problems.push(place(format!("wider than the screen by {wide} pixels")));
            }
            // The page of an error is a page like any other, and Chromium reports its status.
            let complaints = browser.complaints().await.into_iter();
            problems.extend(complaints.filter(|text| !text.contains("Failed to load resource")).map(place));
        }
    }
    problems
}
