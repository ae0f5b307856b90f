//! Objects that the mirror does not keep: each look is a call to Stripe. Their ids are Stripe's alone.

use axum::Json;

use super::guard::Caller;
use super::listing::{List, no_such_cursor};
use super::objects::path_id;
use super::parameters::{Asked, CREATED_FROM, CREATED_TO, STARTING_AFTER};
use super::writes::refused;
use crate::billing::{self, live::Live};
use crate::domain::raw::Raw;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A page of a list; `narrowed` is what Stripe is asked for beyond the part.
pub async fn page<T>(
    caller: &Caller,
    asked: &Asked,
    (kind, narrowed): (Live, Vec<(&str, String)>),
    of: impl Fn(&Raw) -> T,
) -> Result<Json<List<T>>> {
    let mut query = narrowed;
    query.push(("limit", asked.limit().to_string()));
    for name in [STARTING_AFTER.name, CREATED_FROM.name, CREATED_TO.name] {
        query.extend(asked.text(name).map(|value| (name, value.to_owned())));
    }
    let page = caller.scope().live_page(kind, &query).await.map_err(|error| match error {
        billing::Error::Refused(refusal) if refusal.param.as_deref() == Some(STARTING_AFTER.name) => no_such_cursor(),
        error => refused(error),
    })?;
    let last = page.rows.last().filter(|_| page.has_more);
    let next = last.and_then(|row| row.text("/id")).map(str::to_owned);
    Ok(Json(List::new(page.rows.iter().map(of).collect(), next)))
}

/// One object by the id in the path.
pub async fn one(caller: &Caller, kind: Live, id: Path<String>) -> Result<Raw> {
    named(caller, kind, &path_id(id)?).await
}

/// One object by its id.
pub async fn named(caller: &Caller, kind: Live, id: &str) -> Result<Raw> {
    // What cannot be an id of Stripe's is not asked for.
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::NotFound);
    }
    caller.scope().live(kind, id).await.map_err(refused)
}
