//! What a business may use, what it pays for it, and that a flood of one does not drown the others.

use billfold::{
    clock::Clock,
    domain::{
        api_key::Preset,
        ids::{PlanId, TenantId},
        plan::TenantState,
        role::Role,
    },
    standin::kind::Kind as AtStripe,
    store::standings,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    events::{deliver, event},
    harness::{
        Account, Engine, PASSWORD, Site, Tenant, Visitor, both_engines,
        post_office::{Manner, PostOffice},
    },
    operator::{operator, press},
};

both_engines!(
    a_limit_is_announced_and_then_stops_what_it_limits,
    payments_decide_how_a_tenant_stands,
    the_owners_are_told_how_they_stand,
    what_an_operator_decided_stays,
    a_business_signs_up_chooses_a_plan_and_pays,
    nobody_signs_up_where_it_is_closed,
    a_flood_of_one_tenant_is_turned_away_alone,
);

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

/// Makes a plan and answers its id.
async fn plan(operator: &Visitor, name: &str, limits: &[(&str, &str)]) -> PlanId {
    let page = operator.get("/operator/plans").await.expect(200);
    let mut form = page.form("form[action='/operator/plans']").fill("name", name);
    form.fields.retain(|(field, _)| field != "exports");
    for (field, value) in limits {
        form.fields.retain(|(known, _)| known != field);
        form.fields.push(((*field).to_owned(), (*value).to_owned()));
    }
    operator.submit(&form).await.expect(303);
    let page = operator.get("/operator/plans").await.expect(200);
    let names = page.all("tbody a.row-link");
    let at = names.iter().position(|known| known == name).expect("the plan is in the list");
    PlanId::parse(page.attributes("tbody a.row-link", "href")[at].rsplit('/').next().unwrap()).unwrap()
}

async fn state(site: &Site, tenant: &TenantId) -> (TenantState, PlanId, String) {
    let mut tx = site.app.db.system_read().await.unwrap();
    let standing = standings::find(&mut tx, tenant).await.unwrap().expect("a tenant");
    (standing.state(), standing.plan_id.clone(), standing.state_by)
}

async fn a_limit_is_announced_and_then_stops_what_it_limits(engine: Engine) {
    let site = Site::start(engine).await;
    let operator = operator(&site).await;
    let bolt = site.new_tenant("Bolt Tea").await;
    site.connect_project(&bolt.id, &bolt.project, 8).await;
    let owner = site.user_of(&bolt, Role::Owner).await; // two people now
    let limits = [("seats", "3"), ("projects", "2"), ("customers", "10"), ("api_calls", "3")];
    let small = plan(&operator, "Small", &limits).await;
    press(&operator, &bolt.id, "plan", &[("plan", small.as_str())]).await.expect(303);

    // four fifths of the customers: a notice for those who can do something about it
    let banners = owner.get("customers").await.expect(200).all(".app-notice");
    assert_eq!(banners, ["Customers: 8 of 10 that the plan allows. Plan and usage"]);
    let viewer = site.user_of(&bolt, Role::Viewer).await; // the third person
    assert!(!viewer.get("customers").await.expect(200).has(".app-notice"));
    let page = owner.get(&format!("/t/{}/plan", bolt.id)).await.expect(200);
    assert!(page.text().contains("3 of 3") && page.text().contains("1 of 2"), "{}", page.text());
    viewer.get(&format!("/t/{}/plan", bolt.id)).await.expect(403);

    let members = format!("/t/{}/members", bolt.id);
    let invite = owner.get(&members).await.form("form[action$='/invitations']").fill("email", "new@example.com");
    let refused = owner.submit(&invite).await.expect(402);
    assert!(refused.text().contains("The plan Small ends at 3 for “People”"), "{}", refused.text());

    owner.post(&format!("/t/{}/projects", bolt.id), &[("name", "Second")]).await.expect(303);
    let refused = owner.post(&format!("/t/{}/projects", bolt.id), &[("name", "Third")]).await.expect(402);
    assert!(refused.text().contains("No further project"), "{}", refused.text());

    for name in ["Ada", "Grace"] {
        let form = owner.get("customers/new").await.expect(200).form("main form");
        owner.submit(&form.fill("name", name)).await.expect(303);
    }
    let form = owner.get("customers/new").await.expect(200).form("main form");
    let refused = owner.submit(&form.fill("name", "Edith")).await.expect(402);
    assert!(refused.text().contains("What comes from Stripe is still mirrored"), "{}", refused.text());

    let export = owner.post(&format!("/t/{}/audit/export", bolt.id), &[("format", "csv")]).await.expect(402);
    assert!(export.text().contains("has no exports"), "{}", export.text());

    // programs: reads never stop
    let program = site.program_of(&bolt, Preset::Everything.scopes()).await;
    for _ in 0..3 {
        program.get("/v1/customers").await.expect(200);
    }
    written(&site, &bolt, 3).await;
    let refused = program.post("/v1/products", None, Some(json!({ "name": "Tea" }))).await.expect(429);
    assert_eq!(refused.json()["error"]["code"], "plan_limit_reached");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=31 * DAY).contains(&wait), "{wait}");
    program.get("/v1/customers").await.expect(200);

    press(&operator, &bolt.id, "plan", &[("plan", "pla_aaaaaaaaaaaaaaaaaaaaaaaa")]).await.expect(303);
    program.post("/v1/products", None, Some(json!({ "name": "Tea" }))).await.expect(200);
    owner.submit(&invite).await.expect(200);
    assert!(!owner.get("customers").await.expect(200).has(".app-notice"));
}

/// Until so many calls are counted: they are written once a second.
async fn written(site: &Site, tenant: &Tenant, calls: i64) {
    for _ in 0..200 {
        let standing = site.app.fresh_standing(&tenant.id).await.unwrap().unwrap();
        if standing.usage.api_calls >= calls {
            site.app.standings.forget(&tenant.id).await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("calls are not counted");
}

/// The operator's own business bills with its project, and one of its prices stands for a plan; answers our id of that price.
async fn bills(site: &Site, operator: &Visitor, account: &Account<'_>, plan: &PlanId, grace: &str) -> String {
    let tenant = site.tenant().await;
    let form = operator.get("/operator/settings").await.expect(200).form("form[action='/operator/settings']");
    let place = format!("{}/{}", tenant.id, tenant.project);
    let form = form.fill("billing", &place).fill("grace_days", grace);
    operator.submit(&form).await.expect(303);
    let licensed = |price: &Value| {
        price["active"] == true
            && price["recurring"]["usage_type"] == "licensed"
            && price["billing_scheme"] == "per_unit"
    };
    let price = account.dump(AtStripe::Price).into_iter().find(|price| licensed(price)).expect("a price");
    let id = billfold::domain::kind::Kind::Price.derive_id(&tenant.project, price["id"].as_str().unwrap());
    let page = operator.get("/operator/plans").await.expect(200);
    let form = page.form("form[action='/operator/plan-prices']:has(select)").fill("price", &id);
    operator.submit(&form.fill("plan", plan.as_str())).await.expect(303);
    id
}

/// A customer of the operator's with a subscription, all of whose items an event tells: Stripe is not asked for what [`becomes`] made up.
fn subscriber(account: &Account<'_>) -> (String, Value) {
    let subscriptions = account.dump(AtStripe::Subscription);
    let of = |customer: &Value| subscriptions.iter().filter(|one| one["customer"] == *customer).count();
    let licensed = |one: &Value| one["items"]["data"][0]["price"]["recurring"]["usage_type"] == "licensed";
    let whole = |one: &Value| one["items"]["has_more"] == false;
    let only = |one: &&Value| one["status"] == "active" && licensed(one) && whole(one) && of(&one["customer"]) == 1;
    let subscription = subscriptions.iter().find(only).expect("an only subscription that is active").clone();
    (subscription["customer"].as_str().unwrap().to_owned(), subscription)
}

/// Stripe tells that a subscription has another status, some seconds later.
async fn becomes(site: &Site, account: &Account<'_>, subscription: &Value, status: &str) {
    site.app.clock.advance(2);
    let mut object = subscription.clone();
    object["status"] = json!(status);
    let mut event = event(&format!("evt_{status}_{}", site.app.clock.now()), "customer.subscription.updated", &object);
    event["created"] = json!(site.app.clock.now());
    deliver(site, account, &event).await.expect(200);
    site.wait_until_idle().await;
}

async fn payments_decide_how_a_tenant_stands(engine: Engine) {
    let clock = Clock::manual(NOW);
    // no comparison by night: it would find out that Stripe knows nothing of the states that `becomes` tells of
    let site = Site::start_with(engine, clock.clone(), &["--reconcile-sample", "0"]).await;
    let visitor = operator(&site).await;
    let account = site.connect(20).await;
    let pro = plan(&visitor, "Pro", &[("seats", "9")]).await;
    bills(&site, &visitor, &account, &pro, "7").await;
    let (customer, subscription) = subscriber(&account);
    let price = subscription["items"]["data"][0]["price"]["id"].as_str().unwrap();
    visitor.post("/operator/plan-prices", &[("price", price), ("plan", pro.as_str())]).await.expect(303);

    let bolt = site.new_tenant("Bolt Tea").await;
    let owner = site.user_of(&bolt, Role::Owner).await;
    let refused = press(&visitor, &bolt.id, "payer", &[("payer", "cus_nobody")]).await.expect(422);
    assert!(refused.has("#payer-error"), "{}", refused.text());
    press(&visitor, &bolt.id, "payer", &[("payer", &customer)]).await.expect(303);
    site.wait_until_idle().await;
    assert_eq!(state(&site, &bolt.id).await, (TenantState::Active, pro.clone(), String::new()));
    let other = site.new_tenant("Cold Brew").await;
    let refused = press(&visitor, &other.id, "payer", &[("payer", &customer)]).await.expect(422);
    assert!(refused.text().contains("pays for another tenant"), "{}", refused.text());

    becomes(&site, &account, &subscription, "past_due").await;
    assert_eq!(state(&site, &bolt.id).await.0, TenantState::PastDue);
    let banner = owner.get(owner.home()).await.expect(200).one(".app-notice");
    assert!(banner.contains("payment for billfold is late") && banner.contains("28 Sep 2026"), "{banner}");
    owner.post(&format!("/t/{}/projects", bolt.id), &[("name", "While late")]).await.expect(303);

    clock.advance(6 * DAY);
    site.wait_until_idle().await;
    assert_eq!(state(&site, &bolt.id).await.0, TenantState::PastDue);
    clock.advance(DAY + 1);
    site.wait_until_idle().await;
    assert_eq!(state(&site, &bolt.id).await, (TenantState::Suspended, pro.clone(), "billing".to_owned()));
    let owner = site.user_of(&bolt, Role::Owner).await;
    let refused = owner.post(&format!("/t/{}/projects", bolt.id), &[("name", "Too late")]).await.expect(402);
    assert!(refused.text().contains("Its owners and admins can pay"), "{}", refused.text());
    // paying is what a suspension does not stop: the portal of the operator's project
    let page = owner.get(&format!("/t/{}/plan", bolt.id)).await.expect(200);
    let portal = owner.submit(&page.form("form[action$='/plan/manage']")).await.expect(303);
    let link = portal.header("location").strip_prefix(&site.base).unwrap().to_owned();
    site.anonymous().get(&link).await.expect(200);

    becomes(&site, &account, &subscription, "active").await;
    assert_eq!(state(&site, &bolt.id).await.0, TenantState::Active);
    owner.post(&format!("/t/{}/projects", bolt.id), &[("name", "Paid")]).await.expect(303);

    // the end of the subscription has its days as well
    becomes(&site, &account, &subscription, "canceled").await;
    assert_eq!(state(&site, &bolt.id).await.0, TenantState::PastDue);
    assert_eq!(state(&site, &other.id).await.0, TenantState::Active, "whoever nobody pays for is not touched");
}

async fn the_owners_are_told_how_they_stand(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    let site = Site::start_with(engine, Clock::manual(NOW), &flags.each_ref().map(String::as_str)).await;
    let visitor = operator(&site).await;
    let account = site.connect(20).await;
    let pro = plan(&visitor, "Pro", &[]).await;
    bills(&site, &visitor, &account, &pro, "7").await;
    let (customer, subscription) = subscriber(&account);
    let bolt = site.new_tenant("Bolt Tea").await;
    let owner = site.new_member(&bolt, Role::Owner).await;
    let told = async |letters: usize| {
        let letter = office.wait_for(letters).await.pop().unwrap(); // each comes to both owners
        format!("{} | {}", letter.header("Subject").unwrap(), letter.text())
    };
    press(&visitor, &bolt.id, "payer", &[("payer", &customer)]).await.expect(303);
    becomes(&site, &account, &subscription, "past_due").await;
    let late = told(2).await;
    assert!(late.starts_with("Bolt Tea has a late payment |") && late.contains("works until 28 Sep 2026"), "{late}");
    assert!(late.contains(&format!("{}/t/{}/plan", site.base, bolt.id)), "{late}");
    assert!(office.letters().iter().any(|letter| letter.to[0].contains(&owner)));
    becomes(&site, &account, &subscription, "active").await;
    assert!(told(4).await.starts_with("Bolt Tea is restored |"));
    press(&visitor, &bolt.id, "suspend", &[("reason", "Fraud")]).await.expect(303);
    let suspended = told(6).await;
    assert!(suspended.contains("still stored") && !suspended.contains("Fraud"), "{suspended}");
    press(&visitor, &bolt.id, "delete", &[("typed", "Bolt Tea")]).await.expect(303);
    assert!(told(8).await.contains("On 28 Sep 2026 all its data is erased"));
    assert_eq!(office.letters().len(), 8, "nobody else is told");
}

async fn what_an_operator_decided_stays(engine: Engine) {
    let site = Site::start_at(engine, Clock::manual(NOW)).await;
    let visitor = operator(&site).await;
    let account = site.connect(20).await;
    let pro = plan(&visitor, "Pro", &[]).await;
    bills(&site, &visitor, &account, &pro, "0").await;
    let (customer, subscription) = subscriber(&account);
    let bolt = site.new_tenant("Bolt Tea").await;
    press(&visitor, &bolt.id, "payer", &[("payer", &customer)]).await.expect(303);
    press(&visitor, &bolt.id, "suspend", &[("reason", "Fraud")]).await.expect(303);
    becomes(&site, &account, &subscription, "active").await;
    assert_eq!(state(&site, &bolt.id).await.2, "operator");
    assert_eq!(state(&site, &bolt.id).await.0, TenantState::Suspended);
    // without days of grace a late payment suspends at once; restoring by hand lets billing look again
    becomes(&site, &account, &subscription, "unpaid").await;
    assert_eq!(state(&site, &bolt.id).await.2, "operator");
    press(&visitor, &bolt.id, "restore", &[]).await.expect(303);
    site.wait_until_idle().await;
    assert_eq!(
        state(&site, &bolt.id).await,
        (TenantState::Suspended, state(&site, &bolt.id).await.1, "billing".to_owned())
    );
    // a project of a business that the operator does not belong to never bills
    let form = visitor.get("/operator/settings").await.form("form[action='/operator/settings']");
    let foreign = format!("{}/{}", bolt.id, bolt.project);
    let refused = visitor.submit(&form.fill("billing", &foreign)).await.expect(422);
    assert!(refused.has("#billing-error"), "{}", refused.text());
    let own = site.tenant().await.clone();
    let refused = press(&visitor, &own.id, "delete", &[("typed", "Acme Coffee")]).await.expect(409);
    assert!(refused.text().contains("bills the others"), "{}", refused.text());
}

async fn nobody_signs_up_where_it_is_closed(engine: Engine) {
    let site = Site::start(engine).await;
    site.anonymous().get("/signup").await.expect(404);
    let visitor = operator(&site).await;
    let mut form = visitor.get("/operator/settings").await.form("form[action='/operator/settings']");
    form.fields.push(("sign_up".to_owned(), "true".to_owned()));
    let refused = visitor.submit(&form).await.expect(422);
    assert!(refused.text().contains("choose it first"), "nobody bills yet: {}", refused.text());
    site.anonymous().get("/signup").await.expect(404);
}

async fn a_business_signs_up_chooses_a_plan_and_pays(engine: Engine) {
    let site = Site::start(engine).await;
    let visitor = operator(&site).await;
    let account = site.connect(6).await;
    let pro = plan(&visitor, "Pro", &[("projects", "3")]).await;
    let price = bills(&site, &visitor, &account, &pro, "7").await;
    let mut form = visitor.get("/operator/settings").await.form("form[action='/operator/settings']");
    form.fields.push(("sign_up".to_owned(), "true".to_owned()));
    visitor.submit(&form).await.expect(303);

    let newcomer = site.anonymous();
    let form = newcomer.get("/signup").await.expect(200).form("main form");
    let short = form.fill("tenant", "Olive Oil").fill("email", "olive@example.com").fill("password", "short");
    let refused = newcomer.submit(&short).await.expect(422);
    assert!(refused.has("#password-error") && !refused.body.contains("value=\"short\""), "{}", refused.text());
    let form = refused.form("main form").fill("password", PASSWORD);
    let made = newcomer.submit(&form).await.expect(303);
    let page = made.header("location").to_owned();
    let tenant = TenantId::parse(page.split('/').nth(2).unwrap()).unwrap();
    assert_eq!(state(&site, &tenant).await.0, TenantState::Suspended);
    let shown = newcomer.get(&page).await.expect(200);
    assert!(shown.text().contains("Choose a plan to begin.") && shown.text().contains("Pro"), "{}", shown.text());
    newcomer.post(&format!("/t/{tenant}/projects"), &[("name", "Too early")]).await.expect(402);

    let subscribe = shown.form("form[action$='/plan/subscribe']");
    let refused = newcomer.submit(&subscribe).await.expect(422);
    assert!(refused.all(".app-notice.red").contains(&"Choose a plan.".to_owned()), "{}", refused.text());
    let mut subscribe = refused.form("form[action$='/plan/subscribe']");
    subscribe.fields.push(("price".to_owned(), price));
    let customers = account.ids(AtStripe::Customer).len();
    let (first, second) = tokio::join!(newcomer.submit(&subscribe), newcomer.submit(&subscribe));
    assert_eq!(account.ids(AtStripe::Customer).len(), customers + 1, "one customer for two clicks");
    assert_eq!(second.status, first.status);
    let url = first.expect(200).attributes("a[href*='/c/pay/']", "href").remove(0);
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let paid = browser.post(&url).header("content-type", "application/x-www-form-urlencoded").body("do=pay&name=Olive");
    let paid = paid.send().await.unwrap();
    assert_eq!(paid.headers()["location"].to_str().unwrap(), format!("{}/t/{tenant}/plan", site.base));
    site.wait_until_idle().await;
    assert_eq!(state(&site, &tenant).await, (TenantState::Active, pro, "billing".to_owned()));
    newcomer.post(&format!("/t/{tenant}/projects"), &[("name", "Now")]).await.expect(303);
    let shown = newcomer.get(&page).await.expect(200);
    assert!(shown.has("form[action$='/plan/manage']") && !shown.has("form[action$='/plan/subscribe']"));
    newcomer.submit(&subscribe).await.expect(409);

    // somebody who is known signs in first, and owns a second business
    let again = site.anonymous();
    let form = again.get("/signup").await.expect(200).form("main form");
    let form = form.fill("tenant", "Olive Two").fill("email", "olive@example.com").fill("password", PASSWORD);
    assert!(again.submit(&form).await.expect(422).has("#email-error"));
    let form = newcomer.get("/signup").await.expect(200).form("main form").fill("tenant", "Olive Two");
    newcomer.submit(&form).await.expect(303);
    let mut tx = site.app.db.system_read().await.unwrap();
    let tenants: i64 = tx.query("SELECT COUNT(*) FROM tenants").fetch_value().await.unwrap();
    assert_eq!(tenants, 3);
}

async fn a_flood_of_one_tenant_is_turned_away_alone(engine: Engine) {
    let flags = ["--intake-tenant-rate", "5", "--api-tenant-rate", "5"];
    let site = Site::start_with(engine, Clock::system(), &flags).await;
    let loud = site.tenant().await.clone();
    let calm = site.new_tenant("Bolt Tea").await;
    let floods = site.connect(2).await;
    let drips = site.connect_project(&calm.id, &calm.project, 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await; // what connecting has sent is forgotten
    let deliver = async |account: &Account<'_>, n: usize| {
        let customer = json!({ "id": format!("cus_{n}"), "object": "customer", "name": "Ada" });
        let event = json!({ "id": format!("evt_{n}"), "object": "event", "type": "customer.updated", "created": site.app.clock.now(),
            "livemode": false, "api_version": "2026-03-25.dahlia", "data": { "object": customer } });
        let payload = event.to_string();
        let signature = account.sign(&payload, site.app.clock.now());
        let visitor = site.anonymous();
        let url = account.webhook_url();
        let path = url.strip_prefix(&site.base).unwrap().to_owned();
        visitor.send(visitor.request(Method::POST, &path).header("stripe-signature", signature).body(payload)).await
    };
    let mut refused = 0;
    for n in 0..20 {
        let answer = deliver(&floods, n).await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
            refused += 1;
        } else {
            answer.expect(200);
        }
    }
    assert!(refused > 0, "a flood of twenty at once at five a second");
    deliver(&drips, 100).await.expect(200);

    let keys = [
        site.program_of(&loud, Preset::Everything.scopes()).await,
        site.program_of(&loud, Preset::Everything.scopes()).await,
    ];
    let mut statuses = Vec::new();
    for n in 0..20 {
        statuses.push(keys[n % 2].get("/v1/customers").await.status);
    }
    assert!(statuses.contains(&429) && statuses.contains(&200), "{statuses:?}");
    site.program_of(&calm, Preset::Everything.scopes()).await.get("/v1/customers").await.expect(200);
}
