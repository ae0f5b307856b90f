//! An event's body as it arrived, to keep.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::store::webhook_events::detail;
use crate::web::access::Viewer;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

#[derive(Deserialize)]
pub(super) struct EventPath {
    event: String,
}

pub(super) async fn download(viewer: Viewer, Path(EventPath { event }): Path<EventPath>) -> Result<Response> {
    let mut tx = viewer.read().await?;
    let found = detail::find(&mut tx, &viewer.project.id, &event).await?.ok_or(Error::NotFound)?;
    let name: String = found.id.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    let attachment =
        HeaderValue::from_str(&format!("attachment; filename=\"{name}.json\"")).map_err(Error::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, attachment),
    ];
    Ok((headers, Body::from(found.payload)).into_response())
}
