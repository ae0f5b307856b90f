//! Connecting a Stripe account, as an owner who pastes a key, as members who may only look, and as somebody who pastes the
//! wrong thing.

use billfold::{
    clock::Clock,
    domain::role::Role,
    standin::{
        control::accounts::{AccountSpec, KeySpec},
        kind::Kind,
    },
    store::{account_routes, audit_log, connections},
    stripe::permissions::{PERMISSIONS, Probe},
};

use crate::harness::{Answer, Engine, PASSWORD, Site, Tenant, Visitor, both_engines};

both_engines!(
    an_owner_connects_and_the_first_event_turns_it_green,
    what_is_not_a_key_is_told_by_kind,
    a_revoked_key_is_refused,
    a_missing_permission_is_named,
    a_key_that_may_not_make_endpoints_leads_to_the_form_for_the_secret,
    the_endpoint_can_be_made_later,
    members_see_and_admins_change,
    an_account_belongs_to_one_project,
    nothing_is_saved_while_stripe_is_down,
    a_sealed_key_of_another_project_opens_nowhere,
    a_browser_left_open_changes_nothing,
    an_endpoint_that_was_lost_sight_of_is_removed,
);

/// Every permission of the table but these.
pub(crate) fn permissions_without(missing: &[&str]) -> Vec<String> {
    // A write permission includes reading.
    let missing = |name: &str| missing.contains(&name) || missing.contains(&name.replace("_write", "_read").as_str());
    PERMISSIONS.iter().map(|row| row.name).filter(|name| !missing(name)).map(str::to_owned).collect()
}

/// A restricted key of an account.
pub(crate) fn restricted_key(site: &Site, account: &str, permissions: Vec<String>) -> String {
    let spec = KeySpec { kind: "restricted".to_owned(), livemode: false, permissions };
    site.stripe.control().new_key(account, spec).unwrap()
}

/// Pastes a key into the form of the page.
pub(crate) async fn paste(visitor: &Visitor, key: &str) -> Answer {
    let form = visitor.get("connection").await.expect(200).form("form[action$='/connection']");
    visitor.submit(&form.fill("secret_key", key)).await
}

/// What the audit log says about a project.
pub(crate) async fn audited(site: &Site, tenant: &Tenant) -> Vec<String> {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    audit_log::list::actions(&mut tx, &tenant.project).await.unwrap()
}

async fn connection_of(site: &Site, tenant: &Tenant) -> Option<connections::Connection> {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    connections::find(&mut tx, &tenant.project).await.unwrap()
}

async fn an_owner_connects_and_the_first_event_turns_it_green(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(12);

    let empty = owner.get("connection").await.expect(200);
    for permission in PERMISSIONS {
        assert!(empty.text().contains(permission.resource), "{} is listed", permission.resource);
    }
    let links = empty.attributes("a[href^='https://dashboard.stripe.com/']", "href");
    assert!(links.iter().all(|link| link.contains("permissions[]=rak_plan_read")), "{links:?}");

    let done = paste(&owner, &format!("  {}\n", account.keys.restricted_key)).await.expect(303);
    let page = owner.follow(done).await.expect(200);
    let text = page.text();
    assert!(text.contains(&account.keys.account) && text.contains("restricted key"), "{text}");
    assert!(text.contains("Test mode") && text.contains("Waiting for the first event"), "{text}");
    let granted = page.all(".permission-list .badge-soft");
    let tried = PERMISSIONS.iter().map(|row| if row.probe.is_tried_first() { "Granted" } else { "Not tried" });
    assert_eq!(granted, tried.collect::<Vec<_>>());
    assert!(!page.body.contains(&account.keys.restricted_key), "a stored key is never sent back");

    let connection = connection_of(&site, site.tenant().await).await.unwrap();
    let url = account.webhook_url();
    assert!(url.starts_with(&format!("{}/webhooks/stripe/", site.base)), "{url}");
    assert_eq!(page.attributes("#webhook-address", "value"), [url], "the address is shown to those who may change it");
    assert!(!connection.sealed_key.unwrap().contains(&account.keys.restricted_key));

    let waiting = owner.get("connection/waiting").await.expect(200);
    assert_eq!(waiting.attributes("#first-event", "hx-trigger"), ["every 2s"]);
    site.wait_until_idle().await;
    account.mutate(1);
    site.wait_until_idle().await;
    let green = owner.get("connection/waiting").await.expect(200);
    assert!(green.text().contains("Events arrive"), "{}", green.text());
    assert!(green.attributes("#first-event", "hx-trigger").is_empty(), "polling ends");
    assert_eq!(audited(&site, site.tenant().await).await, ["connection.connected"]);

    let again = owner.post("connection", &[("secret_key", &account.keys.secret_key)]).await.expect(409);
    assert!(again.text().contains("connected already"));
}

async fn what_is_not_a_key_is_told_by_kind(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    let long = format!("sk_test_{}", "a".repeat(400));
    for (pasted, says) in [
        ("", "Paste a key"),
        (account.keys.publishable_key.as_str(), "publishable key"),
        ("whsec_0123456789abcdefghij", "signing secret"),
        ("sk_org_live_0123456789abcdef", "organization key"),
        ("bs_0123456789abcdef0123456789abcdef0123456789abcdef", "API key of billfold"),
        ("sk_test_****************abcd", "shortened form"),
        ("sk_test_51 0123456789abcdef", "space or a line break"),
        (&long, "too long"),
        ("password123", "not a Stripe key"),
    ] {
        let refused = paste(&owner, pasted).await.expect(422);
        let problem = refused.one("#secret_key-error");
        assert!(problem.contains(says), "{pasted}: {problem}");
        assert!(pasted.is_empty() || !refused.body.contains(pasted), "{pasted} is not repeated");
        assert_eq!(refused.form("form[action$='/connection']").value("secret_key"), "");
    }
    assert!(connection_of(&site, site.tenant().await).await.is_none());
    assert!(site.stripe.control().log(None).is_empty(), "Stripe was not asked about any of them");
}

async fn a_revoked_key_is_refused(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    site.stripe.control().keys.revoke(&account.keys.restricted_key);
    for key in [account.keys.restricted_key.as_str(), "rk_test_51NobodyKnowsThisKey"] {
        let refused = paste(&owner, key).await.expect(422);
        assert!(refused.one("#secret_key-error").contains("does not accept this key"));
    }
    assert!(connection_of(&site, site.tenant().await).await.is_none());
}

async fn a_missing_permission_is_named(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    for row in PERMISSIONS.iter().filter(|row| matches!(row.probe, Probe::List(_))) {
        let key = restricted_key(&site, &account.keys.account, permissions_without(&[row.name]));
        let refused = paste(&owner, &key).await.expect(422);
        let problem = refused.one("#secret_key-error");
        assert!(problem.contains(row.name) && problem.contains(row.resource), "{problem}");
        let badges = refused.all(".permission-list .badge-soft");
        assert_eq!(badges.iter().filter(|badge| badge.contains("Missing")).count(), 1, "{badges:?}");
        assert!(badges.contains(&format!("Missing: {}", row.name)));
    }
    assert!(connection_of(&site, site.tenant().await).await.is_none());
    assert_eq!(audited(&site, site.tenant().await).await, Vec::<String>::new());
}

async fn a_key_that_may_not_make_endpoints_leads_to_the_form_for_the_secret(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(3);
    let optional = ["rak_webhook_write", "rak_connected_account_read"];
    let key = restricted_key(&site, &account.keys.account, permissions_without(&optional));
    let done = paste(&owner, &key).await.expect(303);
    let page = owner.follow(done).await.expect(200);
    let text = page.text();
    assert!(text.contains("lacks the permission to make webhook endpoints"), "{text}");
    assert!(text.contains("invoice.payment_failed"), "the event types are listed");
    assert!(text.contains(&account.keys.account), "Stripe names the account in its refusal");

    let url = page.attributes("[aria-label='Copy webhook address']", "data-copy").remove(0);
    let endpoint = make_endpoint(&site, &account.keys.secret_key, &[("url", &url), ("enabled_events[]", "*")]).await;
    let secret = endpoint["secret"].as_str().unwrap().to_owned();
    let form = page.form("form[action$='/connection/secrets']");
    for wrong in ["", "sk_test_0123456789abcdef", "whsec_", "whsec_with space 0123456789"] {
        owner.submit(&form.clone().fill("webhook_secret", wrong)).await.expect(422);
    }
    owner.submit(&form.clone().fill("webhook_secret", &secret)).await.expect(303);
    let known = owner.submit(&form.clone().fill("webhook_secret", &secret)).await.expect(422);
    assert!(known.one("#webhook_secret-error").contains("stored already"));

    site.wait_until_idle().await;
    account.mutate(1);
    site.wait_until_idle().await;
    let page = owner.get("connection").await.expect(200);
    assert!(page.text().contains("Events arrive"), "{}", page.text());
    assert!(!page.body.contains(&secret));
    assert_eq!(audited(&site, site.tenant().await).await, ["connection.connected", "connection.secret_added"]);
}

/// What somebody does on Stripe's own page; the answer holds the secret that it shows.
async fn make_endpoint(site: &Site, key: &str, fields: &[(&str, &str)]) -> serde_json::Value {
    let request = reqwest::Client::new().post(format!("{}/v1/webhook_endpoints", site.stripe.url())).bearer_auth(key);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(serde_urlencoded::to_string(fields).unwrap()).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

async fn the_endpoint_can_be_made_later(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    let key = restricted_key(&site, &account.keys.account, permissions_without(&["rak_webhook_write"]));
    paste(&owner, &key).await.expect(303);
    let button = owner.get("connection").await.expect(200).form("form[action$='/connection/endpoint']");
    let refused = owner.submit(&button).await.expect(422);
    assert!(refused.one("#endpoint-error").contains("did not make the webhook endpoint"));

    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/key']");
    owner.submit(&form.fill("secret_key", &account.keys.restricted_key)).await.expect(303);
    let done = owner.submit(&button).await.expect(303);
    let page = owner.follow(done).await.expect(200);
    assert!(page.text().contains("Waiting for the first event"), "{}", page.text());
    assert_eq!(page.attributes("#webhook-address", "value"), [account.webhook_url()], "as it was shown before");
    owner.submit(&button).await.expect(409);
    let log = audited(&site, site.tenant().await).await;
    assert_eq!(log, ["connection.connected", "connection.key_replaced", "connection.endpoint_created"]);
}

async fn members_see_and_admins_change(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.stripe_account(1);
    for role in [Role::Viewer, Role::Member] {
        let visitor = site.user(role).await;
        let page = visitor.get("connection").await.expect(200);
        assert!(!page.has("input[name=secret_key]"), "{role} gets no form");
        visitor.post("connection", &[("secret_key", &account.keys.secret_key)]).await.expect(403);
    }
    assert!(connection_of(&site, site.tenant().await).await.is_none());

    let admin = site.user(Role::Admin).await;
    let done = paste(&admin, &account.keys.secret_key).await.expect(303);
    let page = admin.follow(done).await;
    assert!(page.text().contains("A secret key can do everything"), "the hint for sk_: {}", page.text());
    for role in [Role::Viewer, Role::Member] {
        let visitor = site.user(role).await;
        let page = visitor.get("connection").await.expect(200);
        assert!(page.text().contains(&account.keys.account), "{role} sees the state");
        assert!(!page.body.contains("/webhooks/stripe/"), "{role} does not see the address");
        assert_eq!(page.all("#main form"), Vec::<String>::new());
        for action in ["key", "check", "endpoint", "secrets", "disconnect"] {
            let fields = [("secret_key", "x"), ("webhook_secret", "x"), ("project_name", "Production")];
            visitor.post(&format!("connection/{action}"), &fields).await.expect(403);
        }
    }
    let stranger = site.user_of(&site.new_tenant("Rival").await, Role::Owner).await;
    let path = format!("{}connection", site.tenant().await.home());
    stranger.get(&path).await.expect(404);
    stranger.post(&format!("{path}/disconnect"), &[("project_name", "Production")]).await.expect(404);
    assert!(connection_of(&site, site.tenant().await).await.unwrap().is_live());
}

async fn an_account_belongs_to_one_project(engine: Engine) {
    let site = Site::start(engine).await;
    let first = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    paste(&first, &account.keys.restricted_key).await.expect(303);

    let rival = site.new_tenant("Rival").await;
    let second = site.user_of(&rival, Role::Owner).await;
    let refused = paste(&second, &account.keys.secret_key).await.expect(409);
    let problem = refused.one("#secret_key-error");
    assert!(problem.contains("already connected") && !problem.contains("Acme"), "{problem}");
    assert!(connection_of(&site, &rival).await.is_none());
    assert_eq!(audited(&site, &rival).await, ["connection.account_taken"]);
    let log = audited(&site, site.tenant().await).await;
    assert_eq!(log, ["connection.connected", "connection.second_attempt"]);
    let mut tx = site.app.db.system_read().await.unwrap();
    let holder = account_routes::find(&mut tx, &account.keys.account, false).await.unwrap().unwrap();
    assert_eq!(holder.tenant_id, site.tenant().await.id);

    // The same account in live mode is another world.
    let live = AccountSpec { id: Some("acct_1LiveTwin00000".to_owned()), livemode: true, ..AccountSpec::default() };
    paste(&second, &site.stripe.account(live).restricted_key).await.expect(303);
    let page = second.get("connection").await.expect(200);
    assert!(page.text().contains("Live") && !page.text().contains("Test mode"), "{}", page.text());
}

async fn nothing_is_saved_while_stripe_is_down(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    let chaos = |switches: serde_json::Value| {
        site.stripe.control().switches.reset();
        site.stripe.control().switches.change(None, switches).unwrap();
    };
    for switches in [
        serde_json::json!({ "server_error": 1.0 }),
        serde_json::json!({ "rate_limited": 1.0 }),
        serde_json::json!({ "html_instead_of_json": 1.0 }),
        serde_json::json!({ "cut_body": 1.0 }),
    ] {
        chaos(switches.clone());
        let refused = paste(&owner, &account.keys.restricted_key).await.expect(503);
        assert_eq!(refused.header("retry-after"), "10", "{switches}");
        assert!(refused.one("#secret_key-error").contains("nothing was changed"), "{switches}");
    }
    chaos(serde_json::json!({}));
    assert!(connection_of(&site, site.tenant().await).await.is_none());
    paste(&owner, &account.keys.restricted_key).await.expect(303);
}

async fn a_sealed_key_of_another_project_opens_nowhere(engine: Engine) {
    let site = Site::start(engine).await;
    let (mine, rival) = (site.tenant().await.clone(), site.new_tenant("Rival").await);
    site.connect_project(&mine.id, &mine.project, 1).await;
    site.connect_project(&rival.id, &rival.project, 1).await;
    let stolen = connection_of(&site, &mine).await.unwrap();
    let mut victim = connection_of(&site, &rival).await.unwrap();
    victim.sealed_key = stolen.sealed_key;
    let mut tx = site.app.db.write(&rival.id).await.unwrap();
    victim.credential_version += 1;
    assert!(connections::replace_key(&mut tx, &rival.project, &victim).await.unwrap());
    tx.commit().await.unwrap();
    let asked = site.stripe.control().log(None).len();
    assert!(site.app.stripe_client(&rival.id, &rival.project).await.is_err());
    assert_eq!(site.stripe.control().log(None).len(), asked, "Stripe is not asked with it");
    let owner = site.user_of(&rival, Role::Owner).await;
    owner.get("connection").await.expect(200);
}

async fn a_browser_left_open_changes_nothing(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection']");
    clock.advance(601);
    let filled = form.fill("secret_key", &account.keys.restricted_key);
    let refused = owner.submit(&filled).await.expect(401);
    assert!(refused.text().contains("needed once more"), "{}", refused.text());
    assert!(!owner.get("connection").await.expect(200).has("input[name=secret_key]"), "the password comes first");
    assert!(connection_of(&site, site.tenant().await).await.is_none());

    let confirm = refused.form("form[action='/confirm']");
    owner.submit(&confirm.clone().fill("password", "something else")).await.expect(422);
    let confirmed = owner.submit(&confirm.fill("password", PASSWORD)).await.expect(303);
    owner.follow(confirmed).await.expect(200);
    paste(&owner, &account.keys.restricted_key).await.expect(303);
    clock.advance(601);
    owner.get("connection").await.expect(200).form("form[action$='/connection/check']");
    owner.post("connection/disconnect", &[("project_name", "Production")]).await.expect(401);
    assert!(connection_of(&site, site.tenant().await).await.unwrap().is_live());
}

async fn an_endpoint_that_was_lost_sight_of_is_removed(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let account = site.stripe_account(1);
    let project = site.tenant().await.project.to_string();
    let ours = format!("{}/webhooks/stripe/lost", site.base);
    for (url, of) in [(ours.as_str(), project.as_str()), ("https://shop.example/stripe", ""), (&ours, "prj_of_another")]
    {
        let fields = [("url", url), ("enabled_events[]", "*"), ("metadata[billfold_project]", of)];
        make_endpoint(&site, &account.keys.secret_key, &fields).await;
    }
    paste(&owner, &account.keys.restricted_key).await.expect(303);
    let stripe = site.stripe.control().account(&account.keys.account).unwrap();
    let endpoints = || stripe.read(false).made_with(Kind::WebhookEndpoint, |_| true).len();
    let started = std::time::Instant::now();
    while endpoints() != 3 {
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{} endpoints", endpoints());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let gone = stripe.read(false).made_with(Kind::WebhookEndpoint, |_| true);
    let kept: Vec<_> = gone.iter().filter_map(|key| stripe.read(false).value(Kind::WebhookEndpoint, *key)).collect();
    assert!(kept.iter().all(|endpoint| endpoint["metadata"]["billfold_project"] != project || endpoint["url"] != ours));
}
