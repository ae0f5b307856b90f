//! Putting events back into the queue.

use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use crate::domain::ids::path_segment;
use crate::store::webhook_events::detail;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html::Wanted;
use crate::web::shell::Nav;

/// A form that only has a button.
#[derive(Deserialize)]
pub(super) struct Pressed {}

#[derive(Deserialize)]
pub(super) struct EventPath {
    event: String,
}

pub(super) async fn all(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let moved = member.scope(&headers).requeue_events().await?;
    Ok(wanted.redirect(&member.shell(Nav::Events).url(format!("events?requeued={moved}"))))
}

pub(super) async fn one(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path(EventPath { event }): Path<EventPath>,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let mut tx = member.read().await?;
    detail::find(&mut tx, &member.project.id, &event).await?.ok_or(Error::NotFound)?;
    drop(tx);
    let moved = u64::from(member.scope(&headers).requeue_event(&event).await?);
    Ok(wanted.redirect(&member.shell(Nav::Events).url(format!("events/{}?requeued={moved}", path_segment(&event)))))
}
