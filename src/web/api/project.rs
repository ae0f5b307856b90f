//! The project that a key belongs to, and the state of its connection to Stripe.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::parameters::Asked;
use crate::connect::doctor;
use crate::domain::kind::Kind;
use crate::store::polls::{self, Poll};
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
    /// The last look at Stripe's own list of events; none before the first.
    event_fetch: Option<EventFetch>,
    /// What the key doctor found last; none before its first look at this key.
    doctor: Option<Doctor>,
}

/// A look at Stripe's own list of events, for what no delivery has brought.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventFetch {
    /// When it ended, in unix seconds.
    at: i64,
    /// `ok`, `refused` (the key may not list events) or `failed` (it is tried again).
    #[schema(example = "ok")]
    outcome: String,
    /// Why it was not ok, in plain words.
    cause: Option<String>,
    /// Events that it brought and no delivery had.
    brought: i64,
    /// The same, of all looks since the account was connected.
    brought_in_all: i64,
    /// Every event that Stripe made before this unix second is here.
    complete_until: Option<i64>,
}

impl EventFetch {
    fn of(poll: Poll) -> Option<Self> {
        Some(Self {
            at: poll.polled_at?,
            outcome: poll.outcome?,
            cause: poll.cause,
            brought: poll.brought,
            brought_in_all: poll.total,
            complete_until: poll.cursor,
        })
    }
}

/// What the key doctor found, in short. Its page has the words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Doctor {
    /// When it looked, in unix seconds.
    looked_at: i64,
    /// `good`, `attention` (somebody should look) or `broken` (the copy cannot keep up).
    #[schema(example = "good")]
    verdict: &'static str,
    /// The permissions that the key lacks, by Stripe's names.
    #[schema(example = json!(["rak_coupon_write"]))]
    missing_permissions: Vec<String>,
    /// The webhook endpoint at Stripe: `enabled`, `disabled`, `elsewhere` (it leads to another address), `gone`, `none`, `hidden` (the key
    /// may not look) or `unknown`.
    #[schema(example = "enabled")]
    endpoint: &'static str,
    /// The version of its deliveries, where it is known.
    endpoint_api_version: Option<String>,
    /// Events that Stripe has not delivered and that have not arrived, counted up to a hundred; none where that is not known.
    undelivered_events: Option<usize>,
    /// How many seconds Stripe's clock is ahead of ours.
    stripe_is_ahead: Option<i64>,
}

impl From<doctor::Made> for Doctor {
    fn from(made: doctor::Made) -> Self {
        let report = made.report;
        Self {
            looked_at: made.at,
            verdict: report.verdict().as_str(),
            missing_permissions: report.to_tick(),
            endpoint: report.endpoint.state.as_str(),
            endpoint_api_version: report.endpoint.api_version,
            undelivered_events: match report.owed {
                doctor::Owed::Counted { not_here, .. } => Some(not_here),
                doctor::Owed::Hidden | doctor::Owed::Unknown { .. } => None,
            },
            stripe_is_ahead: report.stripe_is_ahead,
        }
    }
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
    let made = match found.as_ref().filter(|found| found.is_live()) {
        Some(live) => doctor::last(&mut tx, caller.project(), live).await?,
        None => None,
    };
    let poll = polls::find(&mut tx, caller.project()).await?;
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
            event_fetch: poll.and_then(EventFetch::of),
            doctor: made.map(Doctor::from),
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
            event_fetch: None,
            doctor: None,
        },
    }))
}
