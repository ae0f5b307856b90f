//! An identity provider on a real socket: OpenID Connect with discovery, PKCE and ID tokens signed by ES256. It is as strict as a real
//! one about what it is asked, and can be told to lie.
#![expect(clippy::disallowed_types, reason = "a server of its own, which has neither our pages nor our forms")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use billfold::{clock::Clock, vault::webauthn::base64url};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// What billfold is called there.
pub const CLIENT: &str = "billfold-client";
/// The secret of that client. A comma, a plus and a percent sign: both sides must write it the same way.
pub const SECRET: &str = "s3cret+%,of-the-client";

/// Who sits in front of the provider's page, and what it tells about them.
#[derive(Clone)]
pub struct Teller {
    /// Who it is there.
    pub subject: String,
    /// The address there.
    pub email: String,
    /// Seconds since they last typed their password there.
    pub typed_ago: i64,
    /// Claims in place of the honest ones.
    pub lies: Value,
    /// Whether the token is signed by a key that nobody knows.
    pub forged: bool,
    /// Whether it says that nobody may come in.
    pub denies: bool,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let stored = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, stored.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair }
    }

    fn sign(&self, claims: &Value) -> String {
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let text = [head.to_string(), claims.to_string()].map(|part| base64url(part.as_bytes())).join(".");
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", base64url(signature.as_ref()))
    }
}

struct Inner {
    issuer: String,
    clock: Clock,
    key: Mutex<Key>,
    teller: Mutex<Teller>,
    /// The codes that were given out, with what they were asked for.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    asked_for_keys: Mutex<usize>,
}

/// The provider. Ends with its test.
pub struct IdentityProvider(Arc<Inner>);

impl IdentityProvider {
    /// Opens it.
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let teller = Teller {
            subject: "subject-1".to_owned(),
            email: "ada@provider.example".to_owned(),
            typed_ago: 0,
            lies: Value::Null,
            forged: false,
            denies: false,
        };
        let inner = Arc::new(Inner {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            clock: clock.clone(),
            key: Mutex::new(Key::new("first")),
            teller: Mutex::new(teller),
            codes: Mutex::default(),
            asked_for_keys: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(inner)
    }

    /// As it names itself.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// From now on somebody else sits there, or it tells something else.
    pub fn tell(&self, change: impl FnOnce(&mut Teller)) {
        change(&mut self.0.teller.lock().unwrap());
    }

    /// From now on it signs with another key and knows the one before no more.
    pub fn renew_key(&self) {
        *self.0.key.lock().unwrap() = Key::new("second");
    }

    /// How often it was asked for its keys.
    pub fn asked_for_keys(&self) -> usize {
        *self.0.asked_for_keys.lock().unwrap()
    }
}

async fn describe(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", inner.issuer);
    Json(json!({
        "issuer": inner.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }))
}

async fn keys(State(inner): State<Arc<Inner>>) -> Json<Value> {
    *inner.asked_for_keys.lock().unwrap() += 1;
    let key = inner.key.lock().unwrap();
    let point = key.pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let (x, y) = (base64url(x), base64url(y));
    Json(
        json!({ "keys": [{ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": key.id, "x": x, "y": y }] }),
    )
}

async fn authorize(State(inner): State<Arc<Inner>>, Query(asked): Query<HashMap<String, String>>) -> Redirect {
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], CLIENT);
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
    assert!(asked["state"].len() >= 32 && asked["nonce"].len() >= 32 && asked["state"] != asked["nonce"]);
    let teller = inner.teller.lock().unwrap();
    let back = |fields: &[(&str, &str)]| {
        Redirect::to(&format!("{}?{}", asked["redirect_uri"], serde_urlencoded::to_string(fields).unwrap()))
    };
    if teller.denies {
        return back(&[("error", "access_denied"), ("state", &asked["state"])]);
    }
    let code = format!("code-{}", rand::random::<u64>());
    let state = asked["state"].clone();
    inner.codes.lock().unwrap().insert(code.clone(), asked.clone());
    back(&[("code", &code), ("state", &state)])
}

async fn token(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(sent): Form<HashMap<String, String>>,
) -> Response {
    let refuse = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
    let encoded = |text: &str| serde_urlencoded::to_string([("", text)]).unwrap()[1..].to_owned();
    let right = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET))));
    if headers.get("authorization").is_none_or(|sent| sent.to_str().unwrap() != right) {
        return refuse("invalid_client");
    }
    let Some(asked) = inner.codes.lock().unwrap().remove(&sent["code"]) else { return refuse("invalid_grant") };
    let challenge = base64url(&Sha256::digest(&sent["code_verifier"]));
    if challenge != asked["code_challenge"] || sent["redirect_uri"] != asked["redirect_uri"] {
        return refuse("invalid_grant");
    }
    let (teller, now) = (inner.teller.lock().unwrap().clone(), inner.clock.now());
    // whoever is asked to prove it anew does so, unless the provider does not care
    let mut claims = json!({
        "iss": inner.issuer,
        "sub": teller.subject,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 300,
        "nonce": asked["nonce"],
        "auth_time": now - teller.typed_ago,
        "email": teller.email,
        "email_verified": true,
    });
    for (name, lie) in teller.lies.as_object().into_iter().flatten() {
        claims[name] = lie.clone();
    }
    let signed = if teller.forged { Key::new("first").sign(&claims) } else { inner.key.lock().unwrap().sign(&claims) };
    Json(json!({ "access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": signed }))
        .into_response()
}
