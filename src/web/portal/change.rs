//! Changing the plan: first what it costs, as Stripe reckons it, then the button.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::{Said, lead_on, refused_as};
use super::page::PortalShell;
use super::plans::{self, Offer, Plan};
use crate::billing::changes::Preview;
use crate::domain::drafts::{ChangeDraft, Flaw, Proration};
use crate::domain::portal::Permit;
use crate::domain::raw::Raw;
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Form, Refused, Typed, with_retry};
use crate::web::html;
use crate::web::routes::Routes;

/// Where a visit begins that is for changing the plan.
pub const BEGIN: &str = "/portal/begin/change";

/// The routes.
pub fn router() -> Routes {
    Routes::new().route(BEGIN, get(begin)).route("/portal/plans/{plan}/change", get(ask).post(send))
}

#[derive(Template)]
#[template(path = "portal/change.html")]
struct ChangePage {
    shell: PortalShell,
    plan: Plan,
    offers: Vec<Offer>,
    /// Whether there is a quantity that the customer may change.
    by_number: bool,
    form: Form,
    preview: Option<PreviewView>,
}

/// What a change costs, in words.
struct PreviewView {
    lines: Vec<(String, String)>,
    total: String,
    when: String,
    proration_date: i64,
}

impl PreviewView {
    fn of(preview: &Preview, guest: &Guest) -> Self {
        let (invoice, language) = (&preview.invoice, guest.language);
        let currency = invoice.text("/currency").unwrap_or_default();
        let show = |minor: i64| language.money(minor, currency);
        let line = |line: &Raw| {
            (line.text("/description").unwrap_or_default().to_owned(), show(line.int("/amount").unwrap_or(0)))
        };
        let day = invoice.int("/next_payment_attempt").or(invoice.int("/period_end")).map(|at| language.day(at));
        let when = match (guest.visit.brand.proration, day) {
            (Proration::AlwaysInvoice, _) => language.say("change-now"),
            (_, Some(day)) => language.say_with("change-next", &[("day", &day)]),
            (_, None) => language.say("change-next-invoice"),
        };
        Self {
            lines: invoice.list("/lines").iter().map(line).collect(),
            total: show(invoice.int("/amount_due").or(invoice.int("/total")).unwrap_or(0)),
            when,
            proration_date: preview.proration_date,
        }
    }
}

async fn begin(guest: Guest) -> Result<Response> {
    plans::lead_to_only(&guest, "change", |plan| plan.may_change).await
}

async fn page(guest: &Guest, handle: &str, form: Form) -> Result<ChangePage> {
    if !guest.may(Permit::Quantity) {
        guest.needs(Permit::Plan)?;
    }
    let mut tx = guest.read().await?;
    let plan = plans::find(&mut tx, guest, handle).await?;
    if !plan.may_change {
        return Err(Error::Conflict("conflict-change".to_owned()));
    }
    let offers = plans::offers(&mut tx, guest, &plan).await?;
    let counted = plan.items.first().is_some_and(|item| item.quantity.is_some());
    let by_number = guest.may(Permit::Quantity) && counted;
    Ok(ChangePage { shell: guest.shell(), plan, offers, by_number, form, preview: None })
}

/// Without a choice the form as things are, with one its preview.
async fn ask(guest: Guest, Path(handle): Path<String>, Query(chosen): Query<Typed>) -> Result<Response> {
    let mut page = page(&guest, &handle, Form::empty()).await?;
    if !chosen.has("price") && !chosen.has("quantity") {
        let current = page.offers.iter().find(|offer| offer.current).map(|offer| offer.handle.clone());
        let quantity = page.plan.items.first().and_then(|item| item.quantity).unwrap_or(1).to_string();
        page.form = Form::new([("price", current.unwrap_or_default()), ("quantity", quantity)]);
        return html::page(&page);
    }
    let refused = match draft(&guest, &page, &chosen)? {
        Ok(draft) => match guest.scope().preview_change(&page.plan.id, &draft).await {
            Ok(preview) => {
                page.preview = Some(PreviewView::of(&preview, &guest));
                page.form = Form::typed(chosen);
                return html::page(&page);
            }
            Err(error) => refused_as(&guest, &chosen, error, at_fields)?,
        },
        Err(flaw) => Refused::flawed(vec![flaw]),
    };
    let status = refused.status();
    page.form = Form::refused(chosen, refused);
    Ok(with_retry(html::page_with(status, &page)?, status))
}

async fn send(
    guest: Guest,
    Path(handle): Path<String>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let page = page(&guest, &handle, Form::empty()).await?;
    let refused = match draft(&guest, &page, &typed)? {
        Ok(draft) => {
            let outcome = guest.scope().change_subscription(&typed.nonce()?, &page.plan.id, &draft).await;
            match lead_on(&guest, &typed, outcome, (Said::Changed, at_fields))? {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            }
        }
        Err(flaw) => Refused::flawed(vec![flaw]),
    };
    let status = refused.status();
    let page = ChangePage { form: Form::refused(typed, refused), ..page };
    Ok(with_retry(html::page_with(status, &page)?, status))
}

/// What was chosen among what is offered. What is as it was is not sent.
fn draft(guest: &Guest, page: &ChangePage, typed: &Typed) -> Result<Result<ChangeDraft, Flaw>> {
    let offer = match typed.text("price") {
        "" => None,
        handle => Some(page.offers.iter().find(|offer| offer.handle == handle).ok_or(Error::NotFound)?),
    };
    let price = offer.filter(|offer| !offer.current).map(|offer| offer.id.clone());
    let was = page.plan.items.first().and_then(|item| item.quantity);
    let quantity = match typed.number("quantity") {
        _ if !page.by_number => None,
        Ok(Some(number)) if Some(number) == was => None,
        Ok(Some(number)) if (1..=1_000_000).contains(&number) => u64::try_from(number).ok(),
        Ok(None) => None,
        _ => return Ok(Err(Flaw::new("quantity", guest.language.say("wrong-quantity")))),
    };
    if price.is_none() && quantity.is_none() {
        return Ok(Err(Flaw::new("price", guest.language.say("change-nothing"))));
    }
    let proration_date = typed.number("proration_date").ok().flatten();
    Ok(Ok(ChangeDraft { item: None, price, quantity, proration: guest.visit.brand.proration, proration_date }))
}

/// Stripe names the fields of the change by their place in the request.
fn at_fields(refused: Refused) -> Refused {
    let inside = |field: &str| format!("subscription_details[items][0][{field}]");
    refused
        .at("items[0][price]", "price")
        .at("items[0][quantity]", "quantity")
        .at(&inside("price"), "price")
        .at(&inside("quantity"), "quantity")
}
