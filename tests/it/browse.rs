//! Looking around: lists, filters, pages of single objects and search, as a viewer sees them.

use billfold::{
    domain::{kind::Kind, role::Role},
    standin::kind::Kind as AtStripe,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Engine, Site, both_engines};

both_engines!(
    a_newcomer_is_told_what_to_do,
    a_long_list_is_walked_forward_and_back,
    tabs_count_what_they_show,
    filters_stand_in_the_address_and_can_be_taken_away,
    an_object_is_found_by_whatever_is_known_of_it,
    every_object_has_a_page,
    a_deleted_customer_is_shown_as_such,
    ids_of_others_and_unknown_ids_look_the_same,
    odd_addresses_break_nothing,
    the_overview_says_how_things_stand,
);

/// The texts of the links that lead to the rows of a list.
fn rows(page: &Answer) -> Vec<String> {
    page.all("a.row-link")
}

fn link(page: &Answer, css: &str) -> String {
    page.attributes(css, "href").pop().unwrap_or_else(|| panic!("{}: no {css}", page.request))
}

/// Stripe's own account of its objects of a kind.
fn objects(dump: Vec<Value>) -> Vec<Value> {
    dump.into_iter().filter(|object| object["deleted"] != true).collect()
}

async fn a_newcomer_is_told_what_to_do(engine: Engine) {
    let site = Site::start(engine).await;
    let viewer = site.user(Role::Viewer).await;
    let overview = viewer.get("").await.expect(200);
    assert!(overview.text().contains("Connect your Stripe account"), "{}", overview.text());
    assert!(overview.text().contains("1 of 4 done"));
    for list in ["customers", "subscriptions", "products", "invoices"] {
        let page = viewer.get(list).await.expect(200);
        assert!(page.text().contains(&format!("No {list} yet")), "{}", page.text());
        assert!(page.attributes(".empty-action a", "href")[0].ends_with("/connection"));
    }
}

async fn a_long_list_is_walked_forward_and_back(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(60).await;
    let viewer = site.user(Role::Viewer).await;
    let newest_first: Vec<String> = account.ids(AtStripe::Customer);

    let mut page = viewer.get("customers").await.expect(200);
    let mut seen = copied_ids(&page);
    assert_eq!(page.one("#list .card-footer p"), "1–25 of 60");
    page = viewer.get(&link(&page, "a[rel=next]")).await.expect(200);
    assert_eq!(page.one("#list .card-footer p"), "26–50 of 60");
    let second = copied_ids(&page);
    seen.extend(second.clone());
    page = viewer.get(&link(&page, "a[rel=next]")).await.expect(200);
    assert_eq!(page.one("#list .card-footer p"), "51–60 of 60");
    seen.extend(copied_ids(&page));
    assert!(!page.has("a[rel=next]"));
    assert_eq!(seen, newest_first);

    page = viewer.get(&link(&page, "a[rel=prev]")).await.expect(200);
    assert_eq!((copied_ids(&page), page.one("#list .card-footer p")), (second, "26–50 of 60".to_owned()));
    page = viewer.get(&link(&page, "a[rel=first]")).await.expect(200);
    assert!(!page.has("a[rel=prev]") && page.has("a[rel=next]"));

    let oldest = viewer.get("customers?sort=oldest&limit=100").await.expect(200);
    assert_eq!(copied_ids(&oldest), newest_first.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(oldest.attributes("th[aria-sort=ascending]", "scope").len(), 1);
    let by_email = viewer.get("customers?sort=email&limit=100").await.expect(200);
    let addresses = by_email.all("td .text-secondary.truncate");
    assert!(addresses.is_sorted() && addresses.len() == 60, "{addresses:?}");

    let fragment = viewer.get_partial("customers?limit=50&q=&status=").await.expect(200);
    assert!(fragment.header("hx-push-url").ends_with("/customers?limit=50"), "the address stays short");
    assert!(fragment.body.trim_start().starts_with("<div id=\"list\"") && rows(&fragment).len() == 50);
}

/// Stripe's ids of a page's rows.
fn copied_ids(page: &Answer) -> Vec<String> {
    page.attributes("td [data-copy]", "data-copy")
}

async fn tabs_count_what_they_show(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    let viewer = site.user(Role::Viewer).await;
    for (list, kind) in [("subscriptions", AtStripe::Subscription), ("invoices", AtStripe::Invoice)] {
        let truth = objects(account.dump(kind));
        let page = viewer.get(&format!("{list}?limit=100")).await.expect(200);
        for tab in page.attributes(".tabs-row a", "href") {
            let status = tab.split("status=").nth(1).map(|rest| rest.split('&').next().unwrap_or_default());
            let shown = viewer.get(&tab).await.expect(200);
            let expected =
                truth.iter().filter(|object| status.is_none_or(|status| object["status"] == *status)).count();
            let active = shown.one(".tabs-row a.active span");
            assert_eq!(active.replace(',', ""), expected.to_string(), "{tab}");
            let limit = expected.min(100);
            assert_eq!(rows(&shown).len(), limit, "{tab}");
        }
    }
}

async fn filters_stand_in_the_address_and_can_be_taken_away(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    let viewer = site.user(Role::Viewer).await;
    let truth = objects(account.dump(AtStripe::Invoice));
    let customer = truth[0]["customer"].as_str().unwrap();
    let theirs = truth.iter().filter(|invoice| invoice["customer"] == customer).count();
    let page = viewer.get(&format!("invoices?customer={customer}&limit=100")).await.expect(200);
    assert_eq!(rows(&page).len(), theirs.min(100));
    assert!(page.text().contains(&format!("Customer {customer}")));
    assert_eq!(page.form("#list-form").value("customer"), customer);
    let without = viewer.get(&link(&page, ".app-chips a:first-child")).await.expect(200);
    assert!(without.text().contains(&format!("of {}", truth.len())), "{}", without.text());

    let subscription = objects(account.dump(AtStripe::Subscription)).remove(0);
    let price = subscription["items"]["data"][0]["price"]["id"].as_str().unwrap();
    let page = viewer.get(&format!("subscriptions?price={price}&limit=100")).await.expect(200);
    assert!(copied_ids(&page).iter().any(|id| subscription["id"] == id.as_str()));

    let none = viewer.get("customers?from=2001-01-01&to=2001-01-31").await.expect(200);
    assert!(none.text().contains("No customers match"), "{}", none.text());
    assert!(none.attributes(".empty-action a", "href")[0].ends_with("/customers"));
}

async fn an_object_is_found_by_whatever_is_known_of_it(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(40).await;
    let viewer = site.user(Role::Viewer).await;
    let customer = account.ids(AtStripe::Customer).remove(3);
    account.change(&customer, json!({ "name": "Zoë Quackenbush", "email": "zoe@quack.example" }));
    site.wait_until_idle().await;

    for words in ["quackenbush", "zo%C3%AB+quack", "QUACK.exam", "zoe%40quack.example", "zo"] {
        let page = viewer.get(&format!("customers?q={words}")).await.expect(200);
        assert!(rows(&page).contains(&"Zoë Quackenbush".to_owned()), "{words}: {}", page.text());
    }
    let search = viewer.get("search?q=quackenbush").await.expect(200);
    assert!(search.text().contains("Zoë Quackenbush"), "{}", search.text());
    let dialog = viewer.get_partial("search?q=quackenbush").await.expect(200);
    assert!(dialog.attributes("a", "href")[0].contains("/customers/pc_") && !dialog.has("main"));

    let project = &site.tenant().await.project;
    let ours = Kind::Customer.derive_id(project, &customer);
    for q in [customer.as_str(), ours.as_str()] {
        for page in ["customers?q=", "invoices?q=", "search?q="] {
            let answer = viewer.get(&format!("{page}{q}")).await.expect(303);
            assert!(answer.header("location").ends_with(&format!("customers/{ours}")), "{page}{q}");
        }
        let typed = viewer.get_partial(&format!("customers?q={q}")).await.expect(204);
        assert!(typed.header("hx-redirect").ends_with(&ours));
        let dialog = viewer.get_partial(&format!("search?q={q}")).await.expect(200);
        assert!(dialog.attributes("a", "href")[0].ends_with(&ours));
    }

    let invoice = objects(account.dump(AtStripe::Invoice)).into_iter().find(|invoice| invoice["number"].is_string());
    let invoice = invoice.unwrap();
    let number = invoice["number"].as_str().unwrap();
    let page = viewer.get(&format!("invoices?q={}", number.to_lowercase())).await.expect(200);
    assert!(rows(&page).contains(&number.to_owned()), "{}", page.text());
    let nobody = viewer.get("search?q=nobodyatall").await.expect(200);
    assert!(nobody.text().contains("No match"), "{}", nobody.text());
}

async fn every_object_has_a_page(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(30).await;
    let viewer = site.user(Role::Viewer).await;
    for (list, kind) in [
        ("customers", AtStripe::Customer),
        ("subscriptions", AtStripe::Subscription),
        ("products", AtStripe::Product),
        ("invoices", AtStripe::Invoice),
    ] {
        for object in objects(account.dump(kind)).iter().take(25) {
            let id = object["id"].as_str().unwrap();
            let page = viewer.get(&format!("{list}/{id}")).await.expect(200);
            assert!(page.text().contains(id), "{id}");
            assert!(page.text().contains("Timeline") && page.text().contains("Raw JSON"));
            let raw = page.one("#raw-json");
            assert!(serde_json::from_str::<Value>(&raw).is_ok_and(|raw| raw["id"] == id), "{id}: {raw:.200}");
        }
    }
    let subscription = objects(account.dump(AtStripe::Subscription)).remove(0);
    let (id, customer) = (subscription["id"].as_str().unwrap(), subscription["customer"].as_str().unwrap());
    let page = viewer.get(&format!("subscriptions/{id}")).await.expect(200);
    let links = page.attributes("a", "href");
    let ours = Kind::Customer.derive_id(&site.tenant().await.project, customer);
    assert!(links.iter().any(|href| href.ends_with(&format!("customers/{ours}"))));
    assert!(links.iter().any(|href| href == &format!("https://dashboard.stripe.com/test/subscriptions/{id}")));
}

async fn a_deleted_customer_is_shown_as_such(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(12).await;
    let viewer = site.user(Role::Viewer).await;
    let customer = account.ids(AtStripe::Customer).remove(0);
    account.delete(&customer);
    site.wait_until_idle().await;
    let page = viewer.get(&format!("customers/{customer}")).await.expect(200);
    assert!(page.text().contains("was deleted in Stripe"), "{}", page.text());
    assert!(page.text().contains("Customer deleted"), "the timeline tells it");
    let list = viewer.get("customers?status=deleted").await.expect(200);
    assert_eq!((rows(&list).len(), list.has("tr.is-deleted")), (1, true));
}

async fn ids_of_others_and_unknown_ids_look_the_same(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(12).await;
    let stranger = site.user_of(&site.new_tenant("Rival Tea").await, Role::Owner).await;
    let project = site.tenant().await.project.clone();
    for (list, kind, theirs) in [
        ("customers", Kind::Customer, account.ids(AtStripe::Customer)),
        ("subscriptions", Kind::Subscription, account.ids(AtStripe::Subscription)),
        ("products", Kind::Product, account.ids(AtStripe::Product)),
        ("invoices", Kind::Invoice, account.ids(AtStripe::Invoice)),
    ] {
        let unknown = stranger.get(&format!("{list}/{}aaaaaaaaaaaaaaaaaaaaaaaa", kind.prefix())).await.expect(404);
        for id in [theirs[0].clone(), kind.derive_id(&project, &theirs[0])] {
            let foreign = stranger.get(&format!("{list}/{id}")).await.expect(404);
            assert_eq!(foreign.one("main"), unknown.one("main"));
            let searched = stranger.get(&format!("search?q={id}")).await.expect(200);
            assert!(searched.text().contains("No match"), "{}", searched.text());
        }
    }
    for filter in ["invoices?customer=", "subscriptions?customer="] {
        let page = stranger.get(&format!("{filter}{}", account.ids(AtStripe::Customer)[0])).await.expect(200);
        assert!(rows(&page).is_empty());
    }
}

async fn odd_addresses_break_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(5).await;
    let viewer = site.user(Role::Viewer).await;
    for list in ["customers", "subscriptions", "products", "invoices"] {
        for odd in [
            "q=%00",
            "q=%22%27%25_%5C",
            "q=%22+OR+1",
            "q=NEAR(a+b)",
            "q=abc%00def",
            "status=%00",
            "status=' OR 1=1",
            "customer=%00",
            "currency=%00%00%00",
            "price=%25",
            "after=garbage",
            "before=WyJ4Il0",
            "at=-5",
            "limit=0",
            "from=%00",
            "to=9999-12-31",
            "sort=%00",
            "after=WzEsIlx1MDAwMCJd",
            "unknown=1",
        ] {
            viewer.get(&format!("{list}?{odd}")).await.expect(200);
        }
        for odd in ["%00", "pc_%00aaaaaaaaaaaaaaaaaaaaaaa", "..%2f..", "%22%3E", "a%20b"] {
            viewer.get(&format!("{list}/{odd}")).await.expect(404);
        }
    }
    for q in ["%00", "%22", "a", "%F0%9F%92%B8%F0%9F%92%B8%F0%9F%92%B8"] {
        viewer.get(&format!("search?q={q}")).await.expect(200);
        viewer.get_partial(&format!("search?q={q}")).await.expect(200);
    }
}

async fn the_overview_says_how_things_stand(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("").await.expect(200);
    assert!(page.text().contains("20 Customers") || page.text().contains("Customers 20"), "{}", page.text());
    assert!(page.text().contains("3 of 4 done"), "{}", page.text());
    assert!(!page.attributes("#live", "hx-trigger").iter().any(|_| true), "nothing runs, so nothing is polled");

    account.mutate(3);
    site.wait_until_idle().await;
    let page = viewer.get("").await.expect(200);
    assert!(!page.all("section table a.row-link").is_empty(), "{}", page.text());
    assert!(!page.text().contains("Get set up"), "every step has ticked itself off");
    let fragment = viewer.get_partial("").await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<div id=\"live\""));
}
