//! Name, e-mail and billing address.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::{Said, lead_on};
use super::page::PortalShell;
use crate::domain::drafts::{AddressDraft, CustomerDraft};
use crate::domain::portal::Permit;
use crate::domain::raw::Raw;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::forms::{Form, Typed, with_retry};
use crate::web::html;
use crate::web::routes::Routes;

/// The fields: Stripe's parameters, with their places in its JSON.
const FIELDS: [(&str, &str); 8] = [
    ("name", "/name"),
    ("email", "/email"),
    ("address[line1]", "/address/line1"),
    ("address[line2]", "/address/line2"),
    ("address[postal_code]", "/address/postal_code"),
    ("address[city]", "/address/city"),
    ("address[state]", "/address/state"),
    ("address[country]", "/address/country"),
];

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/details", get(ask).post(send))
}

#[derive(Template)]
#[template(path = "portal/details.html")]
struct DetailsPage {
    shell: PortalShell,
    form: Form,
}

async fn ask(guest: Guest) -> Result<Response> {
    guest.needs(Permit::Details)?;
    let raw = Raw::parse(&guest.visit.customer.raw);
    let form = Form::new(FIELDS.map(|(name, pointer)| (name, raw.text(pointer).unwrap_or_default().to_owned())));
    html::page(&DetailsPage { shell: guest.shell(), form })
}

async fn send(guest: Guest, ProtectedForm(typed): ProtectedForm<Typed>) -> Result<Response> {
    guest.needs(Permit::Details)?;
    let part = |name: &str| typed.text(&format!("address[{name}]")).to_owned();
    let draft = CustomerDraft {
        name: typed.sent("name"),
        email: typed.sent("email"),
        address: Some(AddressDraft {
            line1: part("line1"),
            line2: part("line2"),
            city: part("city"),
            postal_code: part("postal_code"),
            state: part("state"),
            country: part("country"),
        }),
        ..CustomerDraft::default()
    };
    let customer = &guest.visit.customer.customer.id;
    let outcome = guest.scope().update_customer(&typed.nonce()?, customer, &draft).await;
    match lead_on(&guest, &typed, outcome, (Said::Saved, std::convert::identity))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let status = refused.status();
            let page = DetailsPage { shell: guest.shell(), form: Form::refused(typed, refused) };
            Ok(with_retry(html::page_with(status, &page)?, status))
        }
    }
}
