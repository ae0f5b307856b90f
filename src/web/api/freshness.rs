//! How the copy compares with Stripe.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::parameters::Asked;
use crate::store::{connections, polls};
use crate::sync::reconcile::report::{self, OfType};
use crate::web::error::Result;

/// How fresh the copy is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Freshness {
    /// Always `freshness`.
    #[schema(example = "freshness")]
    object: &'static str,
    /// Every event that Stripe made before this unix second, and had not forgotten when it was asked, is here; none before Stripe's
    /// list of events was first looked at.
    events_complete_until: Option<i64>,
    /// Whether a comparison is under way.
    comparing: bool,
    /// When a comparison found more differences than it should, in unix seconds; none when a full one without them has followed.
    drift_since: Option<i64>,
    /// Each type of object.
    types: Vec<TypeFreshness>,
}

/// How fresh the copies of one type are. What differed and was mended is summed up over the last 30 days.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TypeFreshness {
    /// Stripe's name of the type.
    #[serde(rename = "type")]
    #[schema(example = "customer")]
    kind: &'static str,
    /// Objects that are here, deleted ones left out.
    #[schema(example = 1204)]
    count: i64,
    /// When an event was last applied, in unix seconds; none when there was none lately.
    last_event_at: Option<i64>,
    /// When every object was last compared, in unix seconds.
    last_compared_at: Option<i64>,
    /// When a sample was last compared, in unix seconds.
    last_sampled_at: Option<i64>,
    /// Objects that were read again in the last 24 hours.
    compared_today: i64,
    /// Objects that were other than at Stripe.
    differed: i64,
    /// In which field how many objects differed.
    differed_fields: BTreeMap<String, i64>,
    /// Objects that were at Stripe and not here.
    missing: i64,
    /// Objects that were here and no longer at Stripe.
    gone: i64,
    /// How many of all these were mended.
    repaired: i64,
    /// Why the last comparison could not read the type, in plain words.
    trouble: Option<String>,
}

impl From<OfType> for TypeFreshness {
    fn from(of: OfType) -> Self {
        Self {
            kind: of.kind.as_str(),
            count: of.here,
            last_event_at: of.event_at,
            last_compared_at: of.full_at,
            last_sampled_at: of.sampled_at,
            compared_today: of.today,
            differed: of.differed,
            differed_fields: of.fields,
            missing: of.missing,
            gone: of.gone,
            repaired: of.repaired,
            trouble: of.trouble,
        }
    }
}

pub(super) async fn retrieve(caller: Caller, _: Asked) -> Result<Json<Freshness>> {
    let mut tx = caller.read().await?;
    let project = caller.project();
    let found = report::Freshness::load(&mut tx, project, caller.app.clock.now()).await?;
    let connection = connections::find(&mut tx, project).await?;
    let poll = polls::find(&mut tx, project).await?;
    Ok(Json(Freshness {
        object: "freshness",
        events_complete_until: poll.and_then(|poll| poll.cursor),
        comparing: found.running().is_some(),
        drift_since: connection.and_then(|connection| connection.drift_at),
        types: found.types.into_iter().map(TypeFreshness::from).collect(),
    }))
}
