//! Tax ids, as they stand on the customer's invoices.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};

use super::guest::Guest;
use super::home::{Said, lead_on_to, sorry};
use super::page::PortalShell;
use crate::billing::{self, tax_ids::TaxId};
use crate::domain::drafts::{TAX_ID_KINDS, TaxIdDraft};
use crate::domain::portal::Permit;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Form, Refused, Typed, with_retry};
use crate::web::html;
use crate::web::routes::Routes;

const PAGE: &str = "/portal/tax-ids";

/// The routes.
pub fn router() -> Routes {
    Routes::new().route(PAGE, get(show).post(add)).route("/portal/tax-ids/{id}/remove", post(remove))
}

#[derive(Template)]
#[template(path = "portal/tax_ids.html")]
struct TaxIdsPage {
    shell: PortalShell,
    rows: Vec<Row>,
    kinds: Vec<(&'static str, &'static str)>,
    said: Option<String>,
    form: Form,
}

struct Row {
    /// Where its form leads.
    path: String,
    kind: String,
    value: String,
    verification: Option<String>,
}

async fn load(guest: &Guest) -> Result<Vec<TaxId>> {
    guest.needs(Permit::Details)?;
    guest.scope().tax_ids(&guest.visit.customer.customer.id).await.map_err(|error| match error {
        billing::Error::Database(error) => error.into(),
        error => {
            tracing::info!(%error, "the tax ids of a portal's visitor are not known");
            Error::Unavailable { retry_after: 10, message: sorry(guest) }
        }
    })
}

async fn page(guest: &Guest, form: Form) -> Result<TaxIdsPage> {
    let row = |tax_id: TaxId| Row {
        path: format!("{PAGE}/{}/remove", guest.handle(&tax_id.id)),
        verification: tax_id.verification.and_then(|word| guest.language.find(&format!("tax-id-{word}"), &[])),
        kind: TAX_ID_KINDS
            .into_iter()
            .find(|(kind, _)| *kind == tax_id.kind)
            .map_or(tax_id.kind.to_uppercase(), |(_, name)| name.to_owned()),
        value: tax_id.value,
    };
    let rows = load(guest).await?.into_iter().map(row).collect();
    Ok(TaxIdsPage { shell: guest.shell(), rows, kinds: TAX_ID_KINDS.into(), said: None, form })
}

async fn show(guest: Guest, Query(sent): Query<Typed>) -> Result<Response> {
    let said = Said::parse(sent.text("said")).map(|said| guest.language.say(said.key()));
    html::page(&TaxIdsPage { said, ..page(&guest, Form::empty()).await? })
}

async fn add(guest: Guest, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    guest.needs(Permit::Details)?;
    let draft = TaxIdDraft { kind: typed.text("type").to_owned(), value: typed.text("value").to_owned() };
    let outcome = guest.scope().add_tax_id(&typed.nonce()?, &guest.visit.customer.customer.id, &draft).await;
    match lead_on_to(&guest, &typed, outcome, (Said::Saved, std::convert::identity), PAGE)? {
        Ok(answer) => Ok(answer),
        Err(refused) => again(&guest, typed, refused).await,
    }
}

async fn remove(
    guest: Guest,
    Path(handle): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let own = load(&guest).await?;
    let tax_id = guest.pick(&handle, own, |tax_id| &tax_id.id)?;
    let customer = &guest.visit.customer.customer.id;
    let outcome = guest.scope().remove_tax_id(&typed.nonce()?, customer, &tax_id.id).await;
    match lead_on_to(&guest, &typed, outcome, (Said::Saved, std::convert::identity), PAGE)? {
        Ok(answer) => Ok(answer),
        Err(refused) => again(&guest, typed, refused).await,
    }
}

async fn again(guest: &Guest, typed: Typed, refused: Refused) -> Result<Response> {
    let status = refused.status();
    let page = page(guest, Form::refused(typed, refused)).await?;
    Ok(with_retry(html::page_with(status, &page)?, status))
}
