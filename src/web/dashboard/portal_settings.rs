//! What the customer portal looks like, and the prices that it offers.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;

use crate::billing::portal_settings::Brand;
use crate::domain::brand::{LARGEST_LOGO, PortalDraft};
use crate::domain::drafts::Proration;
use crate::domain::role::Role;
use crate::store::portal_settings;
use crate::store::projects::Project;
use crate::web::access::{Admin, Staff, Viewer};
use crate::web::choices;
use crate::web::csrf::{ProtectedForm, ProtectedUpload};
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

/// Bytes of a form with a logo: the largest one, and some more, so that a larger one is told why it is refused.
const UPLOAD: usize = 2 * LARGEST_LOGO;

/// The routes.
pub fn router() -> Routes {
    const PAGE: &str = "/t/{tenant}/p/{project}/settings/portal";
    Routes::new()
        .route(PAGE, get(show).post(save))
        .route(&format!("{PAGE}/logo"), post(set_logo))
        .route(&format!("{PAGE}/logo/remove"), post(remove_logo))
}

#[derive(Template)]
#[template(path = "settings/portal.html", blocks = ["settings"])]
struct PortalSettingsPage {
    shell: Shell,
    form: Form,
    brand: Brand,
    /// Name of the field, label, whether it is offered.
    prices: Vec<(String, String)>,
    prorations: [(&'static str, &'static str, &'static str); 3],
    /// What is wrong with the logo.
    logo_problem: Option<String>,
    may_change: bool,
}

async fn page(staff: &Staff<Project>, form: Option<Form>, logo_problem: Option<String>) -> Result<PortalSettingsPage> {
    let project = &staff.project.id;
    let mut tx = staff.read().await?;
    let settings = portal_settings::find(&mut tx, project).await?.unwrap_or_default();
    let offered = portal_settings::prices(&mut tx, project).await?;
    let prices = choices::prices(&mut tx, project, Some(true)).await?;
    let brand = Brand::load(&mut tx, (&staff.tenant, project)).await?;
    let form = form.unwrap_or_else(|| {
        let values = [
            ("name", settings.name),
            ("colour", settings.colour),
            ("support", settings.support),
            ("proration", brand.proration.as_str().to_owned()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value));
        Form::new(values.into_iter().chain(offered.iter().map(|id| (field(id), "true".to_owned()))))
    });
    let shell = staff.shell(Nav::Settings);
    Ok(PortalSettingsPage {
        prices: prices.into_iter().map(|(id, line)| (field(&id), line)).collect(),
        prorations: choices::prorations(),
        may_change: shell.may(Role::Admin),
        brand,
        form,
        logo_problem,
        shell,
    })
}

/// The field that offers a price.
fn field(price: &str) -> String {
    format!("prices[{price}]")
}

async fn show(viewer: Viewer) -> Result<Response> {
    html::page(&page(&viewer, None, None).await?)
}

async fn save(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let chosen = |(name, _): &(String, String)| typed.has(name);
    let now = page(&admin, None, None).await?;
    let id = |(name, _): &(String, String)| name.trim_start_matches("prices[").trim_end_matches(']').to_owned();
    let draft = PortalDraft {
        name: typed.text("name").to_owned(),
        colour: typed.text("colour").to_owned(),
        support: typed.text("support").to_owned(),
        proration: Proration::parse(typed.text("proration")).unwrap_or_default(),
        prices: now.prices.iter().filter(|price| chosen(price)).map(id).collect(),
    };
    match admin.scope(&headers).save_portal(&draft).await {
        Ok(()) => Ok(wanted.redirect_saying(&address(&admin), "The portal is saved.")),
        Err(error) => {
            let refused = Refused::of(error)?;
            let status = refused.status();
            let page = page(&admin, Some(Form::refused(typed, refused)), None).await?;
            wanted.respond_with(status, &page, &page.as_settings())
        }
    }
}

async fn set_logo(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedUpload(file): ProtectedUpload<UPLOAD>,
) -> Result<Response> {
    match admin.scope(&headers).set_portal_logo(file.to_vec()).await {
        Ok(()) => Ok(wanted.redirect_saying(&address(&admin), "The logo is saved.")),
        Err(error) => {
            let problem = error.to_string();
            let status = Refused::of(error)?.status();
            html::page_with(status, &page(&admin, None, Some(problem)).await?)
        }
    }
}

async fn remove_logo(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(_): ProtectedForm<Typed>,
) -> Result<Response> {
    if let Err(error) = admin.scope(&headers).remove_portal_logo().await {
        Refused::of(error)?;
    }
    Ok(wanted.redirect_saying(&address(&admin), "The logo is removed."))
}

fn address(admin: &Admin) -> String {
    admin.shell(Nav::Settings).url("settings/portal")
}
