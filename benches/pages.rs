//! How long the pages take at a million customers with ten million events: `cargo bench --bench pages`, with
//! `-- --customers 100000` for less, and with `-- --keep folder` on a database that stays for the next bench.
//!
//! Fills a database of its own through the mirror's own writes, signs in to the real server, and asks for every kind of list,
//! detail and search one after the other, with changing parameters.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench fails by panicking and prints its table")]

#[expect(dead_code, reason = "this bench needs a part of it")]
mod common;
#[path = "pages/requests.rs"]
mod requests;

use std::time::{Duration, Instant};

use common::{
    business::{Business, EMAIL, PASSWORD},
    engines,
    fill::Filled,
    ms, percentile,
};
use requests::Request;

#[tokio::main]
async fn main() {
    let customers = common::argument("--customers", 1_000_000);
    let times = common::argument("--requests", 300);
    for engine in engines() {
        run(engine, u64::try_from(customers).unwrap(), times).await;
    }
}

async fn run(engine: &str, customers: u64, times: usize) {
    let Business { site, filled } = Business::start(engine, customers, &[]).await;
    println!("| page | p50 ms | p99 ms | slowest ms |");
    println!("|---|---|---|---|");
    let base = format!("http://{}", site.address);
    let browser = sign_in(&base).await;
    for request in requests::ALL {
        let taken = measure(&browser, &base, &filled, request, times).await;
        let at = |share| ms(percentile(&taken, share));
        println!("| {} | {} | {} | {} |", request.name, at(0.5), at(0.99), at(1.0));
    }
    println!("\nat most {} MB of memory", common::peak_memory());
    site.stop().await;
}

async fn sign_in(base: &str) -> reqwest::Client {
    let browser =
        reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(format!("{base}/login")).send().await.unwrap().text().await.unwrap();
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = serde_urlencoded::to_string([("csrf", token), ("email", EMAIL), ("password", PASSWORD)]).unwrap();
    let answer = browser
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", base)
        .header("sec-fetch-site", "same-origin")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303, "signing in");
    browser
}

/// Sorted times of one request after the other.
async fn measure(
    browser: &reqwest::Client,
    base: &str,
    filled: &Filled,
    request: &Request,
    times: usize,
) -> Vec<Duration> {
    const WARM_UP: usize = 5;
    let mut taken = Vec::with_capacity(times);
    for n in 0..times + WARM_UP {
        let url = format!("{base}{}{}", filled.home(), (request.path)(filled, n as u64));
        let started = Instant::now();
        let answer = browser.get(&url).send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        if n >= WARM_UP {
            taken.push(started.elapsed());
        }
        assert_eq!(status, 200, "{url}: {body:.400}");
        assert!(body.contains(request.expect), "{url} does not show {}", request.expect);
    }
    taken.sort_unstable();
    taken
}
