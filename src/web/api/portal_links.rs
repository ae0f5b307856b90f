//! Links to the customer portal.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::{List, no_such_cursor};
use super::objects::path_id;
use super::parameters::Asked;
use crate::domain::ids::PortalLinkId;
use crate::domain::kind::Kind;
use crate::domain::portal::Permit;
use crate::store::portal_links::{self, Listed};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A link with which a customer visits the portal, once, for an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalLink {
    /// Our id.
    #[schema(example = "pln_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `portal_link`.
    #[schema(example = "portal_link")]
    object: &'static str,
    /// When it was made, in unix seconds.
    created: i64,
    /// `unused`, `used`, `expired` or `revoked`.
    #[schema(example = "unused")]
    status: &'static str,
    /// Our id of the customer.
    customer: String,
    /// What it allows beyond looking at the plan: `plan`, `quantity`, `cancel`, `card`, `invoices` and `details`.
    actions: Vec<&'static str>,
    /// Where the visit begins: `overview`, `cancel`, `update_card`, `change_plan` or `invoices`.
    #[schema(example = "overview")]
    flow: String,
    /// Where the portal's way back leads.
    return_url: Option<String>,
    /// Until when it can be used, in unix seconds.
    expires_at: i64,
    /// When it was used, in unix seconds.
    used_at: Option<i64>,
    /// The address that it was used from.
    used_from: Option<String>,
    /// When it was revoked, in unix seconds.
    revoked_at: Option<i64>,
    /// Where to send the customer. Only in the answer that made the link: it is stored nowhere.
    url: Option<String>,
}

impl PortalLink {
    fn new(link: Listed, now: i64) -> Self {
        let status = match &link {
            Listed { revoked_at: Some(_), .. } => "revoked",
            Listed { used_at: Some(_), .. } => "used",
            link if link.expires <= now => "expired",
            _ => "unused",
        };
        Self {
            object: "portal_link",
            status,
            id: link.id.to_string(),
            created: link.created,
            customer: link.customer_id,
            actions: Permit::split(&link.actions).into_iter().map(Permit::as_str).collect(),
            flow: link.flow,
            return_url: link.return_url,
            expires_at: link.expires,
            used_at: link.used_at,
            used_from: link.used_ip,
            revoked_at: link.revoked_at,
            url: None,
        }
    }

    /// With the address, in the one answer that may hold it.
    pub(super) fn with_url(self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self }
    }
}

/// The link with this id.
pub(super) async fn one(caller: &Caller, id: &str) -> Result<PortalLink> {
    let mut tx = caller.read().await?;
    let place = (&caller.key.tenant, caller.project());
    let link = match PortalLinkId::parse(id) {
        Some(id) => portal_links::find(&mut tx, place, &id).await?,
        None => None,
    };
    link.map(|link| PortalLink::new(link, caller.app.clock.now())).ok_or(Error::NotFound)
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<PortalLink>>> {
    let (mut tx, project, now) = (caller.read().await?, caller.project(), caller.app.clock.now());
    let place = (&caller.key.tenant, project);
    let customer = asked.text("customer").map(|id| Kind::Customer.resolve_id(project, id));
    let after = match asked.text("starting_after").map(PortalLinkId::parse) {
        None => None,
        Some(None) => return Err(no_such_cursor()),
        Some(Some(id)) => {
            let found = portal_links::find(&mut tx, place, &id).await?.ok_or_else(no_such_cursor)?;
            Some((found.created, found.id))
        }
    };
    let limit = asked.limit();
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut rows = portal_links::page(&mut tx, place, (customer.as_deref(), after.as_ref()), wanted).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(|link| link.id.to_string());
    Ok(Json(List::new(rows.into_iter().map(|link| PortalLink::new(link, now)).collect(), next)))
}

pub(super) async fn retrieve(caller: Caller, _: Asked, id: Path<String>) -> Result<Json<PortalLink>> {
    Ok(Json(one(&caller, &path_id(id)?).await?))
}
