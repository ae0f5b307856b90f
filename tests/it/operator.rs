//! Whoever runs the installation: nobody else finds their pages, and what they do to a business its people can read.

use std::collections::BTreeMap;

use billfold::{
    accounts::operators,
    clock::Clock,
    domain::{api_key::Preset, event::EventStatus, ids::TenantId, role::Role},
    standin::kind::Kind as AtStripe,
    store::{audit_log, erasure, operator_log},
    worker,
};
use serde_json::json;

use crate::{
    events::{deliver, event, let_fail},
    harness::{Answer, Engine, PASSWORD, Site, Tenant, Visitor, both_engines},
    people::logged_in,
};

both_engines!(
    nobody_but_operators_finds_the_area,
    the_door_asks_for_the_password_and_closes_by_itself,
    an_operator_makes_a_tenant_and_its_owner_comes_in,
    a_suspended_tenant_reads_and_changes_nothing,
    a_tenant_is_restored_within_seven_days_and_erased_after_them,
    an_operator_looks_in_with_a_banner_and_a_trace,
    plans_are_made_changed_and_removed,
    dead_events_of_all_tenants_are_put_back,
);

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
/// Every page of the area that needs nothing else to exist.
const PAGES: [&str; 4] = ["/operator", "/operator/plans", "/operator/jobs", "/operator/settings"];

/// Somebody of the story's business who runs the installation, with the area open.
pub async fn operator(site: &Site) -> Visitor {
    let visitor = closed_operator(site).await;
    enter(&visitor, PASSWORD).await.expect(303);
    visitor
}

async fn closed_operator(site: &Site) -> Visitor {
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Owner).await;
    operators::appoint(&site.app, &email, true).await.unwrap();
    logged_in(site, &email).await.at_home(tenant.home())
}

async fn enter(visitor: &Visitor, password: &str) -> Answer {
    let form = visitor.get("/operator/enter").await.expect(200).form("main form");
    visitor.submit(&form.fill("password", password)).await
}

/// Presses a button of a tenant's page.
pub async fn press(operator: &Visitor, tenant: &TenantId, what: &str, fields: &[(&str, &str)]) -> Answer {
    let page = format!("/operator/tenants/{tenant}");
    let action = format!("{page}/{what}");
    let mut form = operator.get(&page).await.expect(200).form(&format!("form[action='{action}']"));
    for (name, value) in fields {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    operator.submit(&form).await
}

async fn logged(site: &Site, target: &str) -> Vec<String> {
    let mut tx = site.app.db.system_read().await.unwrap();
    let mut notes = operator_log::newest(&mut tx, Some(target), 100).await.unwrap();
    notes.reverse();
    notes.into_iter().map(|note| note.action).collect()
}

async fn audited(site: &Site, tenant: &TenantId) -> Vec<String> {
    let mut tx = site.app.db.read(tenant).await.unwrap();
    let all = audit_log::list::outside_projects(&mut tx).await.unwrap();
    all.into_iter().map(|(_, action)| action).filter(|action| !action.starts_with("person.")).collect()
}

async fn nobody_but_operators_finds_the_area(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let page = owner.get(owner.home()).await.expect(200);
    assert!(!page.body.contains("/operator"), "an owner is not told of it");
    let tenant = site.tenant().await.id.clone();
    for path in PAGES.into_iter().chain(["/operator/enter", &format!("/operator/tenants/{tenant}")]) {
        let (found, invented) = (owner.get(path).await.expect(404), owner.get("/operatoor").await.expect(404));
        assert_eq!(found.text(), invented.text(), "{path}");
        assert!(site.anonymous().get(path).await.expect(303).header("location").starts_with("/login"));
    }
    for path in ["suspend", "delete", "look-in", "plan", "payer", "restore"] {
        owner.post(&format!("/operator/tenants/{tenant}/{path}"), &[("reason", "x")]).await.expect(404);
    }
    for path in
        ["/operator/enter", "/operator/plans", "/operator/settings", "/operator/tenants", "/operator/jobs/requeue"]
    {
        owner.post(path, &[]).await.expect(404);
    }
    assert_eq!(logged(&site, tenant.as_str()).await, [""; 0]);

    // an operator who is dismissed stands outside at once
    let operator = operator(&site).await;
    operator.get("/operator").await.expect(200);
    let email = operator.get("/operator/settings").await.expect(200).one("main");
    let address = email.split_whitespace().find(|word| word.contains('@')).unwrap().to_owned();
    operators::appoint(&site.app, &address, false).await.unwrap();
    operator.get("/operator").await.expect(404);
}

async fn the_door_asks_for_the_password_and_closes_by_itself(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let visitor = closed_operator(&site).await;
    let closed = visitor.get("/operator/plans").await.expect(303);
    assert_eq!(closed.header("location"), "/operator/enter?next=%2Foperator%2Fplans");
    let refused = enter(&visitor, "wrong wrong wrong").await.expect(422);
    assert!(refused.text().contains("This is not your password"), "{}", refused.text());
    visitor.get("/operator/plans").await.expect(303);
    let form = visitor.get(closed.header("location")).await.expect(200).form("main form").fill("password", PASSWORD);
    assert_eq!(visitor.submit(&form).await.expect(303).header("location"), "/operator/plans");
    for path in PAGES {
        visitor.get(path).await.expect(200);
    }
    for next in ["//evil.example", "/t/ten_x/", "/operator/enter", "https://evil.example"] {
        let page = visitor.get(&format!("/operator/enter?next={next}")).await.expect(200);
        assert_eq!(page.form("main form").value("next"), "/operator", "{next}");
    }
    for _ in 0..3 {
        clock.advance(19 * 60);
        visitor.get("/operator").await.expect(200);
    }
    clock.advance(3 * 60 + 1);
    visitor.get("/operator").await.expect(303);
    enter(&visitor, PASSWORD).await.expect(303);
    visitor.get("/operator").await.expect(200);
    visitor.post("/operator/close", &[]).await.expect(303);
    visitor.get("/operator").await.expect(303);
}

async fn an_operator_makes_a_tenant_and_its_owner_comes_in(engine: Engine) {
    let site = Site::start(engine).await;
    let operator = operator(&site).await;
    let new = || async { operator.get("/operator").await.expect(200).form("form[action='/operator/tenants']") };
    for (name, email, field) in [("", "a@b.example", "name"), ("Bolt Tea", "nowhere", "email")] {
        let refused = operator.submit(&new().await.fill("name", name).fill("email", email)).await.expect(422);
        assert!(refused.has(&format!("#{field}-error")), "{name:?} {email:?}: {}", refused.text());
    }
    assert!(!operator.get("/operator").await.text().contains("Bolt Tea"), "a refused form made something");
    let form = new().await.fill("name", "Bolt Tea").fill("email", "owner@bolt.example");
    let made = operator.submit(&form).await.expect(200);
    let link = made.one(".app-id code");
    let path = link.strip_prefix(&site.base).unwrap();
    let newcomer = site.anonymous();
    let form = newcomer.get(path).await.expect(200).form("main form");
    newcomer.submit(&form.fill("name", "Olive").fill("password", PASSWORD)).await.expect(303);

    let list = operator.get("/operator?q=bolt").await.expect(200);
    assert_eq!(list.all("tbody tr").len(), 1, "{}", list.text());
    let page = list.attributes("tbody a.row-link", "href").remove(0);
    let tenant = TenantId::parse(page.rsplit('/').next().unwrap()).unwrap();
    let detail = operator.get(&page).await.expect(200);
    assert!(detail.text().contains("owner@bolt.example"), "{}", detail.text());
    assert_eq!(logged(&site, tenant.as_str()).await, ["tenant.created"]);
    assert_eq!(audited(&site, &tenant).await, ["tenant.created", "invitation.created", "member.joined"]);
    assert!(operator.get("/operator?q=nobody").await.expect(200).text().contains("No tenant here"));
    operator.get("/operator/tenants/ten_aaaaaaaaaaaaaaaaaaaaaaaa").await.expect(404);
}

async fn a_suspended_tenant_reads_and_changes_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let operator = operator(&site).await;
    let bolt = site.new_tenant("Bolt Tea").await;
    let account = site.connect_project(&bolt.id, &bolt.project, 5).await;
    let owner = site.user_of(&bolt, Role::Owner).await;
    let program = site.program_of(&bolt, Preset::Everything.scopes()).await;
    let refused = press(&operator, &bolt.id, "suspend", &[("reason", "  ")]).await.expect(422);
    assert!(refused.has("#reason-error"));
    press(&operator, &bolt.id, "suspend", &[("reason", "The invoice of May is open")]).await.expect(303);

    let page = owner.get("customers").await.expect(200);
    let banner = page.one(".app-notice.red");
    assert!(banner.contains("suspended") && banner.contains("The invoice of May is open"), "{banner}");
    let viewer = site.user_of(&bolt, Role::Viewer).await;
    assert!(viewer.get("customers").await.expect(200).has(".app-notice.red"));
    for (path, fields) in [
        (format!("/t/{}/projects", bolt.id), vec![("name", "Another")]),
        (format!("{}customers/new", bolt.home()), vec![("name", "Ada")]),
        (format!("{}sync/start", bolt.home()), vec![]),
    ] {
        let answer = owner.post(&path, &fields).await.expect(402);
        assert!(answer.text().contains("everything can be read, nothing changed"), "{path}: {}", answer.text());
    }
    program.get("/v1/customers").await.expect(200);
    let answer = program.post("/v1/customers", None, Some(json!({ "name": "Ada" }))).await.expect(402).json();
    assert_eq!(
        (&answer["error"]["type"], &answer["error"]["code"]),
        (&json!("plan_error"), &json!("tenant_suspended"))
    );
    // what Stripe sends is stored and shown
    let customer = account.ids(AtStripe::Customer).remove(0);
    account.change(&customer, json!({ "name": "Renamed While Suspended" }));
    site.wait_until_idle().await;
    assert!(owner.get("customers").await.text().contains("Renamed While Suspended"));
    // its own people, and other businesses, go on
    owner.get("/account").await.expect(200);
    let acme = site.user(Role::Owner).await;
    acme.get("customers").await.expect(200);
    acme.post(&format!("/t/{}/projects", site.tenant().await.id), &[("name", "Mine")]).await.expect(303);

    press(&operator, &bolt.id, "restore", &[]).await.expect(303);
    program.post("/v1/customers", None, Some(json!({ "name": "Ada" }))).await.expect(200);
    assert!(!owner.get("customers").await.expect(200).has(".app-notice.red"));
    assert_eq!(logged(&site, bolt.id.as_str()).await, ["tenant.suspended", "tenant.restored"]);
    assert!(audited(&site, &bolt.id).await.ends_with(&["tenant.suspended".to_owned(), "tenant.restored".to_owned()]));
}

/// How many rows of a tenant each table has.
async fn rows(site: &Site, tenant: &TenantId) -> BTreeMap<&'static str, i64> {
    let mut tx = site.app.db.read(tenant).await.unwrap();
    let mut rows = BTreeMap::new();
    for (table, _) in erasure::TABLES {
        let n: i64 =
            tx.query(format!("SELECT COUNT(*) FROM {table} WHERE tenant_id = $1")).fetch_value().await.unwrap();
        rows.insert(table, n);
    }
    rows
}

async fn delete(operator: &Visitor, tenant: &Tenant, typed: &str) -> Answer {
    press(operator, &tenant.id, "delete", &[("typed", typed)]).await
}

async fn a_tenant_is_restored_within_seven_days_and_erased_after_them(engine: Engine) {
    let clock = Clock::manual(NOW);
    // A comparison of the night would leave its row with both businesses.
    let site = Site::start_with(engine, clock.clone(), &["--reconcile-sample", "0"]).await;
    let acme = site.tenant().await.clone();
    site.connect(8).await;
    let bolt = site.new_tenant("Bolt Tea").await;
    let account = site.connect_project(&bolt.id, &bolt.project, 8).await;
    let program = site.program_of(&bolt, Preset::Everything.scopes()).await;
    let owner = site.user_of(&bolt, Role::Owner).await;
    program.get("/v1/customers").await.expect(200);
    let visitor = operator(&site).await;
    let url = account.webhook_url();
    let refused = delete(&visitor, &bolt, "Acme Coffee").await.expect(422);
    assert!(refused.has("#typed-error"), "{}", refused.text());
    delete(&visitor, &bolt, "Bolt Tea").await.expect(303);
    let banner = owner.get("customers").await.expect(200).one(".app-notice.red");
    assert!(banner.contains("deleted on"), "{banner}");
    program.post("/v1/customers", None, Some(json!({ "name": "Ada" }))).await.expect(402);

    clock.advance(6 * DAY);
    site.wait_until_idle().await;
    let visitor = operator(&site).await;
    press(&visitor, &bolt.id, "restore", &[]).await.expect(303);
    clock.advance(2 * DAY);
    site.wait_until_idle().await;
    program.post("/v1/customers", None, Some(json!({ "name": "Ada" }))).await.expect(200);

    let visitor = operator(&site).await;
    delete(&visitor, &bolt, "Bolt Tea").await.expect(303);
    site.wait_until_idle().await;
    let before = rows(&site, &acme.id).await;
    assert!(rows(&site, &bolt.id).await["customers"] > 0);
    clock.advance(7 * DAY + 1);
    while worker::run_one(&site.app).await.unwrap() {}
    let left: Vec<_> = rows(&site, &bolt.id).await.into_iter().filter(|(_, n)| *n > 0).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(rows(&site, &acme.id).await, before, "another business lost rows");
    let mut tx = site.app.db.system_read().await.unwrap();
    let gone: i64 = tx.query("SELECT COUNT(*) FROM tenants WHERE id = $1").bind(&bolt.id).fetch_value().await.unwrap();
    let jobs: i64 =
        tx.query("SELECT COUNT(*) FROM jobs WHERE tenant_id = $1").bind(&bolt.id).fetch_value().await.unwrap();
    drop(tx);
    assert_eq!((gone, jobs), (0, 0));
    let stripe = site.stripe.control().account(&account.keys.account).unwrap();
    let made = stripe.read(false).made_with(AtStripe::WebhookEndpoint, |_| true);
    let left: Vec<_> = made.iter().filter_map(|n| stripe.read(false).value(AtStripe::WebhookEndpoint, *n)).collect();
    let ours: Vec<_> = left.iter().filter(|endpoint| endpoint["url"].as_str() == Some(&url)).collect();
    assert!(ours.is_empty(), "an endpoint was left at Stripe: {ours:?}");
    // a key is remembered for less than a second
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while program.get("/v1/customers").await.status != 401 {
        assert!(std::time::Instant::now() < deadline, "the key of an erased tenant works");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    site.app.check_data_keys().await.unwrap();
    let log = logged(&site, bolt.id.as_str()).await;
    assert_eq!(log.last().map(String::as_str), Some("tenant.erased"), "{log:?}");
    operator(&site).await.get(&format!("/operator/tenants/{}", bolt.id)).await.expect(404);
}

async fn an_operator_looks_in_with_a_banner_and_a_trace(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let operator = operator(&site).await;
    let bolt = site.new_tenant("Bolt Tea").await;
    site.connect_project(&bolt.id, &bolt.project, 5).await;
    let home = bolt.home();
    operator.get(&home).await.expect(404);
    let refused = press(&operator, &bolt.id, "look-in", &[("role", "viewer")]).await.expect(422);
    assert!(refused.has("#look_reason-error"), "{}", refused.text());
    operator.get(&home).await.expect(404);
    let owner = [("role", "owner"), ("look_reason", "Ticket 17")];
    press(&operator, &bolt.id, "look-in", &owner).await.expect(422);

    press(&operator, &bolt.id, "look-in", &[("role", "viewer"), ("look_reason", "Ticket 17")]).await.expect(303);
    let page = operator.get(&format!("{home}customers")).await.expect(200);
    assert!(page.one(".app-notice").contains("You look in as an operator, as viewer"), "{}", page.text());
    operator.post(&format!("{home}customers/new"), &[("name", "Ada")]).await.expect(403);
    let other = site.new_tenant("Cold Brew").await;
    operator.get(&other.home()).await.expect(404);

    press(&operator, &bolt.id, "look-in", &[("role", "admin"), ("look_reason", "Ticket 17, a refund")])
        .await
        .expect(303);
    operator.get(&format!("{home}api-keys")).await.expect(200);
    let kept = operator.post(&format!("{home}api-keys"), &[("name", "Mine")]).await.expect(403);
    assert!(kept.text().contains("does not change keys"), "{}", kept.text());
    let page = operator.get(&format!("{home}customers/new")).await.expect(200);
    operator
        .submit(&page.form("form[action$='/customers/new']").fill("name", "Ada").fill("email", "ada@example.com"))
        .await
        .expect(303);

    let form = operator.get(&format!("{home}customers")).await.form("form[action='/operator/leave']");
    let left = operator.submit(&form).await.expect(303);
    assert_eq!(left.header("location"), format!("/operator/tenants/{}", bolt.id));
    operator.get(&home).await.expect(404);
    let seen: Vec<_> =
        audited(&site, &bolt.id).await.into_iter().filter(|action| action.starts_with("operator.")).collect();
    assert_eq!(seen, ["operator.looked_in", "operator.looked_in", "operator.left"]);
    let log = site.user_of(&bolt, Role::Owner).await.get(&format!("/t/{}/audit", bolt.id)).await.expect(200);
    assert!(log.text().contains("Ticket 17, a refund"), "{}", log.text());

    press(&operator, &bolt.id, "look-in", &[("role", "viewer"), ("look_reason", "Ticket 18")]).await.expect(303);
    clock.advance(29 * 60);
    operator.get(&format!("{home}customers")).await.expect(200);
    clock.advance(61);
    operator.get(&format!("{home}customers")).await.expect(404);
}

async fn plans_are_made_changed_and_removed(engine: Engine) {
    let site = Site::start(engine).await;
    let operator = operator(&site).await;
    let new = || async { operator.get("/operator/plans").await.expect(200).form("form[action='/operator/plans']") };
    for (field, value) in [("seats", "0"), ("seats", "-1"), ("customers", "many"), ("name", "")] {
        let form = new().await.fill("name", "Small").fill(field, value);
        let refused = operator.submit(&form).await.expect(422);
        assert!(refused.has(&format!("#{field}-error")), "{field}={value:?}: {}", refused.text());
    }
    let form = new().await.fill("name", "Small").fill("seats", "3").fill("api_calls", "1000");
    operator.submit(&form).await.expect(303);
    operator.submit(&new().await.fill("name", "Small")).await.expect(422); // taken
    let list = operator.get("/operator/plans").await.expect(200);
    let plan = list.attributes("tbody a.row-link", "href").remove(0); // "Small" before "Unlimited"
    let form = operator.get(&plan).await.expect(200).form(&format!("form[action='{plan}']"));
    assert_eq!((form.value("seats"), form.value("customers"), form.value("exports")), ("3", "", "true"));
    let mut form = form.fill("seats", "5");
    form.fields.retain(|(name, _)| name != "exports");
    operator.submit(&form).await.expect(303);
    let form = operator.get(&plan).await.expect(200).form(&format!("form[action='{plan}']"));
    assert_eq!((form.value("seats"), form.fields.iter().any(|(name, _)| name == "exports")), ("5", false));

    let tenant = site.tenant().await.id.clone();
    let id = plan.rsplit('/').next().unwrap();
    press(&operator, &tenant, "plan", &[("plan", id)]).await.expect(303);
    let refused = operator.post(&format!("{plan}/remove"), &[]).await.expect(409);
    assert!(refused.text().contains("Tenants have this plan"), "{}", refused.text());
    press(&operator, &tenant, "plan", &[("plan", "pla_aaaaaaaaaaaaaaaaaaaaaaaa")]).await.expect(303);
    operator.post(&format!("{plan}/remove"), &[]).await.expect(303);
    operator.get(&plan).await.expect(404);
    operator.post("/operator/plans/pla_aaaaaaaaaaaaaaaaaaaaaaaa/remove", &[]).await.expect(409);
    assert_eq!(logged(&site, id).await, ["plan.created", "plan.changed", "plan.removed"]);
    let log = operator.get("/operator/settings").await.expect(200);
    assert!(log.text().contains("plan.removed"), "{}", log.text());
}

async fn dead_events_of_all_tenants_are_put_back(engine: Engine) {
    let site = Site::start(engine).await;
    let operator = operator(&site).await;
    let account = site.connect(3).await;
    let page = operator.get("/operator/jobs").await.expect(200);
    assert!(page.text().contains("every event was applied") && page.text().contains("Apply events"), "{}", page.text());
    let customer = account.ids(AtStripe::Customer).remove(0);
    let object = json!({ "id": customer, "object": "customer", "name": "Late Ada" });
    deliver(&site, &account, &event("evt_late", "customer.updated", &object)).await.expect(200);
    let_fail(&site, "evt_late", EventStatus::Dead, "the database refused what the event would write").await;
    let page = operator.get("/operator/jobs").await.expect(200);
    let form = page.form("form[action='/operator/jobs/requeue']");
    let answer = operator.submit(&form).await.expect(303);
    assert_eq!(answer.header("location"), "/operator/jobs");
    assert!(!operator.get("/operator/jobs").await.has("form[action='/operator/jobs/requeue']"));
    site.wait_until_idle().await;
    let tenant = site.tenant().await;
    let stranger = [("tenant", tenant.id.as_str()), ("project", "prj_aaaaaaaaaaaaaaaaaaaaaaaa")];
    operator.post("/operator/jobs/requeue", &stranger).await.expect(404);
}
