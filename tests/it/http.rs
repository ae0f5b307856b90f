//! The HTTP core, seen as a browser, a program, another website and a slow client: middleware, assets, errors, server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use billfold::web::csrf::{CsrfToken, ProtectedForm, ProtectedUpload, VisitorCookie};
use billfold::web::error::Error;
use billfold::web::extract::{Path, Query, RawBody};
use billfold::web::health::Readiness;
use billfold::web::middleware::{Site, apply};
use billfold::web::server::{Limits, serve};
use billfold::web::{assets, error};
use futures_util::stream;
use http::StatusCode;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A router with one route of each behaviour, behind the real middleware.
fn site(public_url: &str) -> Router {
    let routes = Router::new()
        .merge(assets::router())
        .route("/", get(|| async { "home" }))
        .route("/panic", get(panics))
        .route("/v1/panic", get(panics))
        .route("/broken", get(|| async { Err::<(), _>(Error::internal("secret detail")) }))
        .route("/login", get(|| async { Err::<(), _>(Error::Unauthenticated) }))
        .route(
            "/form",
            post(|ProtectedForm(form): ProtectedForm<Greeting>| async move { form.name }).layer(from_fn(token)),
        )
        .route(
            "/upload",
            post(|ProtectedUpload(file): ProtectedUpload<2048>| async move { format!("{} bytes", file.len()) })
                .layer(from_fn(token)),
        )
        .route("/visitor", get(shown).layer(from_fn(visitor)))
        .route("/visitor-with-session", get(shown).layer(from_fn(visitor)).layer(from_fn(token)))
        .route("/v1/body", post(|RawBody(body): RawBody<1024>| async move { body.len().to_string() }))
        .route("/v1/query", get(|Query(greeting): Query<Greeting>| async move { greeting.name }))
        .route("/v1/number/{number}", get(|Path(number): Path<u8>| async move { number.to_string() }));
    let site = Site { public_url: public_url.to_owned(), trusted_proxies: [].into() };
    apply(routes, &site).expect("an origin")
}

#[derive(serde::Deserialize)]
struct Greeting {
    name: String,
}

async fn shown(Extension(token): Extension<CsrfToken>) -> String {
    token.as_str().to_owned()
}

async fn visitor(request: Request, next: Next) -> Response {
    let cookie = VisitorCookie::new(false, || "0123456789abcdef".repeat(2));
    cookie.provide_unless_signed_in(request, next).await
}

async fn panics() -> &'static str {
    panic!("secret detail")
}

async fn token(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(CsrfToken::of("session"));
    next.run(request).await
}

async fn send(request: http::request::Builder, body: &'static str) -> (StatusCode, http::HeaderMap, String) {
    let request = request.body(Body::from(body)).expect("a request");
    let answer = site("http://billfold.example").oneshot(request).await.expect("infallible");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

fn request(method: &str, uri: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(uri).header("host", "billfold.example")
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_a_request_id() {
    let long = format!("/{}", "x".repeat(9_000));
    let cases = [
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/", 405),
        ("GET", long.as_str(), 414),
        ("GET", "/panic", 500),
        ("GET", "/broken", 500),
        ("GET", "/assets/../Cargo.toml", 404),
        ("GET", "/assets/%2e%2e/Cargo.toml", 404),
        ("GET", "/v1/nothing", 404),
    ];
    for (method, uri, status) in cases {
        let (found, headers, body) = send(request(method, uri), "").await;
        assert_eq!(found, status, "{method} {uri:.40}");
        for name in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
            assert!(headers.contains_key(name), "{name} is missing on {method} {uri:.40}");
        }
        assert!(!headers["content-security-policy"].to_str().expect("text").contains("unsafe"));
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers["request-id"].to_str().expect("text").starts_with("req_"));
        assert!(!body.contains("secret detail"), "{uri} shows an internal message");
        assert!(status == 200 || !body.is_empty(), "{method} {uri:.40} has no body");
        assert!(status != 405 || headers.contains_key("allow"), "405 without Allow");
    }
}

#[tokio::test]
async fn methods_that_somebody_invents_leave_one_series() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    for n in 0..20 {
        let invented = format!("INVENTED{n}");
        assert_eq!(send(request(&invented, "/"), "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
    send(request("GET", "/"), "").await;
    let told = recorder.handle().render();
    let series: Vec<&str> = told.lines().filter(|line| line.starts_with("http_requests_total{")).collect();
    assert_eq!(series.len(), 2, "{series:?}");
    assert!(told.contains(r#"http_requests_total{method="other",route="/",status="405"} 20"#), "{told}");
    assert!(told.contains(r#"http_requests_total{method="GET",route="/",status="200"} 1"#), "{told}");
    assert!(!told.contains("INVENTED"), "{told}");
}

#[tokio::test]
async fn an_error_is_a_page_for_a_person_and_json_for_a_program() {
    let (_, headers, page) = send(request("GET", "/broken"), "").await;
    let id = headers["request-id"].to_str().expect("text");
    assert!(page.contains("<h1") && page.contains(id), "the page shows the request id");

    let (status, headers, body) = send(request("GET", "/v1/panic").header("accept", "text/html"), "").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &"application/json".parse().expect("header"))
    );
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["error"]["type"], "api_error");
    assert_eq!(body["error"]["request_id"], headers["request-id"].to_str().expect("text"));

    let partial = request("GET", "/broken").header("hx-request", "true").header("hx-request-type", "partial");
    let (_, _, fragment) = send(partial, "").await;
    assert!(fragment.starts_with("<div") && fragment.contains("role=\"alert\""));
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_login() {
    let (status, headers, _) = send(request("GET", "/login?q=1"), "").await;
    assert_eq!(
        (status, headers["location"].to_str().expect("text")),
        (StatusCode::SEE_OTHER, "/login?next=%2Flogin%3Fq%3D1")
    );
    let fragment = request("GET", "/login").header("hx-request", "true").header("referer", "http://b.example/page?q=1");
    let (status, headers, _) = send(fragment, "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["hx-redirect"], "/login?next=%2Fpage%3Fq%3D1", "back to the page, not to its fragment");
}

#[tokio::test]
async fn a_form_needs_the_right_token_and_a_known_origin() {
    let form = || request("POST", "/form").header("content-type", "application/x-www-form-urlencoded");
    let right = CsrfToken::of("session");
    let token = Box::leak(format!("csrf={}&name=Ada", right.as_str()).into_boxed_str());

    let own = form().header("sec-fetch-site", "same-origin").header("cookie", "a=b");
    assert_eq!(send(own, token).await.0, StatusCode::OK);
    let by_header = form().header("origin", "http://billfold.example").header("x-csrf-token", right.as_str());
    assert_eq!(send(by_header, "name=Ada").await.2, "Ada");

    let refused = [
        (form().header("sec-fetch-site", "cross-site"), &*token),
        (form().header("sec-fetch-site", "same-site"), &*token),
        (form().header("origin", "null"), &*token),
        (form().header("origin", "http://evil.example"), &*token),
        (form().header("cookie", "a=b"), &*token), // a browser is never silent
        (form().header("sec-fetch-site", "same-origin"), "name=Ada"),
        (form().header("sec-fetch-site", "same-origin"), "csrf=wrong&name=Ada"),
    ];
    for (request, body) in refused {
        let (status, _, page) = send(request, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(page.contains("Reload the page"));
    }
    for (bytes, status) in [(250_000, StatusCode::OK), (300_000, StatusCode::PAYLOAD_TOO_LARGE)] {
        let long = format!("{token}{}", "a".repeat(bytes)).leak();
        assert_eq!(send(form().header("sec-fetch-site", "same-origin"), long).await.0, status, "{bytes}");
    }
    let json =
        request("POST", "/form").header("sec-fetch-site", "same-origin").header("content-type", "application/json");
    assert_eq!(send(json, "{}").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn silence_is_refused_where_a_cookie_could_act() {
    let right = CsrfToken::of("session");
    let token = Box::leak(format!("csrf={}&name=Ada", right.as_str()).into_boxed_str());
    let form = |method, path| request(method, path).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(send(form("POST", "/form"), token).await.0, StatusCode::OK, "no browser, no cookie");
    assert_eq!(send(request("GET", "/").header("cookie", "a=b"), "").await.0, StatusCode::OK, "nothing changes");
    let own = form("POST", "/form").header("cookie", "a=b").header("origin", "http://billfold.example");
    assert_eq!(send(own, token).await.0, StatusCode::OK, "an old browser");
    let foreign = request("GET", "/").header("origin", "http://evil.example").header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign, "").await.0, StatusCode::OK, "a link from elsewhere");
    let program = request("POST", "/v1/body").header("sec-fetch-site", "cross-site").header("cookie", "a=b");
    assert_eq!(send(program, "four").await.2, "4", "cookies mean nothing here");
}

/// A form in parts, as a browser sends one.
fn in_parts(parts: &[(&str, &str)]) -> &'static str {
    let part = |(name, value): &(&str, &str)| {
        format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    format!("{}--cut--\r\n", parts.iter().map(part).collect::<String>()).leak()
}

#[tokio::test]
async fn a_file_needs_the_right_token() {
    let upload = || {
        let form = request("POST", "/upload").header("sec-fetch-site", "same-origin");
        form.header("content-type", "multipart/form-data; boundary=cut")
    };
    let right = CsrfToken::of("session");
    let token = ("csrf", right.as_str());
    assert_eq!(send(upload(), in_parts(&[token, ("other", "x"), ("file", "four")])).await.2, "4 bytes");
    assert_eq!(send(upload(), in_parts(&[("file", "four"), token])).await.2, "4 bytes", "in any order");
    assert_eq!(send(upload(), in_parts(&[token])).await.2, "0 bytes", "no file was chosen");
    for refused in [in_parts(&[("file", "four")]), in_parts(&[("csrf", "wrong"), ("file", "four")]), "--cut--\r\n"] {
        assert_eq!(send(upload(), refused).await.0, StatusCode::FORBIDDEN, "{refused}");
    }
    assert_eq!(send(upload(), "--cut\r\nnonsense").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let large = in_parts(&[token, ("file", &"x".repeat(2048))]);
    assert_eq!(send(upload(), large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // without a script, a form without a file comes as any other
    let plain = |body| {
        let form = request("POST", "/upload").header("sec-fetch-site", "same-origin");
        send(form.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8"), body)
    };
    assert_eq!(plain(format!("csrf={}", right.as_str()).leak()).await.2, "0 bytes");
    assert_eq!(plain("csrf=wrong").await.0, StatusCode::FORBIDDEN);
    let json = request("POST", "/upload").header("sec-fetch-site", "same-origin");
    let json = json.header("content-type", "application/json");
    assert_eq!(send(json, "{}").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_visitor_has_a_token_of_their_own() {
    let secret = "0123456789abcdef".repeat(2);
    let (_, headers, told) = send(request("GET", "/visitor"), "").await;
    assert_eq!(headers["set-cookie"], format!("billfold-visitor={secret}; Path=/; HttpOnly; SameSite=Lax"));
    assert_eq!(told, CsrfToken::of(&secret).as_str());
    let known = "f".repeat(32);
    let again = request("GET", "/visitor").header("cookie", format!("billfold-visitor={known}"));
    let (_, headers, told) = send(again, "").await;
    assert_eq!((headers.get("set-cookie"), told.as_str()), (None, CsrfToken::of(&known).as_str()));
    let short = request("GET", "/visitor").header("cookie", format!("billfold-visitor={}", "f".repeat(31)));
    let (_, headers, told) = send(short, "").await;
    assert!(headers.contains_key("set-cookie") && told == CsrfToken::of(&secret).as_str(), "too easy to guess");
    // whoever is signed in has the session's token and needs no other
    let (_, headers, told) = send(request("GET", "/visitor-with-session"), "").await;
    assert_eq!((headers.get("set-cookie"), told.as_str()), (None, CsrfToken::of("session").as_str()));
    assert_eq!(format!("{:?}", CsrfToken::of(&secret)), "CsrfToken", "it is printed nowhere");
}

#[tokio::test]
async fn a_value_of_the_address_that_cannot_be_is_told_apart_from_our_fault() {
    assert_eq!(send(request("GET", "/v1/query?name=Ada"), "").await.2, "Ada");
    let (status, _, told) = send(request("GET", "/v1/query?name=Ada&name=Bob"), "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.contains("parameter_invalid") && !told.contains("Bob"), "{told}");
    assert_eq!(send(request("GET", "/v1/number/7"), "").await.2, "7");
    assert_eq!(send(request("GET", "/v1/number/700"), "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_program_needs_no_origin_and_has_a_body_limit() {
    assert_eq!(send(request("POST", "/v1/body").header("cookie", "a=b"), "four").await.2, "4");
    let long = Box::leak("x".repeat(1025).into_boxed_str());
    assert_eq!(send(request("POST", "/v1/body"), long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        send(request("POST", "/v1/body").header("content-length", "5000000"), "x").await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

/// A client that still writes sees the answer only when somebody reads what it writes.
#[tokio::test]
async fn a_body_that_is_refused_for_its_length_is_read_up_to_four_megabytes() {
    let whole = request("POST", "/v1/body").header("content-length", "1024");
    assert_eq!(send(whole, "x".repeat(1024).leak()).await.2, "1024");
    let read = Arc::new(AtomicUsize::new(0));
    let reading = read.clone();
    let megabytes = stream::iter((0..10).map(move |_| {
        reading.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(Bytes::from(vec![b'x'; 1 << 20]))
    }));
    let long = request("POST", "/v1/body").header("content-length", "10485760");
    let long = long.body(Body::from_stream(megabytes)).expect("a request");
    let answer = site("http://billfold.example").oneshot(long).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(read.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn on_https_only_the_public_host_is_served() {
    let ask = |host: &'static str, path: &'static str| async move {
        let request = http::Request::builder().uri(path).header("host", host).body(Body::empty()).expect("a request");
        site("https://billfold.example").oneshot(request).await.expect("infallible")
    };
    assert_eq!(ask("evil.example", "/").await.status(), StatusCode::MISDIRECTED_REQUEST);
    let own = ask("billfold.example", "/").await;
    assert_eq!(own.status(), StatusCode::OK);
    assert!(own.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn assets_are_compressed_and_kept_for_ever_but_never_when_missing() {
    let (status, headers, _) = send(request("GET", assets::APP_CSS).header("accept-encoding", "gzip, br"), "").await;
    assert_eq!((status, &headers["content-encoding"]), (StatusCode::OK, &"br".parse().expect("header")));
    assert_eq!(headers["content-type"], "text/css");
    assert!(headers["cache-control"].to_str().expect("text").contains("immutable"));
    let again = request("GET", assets::APP_CSS)
        .header("accept-encoding", "br")
        .header("if-none-match", headers["etag"].clone());
    assert_eq!(send(again, "").await.0, StatusCode::NOT_MODIFIED);
    let (status, headers, _) = send(request("GET", "/assets/app.000000000000.css"), "").await;
    assert_eq!((status, &headers["cache-control"]), (StatusCode::NOT_FOUND, &"no-store".parse().expect("header")));
}

#[test]
fn the_surface_depends_on_the_path_alone() {
    use error::Surface;
    assert_eq!(Surface::of("/v1/customers"), Surface::Json);
    assert_eq!(Surface::of("/webhooks/stripe/token"), Surface::Json);
    assert_eq!(Surface::of("/readyz"), Surface::Text);
    assert_eq!(Surface::of("/v10"), Surface::Html);
}

/// A server on a free port, and what stops it.
async fn running(limits: Limits) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let serving = serve(listener, site("http://billfold.example"), limits, Readiness::default(), stop.clone());
    (address, stop, tokio::spawn(serving))
}

#[tokio::test]
async fn a_half_sent_head_is_closed_and_an_idle_connection_is_kept() {
    let limits = Limits { header: Duration::from_secs(1), ..Limits::default() };
    let (address, stop, _) = running(limits).await;
    let mut slow = TcpStream::connect(address).await.expect("connected");
    let mut idle = TcpStream::connect(address).await.expect("connected");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: b").await.expect("written");
    idle.write_all(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n").await.expect("written");
    let mut buffer = [0; 4096];
    assert!(idle.read(&mut buffer).await.expect("an answer") > 0);

    let ended = tokio::time::timeout(Duration::from_secs(5), slow.read(&mut buffer)).await.expect("closed in time");
    assert!(matches!(ended, Ok(0) | Err(_)), "the half-sent request is cut off");
    idle.write_all(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n").await.expect("still open");
    assert!(idle.read(&mut buffer).await.expect("a second answer") > 0);
    stop.cancel();
}

#[tokio::test]
async fn a_stop_drains_even_with_half_open_sockets() {
    let limits = Limits { header: Duration::from_secs(1), drain: Duration::from_secs(4), ..Limits::default() };
    let (address, stop, serving) = running(limits).await;
    let mut half_open = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(address).await.expect("connected");
        socket.write_all(b"GET / HTTP/1.1\r\n").await.expect("written");
        half_open.push(socket);
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.expect("returned in time").expect("no panic");
    assert!(TcpStream::connect(address).await.is_err(), "nothing new is accepted");
}
