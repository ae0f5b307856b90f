//! Sessions in our own table, and who is signed in.
//!
//! Three rules the published stores do not keep: a change of a session that was ended does not bring it back; a new login always gets a
//! new id, whoever was signed in before; the table holds hashes of ids only. A session ends 30 minutes after its last use and 12 hours
//! after its start.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tower::ServiceBuilder;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::csrf::CsrfToken;
use super::error::{Error, Result};
use super::html;
use super::middleware::request_id;
use super::rate_limit::network;
use crate::accounts;
use crate::accounts::login::{self, Credentials};
use crate::accounts::passkeys::{PATIENCE, new_challenge};
use crate::accounts::sessions::{ABSOLUTE, IDLE};
use crate::accounts::trail::Origin;
use crate::app::App;
use crate::db;
use crate::domain::ids::UserId;
use crate::store::sessions::{self, NewSession};
use crate::store::users::User;

/// Seconds between two notes of a use.
const TOUCH: i64 = 60;
/// Where the session keeps who is signed in.
const PERSON: &str = "person";
/// Where the session keeps when its password was typed, in unix seconds.
const TYPED_AT: &str = "typed_at";
/// Where the session keeps that it began with a passkey.
const BY_PASSKEY: &str = "by_passkey";
/// Where the session keeps what the browser was asked, and when.
const CHALLENGE: &str = "challenge";
/// Where the session keeps whose second step is due.
const HELD: &str = "held";
/// Seconds for which a typed password counts as recent.
const RECENT: i64 = 10 * 60;
/// Where the session keeps the browser's name for itself.
const USER_AGENT: &str = "user_agent";
/// Where the session keeps the network that the person signed in from.
const ADDRESS: &str = "address";

/// The session of a request and the person in it.
pub type Login = AuthSession<Backend>;

/// Puts sessions around `router`: its handlers may ask who is there, its forms get their token.
pub fn layer(router: Router<App>, app: &App) -> Router<App> {
    let https = app.config.is_https();
    let sessions = SessionManagerLayer::new(Store { app: app.clone() })
        .with_name(if https { "__Host-billfold" } else { "billfold" })
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax) // Strict would sign people out on every link from an e-mail
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(tower_sessions::cookie::time::Duration::seconds(ABSOLUTE)));
    let login = AuthManagerLayerBuilder::new(Backend { app: app.clone() }, sessions).with_data_key(PERSON).build();
    let layers = ServiceBuilder::new().layer(from_fn(explain_outage)).layer(login).layer(from_fn(provide_token));
    router.layer(layers)
}

/// tower-sessions answers a bare 500 when the table cannot be read or written, and has logged why.
async fn explain_outage(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let bare = answer.status() == StatusCode::INTERNAL_SERVER_ERROR && answer.extensions().get::<Error>().is_none();
    if !bare {
        return answer;
    }
    let message = "The sign-in could not be checked. Try again in a moment.".to_owned();
    Error::Unavailable { retry_after: 5, message }.into_response()
}

async fn provide_token(mut request: Request, next: Next) -> Response {
    let id =
        request.extensions().get::<Login>().filter(|login| login.user.is_some()).and_then(|login| login.session.id());
    if let Some(id) = id {
        request.extensions_mut().insert(CsrfToken::of(&id.to_string()));
    }
    next.run(request).await
}

/// Where a request comes from, for the throttle and the audit log.
pub fn origin(address: IpAddr, headers: &HeaderMap) -> Origin {
    Origin { address: network(address), request_id: request_id(headers).to_owned() }
}

/// Signs `user` in under a new session id and ends the session before, whoever was in it.
pub async fn sign_in(login: Login, user: User, headers: &HeaderMap, address: IpAddr) -> Result<()> {
    // whoever types the password once more stays as well proven as before
    let same = login.user.as_ref().is_some_and(|person| person.user.id == user.id);
    let proof = if same && has_passkey_proof(&login).await? { Proof::Passkey } else { Proof::Password };
    sign_in_with(proof, login, user, (headers, address)).await
}

/// How a person has proven to be who they are, beside a second factor that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With the password.
    Password,
    /// With a passkey, which asks who holds the device: as good as two factors.
    Passkey,
}

/// Whether the session began with a passkey.
pub async fn has_passkey_proof(login: &Login) -> Result<bool> {
    Ok(login.session.get::<bool>(BY_PASSKEY).await.map_err(Error::internal)?.unwrap_or_default())
}

/// A question for the browser's authenticator, kept in the session until [`asked_of_browser`].
pub async fn ask_browser(login: &Login) -> Result<String> {
    let (challenge, now) = (new_challenge(), login.backend.app.clock.now());
    login.session.insert(CHALLENGE, (&challenge, now)).await.map_err(Error::internal)?;
    Ok(challenge)
}

/// The question that this session's browser was asked a short while ago. It can be answered once.
pub async fn asked_of_browser(login: &Login) -> Result<Option<String>> {
    let asked = login.session.remove::<(String, i64)>(CHALLENGE).await.map_err(Error::internal)?;
    let now = login.backend.app.clock.now();
    Ok(asked.filter(|(_, at)| now - at <= PATIENCE).map(|(challenge, _)| challenge))
}

/// [`sign_in`] with what the person has shown.
#[expect(clippy::disallowed_methods, reason = "the one place that gives the session a new id first")]
pub async fn sign_in_with(
    proof: Proof,
    mut login: Login,
    user: User,
    (headers, address): (&HeaderMap, IpAddr),
) -> Result<()> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let agent: String = agent.chars().take(200).collect();
    login.session.clear().await;
    login.session.cycle_id().await.map_err(Error::internal)?;
    login.session.insert(USER_AGENT, agent).await.map_err(Error::internal)?;
    login.session.insert(ADDRESS, network(address).to_string()).await.map_err(Error::internal)?;
    let now = login.backend.app.clock.now();
    login.session.insert(TYPED_AT, now).await.map_err(Error::internal)?;
    if proof == Proof::Passkey {
        login.session.insert(BY_PASSKEY, true).await.map_err(Error::internal)?;
    }
    login.login(&Person::new(user)).await.map_err(Error::internal)
}

/// Begins a session for somebody who has no browser and no password: the isolation self-test's own people. Answers the cookie's
/// value.
pub async fn begin(app: &App, user: &User) -> Result<String> {
    let session = Session::new(None, Arc::new(Store { app: app.clone() }), None);
    let person = Person::new(user.clone());
    let signed_in = serde_json::json!({ "user_id": person.id(), "auth_hash": person.session_auth_hash() });
    session.insert(PERSON, signed_in).await.map_err(Error::internal)?;
    session.insert(TYPED_AT, app.clock.now()).await.map_err(Error::internal)?;
    session.save().await.map_err(Error::internal)?;
    session.id().map(|id| id.to_string()).ok_or_else(|| Error::internal("a session without an id"))
}

/// Whose password was right and whose second step is due. The session before ends; this one opens nothing.
pub async fn hold(login: &Login, user: &User) -> Result<()> {
    login.session.clear().await;
    login.session.cycle_id().await.map_err(Error::internal)?;
    let held = Held {
        user: user.id.clone(),
        at: login.backend.app.clock.now(),
        tie: hex::encode(Sha256::digest(login::session_tie(user))),
    };
    login.session.insert(HELD, held).await.map_err(Error::internal)
}

/// Who is at the second step; none after ten minutes, or when password or sessions changed meanwhile.
pub async fn held(login: &Login, app: &App) -> Result<Option<User>> {
    let Some(held) = login.session.get::<Held>(HELD).await.map_err(Error::internal)? else { return Ok(None) };
    if app.clock.now() - held.at > RECENT {
        return Ok(None);
    }
    let user = login::person(app, &held.user).await?;
    Ok(user.filter(|user| hex::encode(Sha256::digest(login::session_tie(user))) == held.tie))
}

#[derive(Deserialize, Serialize)]
struct Held {
    user: UserId,
    /// Unix seconds.
    at: i64,
    /// SHA-256 of what a session is tied to, hex.
    tie: String,
}

/// Whether the password was typed a short while ago, as whoever changes keys and secrets must have done.
pub async fn is_recent(login: &Login, now: i64) -> Result<bool> {
    let typed_at = login.session.get::<i64>(TYPED_AT).await.map_err(Error::internal)?;
    Ok(typed_at.is_some_and(|typed_at| now - typed_at <= RECENT))
}

/// Ends the session for good and asks the browser to forget what it kept.
pub async fn sign_out(mut login: Login, https: bool) -> Result<Response> {
    login.logout().await.map_err(Error::internal)?;
    let mut answer = html::see_other("/login");
    let headers = answer.headers_mut();
    headers.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    if https {
        // a browser ignores a removal of a __Host- cookie that is not marked Secure, as tower-sessions sends it
        let gone = HeaderValue::from_static("__Host-billfold=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
        headers.append(header::SET_COOKIE, gone);
    }
    Ok(answer)
}

/// A person as axum-login sees one.
#[derive(Clone)]
pub struct Person {
    /// The row.
    pub user: User,
    tie: Vec<u8>,
}

impl Person {
    fn new(user: User) -> Self {
        let tie = Sha256::digest(login::session_tie(&user)).to_vec();
        Self { user, tie }
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.user.fmt(formatter)
    }
}

impl AuthUser for Person {
    type Id = String;

    fn id(&self) -> String {
        self.user.id.to_string()
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.tie
    }
}

/// Asks `accounts` about people.
#[derive(Clone)]
pub struct Backend {
    app: App,
}

impl Backend {
    /// The program's parts.
    pub fn app(&self) -> &App {
        &self.app
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Backend")
    }
}

impl AuthnBackend for Backend {
    type User = Person;
    type Credentials = Credentials;
    type Error = accounts::Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<Person>, accounts::Error> {
        Ok(login::authenticate(&self.app, credentials).await?.map(Person::new))
    }

    async fn get_user(&self, id: &String) -> Result<Option<Person>, accounts::Error> {
        let Some(id) = UserId::parse(id) else { return Ok(None) };
        Ok(login::person(&self.app, &id).await?.map(Person::new))
    }
}

/// tower-sessions on our table.
#[derive(Clone)]
struct Store {
    app: App,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Store")
    }
}

fn key(id: &Id) -> String {
    hex::encode(Sha256::digest(id.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn failed(error: db::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

fn json(record: &Record) -> StoreResult<String> {
    serde_json::to_string(&record.data).map_err(|error| StoreError::Encode(error.to_string()))
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let now = self.app.clock.now();
        let data = json(record)?;
        let text = |key: &str| record.data.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let (agent, address) = (text(USER_AGENT), text(ADDRESS));
        let person = record.data.get(PERSON).and_then(|person| person["user_id"].as_str()).map(str::to_owned);
        let mut tx = self.app.db.system_write().await.map_err(failed)?;
        sessions::delete_expired(&mut tx, now, now - IDLE).await.map_err(failed)?;
        loop {
            let id_hash = key(&record.id);
            let session = NewSession {
                id_hash: &id_hash,
                user_id: person.as_deref(),
                data: &data,
                user_agent: &agent,
                address: &address,
                created: now,
                expires: now + ABSOLUTE,
            };
            if sessions::insert(&mut tx, &session).await.map_err(failed)? {
                break;
            }
            record.id = Id::default();
        }
        tx.commit().await.map_err(failed)
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let mut tx = self.app.db.system_write().await.map_err(failed)?;
        sessions::update(&mut tx, &key(&record.id), &json(record)?).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let (now, key) = (self.app.clock.now(), key(id));
        let mut tx = self.app.db.system_read().await.map_err(failed)?;
        let found = sessions::load(&mut tx, &key, now, now - IDLE).await.map_err(failed)?;
        drop(tx);
        let Some((data, last_seen)) = found else { return Ok(None) };
        if now - last_seen >= TOUCH {
            self.touch(&key, now).await;
        }
        let data = serde_json::from_str(&data).map_err(|error| StoreError::Decode(error.to_string()))?;
        // the end is the table's business; tower-sessions only copies this date around
        Ok(Some(Record { id: *id, data, expiry_date: tower_sessions::cookie::time::OffsetDateTime::UNIX_EPOCH }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        let mut tx = self.app.db.system_write().await.map_err(failed)?;
        sessions::delete(&mut tx, &key(id)).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

impl Store {
    /// A failure only shortens the session a little, so it must not fail the request.
    async fn touch(&self, key: &str, now: i64) {
        let noted = async {
            let mut tx = self.app.db.system_write().await?;
            sessions::touch(&mut tx, key, now).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the last use of a session could not be noted");
        }
    }
}
