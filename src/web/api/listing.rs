//! What the lists share: from parameters to a part of a table, and from that part to the envelope.

use axum::Json;
use serde::Serialize;

use super::parameters::Asked;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::list::{self, Edge, Filter, Listed, Part, Slice};
use crate::web::error::{Error, Refusal, Result};

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct List<T> {
    object: &'static str,
    data: Vec<T>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page; `next_cursor` is the id that the next page starts after.
    pub fn new(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { object: "list", data, has_more: next_cursor.is_some(), next_cursor }
    }
}

/// The id that the page after this one starts after.
fn next<T: Listed>(part: &Part<T>) -> Option<String> {
    part.next.as_ref().and_then(|_| part.rows.last()).map(|row| row.id().to_owned())
}

/// The answer of a list of mirrored objects.
pub fn answer<R: Listed, T>(part: Part<R>, of: impl FnMut(R) -> T) -> Json<List<T>> {
    let next = next(&part);
    Json(List::new(part.rows.into_iter().map(of).collect(), next))
}

/// What the parameters that most lists have ask for.
pub fn filter(asked: &Asked, project: &ProjectId) -> Filter {
    let owned = |name: &str| asked.text(name).map(str::to_owned);
    Filter {
        status: owned("status"),
        currency: owned("currency"),
        customers: asked.text("customer").map(|id| vec![Kind::Customer.resolve_id(project, id)]),
        created_from: asked.int("created[gte]"),
        created_to: asked.int("created[lt]"),
        ..Filter::default()
    }
}

/// Which part of a list of `kind` is wanted, newest first.
pub async fn slice(tx: &mut Tx, project: &ProjectId, kind: Kind, asked: &Asked) -> Result<Slice> {
    let mut slice = Slice::newest(asked.limit());
    if let Some(id) = asked.text("starting_after") {
        let place = list::place(tx, kind, project, &kind.resolve_id(project, id)).await?;
        slice.edge = Some(Edge::After(place.ok_or_else(no_such_cursor)?));
    }
    Ok(slice)
}

/// The object that a page is to start after is not there: never was, or is somebody else's.
pub fn no_such_cursor() -> Error {
    Error::Program(Box::new(Refusal {
        status: http::StatusCode::NOT_FOUND,
        code: "not_found".into(),
        param: Some("starting_after".to_owned()),
        message: "There is no such object to start after.".to_owned(),
    }))
}
