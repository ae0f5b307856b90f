//! Cancelling a subscription at the end of its period.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::{Said, lead_on};
use super::page::PortalShell;
use super::plans::{self, Plan};
use crate::app::App;
use crate::domain::drafts::{Cancellation, FEEDBACKS, Moment};
use crate::domain::portal::Permit;
use crate::domain::status;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, with_retry};
use crate::web::html;

/// Where a visit begins that is for cancelling.
pub const BEGIN: &str = "/portal/begin/cancel";

/// The routes.
pub fn router() -> Router<App> {
    Router::new().route(BEGIN, get(begin)).route("/portal/plans/{plan}/cancel", get(ask).post(send))
}

#[derive(Template)]
#[template(path = "portal/cancel.html")]
struct CancelPage {
    shell: PortalShell,
    plan: Plan,
    form: Form,
    feedbacks: Vec<(&'static str, String)>,
}

async fn page(guest: &Guest, handle: &str, form: Form) -> Result<CancelPage> {
    guest.needs(Permit::Cancel)?;
    let mut tx = guest.read().await?;
    let plan = plans::find(&mut tx, guest, handle).await?;
    let feedbacks = FEEDBACKS.iter().map(|word| (*word, status::words(word)));
    let feedbacks = std::iter::once(("", "I would rather not say".to_owned())).chain(feedbacks).collect();
    Ok(CancelPage { shell: guest.shell(), plan, form, feedbacks })
}

/// Leads to the one subscription that can be cancelled; where there are several, the customer chooses on the overview.
async fn begin(guest: Guest) -> Result<Response> {
    let mut tx = guest.read().await?;
    let plans: Vec<Plan> = plans::of(&mut tx, &guest).await?.into_iter().filter(|plan| plan.may_cancel).collect();
    Ok(html::see_other(&match plans.as_slice() {
        [only] => format!("{}/cancel", only.path),
        _ => "/portal".to_owned(),
    }))
}

async fn ask(guest: Guest, Path(handle): Path<String>) -> Result<Response> {
    let page = page(&guest, &handle, Form::empty()).await?;
    if !page.plan.may_cancel {
        return Err(Error::Conflict("This subscription is cancelled already, or cannot be cancelled now.".to_owned()));
    }
    html::page(&page)
}

async fn send(
    guest: Guest,
    Path(handle): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let page = page(&guest, &handle, Form::empty()).await?;
    let how = Cancellation {
        moment: Moment::PeriodEnd,
        feedback: typed.filled("cancellation_details[feedback]"),
        comment: typed.filled("cancellation_details[comment]"),
        prorate: false,
        invoice_now: false,
    };
    let outcome = guest.scope().cancel_subscription(&typed.nonce()?, &page.plan.id, &how).await;
    match lead_on(&guest, &typed, outcome, Said::Canceled)? {
        Ok(answer) => Ok(answer),
        Err((status, refused)) => {
            let page = CancelPage { form: Form::refused(typed, refused), ..page };
            Ok(with_retry(html::page_with(status, &page)?, status))
        }
    }
}
