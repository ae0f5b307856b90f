//! Cancelling a subscription at the end of its period.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::{Said, lead_on};
use super::page::PortalShell;
use super::plans::{self, Plan};
use crate::domain::drafts::{Cancellation, FEEDBACKS, Moment};
use crate::domain::portal::Permit;
use crate::domain::status;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, with_retry};
use crate::web::html;
use crate::web::routes::Routes;

/// Where a visit begins that is for cancelling.
pub const BEGIN: &str = "/portal/begin/cancel";

/// The routes.
pub fn router() -> Routes {
    Routes::new().route(BEGIN, get(begin)).route("/portal/plans/{plan}/cancel", get(ask).post(send))
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
    let feedback = |word: &'static str| {
        (word, guest.language.find(&format!("feedback-{word}"), &[]).unwrap_or_else(|| status::words(word)))
    };
    let silent = ("", guest.language.say("feedback-none"));
    let feedbacks = std::iter::once(silent).chain(FEEDBACKS.into_iter().map(feedback)).collect();
    Ok(CancelPage { shell: guest.shell(), plan, form, feedbacks })
}

async fn begin(guest: Guest) -> Result<Response> {
    plans::lead_to_only(&guest, "cancel", Plan::may_cancel).await
}

async fn ask(guest: Guest, Path(handle): Path<String>) -> Result<Response> {
    let page = page(&guest, &handle, Form::empty()).await?;
    if !page.plan.may_cancel() {
        return Err(Error::Conflict("conflict-cancel".to_owned()));
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
    match lead_on(&guest, &typed, outcome, (Said::Canceled, std::convert::identity))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let status = refused.status();
            let page = CancelPage { form: Form::refused(typed, refused), ..page };
            Ok(with_retry(html::page_with(status, &page)?, status))
        }
    }
}
