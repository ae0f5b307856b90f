//! Where businesses sign up by themselves, when the operator lets them. What they make is suspended until they have chosen a plan and
//! paid: that happens on their own page about plan and usage.

use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;

use crate::accounts::signup::{NewUser, Newcomer, sign_up};
use crate::app::App;
use crate::domain::drafts::Flaw;
use crate::store::instance;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::rate_limit::{RateLimit, network};
use crate::web::routes::Routes;
use crate::web::session::{Login, origin, sign_in};
use crate::web::shell::PublicShell;

/// Sign-ups that one network may try in an hour.
const PER_HOUR: u32 = 10;

type Tries = RateLimit<std::net::IpAddr>;

pub(super) fn router() -> Routes {
    let tries = Tries::new(PER_HOUR, Duration::from_hours(1));
    Routes::new().route("/signup", get(show).post(submit)).within(|routes| routes.layer(Extension(tries)))
}

#[derive(Template)]
#[template(path = "operator/sign_up.html")]
struct Page {
    shell: PublicShell,
    form: Form,
    /// Who is signed in and needs no account.
    person: Option<String>,
}

/// A 404 while nobody may sign up.
async fn open(app: &App) -> Result<()> {
    let mut tx = app.db.system_read().await?;
    let business = instance::business(&mut tx).await?;
    if business.sign_up && business.billing().is_some() { Ok(()) } else { Err(Error::NotFound) }
}

fn page(headers: &HeaderMap, csrf: CsrfToken, login: &Login, form: Form) -> Page {
    let person = login.user.as_ref().map(|person| person.user.email.clone());
    Page { shell: PublicShell { theme: html::theme(headers), csrf: Some(csrf) }, form, person }
}

async fn show(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    Extension(csrf): Extension<CsrfToken>,
) -> Result<Response> {
    open(&app).await?;
    html::page(&page(&headers, csrf, &login, Form::empty()))
}

async fn submit(
    (State(app), Extension(tries)): (State<App>, Extension<Tries>),
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    Extension(csrf): Extension<CsrfToken>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    open(&app).await?;
    tries.take(network(address)).await?;
    let newcomer = match &login.user {
        Some(person) => Newcomer::Known(person.user.id.clone()),
        None => Newcomer::New(NewUser {
            email: typed.text("email").to_owned(),
            name: typed.text("name").to_owned(),
            password: SecretString::from(typed.raw("password")),
        }),
    };
    match sign_up(&app, newcomer, typed.text("tenant"), &origin(address, &headers)).await {
        Ok((user, tenant)) => {
            if login.user.is_none() {
                sign_in(login, user, &headers, address).await?;
            }
            Ok(Wanted::of(&headers).redirect(&format!("/t/{tenant}/plan")))
        }
        Err(error) => match error.field() {
            Some((field, message)) => {
                let refused = Refused::flawed(vec![Flaw::new(field, message)]);
                let form = Form::refused(typed.without("password"), refused);
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&headers, csrf, &login, form))
            }
            None => Err(Error::from(error)),
        },
    }
}
