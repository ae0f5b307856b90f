//! `/portal/{token}`: a page with one button. Mail scanners and previews open links, so looking must not use one up; some run
//! scripts as well, so the page has none that could press the button.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, header};
use serde::Deserialize;

use super::cancel;
use super::guest;
use super::page::{GONE_LINK, PortalShell};
use super::{card, change};
use crate::app::App;
use crate::domain::portal::Flow;
use crate::domain::raw::Raw;
use crate::vault::ExposeSecret as _;
use crate::web::csrf::{CsrfToken, ProtectedForm};
use crate::web::error::{Error, Result};
use crate::web::extract::{ClientIp, Path};
use crate::web::html;
use crate::web::language;
use crate::web::middleware::request_id;
use crate::web::routes::Routes;

/// Letters of a browser's name for itself that are kept.
const AGENT: usize = 200;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/{token}", get(show).post(open))
}

#[derive(Template)]
#[template(path = "portal/link.html")]
struct LinkPage {
    shell: PortalShell,
    /// Until when the link can be used.
    until: String,
}

#[derive(Deserialize)]
struct Nothing {}

fn over() -> Error {
    Error::Gone(GONE_LINK.to_owned())
}

async fn show(
    State(app): State<App>,
    Extension(csrf): Extension<CsrfToken>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response> {
    let visit = app.portal_link(&token).await?.ok_or_else(over)?;
    let shell = PortalShell {
        theme: html::theme(&headers),
        language: language::choose(&headers, &language::preferred(&Raw::parse(&visit.customer.raw))),
        brand: visit.brand,
        test: !visit.livemode,
        csrf: Some(csrf),
        return_url: None,
    };
    // the form is sent to this same address, so that the token stands in no second place
    html::page(&LinkPage { until: shell.language.moment(visit.expires), shell })
}

async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    ClientIp(address): ClientIp,
    Path(token): Path<String>,
    ProtectedForm(Nothing {}): ProtectedForm<Nothing>,
) -> Result<Response> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let agent: String = agent.chars().take(AGENT).collect();
    let by = (address.to_string(), agent);
    let opened = app.open_portal(&token, (&by.0, &by.1), request_id(&headers)).await?.ok_or_else(over)?;
    let mut answer = html::see_other(begin(opened.flow));
    answer.headers_mut().append(header::SET_COOKIE, guest::cookie(&app, opened.secret.expose_secret())?);
    Ok(answer)
}

/// The first page of a visit.
fn begin(flow: Flow) -> &'static str {
    match flow {
        Flow::Cancel => cancel::BEGIN,
        Flow::ChangePlan => change::BEGIN,
        Flow::UpdateCard => card::PAGE,
        Flow::Invoices => "/portal#invoices-h",
        Flow::Overview => "/portal",
    }
}
