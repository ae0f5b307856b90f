//! What a session knows of an operator: whether the area is open, and whose pages the operator looks at.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::session::Login;
use crate::domain::ids::TenantId;
use crate::domain::role::Role;

/// Where the session keeps until when the operator's area is open, in unix seconds.
const OPERATOR_UNTIL: &str = "operator_until";
/// Seconds for which the operator's area stays open.
const OPERATOR: i64 = 60 * 60;
/// Where the session keeps whose pages an operator looks at.
const LOOKING_IN: &str = "looking_in";
/// Seconds for which an operator may look at a tenant's pages.
pub const LOOK: i64 = 30 * 60;

/// Opens the operator's area for an hour.
pub async fn open_operator_area(login: &Login, now: i64) -> Result<()> {
    login.session.insert(OPERATOR_UNTIL, now + OPERATOR).await.map_err(Error::internal)
}

/// Closes the operator's area, and with it every look at a tenant's pages.
pub async fn close_operator_area(login: &Login) -> Result<()> {
    login.session.remove::<i64>(OPERATOR_UNTIL).await.map_err(Error::internal)?;
    stop_looking_in(login).await.map(|_| ())
}

/// Whether the operator's area is open.
pub async fn is_operator_area_open(login: &Login, now: i64) -> Result<bool> {
    let until = login.session.get::<i64>(OPERATOR_UNTIL).await.map_err(Error::internal)?;
    Ok(until.is_some_and(|until| now < until))
}

/// An operator's look at a tenant's pages.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LookingIn {
    /// Whose pages.
    pub tenant: TenantId,
    /// As what, a stored name of a role.
    pub role: String,
    /// Unix seconds.
    pub until: i64,
}

/// Lets an operator look at a tenant's pages for half an hour.
pub async fn look_in(login: &Login, tenant: &TenantId, role: Role, now: i64) -> Result<()> {
    let looking = LookingIn { tenant: tenant.clone(), role: role.as_str().to_owned(), until: now + LOOK };
    login.session.insert(LOOKING_IN, looking).await.map_err(Error::internal)
}

/// The tenant whose pages an operator looks at now.
pub async fn looking_in(login: &Login, now: i64) -> Result<Option<LookingIn>> {
    let looking = login.session.get::<LookingIn>(LOOKING_IN).await.map_err(Error::internal)?;
    Ok(looking.filter(|looking| now < looking.until))
}

/// Ends the look; answers whose pages it was.
pub async fn stop_looking_in(login: &Login) -> Result<Option<TenantId>> {
    let looking = login.session.remove::<LookingIn>(LOOKING_IN).await.map_err(Error::internal)?;
    Ok(looking.map(|looking| looking.tenant))
}
