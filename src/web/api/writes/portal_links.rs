//! Links to the customer portal: made and revoked.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::refused;
use crate::billing::portal::LinkError;
use crate::domain::portal::{Flow, LIFE, LinkDraft, Permit};
use crate::vault::ExposeSecret as _;
use crate::web::api::guard::Caller;
use crate::web::api::idempotency::KeptInstead;
use crate::web::api::objects::path_id;
use crate::web::api::parameters::Asked;
use crate::web::api::portal_links::{PortalLink, one};
use crate::web::api::sent::Sent;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A new link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPortalLink {
    /// The customer, by either id.
    #[schema(min_length = 1, max_length = 255)]
    customer: String,
    /// For how many seconds it can be used; 900 when it is left out.
    #[schema(minimum = 300, maximum = 86400)]
    expires_in: Option<i64>,
    /// What it allows: of `plan`, `quantity`, `cancel`, `card`, `invoices` and `details`. All of them when it is left out; an
    /// empty list allows looking at the plan alone.
    actions: Option<Vec<String>>,
    /// Where the visit begins: `overview`, `cancel`, `update_card`, `change_plan` or `invoices`.
    flow: Option<String>,
    /// Where the portal's way back leads: an origin that the project allows.
    return_url: Option<String>,
}

impl NewPortalLink {
    fn draft(self) -> Result<LinkDraft> {
        let permit = |(position, action): (usize, String)| {
            Permit::parse(&action).ok_or_else(|| {
                Error::invalid(
                    format!("actions[{position}]"),
                    "One of plan, quantity, cancel, card, invoices and details.",
                )
            })
        };
        let mut permits = match self.actions {
            Some(actions) => actions.into_iter().enumerate().map(permit).collect::<Result<Vec<_>>>()?,
            None => Permit::ALL.to_vec(),
        };
        permits.sort_unstable();
        permits.dedup();
        let flow = match self.flow {
            Some(flow) => Flow::parse(&flow).ok_or_else(|| {
                Error::invalid("flow", "One of overview, cancel, update_card, change_plan and invoices.")
            })?,
            None => Flow::default(),
        };
        let life = self.expires_in.unwrap_or(LIFE);
        Ok(LinkDraft { customer: self.customer, life, permits, flow, return_url: self.return_url })
    }
}

pub(crate) async fn create(caller: Caller, _: Asked, Sent(sent): Sent<NewPortalLink>) -> Result<Response> {
    let made = caller.scope().create_portal_link(&sent.draft()?).await.map_err(|error| match error {
        LinkError::Refused(error) => refused(error),
        LinkError::TooMany => Error::TooManyRequests { retry_after: 60 },
    })?;
    let link = one(&caller, made.id.as_str()).await?;
    let mut answer = Json(link.with_url(made.url.expose_secret())).into_response();
    // The address opens the portal, so no copy of it is stored: a repeated request is answered without it.
    let kept = serde_json::to_string(&one(&caller, made.id.as_str()).await?).map_err(Error::internal)?;
    answer.extensions_mut().insert(KeptInstead(kept));
    Ok(answer)
}

pub(crate) async fn revoke(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<PortalLink>> {
    let id = path_id(id)?;
    caller.scope().revoke_portal_link(&id).await.map_err(refused)?;
    Ok(Json(one(&caller, &id).await?))
}
