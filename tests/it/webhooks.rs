//! Stripe's way in, told as Stripe and as those who pretend to be: security.md 3.1.

use billfold::{clock::Clock, standin::signature, store::webhook_refusals};
use reqwest::Method;

use crate::{
    harness::{Answer, Engine, Site, Visitor, both_engines, process::Ground},
    serving::Metrics,
};

both_engines!(
    a_forged_or_malformed_signature_is_refused_and_shown,
    a_replayed_delivery_outside_the_tolerance_is_refused,
    what_cannot_be_read_is_kept_in_quarantine,
    what_nobody_should_send_disturbs_nothing,
    the_same_event_eight_times_has_one_effect,
    an_address_that_leads_nowhere_is_not_found,
    bodies_have_a_size_and_an_encoding,
    another_tenants_secret_opens_nothing,
    a_platforms_event_goes_to_its_account_and_nobodys_is_done_with,
    what_is_refused_is_counted_by_its_reason,
);

const PLATFORM_SECRET: &str = "whsec_of_the_platform";

/// A delivery with a header of the story's own.
async fn post(site: &Site, url: &str, signature: &[&str], body: String) -> Answer {
    let mut request = site.anonymous().request(Method::POST, url).body(body);
    for value in signature {
        request = request.header("stripe-signature", *value);
    }
    site.anonymous().send(request).await
}

fn customer_event(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","api_version":"2026-09-30.endive","created":1790000000,"livemode":false,"type":"customer.created",
        "data":{{"object":{{"id":"cus_story","object":"customer","created":1790000000,"name":"Ada","email":"ada@example.com"}}}}}}"#
    )
}

async fn refusals(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let refusals = webhook_refusals::list(&mut tx, &tenant.project).await.unwrap();
    refusals.into_iter().map(|refusal| refusal.reason).collect()
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

async fn a_forged_or_malformed_signature_is_refused_and_shown(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let (url, body) = (account.webhook_url(), customer_event("evt_forged"));
    let now = site.app.clock.now();
    let good = account.sign(&body, now);
    let v1 = good.split(',').find(|part| part.starts_with("v1=")).unwrap().to_owned();
    let many = format!("t={now}{}", format!(",{v1}").repeat(200));
    let malformed = [
        String::new(),
        "t=".to_owned(),
        v1.clone(),
        "nonsense".to_owned(),
        ",".repeat(1_500),
        many,
        format!("t={now},t={now},{v1}"),
        format!("t=-9223372036854775808,{v1}"),
        format!("t=1e9,{v1}"),
        format!("t=+{now},{v1}"),
        format!("t= {now},{v1}"),
        format!("t={now},v0={}", &v1[3..]),
    ];
    assert_eq!(code(&post(&site, &url, &[], body.clone()).await.expect(400)), "signature_missing");
    for header in &malformed {
        let answer = post(&site, &url, &[header], body.clone()).await.expect(400);
        assert_eq!(code(&answer), "signature_malformed", "{header}");
    }
    assert_eq!(code(&post(&site, &url, &[&good, &good], body.clone()).await.expect(400)), "signature_malformed");
    let wrong = format!("t={now},v1={}", "0".repeat(64));
    assert_eq!(code(&post(&site, &url, &[&wrong], body.clone()).await.expect(400)), "signature_invalid");
    assert!(site.event_ids().await.is_empty(), "nothing refused is stored");
    let seen = refusals(&site).await;
    assert_eq!(seen.len(), 1 + malformed.len() + 1 + 1);
    for either in [format!("t={now},v1=bad,{v1}"), format!("t={now},{v1},v1=bad")] {
        post(&site, &url, &[&either], body.clone()).await.expect(200);
    }
}

async fn a_replayed_delivery_outside_the_tolerance_is_refused(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(0).await;
    let body = customer_event("evt_replayed");
    let signature = account.sign(&body, clock.now());
    post(&site, &account.webhook_url(), &[&signature], body.clone()).await.expect(200);
    clock.advance(299);
    post(&site, &account.webhook_url(), &[&signature], body.clone()).await.expect(200);
    clock.advance(2);
    let late = post(&site, &account.webhook_url(), &[&signature], body.clone()).await.expect(400);
    assert_eq!(code(&late), "timestamp_out_of_tolerance");
    let early = account.sign(&body, clock.now() + 301);
    let early = post(&site, &account.webhook_url(), &[&early], body).await.expect(400);
    assert_eq!(code(&early), "timestamp_out_of_tolerance");
    assert_eq!(site.event_ids().await, ["evt_replayed"]);
}

async fn what_cannot_be_read_is_kept_in_quarantine(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let fitting = customer_event("evt_1");
    let odd = [
        "not json".to_owned(),
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        fitting.replace("\"livemode\":false", "\"livemode\":true"),
        fitting.replace("\"livemode\"", "\"account\":\"acct_of_somebody_else\",\"livemode\""),
    ];
    for body in &odd {
        site.deliver(&account, body).await.expect(200);
    }
    site.wait_until_idle().await;
    let counts = site.event_counts().await;
    assert_eq!(counts, [("quarantined".to_owned(), 3)], "the two readable ones share an id, and the first is kept");
    let unknown = fitting.replace("customer.created", "planet.discovered").replace("\"customer\"", "\"planet\"");
    site.deliver(&account, &unknown.replace("evt_1", "evt_2")).await.expect(200);
    let future = fitting.replace("2026-09-30.endive", "2031-01-01.zebra").replace("evt_1", "evt_3");
    site.deliver(&account, &future).await.expect(200);
    site.wait_until_idle().await;
    assert_eq!(site.event("evt_2").await, ("ignored".to_owned(), Some("not_mirrored".to_owned())));
    assert_eq!(site.event("evt_3").await, ("done".to_owned(), Some("applied".to_owned())));
}

/// Whoever knows a signing secret can sign anything: the tenant does.
async fn what_nobody_should_send_disturbs_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let (open, close) = ("[".repeat(400_000), "]".repeat(400_000));
    let twice = format!(r#""created":1,"deep":{open}{close},"name":"Ada""#);
    let deep = customer_event("evt_deep").replace(r#""name":"Ada""#, &twice);
    let thin =
        r#"{"id":"evt_thin","object":"v2.core.event","related_object":{"id":"pla_\u0000","type":"planet\u0000"}}"#;
    for body in [&deep, thin] {
        site.deliver(&account, body).await.expect(200);
    }
    site.wait_until_idle().await;
    assert_eq!(site.event("evt_deep").await, ("done".to_owned(), Some("applied".to_owned())));
    assert_eq!(site.event("evt_thin").await, ("ignored".to_owned(), Some("not_mirrored".to_owned())));
}

async fn the_same_event_eight_times_has_one_effect(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let body = customer_event("evt_often");
    let (site_ref, account_ref) = (&site, &account);
    let deliveries = (0..8).map(|_| async { site_ref.deliver(account_ref, &body).await.expect(200) });
    futures_util::future::join_all(deliveries).await;
    site.wait_until_idle().await;
    assert_eq!(site.event_ids().await, ["evt_often"]);
    assert_eq!(site.event_counts().await, [("done".to_owned(), 1)]);
}

async fn an_address_that_leads_nowhere_is_not_found(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let body = customer_event("evt_lost");
    let signature = account.sign(&body, site.app.clock.now());
    let unknown = post(&site, "/webhooks/stripe/nobody", &[&signature], body.clone()).await.expect(404);
    let shared = post(&site, "/webhooks/stripe", &[&signature], body.clone()).await.expect(404);
    assert_eq!(code(&unknown), code(&shared));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let visitor = site.anonymous();
        let answer = visitor.send(visitor.request(method, &account.webhook_url())).await.expect(405);
        assert_eq!(answer.header("allow"), "POST");
    }
}

async fn bodies_have_a_size_and_an_encoding(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let event = customer_event("evt_large");
    let filler = |total: usize| event.replace("\"Ada\"", &format!("\"{}\"", "a".repeat(total - event.len() + 3)));
    site.deliver(&account, &filler(1 << 20)).await.expect(200);
    site.deliver(&account, &filler((1 << 20) + 1)).await.expect(413);
    let visitor = site.anonymous();
    let signature = account.sign(&event, site.app.clock.now());
    let zipped = visitor
        .request(Method::POST, &account.webhook_url())
        .header("stripe-signature", &signature)
        .header("content-encoding", "gzip")
        .body(event.clone());
    visitor.send(zipped).await.expect(415);
    let plain = visitor
        .request(Method::POST, &account.webhook_url())
        .header("stripe-signature", &signature)
        .header("content-type", "text/plain")
        .body(event);
    visitor.send(plain).await.expect(200);
}

async fn a_platforms_event_goes_to_its_account_and_nobodys_is_done_with(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_with(engine, clock.clone(), &["--connect-webhook-secret", PLATFORM_SECRET]).await;
    let account = site.connect(0).await;
    let of_account = |id: &str, account: &str| {
        customer_event(id).replace("\"livemode\"", &format!("\"account\":\"{account}\",\"livemode\""))
    };
    let sign = |body: &str| signature::header(&[PLATFORM_SECRET.to_owned()], clock.now(), body.as_bytes(), false);

    let ours = of_account("evt_ours", &account.keys.account);
    let taken = post(&site, "/webhooks/stripe", &[&sign(&ours)], ours.clone()).await.expect(200);
    assert_eq!(taken.json()["received"], true);
    assert_eq!(site.event_ids().await, ["evt_ours"]);

    let live = ours.replace("\"livemode\":false", "\"livemode\":true");
    for nobodys in [of_account("evt_nobodys", "acct_of_nobody"), customer_event("evt_of_the_platform"), live] {
        // Stripe would deliver anything but a 200 again for three days, and there is nobody to keep it for.
        let done = post(&site, "/webhooks/stripe", &[&sign(&nobodys)], nobodys.clone()).await.expect(200);
        assert_eq!(done.json()["received"], false);
    }
    assert_eq!(site.event_ids().await, ["evt_ours"]);
    let forged = post(&site, "/webhooks/stripe", &[&account.sign(&ours, clock.now())], ours.clone()).await.expect(400);
    assert_eq!(code(&forged), "signature_invalid");
}

async fn another_tenants_secret_opens_nothing(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(0).await;
    let stranger = site.new_tenant("Stranger").await;
    let theirs = site.connect_project(&stranger.id, &stranger.project, 0).await;
    let body = customer_event("evt_stranger");
    let signature = theirs.sign(&body, site.app.clock.now());
    let answer = post(&site, &account.webhook_url(), &[&signature], body).await.expect(400);
    assert_eq!(code(&answer), "signature_invalid");
    assert!(site.event_ids().await.is_empty());
}

async fn what_is_refused_is_counted_by_its_reason(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(0).await;
    let process = ground.serve_with(&[("BILLFOLD_CONNECT_WEBHOOK_SECRET", PLATFORM_SECRET)]).await;
    let stripe = Visitor::new(&process.base);
    let (url, now) = (account.webhook_url(), ground.app.clock.now());
    let deliver = async |url: &str, signature: &str, body: String| {
        let request = stripe.request(Method::POST, url).header("stripe-signature", signature);
        stripe.send(request.body(body)).await
    };
    let event = customer_event("evt_1");
    stripe.send(stripe.request(Method::POST, &url).body(event.clone())).await.expect(400);
    deliver(&url, &format!("t={now},v1={}", "0".repeat(64)), event.clone()).await.expect(400);
    for _ in 0..3 {
        deliver(&url, &account.sign(&event, now - 400), event.clone()).await.expect(400);
    }
    deliver("/webhooks/stripe/nobody", "", event.clone()).await.expect(404);
    deliver("/webhooks/stripe", "t=1", event.clone()).await.expect(400);
    deliver(
        "/webhooks/stripe",
        &signature::header(&[PLATFORM_SECRET.to_owned()], now - 400, event.as_bytes(), false),
        event.clone(),
    )
    .await
    .expect(400);
    deliver(&url, "", " ".repeat((1 << 20) + 1)).await.expect(413);
    let zipped = stripe.request(Method::POST, &url).header("content-encoding", "gzip").body("x");
    stripe.send(zipped).await.expect(415);
    for _ in 0..2 {
        deliver(&url, &account.sign(&event, now), event.clone()).await.expect(200);
    }
    ground.database.run_as_owner("ALTER TABLE webhook_routes RENAME TO lost").await;
    assert!(deliver("/webhooks/stripe/whoever", "", event).await.status >= 500);

    let metrics = Metrics::of(&process).await;
    let reason = |reason: &str| metrics.value(&format!("billfold_deliveries_refused_total{{reason=\"{reason}\"}}"));
    for (name, times) in [
        ("signature_missing", 1),
        ("signature_invalid", 1),
        ("signature_malformed", 1),
        ("timestamp_out_of_tolerance", 4),
        ("unknown_token", 1),
        ("too_large", 1),
        ("compressed", 1),
    ] {
        assert_eq!(reason(name), Some(f64::from(times)), "{name}");
    }
    let result = |result: &str| metrics.value(&format!("billfold_deliveries_total{{result=\"{result}\"}}"));
    let results = ["refused", "stored", "repeated", "not_stored"].map(result);
    assert_eq!(results, [Some(10.0), Some(1.0), Some(1.0), Some(1.0)]);
    let log = process.output();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("signed too long ago or in the future")).collect();
    assert_eq!(said.len(), 2, "one of the project and one of the platform: {said:?}");
    assert!(said[0].contains(ground.tenant.project.as_str()) && said[0].contains("WARN"), "{said:?}");
}
