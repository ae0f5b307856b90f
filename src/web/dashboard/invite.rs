//! `/invite/{token}`: what an invited person sees. Opening the page uses nothing up: scanners of mail open links as well.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::accounts::invitations::{self, Offer};
use crate::accounts::{self, login};
use crate::app::App;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Path};
use crate::web::html;
use crate::web::routes::Routes;
use crate::web::session::{Login, origin, sign_in};
use crate::web::shell::PublicShell;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/invite/{token}", get(show).post(accept))
}

/// How the person can accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Is signed in with the address.
    Press,
    /// Has an account, is not signed in.
    SignIn,
    /// Is new here.
    Join,
    /// Is signed in as somebody else.
    Other,
}

#[derive(Template)]
#[template(path = "invite/index.html")]
struct Page {
    shell: PublicShell,
    token: String,
    offer: Offer,
    way: Way,
    name: String,
    problem: Option<(&'static str, String)>,
}

impl Page {
    fn problem(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| text.as_str())
    }
}

#[derive(Template)]
#[template(path = "invite/gone.html")]
struct GonePage {
    shell: PublicShell,
}

#[derive(Deserialize)]
struct InvitePath {
    token: String,
}

#[derive(Deserialize)]
struct Submitted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: SecretString,
}

fn way(login: &Login, offer: &Offer) -> Way {
    match &login.user {
        Some(person) if person.user.email == offer.invitation.email => Way::Press,
        Some(_) => Way::Other,
        None if offer.known => Way::SignIn,
        None => Way::Join,
    }
}

fn gone(shell: PublicShell) -> Result<Response> {
    html::page_with(StatusCode::GONE, &GonePage { shell })
}

async fn show(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Path(InvitePath { token }): Path<InvitePath>,
) -> Result<Response> {
    let shell = PublicShell { theme: html::theme(&headers), csrf: Some(csrf) };
    let Some(offer) = invitations::offer(&app, &token).await? else { return gone(shell) };
    let way = way(&login, &offer);
    let status = if way == Way::Other { StatusCode::FORBIDDEN } else { StatusCode::OK };
    html::page_with(status, &Page { shell, token, offer, way, name: String::new(), problem: None })
}

async fn accept(
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Path(InvitePath { token }): Path<InvitePath>,
    ProtectedForm(sent): ProtectedForm<Submitted>,
) -> Result<Response> {
    let app = login.backend.app().clone();
    let shell = PublicShell { theme: html::theme(&headers), csrf: Some(csrf) };
    let Some(offer) = invitations::offer(&app, &token).await? else { return gone(shell) };
    let origin = origin(address, &headers);
    let way = way(&login, &offer);
    let tenant = offer.invitation.tenant_id.clone();
    let joined = match (way, &login.user) {
        (Way::Press, Some(person)) => invitations::accept(&app, &token, &person.user, &origin).await.map(|_| None),
        (Way::Join, _) => {
            invitations::accept_as_new(&app, &token, (&sent.name, &sent.password), &origin).await.map(Some)
        }
        (way, _) => {
            let status = if way == Way::Other { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            return html::page_with(status, &Page { shell, token, offer, way, name: sent.name, problem: None });
        }
    };
    match joined {
        Ok(new) => {
            if let Some(id) = new
                && let Some(user) = login::person(&app, &id).await?
            {
                login::entered(&app, &id, &origin).await?;
                sign_in(login, user, &headers, address).await?;
            }
            Ok(html::see_other(&format!("/t/{tenant}/")))
        }
        Err(accounts::Error::Unknown) => gone(shell),
        Err(refused) => match refused.field() {
            Some((field, text)) => {
                let problem = Some((field, text.to_owned()));
                let page = Page { shell, token, offer, way, name: sent.name, problem };
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}
