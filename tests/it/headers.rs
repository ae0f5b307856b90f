//! Headers and cookies on everything that can be reached and on every kind of refusal.

use billfold::{clock::Clock, domain::role::Role};
use reqwest::Method;

use crate::harness::{Answer, Engine, PASSWORD, Site, both_engines, crawl::crawl};

both_engines!(every_page_and_refusal_has_its_headers);

async fn every_page_and_refusal_has_its_headers(engine: Engine) {
    let site = Site::start(engine).await;
    site.connect(12).await.mutate(3);
    site.wait_until_idle().await;
    let owner = site.user(Role::Owner).await;
    let reach = crawl(&owner, owner.home()).await;
    for answer in reach.pages.values() {
        check(answer);
    }
    let nobody = site.anonymous();
    let requests = [
        (Method::GET, "/login", "", 200),
        (Method::GET, "/setup?token=x", "", 410),
        (Method::GET, "/nothing", "", 404),
        (Method::DELETE, "/login", "", 405),
        (Method::POST, "/login", "email=a&password=b", 403),
        (Method::GET, "/webhooks/stripe/unknown", "", 405),
        (Method::POST, "/webhooks/stripe/unknown", "{}", 404),
        (Method::POST, "/webhooks/stripe", "{}", 404),
        (Method::GET, "/v1/nothing", "", 404),
        (Method::GET, "/healthz", "", 200),
        (Method::GET, "/assets/nothing.js", "", 404),
        (Method::GET, "/static/../../etc/passwd", "", 404),
        (Method::GET, "/assets/%2e%2e/%2e%2e/etc/passwd", "", 404),
    ];
    for (method, path, body, status) in requests {
        let request = nobody.request(method, path).header("content-type", "application/x-www-form-urlencoded");
        check(&nobody.send(request.body(body)).await.expect(status));
    }
}

fn check(answer: &Answer) {
    let name = &answer.request;
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    for (header, value) in expected {
        assert_eq!(answer.header(header), value, "{header} of {name}");
    }
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{name}: {policy}");
    for weak in ["unsafe", "http:", "https://*", " * "] {
        assert!(!policy.contains(weak), "{name}: {policy}");
    }
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{name}: {policy}");
    assert!(answer.header("request-id").starts_with("req_"), "{name} has no request id");
    for absent in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert_eq!(answer.header(absent), "", "{absent} of {name}");
    }
    for cookie in cookies(answer) {
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
            "{cookie}"
        );
    }
}

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect()
}

/// Behind https the cookies are bound to the host and the browser is told to stay with https.
#[tokio::test]
async fn on_https_cookies_are_secure_and_bound_to_the_host() {
    let flags = ["--public-url", "https://billing.example.com"];
    let site = Site::start_with(Engine::Sqlite, Clock::system(), &flags).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    // The proxy in front speaks http to billfold, so the cookies are carried by hand.
    let visitor = site.anonymous();
    let ask = |method: Method, path: &str, cookie: String| {
        let request = visitor.request(method, path).header("host", "billing.example.com").header("cookie", cookie);
        request.header("origin", "https://billing.example.com")
    };
    let page = visitor.send(ask(Method::GET, "/login", String::new())).await.expect(200);
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
    let before = pairs(&page);
    let form = page.form("form[action='/login']").fill("email", &email).fill("password", PASSWORD);
    let body = serde_urlencoded::to_string(&form.fields).unwrap();
    let request = ask(Method::POST, "/login", before).header("content-type", "application/x-www-form-urlencoded");
    let done = visitor.send(request.body(body)).await.expect(303);
    let session = cookies(&done).into_iter().find(|cookie| cookie.starts_with("__Host-billfold=")).expect("a session");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(part), "{session} without {part}");
    }
    assert!(!session.contains("Domain"), "{session}");
    let inside = visitor.send(ask(Method::GET, &tenant.home(), pairs(&done))).await;
    assert_eq!(inside.status, 200, "{}", inside.text());
    let elsewhere = visitor.send(visitor.request(Method::GET, "/login")).await;
    assert_eq!(elsewhere.status, 421, "another host name is not answered");
}

/// The cookies of an answer as a browser would send them back.
fn pairs(answer: &Answer) -> String {
    let pairs = cookies(answer).into_iter().filter_map(|cookie| cookie.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
