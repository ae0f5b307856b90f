//! Passkeys over the real router, with an authenticator made here: what a browser would send, and what a thief would.

use billfold::{
    clock::Clock,
    domain::role::Role,
    store::{audit_log, passkeys, users},
    vault::webauthn::base64url,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use sha2::{Digest, Sha256};

use crate::{
    harness::{Answer, Engine, PASSWORD, Site, Visitor, both_engines},
    people::{cookie, is_alive, logged_in},
};

both_engines!(
    a_passkey_signs_in_until_it_is_removed,
    what_a_thief_sends_opens_nothing,
    a_passkey_counts_as_two_factors,
    nobody_touches_the_passkeys_of_others,
);

const NOW: i64 = 1_790_000_000;

/// An authenticator with one key.
struct Device {
    pair: EcdsaKeyPair,
    name: Vec<u8>,
    counter: u32,
}

impl Device {
    fn new(name: &str) -> Self {
        let random = SystemRandom::new();
        let stored = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, stored.as_ref(), &random).unwrap();
        Self { pair, name: name.as_bytes().to_vec(), counter: 1 }
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest("localhost").to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// The hidden fields of the form for a new passkey.
    fn create(&self, origin: &str, challenge: &str) -> Vec<(&'static str, String)> {
        let mut data = self.data(0x45);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.name.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.name);
        let mut info = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        info.extend_from_slice(self.pair.public_key().as_ref());
        self.fields(&client("webauthn.create", origin, challenge), &data, &info)
    }

    /// The hidden fields of the form that signs in.
    fn get(&mut self, origin: &str, challenge: &str) -> Vec<(&'static str, String)> {
        self.counter += 1;
        let (client, data) = (client("webauthn.get", origin, challenge), self.data(0x05));
        let mut signed = data.clone();
        signed.extend_from_slice(&Sha256::digest(&client));
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        self.fields(&client, &data, signature.as_ref())
    }

    fn fields(&self, client: &str, data: &[u8], proof: &[u8]) -> Vec<(&'static str, String)> {
        vec![
            ("credential", base64url(&self.name)),
            ("client_data", base64url(client.as_bytes())),
            ("authenticator_data", base64url(data)),
            ("proof", base64url(proof)),
        ]
    }
}

fn client(kind: &str, origin: &str, challenge: &str) -> String {
    serde_json::json!({ "type": kind, "origin": origin, "challenge": challenge, "crossOrigin": false }).to_string()
}

fn origin(site: &Site) -> String {
    site.base.replace("127.0.0.1", "localhost")
}

/// Sends a page's form with more in its fields.
async fn submit(visitor: &Visitor, page: &Answer, css: &str, fields: &[(&'static str, String)]) -> Answer {
    let mut form = page.form(css);
    for (name, value) in fields {
        form = form.fill(name, value);
    }
    visitor.submit(&form).await
}

async fn add(site: &Site, visitor: &Visitor, device: &Device) -> Answer {
    let page = visitor.get("/account/passkeys").await.expect(200);
    let question = visitor.post("/account/passkeys/start", &[]).await.expect(200).json();
    let mut fields = device.create(&origin(site), question["challenge"].as_str().unwrap());
    fields.push(("name", "Laptop".to_owned()));
    submit(visitor, &page, "form[action='/account/passkeys']", &fields).await
}

/// Opens the login and has the browser asked; answers the page and the question.
async fn asked(visitor: &Visitor) -> (Answer, String) {
    let page = visitor.get("/login").await.expect(200);
    let question = visitor.post("/login/passkey/start", &[]).await.expect(200).json();
    assert_eq!(question["party"], "localhost");
    (page, question["challenge"].as_str().unwrap().to_owned())
}

async fn enter(site: &Site, visitor: &Visitor, device: &mut Device) -> Answer {
    let (page, challenge) = asked(visitor).await;
    submit(visitor, &page, "form[action='/login/passkey']", &device.get(&origin(site), &challenge)).await
}

async fn a_passkey_signs_in_until_it_is_removed(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let owner = logged_in(&site, &email).await;
    let mut device = Device::new("credential one");
    add(&site, &owner, &device).await.expect(303);
    let again = add(&site, &owner, &device).await.expect(422);
    assert!(again.one("[role=alert]").contains("here already"));
    let visitor = site.anonymous();
    let entered = enter(&site, &visitor, &mut device).await.expect(303);
    assert_eq!(entered.header("location"), "/");
    assert!(is_alive(&site, &cookie(&entered, "billfold").unwrap()).await);
    let page = visitor.get("/account/passkeys").await.expect(200);
    assert!(page.text().contains("Laptop") && !page.text().contains("never used"), "{}", page.text());
    submit(&visitor, &page, "form[action$='/rename']", &[("name", "Phone".to_owned())]).await.expect(303);
    let page = visitor.get("/account/passkeys").await.expect(200);
    assert!(page.text().contains("Phone"));
    clock.advance(601);
    visitor.submit(&page.form("form[action$='/remove']")).await.expect(401); // the browser was left open
    let page = visitor.get("/confirm?next=/account/passkeys").await.expect(200);
    let question = visitor.post("/confirm/passkey/start", &[]).await.expect(200).json();
    let fields = device.get(&origin(&site), question["challenge"].as_str().unwrap());
    let confirmed = submit(&visitor, &page, "form[action='/confirm/passkey']", &fields).await.expect(303);
    assert_eq!(confirmed.header("location"), "/account/passkeys");
    let page = visitor.get("/account/passkeys").await.expect(200);
    visitor.submit(&page.form("form[action$='/remove']")).await.expect(303);
    enter(&site, &site.anonymous(), &mut device).await.expect(401);
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    let noted = audit_log::list::outside_projects(&mut tx).await.unwrap();
    for action in ["person.passkey_added", "person.passkey_renamed", "person.passkey_removed"] {
        assert!(noted.iter().any(|(_, noted)| noted == action), "{action} in {noted:?}");
    }
}

async fn what_a_thief_sends_opens_nothing(engine: Engine) {
    let clock = Clock::manual(NOW);
    let site = Site::start_at(engine, clock.clone()).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let mut device = Device::new("credential two");
    add(&site, &logged_in(&site, &email).await, &device).await.expect(303);
    let here = origin(&site);
    let css = "form[action='/login/passkey']";

    let visitor = site.anonymous();
    let (page, challenge) = asked(&visitor).await;
    let right = device.get(&here, &challenge);
    for wrong in [device.get("http://evil.example", &challenge), device.get(&here, "b3RoZXI")] {
        submit(&visitor, &page, css, &wrong).await.expect(401);
    }
    submit(&visitor, &page, css, &right).await.expect(401); // the question was used up by the first try

    let (page, challenge) = asked(&visitor).await;
    let mut stranger = Device::new("credential two");
    submit(&visitor, &page, css, &stranger.get(&here, &challenge)).await.expect(401);
    let (page, challenge) = asked(&visitor).await;
    let unseen = {
        let (client, data) = (client("webauthn.get", &here, &challenge), device.data(0x01));
        let mut signed = data.clone();
        signed.extend_from_slice(&Sha256::digest(&client));
        device.fields(&client, &data, device.pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref())
    };
    submit(&visitor, &page, css, &unseen).await.expect(401); // nobody unlocked the device

    let (page, challenge) = asked(&visitor).await;
    let late = device.get(&here, &challenge);
    clock.advance(301);
    submit(&visitor, &page, css, &late).await.expect(401);

    enter(&site, &site.anonymous(), &mut device).await.expect(303);
    device.counter -= 1;
    enter(&site, &site.anonymous(), &mut device).await.expect(401); // a copy of the key counts behind
    let other = site.anonymous();
    let (page, _) = asked(&other).await;
    let forged = page.form(css).fill("csrf", "forged");
    other.submit(&forged).await.expect(403);
    crate::people::disable(&site, &email).await;
    device.counter += 5;
    enter(&site, &site.anonymous(), &mut device).await.expect(401);
}

async fn a_passkey_counts_as_two_factors(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await;
    let email = site.new_member(tenant, Role::Viewer).await;
    let mut device = Device::new("credential three");
    let by_password = logged_in(&site, &email).await;
    add(&site, &by_password, &device).await.expect(303);
    let mut tx = site.app.db.system_write().await.unwrap();
    billfold::store::tenants::require_two_factor(&mut tx, &tenant.id, true).await.unwrap();
    tx.commit().await.unwrap();
    assert!(by_password.get(&tenant.home()).await.expect(303).header("location").starts_with("/account/two-factor"));
    let visitor = site.anonymous();
    enter(&site, &visitor, &mut device).await.expect(303);
    visitor.get(&tenant.home()).await.expect(200);
    let confirm = visitor.get("/confirm").await.expect(200).form("form[action='/confirm']");
    visitor.submit(&confirm.fill("password", PASSWORD)).await.expect(303);
    visitor.get(&tenant.home()).await.expect(200);
}

async fn nobody_touches_the_passkeys_of_others(engine: Engine) {
    let site = Site::start(engine).await;
    let email = site.new_member(site.tenant().await, Role::Viewer).await;
    let visitor = logged_in(&site, &email).await;
    add(&site, &visitor, &Device::new("credential four")).await.expect(303);
    let mut tx = site.app.db.system_read().await.unwrap();
    let user = users::by_email(&mut tx, &email).await.unwrap().unwrap().id;
    let passkey = passkeys::of_user(&mut tx, &user).await.unwrap().remove(0).id;
    drop(tx);
    let stranger = site.user(Role::Owner).await;
    stranger.get("/account/passkeys").await.expect(200);
    for (id, what) in
        [(passkey.as_str(), "rename"), (passkey.as_str(), "remove"), ("pky_aaaaaaaaaaaaaaaaaaaaaaaa", "remove")]
    {
        stranger.post(&format!("/account/passkeys/{id}/{what}"), &[("name", "Mine")]).await.expect(404);
    }
    assert!(visitor.get("/account/passkeys").await.expect(200).text().contains("Laptop"));
}
