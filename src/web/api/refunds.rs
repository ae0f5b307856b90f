//! Money that was given back, as Stripe has it now.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::List;
use super::live;
use super::objects::Metadata;
use super::parameters::Asked;
use crate::billing::live::Live;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::raw::Raw;
use crate::store::mirror;
use crate::web::error::Result;
use crate::web::extract::Path;

/// Money that was given back, or is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refund {
    /// Stripe's id.
    #[schema(example = "re_1Nispe2eZvKYlo2Cd31jOCgZ")]
    stripe_id: String,
    /// Always `refund`.
    #[schema(example = "refund")]
    object: &'static str,
    /// When it was made, in unix seconds.
    created: i64,
    /// Our id of the charge; none where Stripe names none.
    charge: Option<String>,
    /// Stripe's id of the payment intent.
    payment_intent: Option<String>,
    /// In minor units.
    amount: i64,
    /// Lower-case ISO code.
    currency: Option<String>,
    /// Stripe's word, such as `succeeded` or `pending`.
    status: Option<String>,
    /// Why.
    reason: Option<String>,
    /// Why it did not arrive, in Stripe's word.
    failure_reason: Option<String>,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
}

impl Refund {
    pub(super) fn new(raw: &Raw, project: &ProjectId) -> Self {
        let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
        Self {
            object: "refund",
            stripe_id: text("/id").unwrap_or_default(),
            created: raw.int("/created").unwrap_or(0),
            charge: raw.reference("/charge").map(|id| Kind::Charge.derive_id(project, id)),
            payment_intent: raw.reference("/payment_intent").map(str::to_owned),
            amount: raw.int("/amount").unwrap_or(0),
            currency: text("/currency"),
            status: text("/status"),
            reason: text("/reason"),
            failure_reason: text("/failure_reason"),
            metadata: Metadata::of(raw),
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Refund>>> {
    let project = caller.project();
    let mut narrowed = Vec::new();
    if let Some(id) = asked.text("charge") {
        let mut tx = caller.read().await?;
        let id = Kind::Charge.resolve_id(project, id);
        let Some(charge) = mirror::find(&mut tx, project, Kind::Charge, &id).await? else {
            return Ok(Json(List::new(Vec::new(), None)));
        };
        narrowed.push(("charge", charge.stripe_id));
    }
    live::page(&caller, &asked, (Live::Refund, narrowed), |raw| Refund::new(raw, project)).await
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<Refund>> {
    let raw = live::one(&caller, Live::Refund, id).await?;
    Ok(Json(Refund::new(&raw, caller.project())))
}
