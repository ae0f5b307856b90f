//! The card that is charged. It is typed in on a page of Stripe's; which one that is stays with the visit, so that the way
//! back needs no id.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::{Said, lead_on, refused_as};
use super::page::PortalShell;
use crate::billing::{self, Outcome, card::Card};
use crate::domain::portal::Permit;
use crate::domain::status;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Refused, Typed, with_retry};
use crate::web::routes::Routes;
use crate::web::{html, links};

/// The page.
pub const PAGE: &str = "/portal/card";

/// The routes.
pub fn router() -> Routes {
    Routes::new().route(PAGE, get(ask).post(begin)).route("/portal/card/done", get(done))
}

#[derive(Template)]
#[template(path = "portal/card.html")]
struct CardPage {
    shell: PortalShell,
    /// The present card in words; none when there is none.
    card: Option<String>,
    /// Whether Stripe did not tell.
    unknown: bool,
    form: Form,
}

#[derive(Template)]
#[template(path = "portal/leave.html")]
struct LeavePage {
    shell: PortalShell,
    href: String,
    /// Leads there at once, without a script.
    refresh: String,
}

async fn page(guest: &Guest, form: Form) -> Result<CardPage> {
    guest.needs(Permit::Card)?;
    let (card, unknown) = match guest.scope().card(&guest.visit.customer.customer.id).await {
        Ok(card) => (card.map(|card| words(guest, &card)), false),
        Err(billing::Error::Database(error)) => return Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "the card of a portal's visitor is not known");
            (None, true)
        }
    };
    Ok(CardPage { shell: guest.shell(), card, unknown, form })
}

/// `Visa ···· 4242, until 08/2030`
fn words(guest: &Guest, card: &Card) -> String {
    let brand = status::words(&card.brand);
    let name = if card.last4.is_empty() { brand } else { format!("{brand} ···· {}", card.last4) };
    match card.expires {
        Some((month, year)) => {
            let end = format!("{month:02}/{year}");
            guest.language.say_with("card-until", &[("card", &name), ("end", &end)])
        }
        None => name,
    }
}

async fn ask(guest: Guest) -> Result<Response> {
    html::page(&page(&guest, Form::empty()).await?)
}

/// Makes Stripe's page and leads there. A redirect would not do: browsers hold the answer of a form against `form-action`, and
/// a business may have a domain of its own for Stripe's pages.
async fn begin(guest: Guest, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    guest.needs(Permit::Card)?;
    let refused = match guest.scope().begin_card(&typed.nonce()?, &guest.visit.customer.customer.id).await {
        Ok(Outcome::Done(made)) => {
            let session = made.answer();
            let href = links::stripe(&guest.app.config, &session, "/url").map(ToOwned::to_owned);
            let href = href.ok_or_else(|| Error::internal("a Checkout session without an address"))?;
            guest.remember_checkout(Some(&made.stripe_id)).await?;
            return html::page(&LeavePage { shell: guest.shell(), refresh: format!("0;url={href}"), href });
        }
        Ok(Outcome::Waiting(_)) => {
            return Err(Error::Unavailable { retry_after: 10, message: "The card page is not made yet.".to_owned() });
        }
        Err(error) => refused_as(&guest, &typed, error, std::convert::identity)?,
    };
    again(&guest, typed, refused).await
}

async fn again(guest: &Guest, typed: Typed, refused: Refused) -> Result<Response> {
    let status = refused.status();
    let page = page(guest, Form::refused(typed, refused)).await?;
    Ok(with_retry(html::page_with(status, &page)?, status))
}

/// The way back from Stripe. To be opened again does no harm.
async fn done(guest: Guest) -> Result<Response> {
    guest.needs(Permit::Card)?;
    let Some(session) = guest.checkout().await? else { return Ok(html::see_other(PAGE)) };
    let outcome = match guest.scope().finish_card(&guest.visit.customer.customer.id, &session).await {
        Ok(None) => return Ok(html::see_other(PAGE)),
        Ok(Some(outcome)) => Ok(outcome),
        Err(error) => Err(error),
    };
    let typed = Typed::default();
    match lead_on(&guest, &typed, outcome, (Said::Card, std::convert::identity))? {
        Ok(answer) => {
            guest.remember_checkout(None).await?;
            Ok(answer)
        }
        Err(refused) => again(&guest, typed, refused).await,
    }
}
