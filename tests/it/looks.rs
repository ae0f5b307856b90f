//! What the main pages say, kept as files: a change of a template shows in the review, line by line. Both engines give the same
//! pages. After a change that is meant, `INSTA_UPDATE=always tests/run looks` writes the files anew.

use billfold::{accounts::setup::new_token_if_open, clock::Clock, domain::role::Role};

use crate::harness::{Answer, Engine, Site, Visitor, both_engines};

both_engines!(the_main_pages_look_as_reviewed);

/// A Monday afternoon; the account's year of history ends here.
const NOW: i64 = 1_790_000_000;

/// What is made up anew by each run, and what stands for it.
const MADE_UP: [(&str, &str); 14] = [
    (r"/assets/([\w-]+)\.[0-9a-f]{12}\.", "/assets/${1}."),
    (r"/webhooks/stripe/[a-z2-7]{52}", "/webhooks/stripe/[token]"),
    (r"\?token=[a-z2-7]{52}", "?token=[token]"),
    (r"\b[0-9a-f]{64}\b", "[token]"),
    (r"\b([a-z]{2,5})_[a-z2-7]{24}\b", "${1}_[id]"),
    (r"\breq_[0-9a-f]{24}\b", "req_[id]"),
    (r"\b(acct|we|evt)_\w{12,}", "${1}_[id]"),
    (r"\b(cus|sub|si|in|il|ch|pi|pm|prod|price|re|txn)_[A-Za-z0-9]{14,}\b", "${1}_[id]"),
    (r"127\.0\.0\.1:\d+", "[host]"),
    (r"localhost:\d+", "[host]"),
    (r#""[a-z2-7]{52}""#, r#""[token]""#),
    (r"ending in <code>\w{4}<", "ending in <code>[last]<"),
    (r"runs in \d+ hours", "runs in [hours]"), // each project has its own second of the night
    (r">U[A-Z2-7]</span>", ">U?</span>"),      // the initials of a made-up person
];

/// A tag per line, so that a difference is a line.
fn keep(name: &str, html: &str) {
    let lines = html.replace("><", ">\n<");
    insta::with_settings!({ filters => MADE_UP, omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, lines);
    });
}

/// The part of a page between its frame.
fn content(page: &Answer) -> &str {
    let from = page.body.find("<main").expect("a page has a main part");
    &page.body[from..page.body.find("</main>").expect("and an end of it")]
}

async fn keep_page(visitor: &Visitor, name: &str, path: &str) {
    keep(name, content(&visitor.get(path).await.expect(200)));
}

/// The page of the first object of a list.
async fn keep_first(visitor: &Visitor, name: &str, list: &str) {
    let page = visitor.get(list).await.expect(200);
    let first = page.attributes("a.row-link", "href").into_iter().next().expect("the list has a row");
    keep_page(visitor, name, &first).await;
}

async fn the_main_pages_look_as_reviewed(engine: Engine) {
    let site = Site::start_at(engine, Clock::manual(NOW)).await;
    let token = new_token_if_open(&site.app).await.unwrap().expect("nobody exists");
    keep_page(&site.anonymous(), "setup", &format!("/setup?token={token}")).await;
    keep("login", &site.anonymous().get("/login").await.expect(200).body);

    let tenant = site.tenant().await;
    let owner = site.user(Role::Owner).await;
    keep_page(&owner, "customers_empty", "customers").await;
    keep_page(&owner, "overview_empty", "").await;

    let account = site.seeded_account(3, 11);
    site.connect_account(&tenant.id, &tenant.project, &account).await;
    let event = r#"{"id":"evt_reviewed","object":"event","type":"planet.discovered","created":1789999990,"livemode":false,
        "api_version":"2026-09-30.endive","data":{"object":{"id":"pla_1","object":"planet"}}}"#;
    site.deliver(&account, event).await.expect(200);
    site.wait_until_idle().await;

    keep("overview", &owner.get("").await.expect(200).body);
    // Not the products: they are all of one second, so their order is that of ids that each run makes up.
    for list in ["customers", "subscriptions", "invoices", "events"] {
        keep_page(&owner, list, list).await;
    }
    for (name, list) in [("customer", "customers"), ("subscription", "subscriptions")] {
        keep_first(&owner, name, list).await;
    }
    keep_first(&owner, "invoice", "invoices?status=paid").await;
    keep_page(&owner, "event", "events/evt_reviewed").await;
    keep_page(&owner, "connection", "connection").await;
    keep_page(&owner, "sync", "sync").await;
    keep("not_found", content(&owner.get("customers/cus_unknown").await.expect(404)));
}
