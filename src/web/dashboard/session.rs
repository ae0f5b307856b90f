//! `/logout`.

use axum::extract::FromRequest as _;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

use crate::accounts::trail;
use crate::app::App;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::extract::ClientIp;
use crate::web::html;
use crate::web::routes::Routes;
use crate::web::session::{Login, origin, sign_out};

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/logout", post(logout))
}

#[derive(Deserialize)]
struct Nothing {}

async fn logout(
    State(app): State<App>,
    login: Login,
    ClientIp(address): ClientIp,
    request: Request,
) -> Result<Response> {
    let Some(person) = &login.user else {
        return Ok(html::see_other("/login")); // signed out in another tab: there is no token to check any more
    };
    let origin = origin(address, request.headers());
    let ProtectedForm(Nothing {}) = ProtectedForm::from_request(request, &app).await?;
    trail::logged_out(&app, &person.user.id, &origin).await?;
    sign_out(login, app.config.is_https()).await
}
