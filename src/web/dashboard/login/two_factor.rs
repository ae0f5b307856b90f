//! `/login/two-factor`: the second step of a sign-in. The password was right; who it was is kept in a session of its own, which
//! opens nothing else and ends with this step.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{Parameters, enter_with, seconds};
use crate::accounts;
use crate::accounts::two_factor::{self, Verdict};
use crate::app::App;
use crate::domain::next_path::next_path;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Query};
use crate::web::html;
use crate::web::session::{Login, Proof, held, origin};
use crate::web::shell::PublicShell;

#[derive(Template)]
#[template(path = "login/two_factor.html")]
struct Page {
    shell: PublicShell,
    email: String,
    next: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

fn page(headers: &HeaderMap, csrf: CsrfToken, (email, next): (String, String), problem: Option<String>) -> Page {
    Page { shell: PublicShell { theme: html::theme(headers), csrf: Some(csrf) }, email, next, problem }
}

pub(super) async fn form(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    let next = next_path(&parameters.next);
    match held(&login, &app).await? {
        Some(user) => html::page(&page(&headers, csrf, (user.email, next), None)),
        None => Ok(html::see_other(&html::login_url(Some(&next)))),
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    axum::Extension(csrf): axum::Extension<CsrfToken>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let next = next_path(&typed.next);
    let Some(user) = held(&login, &app).await? else {
        return Ok(html::see_other(&html::login_url(Some(&next))));
    };
    let email = user.email.clone();
    let refuse = |status: StatusCode, problem: String| {
        html::page_with(status, &page(&headers, csrf.clone(), (email.clone(), next.clone()), Some(problem)))
    };
    match two_factor::judge(&app, &user, &typed.code, &origin(address, &headers)).await {
        Ok(Verdict::Right) => enter_with(Proof::Password, login, user, &headers, (address, &next)).await,
        Ok(Verdict::Wrong) => refuse(
            StatusCode::UNAUTHORIZED,
            "This code is wrong, or was used before. Wait for the next one.".to_owned(),
        ),
        Ok(Verdict::Malformed) => {
            let text = "Six digits from the app, or a recovery code such as abcd-efgh-ijkl-mnop.".to_owned();
            refuse(StatusCode::UNPROCESSABLE_ENTITY, text)
        }
        Err(accounts::Error::Throttled { retry_after }) => {
            let text = format!("Too many tries. Wait {} and try again.", seconds(retry_after));
            let answer = refuse(StatusCode::TOO_MANY_REQUESTS, text)?;
            Ok(([(header::RETRY_AFTER, HeaderValue::from(retry_after))], answer).into_response())
        }
        Err(other) => Err(Error::from(other)),
    }
}
