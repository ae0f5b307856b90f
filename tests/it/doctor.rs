//! The key doctor: what its page says of keys, endpoints and clocks that are not as they should be, who looks by night, and what
//! a key that Stripe refuses does to everything that waits for it.

use std::sync::Arc;

use billfold::{
    app::{App, By, Scope},
    clock::Clock,
    db::{Db, Options},
    domain::{
        job::{JobKind, next_night},
        role::Role,
    },
    standin::kind::Kind,
    store::{connections, jobs},
    stripe::endpoints::api_version,
    vault::SecretString,
    worker,
};
use serde_json::json;

use crate::{
    connect::{audited, permissions_without, restricted_key},
    harness::{Account, Answer, Engine, Site, Visitor, both_engines, crawl::crawl, oracle},
};

/// What the key of the first story lacks.
const LACKS: [&str; 2] = ["rak_coupon_write", "rak_setup_intent_read"];

both_engines!(
    what_a_key_lacks_is_shown_and_ticked_and_nothing_else,
    a_whole_key_is_told_so_and_nothing_is_changed_by_asking,
    an_endpoint_that_is_not_as_it_should_be_is_told,
    an_endpoint_made_by_hand_is_found_by_its_address,
    deliveries_that_never_came_are_counted,
    a_wrong_clock_is_told,
    while_stripe_is_down_the_last_report_stays,
    a_refused_key_parks_everything_and_a_new_one_drains_it,
    each_connection_is_looked_at_once_a_night,
    programs_get_it_in_short,
);

/// Connects the story's project with a key of these permissions.
async fn connect_with(site: &Site, permissions: Vec<String>) -> (Account<'_>, String) {
    let account = site.stripe_account(3);
    let key = restricted_key(site, &account.keys.account, permissions);
    let tenant = site.tenant().await;
    let by = By::part("story");
    let scope = Scope { app: site.app.clone(), tenant: tenant.id.clone(), project: tenant.project.clone(), by };
    scope.connect(SecretString::from(key.clone())).await.unwrap();
    site.wait_until_idle().await;
    (account, key)
}

/// Presses the button and reads what the page says then.
async fn look(visitor: &Visitor) -> Answer {
    let button = visitor.get("connection/doctor").await.expect(200).form("form[action$='/connection/doctor']");
    let done = visitor.submit(&button).await.expect(303);
    visitor.follow(done).await.expect(200)
}

/// The line of the page with this title, and its badge.
fn finding(page: &Answer, title: &str) -> String {
    let lines = page.all(".finding-list li");
    let found = lines.iter().find(|line| line.starts_with(title));
    found.unwrap_or_else(|| panic!("no {title} in {lines:?}")).clone()
}

/// The names of permissions whose result is `result`.
fn permissions(page: &Answer, result: &str) -> Vec<String> {
    let (names, results) = (page.all("#permissions code"), page.all("#permissions .badge-soft"));
    assert_eq!(names.len(), results.len());
    names.into_iter().zip(results).filter(|(_, one)| one == result).map(|(name, _)| name).collect()
}

async fn connection(site: &Site) -> connections::Connection {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    connections::find(&mut tx, &tenant.project).await.unwrap().unwrap()
}

async fn what_a_key_lacks_is_shown_and_ticked_and_nothing_else(engine: Engine) {
    let site = Site::start(engine).await;
    let (_account, key) = connect_with(&site, permissions_without(&["rak_coupon_read", "rak_setup_intent_read"])).await;
    let admin = site.user(Role::Admin).await;
    assert!(admin.get("connection/doctor").await.expect(200).text().contains("Nobody has looked yet"));
    let page = look(&admin).await;
    assert_eq!(permissions(&page, "Missing"), LACKS);
    assert_eq!(permissions(&page, "OK").len() + 2, page.all("#permissions tbody tr").len(), "{}", page.text());
    let link = page.attributes("#missing-permissions", "href");
    let ticked = LACKS.map(|name| format!("&permissions[]={name}")).concat();
    assert_eq!(link, [format!("https://dashboard.stripe.com/test/apikeys/create?name=billfold{ticked}")]);
    assert!(page.text().contains("2 permissions are missing"), "{}", page.text());
    assert!(page.text().contains("Everything is as it should be"), "both are a choice: {}", page.text());
    assert_eq!(audited(&site, site.tenant().await).await, ["connection.connected", "connection.examined"]);

    // The page Connection tells the same from now on, and a viewer may read both but not look again.
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("connection/doctor").await.expect(200);
    assert_eq!(permissions(&page, "Missing"), LACKS);
    assert!(!page.has("form[action$='/connection/doctor']"));
    let connection = viewer.get("connection").await.expect(200);
    assert_eq!(connection.all(".permission-list .badge-soft").iter().filter(|badge| *badge == "Granted").count(), 19);

    // A permission that the mirror needs is taken away at Stripe.
    let left = permissions_without(&["rak_plan_read"]).into_iter().collect();
    assert!(site.stripe.control().keys.restrict(&key, left));
    let page = look(&admin).await;
    assert_eq!(permissions(&page, "Missing"), ["rak_plan_read", "rak_plan_write"]);
    assert!(page.text().contains("Something is broken"), "{}", page.text());
}

async fn a_whole_key_is_told_so_and_nothing_is_changed_by_asking(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let owner = site.user(Role::Owner).await;
    let kinds = [Kind::Customer, Kind::Product, Kind::Price, Kind::Subscription, Kind::Invoice, Kind::Charge];
    let before = kinds.map(|kind| account.dump(kind));
    let events = site.last_event(&account).await;
    let calls = site.stripe.control().log(None).len();
    let page = look(&owner).await;
    assert!(page.text().contains("Everything is as it should be"), "{}", page.text());
    assert_eq!(permissions(&page, "OK").len(), page.all("#permissions tbody tr").len());
    assert!(!page.has("#missing-permissions"));
    assert!(finding(&page, "Key").contains("A restricted key in test mode"), "{}", finding(&page, "Key"));
    assert!(finding(&page, "Webhook endpoint").ends_with("On"));
    assert!(finding(&page, "API version").ends_with("The same"));
    assert!(finding(&page, "Deliveries that Stripe owes").ends_with("None"));
    assert!(finding(&page, "Clock").ends_with("Right"));
    assert!(finding(&page, "Rate of calls").contains("calls in the busiest minute"));
    assert_eq!(kinds.map(|kind| account.dump(kind)), before);
    assert_eq!(site.last_event(&account).await, events, "no write was carried out");
    let asked = site.stripe.control().log(None).split_off(calls);
    let writes: Vec<_> = asked.iter().filter(|call| call.method == "POST").collect();
    assert!(
        writes.len() > 9 && writes.iter().all(|call| call.status == 404 && call.path.contains("billfold_key_check_"))
    );

    // With a secret key no write is tried: it may do everything.
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/key']");
    owner.submit(&form.fill("secret_key", &account.keys.secret_key)).await.expect(303);
    let page = owner.get("connection/doctor").await.expect(200);
    assert!(page.text().contains("Nobody has looked yet"), "the report was about another key: {}", page.text());
    let calls = site.stripe.control().log(None).len();
    site.wait_until_idle().await; // a new key brings the doctor by itself
    let page = owner.get("connection/doctor").await.expect(200);
    assert!(finding(&page, "Key").contains("A secret key in test mode"), "{}", page.text());
    assert_eq!(permissions(&page, "OK").len(), page.all("#permissions tbody tr").len());
    let asked = site.stripe.control().log(None).split_off(calls);
    assert!(!asked.is_empty() && asked.iter().all(|call| call.method == "GET"));
}

async fn an_endpoint_that_is_not_as_it_should_be_is_told(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(2).await;
    let owner = site.user(Role::Owner).await;
    let address = account.webhook_url();

    account.set_endpoint("status", json!("disabled"));
    let page = look(&owner).await;
    assert!(finding(&page, "Webhook endpoint").contains("turned off at Stripe"), "{}", page.text());
    assert!(page.text().contains("Something is broken"));
    account.set_endpoint("status", json!("enabled"));

    account.set_endpoint("api_version", json!("2024-06-20"));
    let page = look(&owner).await;
    let version = finding(&page, "API version");
    assert!(version.contains("Deliveries have version 2024-06-20") && version.contains(api_version()), "{version}");
    assert!(finding(&page, "Webhook endpoint").ends_with("On"));
    assert!(page.text().contains("wants a look"), "{}", page.text());
    account.set_endpoint("api_version", json!(api_version()));

    account.set_endpoint("url", json!("https://elsewhere.example/hook"));
    assert!(finding(&look(&owner).await, "Webhook endpoint").contains("It leads to https://elsewhere.example/hook"));
    account.set_endpoint("url", json!(address));

    account.set_endpoint("enabled_events", json!(["customer.created"]));
    let told = finding(&look(&owner).await, "Webhook endpoint");
    assert!(told.contains("It does not get") && told.contains("invoice.paid"), "{told}");
    account.set_endpoint("enabled_events", json!(["*"]));
    assert!(look(&owner).await.text().contains("Everything is as it should be"));

    account.remove_endpoint();
    let gone = finding(&look(&owner).await, "Webhook endpoint");
    assert!(gone.contains("no longer exists at Stripe"), "{gone}");
    // What the page advises helps.
    let renew = owner.get("connection").await.expect(200).form("form[action$='/secrets/renew']");
    owner.submit(&renew).await.expect(303);
    assert!(finding(&look(&owner).await, "Webhook endpoint").ends_with("On"));
}

async fn an_endpoint_made_by_hand_is_found_by_its_address(engine: Engine) {
    let site = Site::start(engine).await;
    let mut permissions = permissions_without(&["rak_webhook_read"]);
    permissions.push("rak_webhook_read".to_owned());
    let (account, _) = connect_with(&site, permissions).await;
    let owner = site.user(Role::Owner).await;
    let page = look(&owner).await;
    assert!(finding(&page, "Webhook endpoint").ends_with("None"), "{}", page.text());
    assert_eq!(self::permissions(&page, "Missing"), ["rak_webhook_write"]);
    let address = owner.get("connection").await.expect(200).attributes("#webhook-address", "value").remove(0);
    account.make_endpoint(&address).await;
    let page = look(&owner).await;
    assert!(finding(&page, "Webhook endpoint").ends_with("On"), "{}", page.text());
    assert!(finding(&page, "API version").contains("the account's own version"), "{}", page.text());
}

async fn deliveries_that_never_came_are_counted(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let owner = site.user(Role::Owner).await;
    site.chaos(json!({ "lose": 1.0 }));
    let customer = account.ids(Kind::Customer).remove(0);
    account.change(&customer, json!({ "name": "Grace Hopper" }));
    account.change(&customer, json!({ "name": "Ada Lovelace" }));
    site.wait_until_idle().await;
    site.stripe.control().switches.reset();
    let page = look(&owner).await;
    assert!(finding(&page, "Deliveries that Stripe owes").ends_with("2 not here"), "{}", page.text());
    assert!(page.text().contains("wants a look"));
}

async fn a_wrong_clock_is_told(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(2).await;
    let owner = site.user(Role::Owner).await;
    site.chaos(json!({ "clock_offset_s": 600 }));
    let page = look(&owner).await;
    let clock = finding(&page, "Clock");
    assert!(clock.contains("This machine's clock is 600 s behind Stripe's") || clock.contains("599 s"), "{clock}");
    assert!(clock.contains("every delivery is refused") && page.text().contains("Something is broken"), "{clock}");
    site.chaos(json!({ "clock_offset_s": -60 }));
    let page = look(&owner).await;
    assert!(finding(&page, "Clock").contains("ahead of Stripe's"), "{}", page.text());
    assert!(page.text().contains("wants a look"));
}

async fn while_stripe_is_down_the_last_report_stays(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(2).await;
    let owner = site.user(Role::Owner).await;
    look(&owner).await;
    site.chaos(json!({ "server_error": 1.0 }));
    let button = owner.get("connection/doctor").await.expect(200).form("form[action$='/connection/doctor']");
    let answer = owner.submit(&button).await.expect(503);
    assert!(answer.text().contains("Stripe could not be asked right now"), "{}", answer.text());
    assert!(answer.text().contains("Everything is as it should be"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "10");
}

async fn a_refused_key_parks_everything_and_a_new_one_drains_it(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(6).await;
    let tenant = site.tenant().await.clone();
    site.stripe.control().keys.revoke(&account.keys.restricted_key);

    // All in one second, so that the mirror has to ask Stripe who is right: it cannot any more.
    account.mutate(40);
    site.wait_until_idle().await;
    assert_eq!(connection(&site).await.state, "key_rejected");
    let arrived = site.event_ids().await.len();
    account.mutate(10);
    site.wait_until_idle().await;
    assert!(site.event_ids().await.len() > arrived, "deliveries are still taken");
    let waiting = refetches(&site).await;
    assert!(waiting > 0, "nothing waits for the key");
    let calls = site.stripe.control().log(Some(&account.keys.account)).len();
    clock.advance(4 * 86_400);
    site.wait_until_idle().await;
    assert_eq!(
        site.stripe.control().log(Some(&account.keys.account)).len(),
        calls,
        "nothing is asked with a refused key"
    );
    assert_eq!(refetches(&site).await, waiting, "what waits is kept, however long");
    assert!(site.event_counts().await.iter().all(|(status, _)| status != "dead"), "{:?}", site.event_counts().await);

    // Every page says so: of the project, and of the business.
    let owner = site.user_of(&tenant, Role::Owner).await; // four days later the first session is over
    let reach = crawl(&owner, &tenant.home()).await;
    let pages = reach.pages.iter().filter(|(path, page)| path.starts_with("/t/") && page.body.contains("app-shell"));
    let mut seen = 0;
    for (path, page) in pages {
        let says =
            page.text().contains("Stripe refuses the key") || page.text().contains("does not accept the key any more");
        assert!(says, "{path}: {}", page.text());
        seen += 1;
    }
    assert!(seen > 20, "only {seen} pages");
    let page = look(&owner).await;
    assert!(page.text().contains("Stripe does not accept the key any more") && page.text().contains("Nothing is lost"));

    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/key']");
    owner.submit(&form.fill("secret_key", &account.keys.secret_key)).await.expect(303);
    clock.advance(1);
    site.wait_until_idle().await;
    assert_eq!(connection(&site).await.state, "connected");
    assert_eq!(refetches(&site).await, 0, "what waited is done");
    assert_eq!(oracle::differences(&site.app.db, &tenant, &account).await, Vec::<String>::new());
    assert!(!owner.get("customers").await.expect(200).text().contains("refuses the key"));
    assert!(owner.get("connection/doctor").await.expect(200).text().contains("Accepted"));
}

/// Objects that wait to be read from Stripe.
async fn refetches(site: &Site) -> i64 {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT COUNT(*) FROM refetches WHERE tenant_id = $1").fetch_value().await.unwrap()
}

/// Runs jobs in several workers of two processes at once, until none is due.
async fn run_in_two_processes(site: &Site) {
    let mut workers = tokio::task::JoinSet::new();
    for app in [site.app.clone(), second_process(site).await] {
        for _ in 0..3 {
            let app = app.clone();
            workers.spawn(async move { while worker::run_one(&app).await.unwrap() {} });
        }
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    site.wait_until_idle().await;
}

/// Another process on the same database; on SQLite, which is for one, another set of workers.
async fn second_process(site: &Site) -> App {
    let url = site.app.config.database_url.clone();
    if url.starts_with("sqlite:") {
        return site.app.clone();
    }
    let db = Db::connect(&Options { url, connections: 4 }).await.unwrap();
    App { db, wake: Arc::default(), ..site.app.clone() }
}

async fn each_connection_is_looked_at_once_a_night(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(2).await;
    let tenant = site.tenant().await;
    let looks = || {
        let log = site.stripe.control().log(Some(&account.keys.account));
        log.iter().filter(|call| call.path.starts_with("/v1/setup_intents?")).count()
    };
    assert_eq!(looks(), 0, "a new connection waits for its night");
    let tonight = next_night(&tenant.project, clock.now());
    assert_eq!(planned(&site).await, tonight);
    for night in 1..=3 {
        clock.advance(planned(&site).await - clock.now());
        run_in_two_processes(&site).await;
        assert_eq!(looks(), night);
        assert_eq!(planned(&site).await, tonight + i64::try_from(night).unwrap() * 86_400);
        run_in_two_processes(&site).await;
        assert_eq!(looks(), night, "once a night");
    }
    let viewer = site.user(Role::Viewer).await;
    let page = viewer.get("connection/doctor").await.expect(200);
    assert!(page.text().contains("Everything is as it should be") && page.text().contains("as each night"));
    assert_eq!(audited(&site, tenant).await, ["connection.connected"], "a look changes nothing");

    // A night without Stripe is made up for as soon as it answers.
    site.chaos(json!({ "server_error": 1.0 }));
    clock.advance(planned(&site).await - clock.now());
    assert!(worker::run_one(&site.app).await.unwrap());
    assert!(planned(&site).await < clock.now() + 600, "tried again soon");
    site.stripe.control().switches.reset();
    clock.advance(600);
    run_in_two_processes(&site).await;
    assert_eq!(planned(&site).await, next_night(&tenant.project, clock.now()));
}

/// When the project's doctor comes next.
async fn planned(site: &Site) -> i64 {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.system_read().await.unwrap();
    let jobs = jobs::of_project(&mut tx, &tenant.id, &tenant.project).await.unwrap();
    jobs.iter().find(|job| job.kind == JobKind::Doctor.as_str()).unwrap().run_at
}

async fn programs_get_it_in_short(engine: Engine) {
    let site = Site::start(engine).await;
    let (account, _) = connect_with(&site, permissions_without(&["rak_coupon_read"])).await;
    let program = site.program().await;
    let before = program.get("/v1/connection").await.expect(200).json();
    assert!(before["doctor"].is_null(), "{before}");
    look(&site.user(Role::Owner).await).await;
    let doctor = program.get("/v1/connection").await.expect(200).json()["doctor"].clone();
    assert_eq!(doctor["verdict"], "good");
    assert_eq!(doctor["missing_permissions"], json!(["rak_coupon_write"]));
    assert_eq!((&doctor["endpoint"], &doctor["endpoint_api_version"]), (&json!("enabled"), &json!(api_version())));
    assert_eq!(doctor["undelivered_events"], 0);
    account.set_endpoint("status", json!("disabled"));
    look(&site.user(Role::Owner).await).await;
    let doctor = program.get("/v1/connection").await.expect(200).json()["doctor"].clone();
    assert_eq!((&doctor["verdict"], &doctor["endpoint"]), (&json!("broken"), &json!("disabled")));
}
