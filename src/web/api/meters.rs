//! Meters, as Stripe has them now.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::List;
use super::live;
use super::parameters::Asked;
use crate::billing::live::Live;
use crate::domain::raw::Raw;
use crate::web::error::Result;
use crate::web::extract::Path;

/// What counts usage for prices that depend on it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meter {
    /// Stripe's id: what a price's `recurring.meter` takes.
    #[schema(example = "mtr_123")]
    stripe_id: String,
    /// Always `meter`.
    #[schema(example = "meter")]
    object: &'static str,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// What people call it.
    display_name: Option<String>,
    /// The name of the events that it counts.
    #[schema(example = "api_requests")]
    event_name: Option<String>,
    /// `active` or `inactive`.
    #[schema(example = "active")]
    status: Option<String>,
    /// How events become a quantity: `sum`, `count` or `last`.
    #[schema(example = "sum")]
    aggregation: Option<String>,
}

impl Meter {
    fn new(raw: &Raw) -> Self {
        let text = |pointer: &str| raw.text(pointer).map(str::to_owned);
        Self {
            object: "meter",
            stripe_id: text("/id").unwrap_or_default(),
            created: raw.int("/created").unwrap_or(0),
            livemode: raw.flag("/livemode"),
            display_name: text("/display_name"),
            event_name: text("/event_name"),
            status: text("/status"),
            aggregation: text("/default_aggregation/formula"),
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Meter>>> {
    let narrowed = asked.text("status").map(|status| ("status", status.to_owned()));
    live::page(&caller, &asked, (Live::Meter, narrowed.into_iter().collect()), Meter::new).await
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<Meter>> {
    Ok(Json(Meter::new(&live::one(&caller, Live::Meter, id).await?)))
}
