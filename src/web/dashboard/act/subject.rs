//! What an act is about, in the words that its own page uses.

use super::Way;
use crate::db::Tx;
use crate::domain::kind::Kind;
use crate::domain::money;
use crate::domain::price;
use crate::domain::raw::Raw;
use crate::store::projects::Project;
use crate::store::{customers, invoices, mirror, prices, products, subscriptions};
use crate::web::access::Staff;
use crate::web::dashboard::{rows, show};
use crate::web::error::{Error, Result};
use crate::web::shell::{Nav, Shell};

/// An object of the mirror, as an act needs it.
pub struct Subject {
    /// Our id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its page.
    pub page: Way,
    /// As Stripe sent it.
    pub raw: Raw,
}

/// Loads an object by either id; one that is not there, or not any more, is a 404.
pub async fn load(tx: &mut Tx, staff: &Staff<Project>, kind: Kind, id: &str) -> Result<Subject> {
    let project = &staff.project.id;
    let id = kind.resolve_id(project, id);
    let found = mirror::find(tx, project, kind, &id).await?.ok_or(Error::NotFound)?;
    if found.status == "deleted" {
        return Err(Error::Gone("This was deleted in Stripe and cannot be changed any more.".to_owned()));
    }
    let raw = Raw::parse(&found.raw);
    let name = called(tx, staff, kind, &found, &raw).await?;
    let page = page(&staff.shell(Nav::None), kind, &id, &name, &raw, staff);
    Ok(Subject { id, name, page, raw })
}

async fn called(
    tx: &mut Tx,
    staff: &Staff<Project>,
    kind: Kind,
    found: &mirror::Mirrored,
    raw: &Raw,
) -> Result<String> {
    let project = &staff.project.id;
    let fallback = || found.stripe_id.clone();
    Ok(match kind {
        Kind::Customer => customers::find(tx, project, &found.id).await?.map_or_else(fallback, |detail| {
            show::called(&detail.customer.name, &detail.customer.email, &detail.customer.stripe_id).to_owned()
        }),
        Kind::Product => {
            let name = products::find(tx, project, &found.id).await?.map(|detail| detail.product.name);
            name.filter(|name| !name.is_empty()).unwrap_or_else(fallback)
        }
        Kind::Price => {
            let known = prices::find_all(tx, project, [found.id.as_str()]).await?.pop();
            let unit = known.as_ref().map(|price| Raw::parse(&price.product_raw));
            let sentence = price::sentence(raw, unit.as_ref().and_then(|unit| unit.text("/unit_label")));
            match known.map(|price| price.product_name).filter(|name| !name.is_empty()) {
                Some(product) => format!("{product}, {sentence}"),
                None => sentence,
            }
        }
        Kind::Subscription => match subscriptions::find(tx, project, &found.id).await? {
            Some(detail) => {
                let row = rows::subscriptions(tx, project, vec![detail.subscription]).await?.pop();
                row.map_or_else(fallback, |row| format!("{} of {}", row.plan, row.customer))
            }
            None => fallback(),
        },
        Kind::Invoice => match invoices::find(tx, project, &found.id).await? {
            Some(detail) => {
                let row = rows::invoices(vec![detail.invoice], staff.now()).pop();
                row.map_or_else(fallback, |row| format!("Invoice {}", row.number()))
            }
            None => fallback(),
        },
        Kind::Charge => money::with_code(raw.int("/amount").unwrap_or(0), raw.text("/currency").unwrap_or_default()),
    })
}

/// Where an object is shown: its own page, or that of what it belongs to.
fn page(shell: &Shell, kind: Kind, id: &str, name: &str, raw: &Raw, staff: &Staff<Project>) -> Way {
    let project = &staff.project.id;
    let path = match kind {
        Kind::Price => {
            let product = Kind::Product.derive_id(project, raw.reference("/product").unwrap_or_default());
            format!("products/{product}")
        }
        Kind::Charge => match raw.reference("/customer") {
            Some(customer) => format!("customers/{}", Kind::Customer.derive_id(project, customer)),
            None => "customers".to_owned(),
        },
        kind => format!("{}/{id}", kind.plural()),
    };
    Way { label: name.to_owned(), path: shell.url(path) }
}

/// The item of the navigation that a kind belongs to.
pub fn nav(kind: Kind) -> Nav {
    match kind {
        Kind::Customer | Kind::Charge => Nav::Customers,
        Kind::Product | Kind::Price => Nav::Products,
        Kind::Subscription => Nav::Subscriptions,
        Kind::Invoice => Nav::Invoices,
    }
}
