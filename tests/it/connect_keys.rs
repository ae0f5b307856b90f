//! What happens to a connection later: another key, other signing secrets, a key that Stripe refuses, the end and a new start.

use billfold::{
    domain::role::Role,
    standin::{control::accounts::AccountSpec, kind::Kind},
    store::{connections, signing_secrets, sync_runs},
};

use crate::{
    connect::{audited, paste, permissions_without, restricted_key},
    harness::{Account, Answer, Engine, Site, Visitor, both_engines},
};

both_engines!(
    another_key_of_the_same_account_takes_over,
    a_key_of_elsewhere_changes_nothing,
    of_two_replacements_at_once_one_wins,
    the_old_key_stays_while_stripe_is_down,
    up_to_three_signing_secrets_count,
    a_refused_key_pauses_and_a_new_one_goes_on,
    disconnecting_ends_everything_but_the_data,
    only_the_same_account_comes_back,
);

async fn replace(visitor: &Visitor, key: &str) -> Answer {
    let form = visitor.get("connection").await.expect(200).form("form[action$='/connection/key']");
    visitor.submit(&form.fill("secret_key", key)).await
}

async fn connected(site: &Site) -> (Visitor, Account<'_>) {
    let account = site.connect(3).await;
    (site.user(Role::Owner).await, account)
}

async fn connection(site: &Site) -> connections::Connection {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    connections::find(&mut tx, &tenant.project).await.unwrap().unwrap()
}

async fn another_key_of_the_same_account_takes_over(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    let done = replace(&owner, &account.keys.secret_key).await.expect(303);
    let page = owner.follow(done).await.expect(200);
    let last4 = &account.keys.secret_key[account.keys.secret_key.len() - 4..];
    assert!(page.text().contains(&format!("secret key ending in {last4}")), "{}", page.text());

    let tenant = site.tenant().await;
    let client = site.app.stripe_client(&tenant.id, &tenant.project).await.unwrap().unwrap();
    client.account().await.unwrap();
    let last = site.stripe.control().log(None).pop().unwrap();
    assert_eq!(last.key_last4, *last4, "the old key is never used again");
    assert_eq!(connection(&site).await.credential_version, 2);
    assert_eq!(audited(&site, tenant).await, ["connection.connected", "connection.key_replaced"]);

    account.mutate(1);
    site.wait_until_idle().await;
    assert!(owner.get("connection").await.expect(200).text().contains("Events arrive"), "the endpoint stays");
}

async fn a_key_of_elsewhere_changes_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    let other = site.stripe_account(1);
    let refused = replace(&owner, &other.keys.restricted_key).await.expect(422);
    assert!(refused.one("#new_key-error").contains("another Stripe account"));
    let live = site.stripe.account(AccountSpec { livemode: true, ..AccountSpec::default() });
    let refused = replace(&owner, &live.restricted_key).await.expect(422);
    assert!(refused.one("#new_key-error").contains("live key"), "{}", refused.text());
    assert_eq!(site.stripe.control().log(Some(&live.account)).len(), 0, "the prefix is enough to know");
    let weak = restricted_key(&site, &account.keys.account, permissions_without(&["rak_charge_read"]));
    let refused = replace(&owner, &weak).await.expect(422);
    assert!(refused.one("#new_key-error").contains("rak_charge_read"));
    replace(&owner, "pk_test_0123456789abcdef").await.expect(422);
    let now = connection(&site).await;
    assert_eq!((now.credential_version, now.state.as_str()), (1, "connected"));
    let tenant = site.tenant().await;
    site.app.stripe_client(&tenant.id, &tenant.project).await.unwrap().unwrap().account().await.unwrap();
}

async fn of_two_replacements_at_once_one_wins(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/key']");
    let keys = [0, 1].map(|_| restricted_key(&site, &account.keys.account, permissions_without(&[])));
    let forms = keys.map(|key| form.clone().fill("secret_key", &key));
    // Slow answers of Stripe make both checks overlap, whatever the machine does.
    site.chaos(serde_json::json!({ "latency_ms": 200 }));
    let (one, two) = tokio::join!(owner.submit(&forms[0]), owner.submit(&forms[1]));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(connection(&site).await.credential_version, 2);
}

async fn the_old_key_stays_while_stripe_is_down(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    site.stripe.control().switches.change(None, serde_json::json!({ "server_error": 1.0 })).unwrap();
    replace(&owner, &account.keys.secret_key).await.expect(503);
    site.stripe.control().switches.reset();
    let now = connection(&site).await;
    assert_eq!((now.credential_version, now.key_kind.as_str()), (1, "restricted"));
}

async fn up_to_three_signing_secrets_count(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, _account) = connected(&site).await;
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/secrets']");
    for secret in ["whsec_second_0123456789", "whsec_third_0123456789"] {
        owner.submit(&form.clone().fill("webhook_secret", secret)).await.expect(303);
    }
    let fourth = owner.submit(&form.clone().fill("webhook_secret", "whsec_fourth_0123456789")).await.expect(422);
    assert!(fourth.one("#webhook_secret-error").contains("Three signing secrets"));

    let tenant = site.tenant().await;
    for left in [2, 1] {
        let button = owner.get("connection").await.expect(200).form("form[action$='/remove']");
        owner.submit(&button).await.expect(303);
        let mut tx = site.app.db.read(&tenant.id).await.unwrap();
        let live = signing_secrets::live(&mut tx, &tenant.project, site.app.clock.now()).await.unwrap();
        assert_eq!(live.len(), left);
    }
    let page = owner.get("connection").await.expect(200);
    assert!(!page.has("form[action$='/remove']"), "the last one has no button");
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let last = signing_secrets::live(&mut tx, &tenant.project, site.app.clock.now()).await.unwrap().remove(0);
    drop(tx);
    owner.post(&format!("connection/secrets/{}/remove", last.id), &[]).await.expect(422);
    owner.post("connection/secrets/sec_unknown/remove", &[]).await.expect(404);
}

async fn a_refused_key_pauses_and_a_new_one_goes_on(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    site.stripe.control().keys.revoke(&account.keys.restricted_key);
    let check = owner.get("connection").await.expect(200).form("form[action$='/connection/check']");
    owner.submit(&check).await.expect(422);
    assert_eq!(connection(&site).await.state, "key_rejected");
    let tenant = site.tenant().await;
    assert!(site.app.stripe_client(&tenant.id, &tenant.project).await.unwrap().is_none(), "nothing is asked with it");
    let page = owner.get("connection").await.expect(200);
    assert!(page.text().contains("Stripe does not accept the key any more"), "{}", page.text());
    assert!(owner.get("customers").await.text().contains("Stripe refuses the key"), "every page says so");

    replace(&owner, &account.keys.secret_key).await.expect(303);
    assert_eq!(connection(&site).await.state, "connected");
    assert!(!owner.get("connection").await.expect(200).text().contains("does not accept"));
    let check = owner.get("connection").await.expect(200).form("form[action$='/connection/check']");
    owner.submit(&check).await.expect(303);
}

async fn disconnecting_ends_everything_but_the_data(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    let tenant = site.tenant().await;
    let url = account.webhook_url();
    site.deliver(&account, r#"{"id":"evt_before_the_end","livemode":false}"#).await.expect(200);
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/disconnect']");
    let refused = owner.submit(&form.clone().fill("project_name", "production")).await.expect(422);
    assert!(refused.one("#project_name-error").contains("not the name"));

    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    let run = billfold::vault::new_id();
    assert!(sync_runs::start(&mut tx, &tenant.project, &run, "story", site.app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();

    let done = owner.submit(&form.clone().fill("project_name", "Production")).await.expect(303);
    let page = owner.follow(done).await.expect(200);
    assert!(page.text().contains("Its data is still here"), "{}", page.text());
    assert!(owner.get("customers").await.text().contains("disconnected from Stripe"), "a banner stays");

    let ended = connection(&site).await;
    assert_eq!((ended.state.as_str(), ended.sealed_key, ended.sealed_token), ("disconnected", None, None));
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    assert!(signing_secrets::live(&mut tx, &tenant.project, 0).await.unwrap().is_empty());
    assert!(sync_runs::is_in_state(&mut tx, &tenant.project, &run, "stopped").await.unwrap());
    drop(tx);
    let endpoints = site.stripe.control().account(&account.keys.account).unwrap();
    let left = endpoints.read(false).made_with(Kind::WebhookEndpoint, |_| true);
    assert!(left.is_empty(), "the endpoint is gone at Stripe");
    assert_eq!(
        audited(&site, tenant).await,
        ["connection.connected", "connection.disconnected", "connection.endpoint_removed"]
    );
    let late = reqwest::Client::new().post(&url).body("{}").send().await.unwrap();
    assert_eq!(late.status(), 404, "an address that was in use a moment ago");
    owner.post("connection/disconnect", &[("project_name", "Production")]).await.expect(409);
    owner.post("connection/secrets", &[("webhook_secret", "whsec_0123456789abcdef")]).await.expect(409);
    owner.post("connection/check", &[]).await.expect(409);
}

async fn only_the_same_account_comes_back(engine: Engine) {
    let site = Site::start(engine).await;
    let (owner, account) = connected(&site).await;
    let tenant = site.tenant().await;
    let before = connection(&site).await;
    let form = owner.get("connection").await.expect(200).form("form[action$='/connection/disconnect']");
    owner.submit(&form.fill("project_name", "Production")).await.expect(303);
    assert_eq!(mirrored(&site).await, 3, "the data stays");

    let other = site.stripe_account(1);
    let refused = paste(&owner, &other.keys.restricted_key).await.expect(422);
    assert!(refused.one("#secret_key-error").contains("another Stripe account"));

    paste(&owner, &account.keys.secret_key).await.expect(303);
    site.wait_until_idle().await;
    let again = connection(&site).await;
    assert_eq!(again.id, before.id);
    assert!(again.credential_version > before.credential_version, "an older sealed key does not open");
    assert_eq!((again.state.as_str(), again.first_event_at), ("connected", None));
    account.mutate(1);
    site.wait_until_idle().await;
    assert!(connection(&site).await.first_event_at.is_some());
    assert_eq!(audited(&site, tenant).await.last().map(String::as_str), Some("connection.connected"));
}

/// How many customers the mirror holds.
async fn mirrored(site: &Site) -> usize {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();

    let ids: Vec<String> = tx
        .query("SELECT id FROM customers WHERE tenant_id = $1 AND project_id = $2")
        .bind(&tenant.project)
        .fetch_values()
        .await
        .unwrap();
    ids.len()
}
