//! Keys that got out: reported by a scanner, or sent in an address.

use billfold::{clock::Clock, domain::api_key::Preset, store::audit_log};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Engine, Program, Site, both_engines, new_key,
    post_office::{Manner, PostOffice},
};

both_engines!(a_leaked_key_is_dead_at_once_and_its_owners_know, a_key_in_an_address_is_refused_noted_and_told_once);

async fn report(site: &Site, body: &Value) -> Answer {
    let scanner = Program::new(&site.base, None);
    let request = scanner.request(Method::POST, "/v1/leaked_keys").header("content-type", "application/json");
    scanner.send(request.body(body.to_string())).await
}

async fn actions(site: &Site) -> Vec<String> {
    let tenant = site.tenant().await;
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    audit_log::list::actions(&mut tx, &tenant.project).await.unwrap()
}

async fn start(engine: Engine, office: &PostOffice) -> Site {
    let flags = office.flags();
    Site::start_with(engine, Clock::system(), &flags.each_ref().map(String::as_str)).await
}

async fn a_leaked_key_is_dead_at_once_and_its_owners_know(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let site = start(engine, &office).await;
    let key = new_key(&site.app, site.tenant().await, Preset::Everything.scopes()).await.key;
    let key = key.expose();
    let program = Program::new(&site.base, Some(key));
    program.get("/v1/project").await.expect(200);
    office.wait_for(1).await;

    let unknown = format!("bs_{}", "0".repeat(48));
    let nothing = report(&site, &json!([{ "token": unknown }])).await.expect(200);
    let place = "https://github.example/acme/shop\r\nBcc: eve@example.com";
    let sent = json!([{ "token": key, "type": "billfold_api_key", "url": place, "source": "content" }]);
    let done = report(&site, &sent).await.expect(200);
    assert_eq!(done.body, nothing.body, "the answer tells what exists");
    assert_eq!(done.json(), json!({ "object": "leaked_keys", "received": 1 }));
    program.get("/v1/project").await.expect(401);
    let again = report(&site, &sent).await.expect(200);
    assert_eq!(again.body, done.body);

    assert_eq!(actions(&site).await, ["api_key.created", "api_key.leaked"]);
    let letters = office.wait_for(2).await;
    let told = &letters[1];
    let text = told.text();
    for part in ["was reported as leaked", "revoked at once", "https://github.example/acme/shop  Bcc: eve", "127.0.0.1"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!told.raw.contains(&key[8..46]), "the key itself went out");
    assert_eq!(told.header("Bcc"), None);
}

#[tokio::test]
async fn reports_that_cannot_be_read_are_refused_and_too_many_wait() {
    let site = Site::start(Engine::Sqlite).await;
    for (body, status) in [
        (json!([]), 200),
        (json!([{ "token": "not a key" }, { "token": "" }]), 200),
        (json!({ "token": "x" }), 422),
        (json!([{ "url": "x" }]), 422),
        (json!([5]), 422),
        (Value::Array(vec![json!({ "token": "x" }); 51]), 422),
    ] {
        report(&site, &body).await.expect(status);
    }
    let mut refused = None;
    for _ in 0..40 {
        let answer = report(&site, &json!([])).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    assert!(refused.expect("a limit").header("retry-after").parse::<u64>().is_ok());
}

async fn a_key_in_an_address_is_refused_noted_and_told_once(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let site = start(engine, &office).await;
    let key = new_key(&site.app, site.tenant().await, Preset::ReadOnly.scopes()).await.key;
    let nobody = Program::new(&site.base, None);
    for _ in 0..3 {
        let refused = nobody.get(&format!("/v1/customers?api_key={}", key.expose())).await.expect(400);
        assert_eq!(refused.json()["error"]["code"], "api_key_in_address");
    }
    Program::new(&site.base, Some(key.expose())).get("/v1/project").await.expect(200);
    assert_eq!(actions(&site).await, ["api_key.created", "api_key.in_address"]);
    let letters = office.wait_for(2).await; // that of the new key and this one, in either order
    let told = letters.iter().find(|letter| letter.text().contains("in the address of a request"));
    let told = told.expect("a letter about the address");
    assert!(told.text().contains("Roll the key"), "{}", told.text());
    assert!(!told.raw.contains(&key.expose()[8..46]), "the key itself went out");
}
