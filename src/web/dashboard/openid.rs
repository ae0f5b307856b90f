//! The way to the operator's identity provider and back: to sign in, to link an account there, to confirm who is there.

use askama::Template;
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::accounts::openid;
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::next_path::next_path;
use crate::openid::{Provider, Question};
use crate::web::access::SignedIn;
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::session::Login;
use crate::web::shell::PublicShell;

/// The page where people link and unlink their account.
pub const PAGE: &str = "/account/password";
/// Where the session keeps what the provider was asked.
const ASKED: &str = "openid";
/// Seconds that somebody may take at the provider.
const PATIENCE: i64 = 10 * 60;

/// The routes of who is signed in; those of who is not stand in [`super::login`].
pub fn router() -> Routes {
    Routes::new()
        .route("/account/openid", post(link))
        .route("/account/openid/remove", post(unlink))
        .route("/confirm/openid", post(confirm))
}

/// What the provider is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To sign somebody in.
    SignIn,
    /// To link the account there to this person.
    Link(UserId),
    /// To show that this person is still there.
    Confirm(UserId),
}

/// What a browser was sent to the provider with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked {
    /// What it must bring back.
    pub question: Question,
    /// What for.
    pub purpose: Purpose,
    /// Where to go on.
    pub next: String,
    /// Unix seconds.
    at: i64,
}

#[derive(Template)]
#[template(path = "login/leave.html")]
struct LeavePage {
    shell: PublicShell,
    provider: String,
    href: String,
    /// Leads there at once, without a script.
    refresh: String,
}

/// The provider; without one there are no such pages.
pub fn provider(app: &App) -> Result<&Provider> {
    app.openid.as_ref().ok_or(Error::NotFound)
}

/// Leads to the provider. A redirect would not do: browsers hold the answer of a form against `form-action`.
pub async fn lead_on(
    app: &App,
    login: &Login,
    headers: &HeaderMap,
    purpose: Purpose,
    next: String,
) -> Result<Response> {
    let provider = provider(app)?;
    let asked = provider.ask(matches!(purpose, Purpose::Confirm(_))).await;
    let (question, href) = asked.map_err(|error| unavailable(provider, &error))?;
    let asked = Asked { question, purpose, next, at: app.clock.now() };
    login.session.insert(ASKED, asked).await.map_err(Error::internal)?;
    let refresh = format!("0; url={href}");
    let shell = PublicShell::bare(html::theme(headers));
    html::page(&LeavePage { shell, provider: provider.name().to_owned(), href, refresh })
}

/// What this session's browser was sent to the provider with a short while ago, when `state` shows that it comes from there. It
/// counts once.
pub async fn asked(app: &App, login: &Login, state: &str) -> Result<Option<Asked>> {
    let asked = login.session.remove::<Asked>(ASKED).await.map_err(Error::internal)?;
    Ok(asked.filter(|asked| app.clock.now() - asked.at <= PATIENCE && asked.question.is_of(state)))
}

/// The provider is down; passwords work as ever.
pub fn unavailable(provider: &Provider, error: &crate::openid::Error) -> Error {
    tracing::warn!(%error, "nobody can sign in with the identity provider");
    let message = format!("{} cannot be asked at the moment. Use the password, or try again.", provider.name());
    Error::Unavailable { retry_after: 10, message }
}

#[derive(Deserialize)]
struct Pressed {
    #[serde(default)]
    next: String,
}

async fn link(person: Confirmed<SignedIn>, headers: HeaderMap, _: ProtectedForm<Pressed>) -> Result<Response> {
    let purpose = Purpose::Link(person.user.id.clone());
    lead_on(&person.app, &person.login, &headers, purpose, PAGE.to_owned()).await
}

async fn unlink(person: Confirmed<SignedIn>, wanted: Wanted, _: ProtectedForm<Pressed>) -> Result<Response> {
    openid::unlink(&person.app, &person.user.id, &person.origin).await?;
    Ok(wanted.redirect_saying(PAGE, "The account is unlinked. It signs nobody in any more."))
}

async fn confirm(
    person: SignedIn,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Pressed>,
) -> Result<Response> {
    let purpose = Purpose::Confirm(person.user.id.clone());
    lead_on(&person.app, &person.login, &headers, purpose, next_path(&sent.next)).await
}
