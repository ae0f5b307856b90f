//! The one place that asks whether a tenant's state and plan allow what is asked. Reads of one's own data are never refused.
//!
//! Pages come here through the extractors of [`super::access`] and [`Within`], programs through the guard of the REST API.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::error::{Error, Result};
use crate::app::{App, TenantStanding};
use crate::domain::ids::TenantId;
use crate::domain::plan::{Closeness, Meter, TenantState};
use crate::domain::time;

/// Whether a tenant may change anything at all.
///
/// # Errors
/// 402 for a tenant that is suspended or about to be deleted; the message says what to do.
pub fn may_change(tenant: &TenantStanding) -> Result<()> {
    let standing = &tenant.standing;
    if !standing.state().is_read_only() {
        return Ok(());
    }
    let message = match standing.state() {
        TenantState::Ending | TenantState::Erasing => {
            "This business is about to be deleted: nothing can be changed any more. Whoever runs this billfold can call it off."
                .to_owned()
        }
        _ if standing.state_note.is_empty() => format!("{SUSPENDED} {}", remedy(tenant)),
        _ => format!("{SUSPENDED} {} {}", reason(&standing.state_note), remedy(tenant)),
    };
    Err(Error::Plan { status: StatusCode::PAYMENT_REQUIRED, code: "tenant_suspended", message, retry_after: None })
}

const SUSPENDED: &str = "This business is suspended: everything can be read, nothing changed.";

/// As a sentence of its own.
fn reason(note: &str) -> String {
    if note.ends_with(['.', '!', '?']) { note.to_owned() } else { format!("{note}.") }
}

fn remedy(tenant: &TenantStanding) -> &'static str {
    if tenant.standing.payer_id.is_some() {
        "Its owners and admins can pay under Plan and usage; it comes back within seconds."
    } else {
        "Ask whoever runs this billfold."
    }
}

/// Whether a tenant may have one more of something.
///
/// # Errors
/// 402 at the limit of the plan; 429 when the limit is one of calls, with the seconds until the next month.
pub fn may_add(tenant: &TenantStanding, meter: Meter, now: i64) -> Result<()> {
    if tenant.closeness(meter) != Closeness::Reached {
        return Ok(());
    }
    let limit = tenant.plan.limit(meter).unwrap_or_default();
    let message = format!("The plan {} ends at {limit} for “{}”. {}", tenant.plan.name, meter.label(), meter.stops());
    let (status, retry_after) = match meter {
        Meter::ApiCalls => {
            let wait = u64::try_from(time::next_month_start(now) - now).unwrap_or(1);
            (StatusCode::TOO_MANY_REQUESTS, Some(wait))
        }
        _ => (StatusCode::PAYMENT_REQUIRED, None),
    };
    Err(Error::Plan { status, code: "plan_limit_reached", message, retry_after })
}

/// Whether a tenant may take its data away in a file.
///
/// # Errors
/// 402 when the plan has no exports.
pub fn may_export(tenant: &TenantStanding) -> Result<()> {
    if tenant.plan.exports {
        return Ok(());
    }
    let message =
        format!("The plan {} has no exports. Everything can still be read here and by the REST API.", tenant.plan.name);
    Err(Error::Plan { status: StatusCode::PAYMENT_REQUIRED, code: "plan_feature_missing", message, retry_after: None })
}

/// What a plan may refuse.
pub trait Limit {
    /// Refuses it, or not.
    fn check(tenant: &TenantStanding, now: i64) -> Result<()>;
}

/// One more person.
pub struct Seats;
/// One more project.
pub struct Projects;
/// One more customer.
pub struct Customers;
/// A file with the tenant's data.
pub struct Exports;

impl Limit for Seats {
    fn check(tenant: &TenantStanding, now: i64) -> Result<()> {
        may_add(tenant, Meter::Seats, now)
    }
}

impl Limit for Projects {
    fn check(tenant: &TenantStanding, now: i64) -> Result<()> {
        may_add(tenant, Meter::Projects, now)
    }
}

impl Limit for Customers {
    fn check(tenant: &TenantStanding, now: i64) -> Result<()> {
        may_add(tenant, Meter::Customers, now)
    }
}

impl Limit for Exports {
    fn check(tenant: &TenantStanding, _: i64) -> Result<()> {
        may_export(tenant)
    }
}

/// Whoever acts for a tenant.
pub trait OfTenant {
    /// The tenant.
    fn tenant(&self) -> &TenantId;
}

/// Whoever `A` lets in, while the tenant's plan has room for what `L` stands for.
pub struct Within<L, A>(A, PhantomData<L>);

impl<L, A> Deref for Within<L, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<L, A, S> FromRequestParts<S> for Within<L, A>
where
    S: Send + Sync,
    App: FromRef<S>,
    L: Limit,
    A: OfTenant + Send + FromRequestParts<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let inner = A::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        check::<L>(&App::from_ref(state), inner.tenant()).await.map_err(Error::into_response)?;
        Ok(Self(inner, PhantomData))
    }
}

/// Counts anew: what was added a moment ago counts.
async fn check<L: Limit>(app: &App, tenant: &TenantId) -> Result<()> {
    let standing = app.fresh_standing(tenant).await?.ok_or(Error::NotFound)?;
    L::check(&standing, app.clock.now())
}
