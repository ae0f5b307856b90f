//! The REST API as programs use it: keys, envelopes, limits, writes that are sent twice, and the description of it all.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::response::IntoResponse as _;
use billfold::{
    clock::Clock,
    domain::{
        api_key::{ApiKey, ApiScope, Grace, Preset},
        kind::Kind,
        role::Role,
        time::DAY_SECONDS,
    },
    standin::kind::Kind as AtStripe,
    vault::random_bytes,
    web::api::idempotency::{Attempt, once},
};
use http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Engine, Program, Site, both_engines, new_key, scope};

both_engines!(
    every_list_and_every_object_is_read_by_both_kinds_of_id,
    a_list_is_walked_to_its_end,
    references_are_expanded_when_asked,
    whatever_is_wrong_with_a_key_the_answer_is_the_same,
    a_rolled_key_works_beside_its_successor_until_the_grace_ends,
    parameters_that_do_not_fit_are_refused_by_name,
    over_the_limit_a_program_is_told_when_to_come_back,
    keys_open_no_pages_and_cookies_open_no_api,
    what_a_key_does_is_noted,
    a_write_that_is_sent_twice_is_done_once,
);

fn error_of(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), "application/json", "{}", answer.request);
    let error = answer.json()["error"].clone();
    assert_eq!(error["request_id"], answer.header("request-id"), "{}", answer.request);
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.request);
    error
}

async fn every_list_and_every_object_is_read_by_both_kinds_of_id(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(30).await;
    account.mutate(5);
    site.wait_until_idle().await;
    let program = site.program().await;
    for kind in Kind::ALL {
        let path = format!("/v1/{}", kind.plural());
        let list = program.get(&format!("{path}?limit=100")).await.expect(200).json();
        assert_eq!(list["object"], "list", "{path}");
        let objects = list["data"].as_array().unwrap();
        assert!(!objects.is_empty(), "{path}");
        let object = &objects[0];
        assert_eq!(object["object"], kind.as_str());
        for id in [&object["id"], &object["stripe_id"]] {
            let one = program.get(&format!("{path}/{}", id.as_str().unwrap())).await.expect(200);
            assert_eq!(one.json(), *object, "{path}: the list and the object differ");
        }
        let raw = program.get(&format!("{path}/{}?expand[]=stripe_object", object["id"].as_str().unwrap())).await;
        assert_eq!(raw.expect(200).json()["stripe_object"]["id"], object["stripe_id"]);
        let unknown = program.get(&format!("{path}/nobody")).await.expect(404);
        assert_eq!(error_of(&unknown)["code"], "not_found");
    }
    let events = program.get("/v1/events").await.expect(200).json();
    let event = events["data"][0]["id"].as_str().unwrap().to_owned();
    let event = program.get(&format!("/v1/events/{event}")).await.expect(200).json();
    assert_eq!(event["payload"]["id"], event["id"]);
    let project = program.get("/v1/project").await.expect(200).json();
    assert_eq!((project["name"].as_str(), project["livemode"].as_bool()), (Some("Production"), Some(false)));
    assert_eq!(project["counts"]["customers"], account.ids(AtStripe::Customer).len());
    let connection = program.get("/v1/connection").await.expect(200).json();
    assert_eq!(
        (connection["state"].as_str(), connection["account_id"].as_str()),
        (Some("connected"), Some(account.keys.account.as_str()))
    );
}

async fn a_list_is_walked_to_its_end(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(25).await;
    let program = site.program().await;
    let mut path = "/v1/customers?limit=10".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = program.get(&path).await.expect(200).json();
        let objects = page["data"].as_array().unwrap();
        seen.extend(objects.iter().map(|object| object["stripe_id"].as_str().unwrap().to_owned()));
        assert_eq!(page["has_more"], !page["next_cursor"].is_null());
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/customers?limit=10&starting_after={next}");
    }
    assert_eq!(seen, account.ids(AtStripe::Customer));
    // Stripe's id of an object is a place in the list as well.
    let after = program.get(&format!("/v1/customers?limit=1&starting_after={}", seen[3])).await.expect(200).json();
    assert_eq!(after["data"][0]["stripe_id"], seen[4]);

    let subscription = program.get("/v1/subscriptions?limit=1").await.expect(200).json()["data"][0].clone();
    let (customer, price) =
        (subscription["customer_stripe_id"].as_str().unwrap(), subscription["items"][0]["price"].as_str().unwrap());
    for filter in [
        format!("customer={customer}"),
        format!("price={price}"),
        format!("customer={}", subscription["customer"].as_str().unwrap()),
    ] {
        let list = program.get(&format!("/v1/subscriptions?limit=100&{filter}")).await.expect(200).json();
        assert!(list["data"].as_array().unwrap().contains(&subscription), "{filter}");
    }
    let id = subscription["id"].as_str().unwrap();
    let invoices = program.get(&format!("/v1/invoices?subscription={id}")).await.expect(200).json();
    let invoices = invoices["data"].as_array().unwrap();
    assert!(!invoices.is_empty() && invoices.iter().all(|invoice| invoice["subscription"] == id));
    let email = program.get(&format!("/v1/customers/{customer}")).await.expect(200).json()["email"].clone();
    let by_email = program.get(&format!("/v1/customers?email={}", email.as_str().unwrap().replace('+', "%2B"))).await;
    assert_eq!(by_email.expect(200).json()["data"][0]["stripe_id"], customer);
}

async fn references_are_expanded_when_asked(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(15).await;
    let program = site.program().await;
    let plain = program.get("/v1/subscriptions?limit=5").await.expect(200).json();
    let expanded = program.get("/v1/subscriptions?limit=5&expand[]=customer&expand[]=product").await.expect(200).json();
    for (plain, expanded) in plain["data"].as_array().unwrap().iter().zip(expanded["data"].as_array().unwrap()) {
        assert_eq!(expanded["customer"]["id"], plain["customer"]);
        assert_eq!(expanded["customer"]["object"], "customer");
        assert_eq!(expanded["items"][0]["product"]["id"], plain["items"][0]["product"]);
    }
    let price = program.get("/v1/prices?limit=1&expand[]=product").await.expect(200).json()["data"][0].clone();
    assert_eq!(price["product"]["object"], "product");
    let of_product =
        program.get(&format!("/v1/prices?product={}", price["product"]["stripe_id"].as_str().unwrap())).await;
    assert!(!of_product.expect(200).json()["data"].as_array().unwrap().is_empty());
    let refused = program.get("/v1/customers?expand[]=customer").await.expect(422);
    assert_eq!(error_of(&refused)["param"], "expand[]");
}

async fn whatever_is_wrong_with_a_key_the_answer_is_the_same(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await.clone();
    let scopes = Preset::Everything.scopes();
    let (works, revoked) = (new_key(&site.app, &tenant, scopes).await, new_key(&site.app, &tenant, scopes).await);
    let sends = |key: &str| Program::new(&site.base, Some(key));
    for made in [&works, &revoked] {
        sends(made.key.expose()).get("/v1/project").await.expect(200);
    }
    scope(&site.app, &tenant).revoke_api_key(&revoked.id).await.unwrap();
    let unknown = ApiKey::from_random(random_bytes());
    let text = works.key.expose();
    let damaged = format!("{}{}", &text[..50], if text.ends_with('0') { '1' } else { '0' });
    let keys = [
        revoked.key.expose(),
        unknown.expose(),
        &damaged,
        &text[..50],
        &format!("{text}0"),
        &text.to_uppercase(),
        "bs_",
        "sk_test_123",
    ];
    let mut answers = Vec::new();
    for key in keys {
        answers.push(sends(key).get("/v1/project").await.expect(401));
    }
    let nobody = Program::new(&site.base, None);
    answers.push(nobody.get("/v1/project").await.expect(401));
    for header in ["Basic YTpi", "Bearer", "Bearer ", "bearer", text] {
        let request = nobody.request(Method::GET, "/v1/project").header("authorization", header);
        answers.push(nobody.send(request).await.expect(401));
    }
    let twice = sends(text).request(Method::GET, "/v1/project").header("authorization", format!("Bearer {text}"));
    answers.push(nobody.send(twice).await.expect(401));
    clock.advance(90 * DAY_SECONDS);
    answers.push(sends(text).get("/v1/project").await.expect(401));
    for answer in &answers {
        let mut error = error_of(answer);
        error["request_id"] = Value::Null;
        assert_eq!(error["type"], "authentication_error");
        assert_eq!(error, {
            let mut first = error_of(&answers[0]);
            first["request_id"] = Value::Null;
            first
        });
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"billfold\"", "{}", answer.request);
    }
    for query in [format!("api_key={text}"), format!("key={text}"), "api_key=x".to_owned()] {
        let leaked = sends(text).get(&format!("/v1/project?{query}")).await.expect(400);
        assert_eq!(error_of(&leaked)["code"], "api_key_in_address");
        assert!(!leaked.body.contains(text));
    }
}

/// A key of a wrong shape is refused without asking the database: it is refused while there is none.
#[tokio::test]
async fn a_key_of_a_wrong_shape_costs_no_query() {
    let site = Site::start(Engine::Sqlite).await;
    let made = new_key(&site.app, site.tenant().await, Preset::Everything.scopes()).await;
    site.app.db.close().await;
    let key = made.key.expose();
    Program::new(&site.base, Some(&key[..50])).get("/v1/project").await.expect(401);
    Program::new(&site.base, Some(key)).get("/v1/project").await.expect(503);
}

async fn a_rolled_key_works_beside_its_successor_until_the_grace_ends(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await.clone();
    let here = scope(&site.app, &tenant);
    let old = new_key(&site.app, &tenant, [ApiScope::ProjectRead].into_iter().collect()).await;
    let with = |key: &ApiKey| Program::new(&site.base, Some(key.expose()));
    with(&old.key).get("/v1/project").await.expect(200);
    let new = here.roll_api_key(&old.id, Grace::Hour).await.unwrap();
    assert!(here.roll_api_key(&old.id, Grace::Hour).await.is_err(), "a key is rolled once");
    for key in [&old.key, &new.key] {
        with(key).get("/v1/project").await.expect(200);
        with(key).get("/v1/customers").await.expect(403);
    }
    clock.advance(3_599);
    with(&old.key).get("/v1/project").await.expect(200);
    clock.advance(1);
    with(&old.key).get("/v1/project").await.expect(401);
    with(&new.key).get("/v1/project").await.expect(200);
    let last = here.roll_api_key(&new.id, Grace::None).await.unwrap();
    with(&new.key).get("/v1/project").await.expect(401);
    with(&last.key).get("/v1/project").await.expect(200);
    here.revoke_api_key(&last.id).await.unwrap();
    with(&last.key).get("/v1/project").await.expect(401);
}

async fn parameters_that_do_not_fit_are_refused_by_name(engine: Engine) {
    let site = Site::start(engine).await;
    let program = site.program().await;
    for (query, status, code, param) in [
        ("limit=0", 422, "parameter_invalid", "limit"),
        ("limit=101", 422, "parameter_invalid", "limit"),
        ("limit=5&limit=6", 422, "parameter_invalid", "limit"),
        ("sort=name;DROP", 422, "parameter_unknown", "sort"),
        ("status=odd", 422, "parameter_invalid", "status"),
        ("starting_after=pc_aaaaaaaaaaaaaaaaaaaaaaaa", 404, "not_found", "starting_after"),
        ("starting_after=%00", 422, "parameter_invalid", "starting_after"),
        ("starting_after=WzEsMl0", 404, "not_found", "starting_after"),
        ("email=a%00b", 422, "parameter_invalid", "email"),
        ("created[gte]=tomorrow", 422, "parameter_invalid", "created[gte]"),
    ] {
        let refused = program.get(&format!("/v1/customers?{query}")).await.expect(status);
        let error = error_of(&refused);
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{query}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    for path in
        ["/v1/customers/%00", "/v1/customers/a%0Ab", "/v1/events/%00", "/v1/customers/..%2Fproject", "/v1/nothing"]
    {
        error_of(&program.get(path).await.expect(404));
    }
    let wrong = program.send(program.request(Method::DELETE, "/v1/customers")).await.expect(405);
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    error_of(&wrong);
    let as_page =
        program.request(Method::GET, "/v1/customers/x").header("accept", "text/html").header("x-tenant-id", "ten_x");
    error_of(&program.send(as_page).await.expect(404));
}

async fn over_the_limit_a_program_is_told_when_to_come_back(engine: Engine) {
    let site = Site::start_with(engine, Clock::system(), &["--api-rate", "3"]).await;
    let (busy, quiet) = (site.program().await, site.program().await);
    let mut refused = None;
    for n in 0..20 {
        let answer = busy.get("/v1/project").await;
        assert_eq!(answer.header("ratelimit-limit"), "3", "{n}");
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.expect(200).header("ratelimit-remaining").parse::<u32>().expect("a number");
    }
    let refused = refused.expect("a limit of 3 a second");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let error = error_of(&refused);
    assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("rate_limit_error"), Some("rate_limited")));
    quiet.get("/v1/project").await.expect(200);
}

async fn keys_open_no_pages_and_cookies_open_no_api(engine: Engine) {
    let site = Site::start(engine).await;
    let program = site.program().await;
    let home = site.tenant().await.home();
    for page in [home.clone(), format!("{home}customers"), format!("{home}api-keys")] {
        assert_eq!(program.get(&page).await.status, 401, "{page}");
    }
    let owner = site.user(Role::Owner).await;
    for path in ["/v1/project", "/v1/customers"] {
        error_of(&owner.get(path).await.expect(401));
    }
}

async fn what_a_key_does_is_noted(engine: Engine) {
    use billfold::store::{api_keys, api_requests};
    let site = Site::start(engine).await;
    let tenant = site.tenant().await.clone();
    let made = new_key(&site.app, &tenant, [ApiScope::ProjectRead].into_iter().collect()).await;
    let program = Program::new(&site.base, Some(made.key.expose()));
    let first = program.get("/v1/project").await.expect(200);
    program.get("/v1/customers/cus_1").await.expect(403);
    program.get("/v1/project?x=1").await.expect(422);
    for _ in 0..100 {
        let mut tx = site.app.db.read(&tenant.id).await.unwrap();
        let log = api_requests::page(&mut tx, &tenant.project, &made.id, None, 10).await.unwrap();
        if log.rows.len() < 3 {
            drop(tx);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        }
        let lines: Vec<_> = log.rows.iter().rev().map(|line| (line.path.as_str(), line.status)).collect();
        assert_eq!(lines, [("/v1/project", 200), ("/v1/customers/{id}", 403), ("/v1/project", 422)]);
        assert_eq!(log.rows[2].request_id, first.header("request-id"));
        let since = log.rows[2].at / 1_000_000 - DAY_SECONDS;
        assert_eq!(api_requests::counts(&mut tx, &tenant.project, since).await.unwrap(), [(made.id.clone(), 3)]);
        let used = api_requests::scopes_used(&mut tx, &tenant.project, &made.id).await.unwrap();
        assert_eq!(used.iter().map(|(scope, _)| scope.as_str()).collect::<Vec<_>>(), ["project:read"]);
        let key = api_keys::find(&mut tx, &tenant.id, &tenant.project, &made.id).await.unwrap().unwrap();
        assert_eq!(key.last_used_from.as_deref(), Some("127.0.0.1"));
        return;
    }
    panic!("the log was never written");
}

async fn a_write_that_is_sent_twice_is_done_once(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let here = scope(&site.app, site.tenant().await);
    let done = Arc::new(AtomicUsize::new(0));
    let work = |status: StatusCode| {
        let done = done.clone();
        async move {
            let n = done.fetch_add(1, Ordering::SeqCst);
            (status, axum::Json(json!({ "n": n }))).into_response()
        }
    };
    let attempt = |named: &str, body: &str| Attempt::of(&here, named, "POST", "/v1/x", body.as_bytes());
    let first = once(&attempt("a", "1"), work(StatusCode::OK)).await.unwrap();
    let again = once(&attempt("a", "1"), work(StatusCode::OK)).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!((done.load(Ordering::SeqCst), first.status()), (1, again.status()));
    let other = once(&attempt("a", "2"), work(StatusCode::OK)).await.unwrap_err();
    assert_eq!((other.status(), other.code()), (StatusCode::CONFLICT, "idempotency_mismatch"));

    // A refusal is kept, a failure of ours is not.
    once(&attempt("b", ""), work(StatusCode::UNPROCESSABLE_ENTITY)).await.unwrap();
    assert_eq!(once(&attempt("b", ""), work(StatusCode::OK)).await.unwrap().status(), 422);
    once(&attempt("c", ""), work(StatusCode::SERVICE_UNAVAILABLE)).await.unwrap();
    assert_eq!(once(&attempt("c", ""), work(StatusCode::OK)).await.unwrap().status(), 200);
    assert_eq!(done.load(Ordering::SeqCst), 4);

    // While the first one runs; and when its process is gone.
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let slow = attempt("d", "");
    let running = tokio::spawn({
        let (slow, work) = (slow.clone(), work(StatusCode::OK));
        async move {
            once(&slow, async move {
                wait.await.ok();
                work.await
            })
            .await
        }
    });
    while done.load(Ordering::SeqCst) < 4 || !is_known(&site, &slow).await {
        tokio::task::yield_now().await;
    }
    let early = once(&slow, work(StatusCode::OK)).await.unwrap_err();
    assert_eq!((early.status(), early.code()), (StatusCode::CONFLICT, "idempotency_in_progress"));
    clock.advance(61);
    assert_eq!(once(&slow, work(StatusCode::OK)).await.unwrap().status(), 200, "the lost one is taken over");
    go.send(()).unwrap();
    running.await.unwrap().unwrap();

    // The same key in another business, and after a day.
    let stranger = scope(&site.app, &site.new_tenant("Bolt Tea").await);
    let before = done.load(Ordering::SeqCst);
    once(&Attempt::of(&stranger, "a", "POST", "/v1/x", b"9"), work(StatusCode::OK)).await.unwrap();
    clock.advance(DAY_SECONDS + 1);
    once(&attempt("a", "2"), work(StatusCode::OK)).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), before + 2);
}

async fn is_known(site: &Site, attempt: &Attempt) -> bool {
    let mut tx = site.app.db.read(&site.tenant().await.id).await.unwrap();
    let known: Vec<String> =
        tx.query("SELECT key_hash FROM idempotency WHERE tenant_id = $1").fetch_values().await.unwrap();
    known.contains(&billfold::vault::hash_token(attempt.named()))
}
