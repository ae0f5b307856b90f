//! A running site, seen by whoever watches it.

use crate::harness::{Engine, Site, both_engines};

both_engines!(a_site_answers_its_probes);

async fn a_site_answers_its_probes(engine: Engine) {
    let site = Site::start(engine).await;
    let probe = site.anonymous();
    probe.get("/healthz").await.expect(200);
    probe.get("/readyz").await.expect(200);
    let missing = probe.get("/nothing-here").await.expect(404);
    assert_eq!(missing.one("h1"), "Not found");
    assert!(missing.header("content-security-policy").starts_with("default-src 'none'"));
}
