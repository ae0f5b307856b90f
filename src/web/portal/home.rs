//! `/portal`: plan, invoices, billing details, each with what may be done about it.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::guest::Guest;
use super::invoices::{self, InvoiceRow};
use super::page::PortalShell;
use super::plans::{self, Plan};
use crate::billing::{self, Nonce, Outcome};
use crate::domain::drafts::Flaw;
use crate::domain::portal::Permit;
use crate::store::customers::Customer;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Refused, Typed, with_retry};
use crate::web::html;
use crate::web::language;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal", get(show)).route("/portal/plans/{plan}/keep", post(keep))
}

/// What just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Price or quantity are changed.
    Changed,
    /// A subscription ends with its period.
    Canceled,
    /// It goes on after all.
    Kept,
    /// Another card is charged.
    Card,
    /// Details are changed.
    Saved,
    /// Stripe's answer is still missing.
    Waiting,
}

impl Said {
    const ALL: [Self; 6] = [Self::Changed, Self::Canceled, Self::Kept, Self::Card, Self::Saved, Self::Waiting];

    /// The message that says it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Changed => "said-changed",
            Self::Canceled => "said-canceled",
            Self::Kept => "said-kept",
            Self::Card => "said-card",
            Self::Saved => "said-saved",
            Self::Waiting => "said-waiting",
        }
    }

    fn name(self) -> &'static str {
        self.key().trim_start_matches("said-")
    }

    /// From the address of a page.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|said| said.name() == name)
    }
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    said: String,
}

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    shell: PortalShell,
    said: Option<String>,
    problem: Option<String>,
    plans: Vec<Plan>,
    invoices: Option<Vec<InvoiceRow>>,
    customer: Customer,
    may_edit: bool,
    may_replace_card: bool,
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
        may_replace_card: guest.may(Permit::Card),
        nonce: Nonce::token(),
    })
}

async fn show(guest: Guest, Query(Parameters { said }): Query<Parameters>) -> Result<Response> {
    let said = Said::parse(&said).map(|said| guest.language.say(said.key()));
    html::page(&HomePage { said, ..page(&guest).await? })
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
    match lead_on(&guest, &typed, outcome, (Said::Kept, std::convert::identity))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let status = refused.status();
            let page = HomePage { problem: Some(sorry(&guest)), ..page(&guest).await? };
            Ok(with_retry(html::page_with(status, &page)?, status))
        }
    }
}

/// Where a customer is led after a write. `Err`: the form comes back with what is wrong with it, each flaw at the field that
/// `place` finds for it.
pub fn lead_on(
    guest: &Guest,
    typed: &Typed,
    outcome: billing::Result<Outcome>,
    then: (Said, fn(Refused) -> Refused),
) -> Result<Result<Response, Refused>> {
    lead_on_to(guest, typed, outcome, then, "/portal")
}

/// As [`lead_on`], to another page than the overview.
pub fn lead_on_to(
    guest: &Guest,
    typed: &Typed,
    outcome: billing::Result<Outcome>,
    (said, place): (Said, fn(Refused) -> Refused),
    page: &str,
) -> Result<Result<Response, Refused>> {
    let said = match outcome {
        Ok(Outcome::Done(_)) => said,
        Ok(Outcome::Waiting(_)) => Said::Waiting,
        Err(error) => return refused_as(guest, typed, error, place).map(Err),
    };
    Ok(Ok(html::see_other(&format!("{page}?said={}", said.name()))))
}

/// What a refusal means for a customer: what is wrong with a field in the customer's language, and not a word of the
/// business's affairs.
pub fn refused_as(
    guest: &Guest,
    typed: &Typed,
    error: billing::Error,
    place: fn(Refused) -> Refused,
) -> Result<Refused> {
    if matches!(error, billing::Error::NotFound(_)) {
        return Err(Error::NotFound);
    }
    tracing::info!(%error, "a customer's wish was refused");
    let words = |flaw: &Flaw| {
        let field: String = flaw.param.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
        let known = guest.language.find(&format!("wrong-{}", field.trim_end_matches('-')), &[]);
        let foreign = guest.language.code != language::english().code;
        known.or_else(|| foreign.then(|| guest.language.say("wrong-field")))
    };
    Ok(place(Refused::of(error)?).for_outsiders(typed, &sorry(guest)).in_words(words))
}

/// What is said when the reason is none of the customer's business.
pub fn sorry(guest: &Guest) -> String {
    guest.language.say_with("sorry", &[("business", &guest.visit.brand.name)])
}
