//! The project that a key belongs to, and the state of its connection to Stripe.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::parameters::Asked;
use crate::domain::kind::Kind;
use crate::store::{connections, counts, projects};
use crate::web::error::{Error, Result};

/// An environment of a business. Everything that a key sees belongs to one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Project {
    /// Our id.
    #[schema(example = "prj_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `project`.
    #[schema(example = "project")]
    object: &'static str,
    /// What people call it.
    #[schema(example = "Production")]
    name: String,
    /// Whether real money moves; none while nothing was ever connected.
    livemode: Option<bool>,
    /// How many objects of each kind the copy holds, deleted ones left out.
    counts: BTreeMap<String, i64>,
}

/// The Stripe account of a project.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Connection {
    /// Always `connection`.
    #[schema(example = "connection")]
    object: &'static str,
    /// `connected`, `key_rejected`, `disconnected`, or `none` when nothing was ever connected.
    #[schema(example = "connected")]
    state: String,
    /// Stripe's id of the account, when Stripe told it.
    account_id: Option<String>,
    /// What the account's owner calls it, when Stripe told it.
    account_name: Option<String>,
    /// Whether real money moves.
    livemode: Option<bool>,
    /// The Stripe version of calls and events.
    api_version: Option<String>,
    /// When the key was first checked, in unix seconds.
    connected_at: Option<i64>,
    /// When the key was last checked, in unix seconds.
    checked_at: Option<i64>,
    /// When the last event was received, in unix seconds.
    last_event_at: Option<i64>,
    /// Why the connection does not work, in plain words.
    last_error: Option<String>,
}

pub(super) async fn retrieve(caller: Caller, _: Asked) -> Result<Json<Project>> {
    let mut tx = caller.read().await?;
    let projects = projects::list(&mut tx).await?;
    let found = projects.into_iter().find(|project| project.id == *caller.project()).ok_or(Error::NotFound)?;
    let mut by_kind: BTreeMap<String, i64> = Kind::ALL.iter().map(|kind| (kind.plural().to_owned(), 0)).collect();
    for count in counts::all(&mut tx, caller.project()).await? {
        if let Some(kind) = Kind::parse(&count.kind).filter(|_| count.status != "deleted") {
            *by_kind.entry(kind.plural().to_owned()).or_default() += count.n;
        }
    }
    Ok(Json(Project {
        id: found.id.to_string(),
        object: "project",
        name: found.name,
        livemode: found.livemode,
        counts: by_kind,
    }))
}

pub(super) async fn connection(caller: Caller, _: Asked) -> Result<Json<Connection>> {
    let mut tx = caller.read().await?;
    let found = connections::find(&mut tx, caller.project()).await?;
    Ok(Json(match found {
        Some(found) => Connection {
            object: "connection",
            state: found.state,
            account_id: found.account_id,
            account_name: found.account_name,
            livemode: Some(found.livemode),
            api_version: Some(found.api_version),
            connected_at: Some(found.connected_at),
            checked_at: Some(found.checked_at),
            last_event_at: found.last_event_at,
            last_error: found.last_error,
        },
        None => Connection {
            object: "connection",
            state: "none".to_owned(),
            account_id: None,
            account_name: None,
            livemode: None,
            api_version: None,
            connected_at: None,
            checked_at: None,
            last_event_at: None,
            last_error: None,
        },
    }))
}
