//! Two-factor sign-in, as people turn it on and off for themselves.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::accounts::{self, two_factor};
use crate::store::second_factors;
use crate::vault::ExposeSecret as _;
use crate::web::access::SignedIn;
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Query;
use crate::web::html::{self, Wanted};
use crate::web::qr;
use crate::web::shell::{AccountNav, AccountShell};

#[derive(Template)]
#[template(path = "account/two_factor.html")]
struct Page {
    shell: AccountShell,
    /// Unix seconds; none while it is off.
    since: Option<i64>,
    /// Recovery codes that are left.
    left: i64,
    /// A business that the person belongs to asks for it.
    required: bool,
}

#[derive(Template)]
#[template(path = "account/two_factor_new.html")]
struct EnrolPage {
    shell: AccountShell,
    typed: String,
    picture: Option<String>,
    problem: Option<String>,
}

/// Codes that are shown this once.
#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct CodesPage {
    shell: AccountShell,
    codes: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    code: String,
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn show(person: SignedIn, Query(parameters): Query<Parameters>) -> Result<Response> {
    let mut tx = person.app.db.system_read().await?;
    let left = second_factors::count_codes(&mut tx, &person.user.id).await?;
    drop(tx);
    let since = person.user.two_factor_at;
    html::page(&Page {
        shell: person.shell(AccountNav::TwoFactor),
        since,
        left,
        required: parameters.required && since.is_none(),
    })
}

pub(super) async fn begin(person: Confirmed<SignedIn>, wanted: Wanted, _: ProtectedForm<Pressed>) -> Result<Response> {
    match two_factor::begin(&person.app, &person.user).await {
        Ok(()) => Ok(wanted.redirect("/account/two-factor/new")),
        Err(accounts::Error::Conflict(_)) => Ok(wanted.redirect("/account/two-factor")),
        Err(error) => Err(Error::from(error)),
    }
}

pub(super) async fn enrol(person: Confirmed<SignedIn>) -> Result<Response> {
    enrolment(&person, None).await
}

async fn enrolment(person: &SignedIn, problem: Option<String>) -> Result<Response> {
    let Some(enrolment) = two_factor::waiting(&person.app, &person.user).await? else {
        return Ok(html::see_other("/account/two-factor"));
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = EnrolPage {
        shell: person.shell(AccountNav::TwoFactor),
        typed: enrolment.typed.expose_secret().to_owned(),
        picture: qr::svg_base64(enrolment.url.expose_secret()),
        problem,
    };
    html::page_with(status, &page)
}

pub(super) async fn confirm(
    person: Confirmed<SignedIn>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let code = typed.code.trim().replace(' ', "");
    let session = person.session_hash();
    match two_factor::confirm(&person.app, &person.user, &code, &session, &person.origin).await {
        Ok(codes) => html::page(&CodesPage { shell: person.shell(AccountNav::TwoFactor), codes }),
        Err(accounts::Error::Invalid { message, .. }) => enrolment(&person, Some(message.to_owned())).await,
        Err(accounts::Error::Conflict(_)) => Ok(html::see_other("/account/two-factor")),
        Err(error) => Err(Error::from(error)),
    }
}

pub(super) async fn renew_codes(person: Confirmed<SignedIn>, _: ProtectedForm<Pressed>) -> Result<Response> {
    let codes = two_factor::renew_codes(&person.app, &person.user, &person.origin).await?;
    html::page(&CodesPage { shell: person.shell(AccountNav::TwoFactor), codes })
}

pub(super) async fn turn_off(
    person: Confirmed<SignedIn>,
    wanted: Wanted,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    two_factor::turn_off(&person.app, &person.user.id, &person.origin).await?;
    Ok(wanted.redirect_saying("/account/two-factor", "Two-factor sign-in is off."))
}
