//! `/login`: the password, a passkey or the operator's identity provider, and a second step for who has a second factor.

mod openid;
mod passkey;
mod two_factor;

use std::net::IpAddr;
use std::time::Duration;

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_login::AuthnBackend as _;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::{self, login, passkeys};
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::openid::CALLBACK;
use crate::store::users::User;
use crate::vault::webauthn::Party;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::dashboard::account::with_theme;
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html;
use crate::web::rate_limit::{RateLimit, network};
use crate::web::routes::Routes;
use crate::web::session::{Login, Proof, hold, origin, sign_in_with};
use crate::web::shell::PublicShell;

/// Seconds that a browser is remembered as one of the person's: a year.
const DEVICE_AGE: u32 = 365 * 24 * 60 * 60;
/// Sign-ins with passkeys or at the identity provider that one network may begin in a minute.
const BEGINS_PER_MINUTE: u32 = 60;

/// The routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/login", get(form).post(submit))
        .route("/login/openid", post(openid::start))
        .route(CALLBACK, get(openid::callback))
        .route("/login/passkey/start", post(passkey::start))
        .route("/login/passkey", post(passkey::submit))
        .route("/login/two-factor", get(two_factor::form).post(two_factor::submit))
        .within(|routes| routes.layer(axum::Extension(Begins::new(BEGINS_PER_MINUTE, Duration::from_mins(1)))))
}

/// How often each network has begun what ends elsewhere.
type Begins = RateLimit<IpAddr>;

/// A sign-in that begins here and ends at a passkey's device or at the identity provider. Too many of one network are refused: each
/// leaves a session behind.
struct Begun;

impl FromRequestParts<App> for Begun {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let begins = parts.extensions.get::<Begins>().ok_or_else(|| Error::internal("a route outside the limit"))?;
        begins.take(network(ClientIp::of(parts).0)).await?;
        Ok(Self)
    }
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Submitted {
    email: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login/index.html")]
struct LoginPage {
    shell: PublicShell,
    email: String,
    next: String,
    refused: Option<String>,
    /// Where passkeys work.
    party: Option<Party>,
    /// The identity provider's name.
    provider: Option<String>,
}

impl LoginPage {
    fn new(app: &App, headers: &HeaderMap, csrf: CsrfToken) -> Self {
        let shell = PublicShell { theme: html::theme(headers), csrf: Some(csrf) };
        let provider = app.openid.as_ref().map(|provider| provider.name().to_owned());
        let (party, email, next) = (passkeys::party(app), String::new(), String::new());
        Self { shell, email, next, refused: None, party, provider }
    }
}

async fn form(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    let next = next_path(&parameters.next);
    if login.user.is_some() {
        return Ok(html::see_other(&next));
    }
    html::page(&LoginPage { next, ..LoginPage::new(&app, &headers, csrf) })
}

async fn submit(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(sent): ProtectedForm<Submitted>,
) -> Result<Response> {
    let https = app.config.is_https();
    let next = next_path(&sent.next);
    let device = html::cookie(&headers, device_cookie(https)).map(str::to_owned);
    let origin = origin(address, &headers);
    let credentials = login::Credentials { email: sent.email.clone(), password: sent.password, origin, device };
    let page = |refused: String| LoginPage {
        email: sent.email.clone(),
        next: next.clone(),
        refused: Some(refused),
        ..LoginPage::new(&app, &headers, csrf)
    };
    match login.backend.authenticate(credentials).await {
        Ok(Some(person)) if person.user.two_factor_at.is_some() => second_step(&login, &person.user, next).await,
        Ok(Some(person)) => enter_with(Proof::Password, login, person.user, &headers, (address, &next)).await,
        Ok(None) => html::page_with(StatusCode::UNAUTHORIZED, &page("E-mail address or password is wrong.".to_owned())),
        Err(accounts::Error::Throttled { retry_after }) => {
            let text = format!("Too many tries. Wait {} and try again.", seconds(retry_after));
            let page = html::page_with(StatusCode::TOO_MANY_REQUESTS, &page(text))?;
            Ok(([(header::RETRY_AFTER, HeaderValue::from(retry_after))], page).into_response())
        }
        Err(other) => Err(Error::from(other)),
    }
}

/// Leads whoever has a second factor on to it.
async fn second_step(login: &Login, user: &User, next: String) -> Result<Response> {
    hold(login, user).await?;
    let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    Ok(html::see_other(&format!("/login/two-factor?{query}")))
}

/// Signs in whoever has proven everything, remembers the browser and leads on.
async fn enter_with(
    proof: Proof,
    login: Login,
    user: User,
    headers: &HeaderMap,
    (address, next): (IpAddr, &str),
) -> Result<Response> {
    let (mark, theme) = (login::device_mark(&user), user.taste.theme.clone());
    let https = login.backend.app().config.is_https();
    sign_in_with(proof, login, user, (headers, address)).await?;
    let answer = remember_device(html::see_other(next), &mark, https);
    Ok(if theme == "auto" { answer } else { with_theme(answer, &theme) })
}

pub(super) fn seconds(seconds: i64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", (seconds + 59) / 60),
    }
}

fn device_cookie(https: bool) -> &'static str {
    if https { "__Host-billfold-device" } else { "billfold-device" }
}

fn remember_device(mut answer: Response, mark: &str, https: bool) -> Response {
    let (name, secure) = (device_cookie(https), if https { "; Secure" } else { "" });
    let cookie = format!("{name}={mark}; Path=/; Max-Age={DEVICE_AGE}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}
