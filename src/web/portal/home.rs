//! `/portal`: plan, invoices, billing details, each with what may be done about it.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde::Deserialize;

use super::guest::Guest;
use super::invoices::{self, InvoiceRow};
use super::page::PortalShell;
use super::plans::{self, Plan};
use crate::app::App;
use crate::billing::{self, Nonce, Outcome};
use crate::domain::portal::Permit;
use crate::store::customers::Customer;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Refused, Typed, with_retry};
use crate::web::html;

/// The routes.
pub fn router() -> Router<App> {
    Router::new().route("/portal", get(show)).route("/portal/plans/{plan}/keep", post(keep))
}

/// What just happened.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// A subscription ends with its period.
    Canceled,
    /// It goes on after all.
    Kept,
    /// Details are changed.
    Saved,
    /// Stripe's answer is still missing.
    Waiting,
}

impl Said {
    fn text(self) -> &'static str {
        match self {
            Self::Canceled => "Your subscription is cancelled. You keep it until the period ends.",
            Self::Kept => "Your subscription goes on.",
            Self::Saved => "Your details are saved.",
            Self::Waiting => {
                "This is not confirmed yet. It shows here as soon as it is; there is no need to do it again."
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Kept => "kept",
            Self::Saved => "saved",
            Self::Waiting => "waiting",
        }
    }
}

#[derive(Deserialize)]
struct Parameters {
    said: Option<Said>,
}

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    shell: PortalShell,
    said: Option<&'static str>,
    problem: Option<String>,
    plans: Vec<Plan>,
    invoices: Option<Vec<InvoiceRow>>,
    customer: Customer,
    may_edit: bool,
    nonce: String,
}

impl HomePage {
    /// Whether there may be more invoices than are shown.
    fn shows_newest(&self) -> bool {
        self.invoices.as_ref().is_some_and(|invoices| invoices.len() >= invoices::MOST)
    }
}

async fn page(guest: &Guest) -> Result<HomePage> {
    let mut tx = guest.read().await?;
    let plans = plans::of(&mut tx, guest).await?;
    let invoices = if guest.may(Permit::Invoices) { Some(invoices::of(&mut tx, guest).await?) } else { None };
    Ok(HomePage {
        shell: guest.shell(),
        said: None,
        problem: None,
        plans,
        invoices,
        customer: guest.visit.customer.customer.clone(),
        may_edit: guest.may(Permit::Details),
        nonce: Nonce::token(),
    })
}

async fn show(guest: Guest, Query(Parameters { said }): Query<Parameters>) -> Result<Response> {
    html::page(&HomePage { said: said.map(Said::text), ..page(&guest).await? })
}

/// Takes a cancellation back.
async fn keep(
    guest: Guest,
    Path(handle): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    guest.needs(Permit::Cancel)?;
    let mut tx = guest.read().await?;
    let plan = plans::find(&mut tx, &guest, &handle).await?;
    drop(tx);
    let outcome = guest.scope().resume_subscription(&typed.nonce()?, &plan.id).await;
    match lead_on(&guest, &typed, outcome, Said::Kept)? {
        Ok(answer) => Ok(answer),
        Err((status, _)) => {
            let page = HomePage { problem: Some(sorry(&guest)), ..page(&guest).await? };
            Ok(with_retry(html::page_with(status, &page)?, status))
        }
    }
}

/// Where a customer is led after a write. `Err`: the form comes back with what is wrong with it.
pub fn lead_on(
    guest: &Guest,
    typed: &Typed,
    outcome: billing::Result<Outcome>,
    said: Said,
) -> Result<Result<Response, (StatusCode, Refused)>> {
    let said = match outcome {
        Ok(Outcome::Done(_)) => said,
        Ok(Outcome::Waiting(_)) => Said::Waiting,
        Err(billing::Error::NotFound(_)) => return Err(Error::NotFound),
        Err(error) => {
            tracing::info!(%error, "a customer's wish was refused");
            let refused = Refused::of(error)?.for_outsiders(typed, &sorry(guest));
            return Ok(Err((refused.status(), refused)));
        }
    };
    Ok(Ok(html::see_other(&format!("/portal?said={}", said.name()))))
}

/// What is said when the reason is none of the customer's business.
fn sorry(guest: &Guest) -> String {
    format!("This could not be changed. Try again later, or ask {}.", guest.visit.business)
}
