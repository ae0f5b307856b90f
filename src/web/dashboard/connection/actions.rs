//! What admins and owners do on the page. Each answers the page itself: elsewhere after a success, with the problem beside its
//! field otherwise.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use super::view::{Field, Page, Problem};
use crate::connect::{self, close::EndpointEnd};
use crate::domain::ids::SecretId;
use crate::web::access::Admin;
use crate::web::confirm::Confirmed;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html::Wanted;

/// Seconds after which Stripe may answer again.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");

#[derive(Deserialize)]
pub(super) struct PastedKey {
    secret_key: SecretString,
}

#[derive(Deserialize)]
pub(super) struct PastedSecret {
    webhook_secret: SecretString,
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    project_name: String,
}

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn connect(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<PastedKey>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).connect(sent.secret_key).await;
    answer(&admin, wanted, Field::Key, outcome.map(|()| "connected")).await
}

pub(super) async fn replace_key(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<PastedKey>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).replace_key(sent.secret_key).await;
    answer(&admin, wanted, Field::NewKey, outcome.map(|()| "replaced")).await
}

pub(super) async fn check_again(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).check_again().await;
    answer(&admin, wanted, Field::Check, outcome.map(|()| "checked")).await
}

pub(super) async fn create_endpoint(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).create_endpoint().await;
    answer(&admin, wanted, Field::Endpoint, outcome.map(|()| "endpoint")).await
}

pub(super) async fn add_secret(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<PastedSecret>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).add_secret(&sent.webhook_secret).await;
    answer(&admin, wanted, Field::Secret, outcome.map(|()| "secret")).await
}

pub(super) async fn renew_address(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).renew_address().await;
    answer(&admin, wanted, Field::Endpoint, outcome.map(|()| "address-renewed")).await
}

pub(super) async fn renew_secret(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).renew_secret().await;
    answer(&admin, wanted, Field::Endpoint, outcome.map(|()| "secret-renewed")).await
}

#[derive(Deserialize)]
pub(super) struct SecretPath {
    secret: String,
}

pub(super) async fn remove_secret(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    Path(SecretPath { secret }): Path<SecretPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let id = SecretId::parse(&secret).ok_or(Error::NotFound)?;
    let outcome = admin.scope(&headers).remove_secret(&id).await;
    answer(&admin, wanted, Field::Secret, outcome.map(|()| "removed")).await
}

pub(super) async fn disconnect(
    admin: Confirmed,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Confirmation>,
) -> Result<Response> {
    let outcome = admin.scope(&headers).disconnect(&sent.project_name, &admin.project.name).await;
    let done = outcome.map(|end| match end {
        EndpointEnd::Left => "disconnected-endpoint-left",
        EndpointEnd::Removed | EndpointEnd::NotOurs => "disconnected",
    });
    answer(&admin, wanted, Field::Confirmation, done).await
}

async fn answer(
    admin: &Admin,
    wanted: Wanted,
    field: Field,
    outcome: connect::Result<&'static str>,
) -> Result<Response> {
    let error = match outcome {
        Ok(done) => {
            return Ok(wanted.redirect(&format!(
                "{}?done={done}",
                admin.shell(crate::web::shell::Nav::Connection).url("connection")
            )));
        }
        Err(error) => error,
    };
    let status = status_of(error)?;
    let (status, problem) = status;
    tracing::info!(status = status.as_u16(), code = problem.code, "the connection was not changed");
    let problem = Problem { field, message: problem.message, results: problem.results };
    let page = Page::load(admin, true, None).await?.with_problem(problem);
    let mut answer = wanted.respond_with(status, &page, &page.as_connection())?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    Ok(answer.into_response())
}

pub(super) struct Refused {
    code: &'static str,
    pub(super) message: String,
    results: Vec<connect::check::PermissionResult>,
}

/// The status of a refusal that the person can do something about; the rest are faults.
pub(super) fn status_of(error: connect::Error) -> Result<(StatusCode, Refused)> {
    use connect::Error as Refusal;
    let status = match &error {
        Refusal::NotChecked { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::AccountTaken | Refusal::Conflict(_) => StatusCode::CONFLICT,
        Refusal::NotAKey(_)
        | Refusal::KeyRejected
        | Refusal::MissingPermissions(_)
        | Refusal::ModeMismatch { .. }
        | Refusal::OtherAccount
        | Refusal::Secret(_)
        | Refusal::NotConfirmed
        | Refusal::EndpointRefused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Connection(_) | Refusal::Database(_) => {
            return Err(match error {
                Refusal::Database(error) | Refusal::Connection(crate::app::ConnectionError::Database(error)) => {
                    error.into()
                }
                error => Error::internal(error),
            });
        }
    };
    Ok((status, Refused { code: error.code(), message: error.to_string(), results: error.results().to_vec() }))
}
