//! Who may open the operator's pages: an operator, who has typed the password for them within the hour.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::Method;
use http::request::Parts;

use super::shell::{Nav, Shell};
use crate::accounts::operators::{Operator, is_operator};
use crate::app::App;
use crate::web::access::SignedIn;
use crate::web::error::Error;
use crate::web::html::Wanted;
use crate::web::operating::is_operator_area_open;
use crate::web::shell::AccountNav;

/// A signed-in operator, whether or not the area is open. Everybody else gets a 404.
pub(super) struct Known {
    /// The person.
    pub person: SignedIn,
    /// What the person may do.
    pub operator: Operator,
}

impl FromRequestParts<App> for Known {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let person = SignedIn::from_request_parts(parts, app).await?;
        if !is_operator(app, &person.user.id).await? {
            return Err(Error::NotFound);
        }
        let operator = Operator { app: app.clone(), user: person.user.id.clone(), origin: person.origin.clone() };
        Ok(Self { person, operator })
    }
}

impl Known {
    /// The frame of a page.
    pub fn shell(&self, active: Nav) -> Shell {
        let frame = self.person.shell(AccountNav::None);
        Shell { theme: frame.theme, csrf: frame.csrf, now: frame.now, email: frame.email, active }
    }
}

/// An operator in the open area. Others who are operators are led to its door.
pub(super) struct Inside(Known);

impl std::ops::Deref for Inside {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl FromRequestParts<App> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let known = Known::from_request_parts(parts, app).await.map_err(Error::into_response)?;
        let open = is_operator_area_open(&known.person.login, app.clock.now()).await;
        if open.map_err(Error::into_response)? {
            return Ok(Self(known));
        }
        let next = if parts.method == Method::GET { parts.uri.path() } else { "/operator" };
        let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
        Err(Wanted::of(&parts.headers).redirect(&format!("/operator/enter?{query}")))
    }
}
