//! The buttons of the page. A wish that does not fit any more leads back to the page, which says why.

use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::view::Notice;
use crate::sync::runs;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::html::Wanted;
use crate::web::shell::Nav;

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

pub(super) async fn fetch(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).fetch_missed_events().await;
    answer(&member, wanted, outcome, Notice::Fetching)
}

pub(super) async fn start(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).start_backfill().await;
    answer(&member, wanted, outcome, Notice::Started)
}

pub(super) async fn pause(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).pause_backfill().await;
    answer(&member, wanted, outcome, Notice::Paused)
}

pub(super) async fn resume(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).resume_backfill().await;
    answer(&member, wanted, outcome, Notice::Resumed)
}

pub(super) async fn retry(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let outcome = member.scope(&headers).retry_failed_types().await;
    answer(&member, wanted, outcome, Notice::Retried)
}

fn answer(member: &Member, wanted: Wanted, outcome: Result<(), runs::Error>, done: Notice) -> Result<Response> {
    answer_at(member, "sync", wanted, outcome, done)
}

/// Leads to a page of the project, which says what became of the wish.
pub(super) fn answer_at(
    member: &Member,
    page: &str,
    wanted: Wanted,
    outcome: Result<(), runs::Error>,
    done: Notice,
) -> Result<Response> {
    let notice = match outcome {
        Ok(()) => done,
        Err(runs::Error::Unfit(unfit)) => Notice::Unfit(unfit),
        Err(runs::Error::Database(error)) => return Err(error.into()),
    };
    Ok(wanted.redirect(&member.shell(Nav::Sync).url(format!("{page}?done={}", notice.code()))))
}
