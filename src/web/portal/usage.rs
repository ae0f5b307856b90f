//! What was used so far in this period, where the price is by usage.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::guest::Guest;
use super::home::sorry;
use super::page::PortalShell;
use super::plans;
use crate::billing;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/plans/{plan}/usage", get(show))
}

#[derive(Template)]
#[template(path = "portal/usage.html")]
struct UsagePage {
    shell: PortalShell,
    rows: Vec<Row>,
}

/// What one meter counted.
struct Row {
    product: String,
    price: String,
    used: String,
    since: String,
}

async fn show(guest: Guest, Path(handle): Path<String>) -> Result<Response> {
    let mut tx = guest.read().await?;
    let plan = plans::find(&mut tx, &guest, &handle).await?;
    drop(tx);
    if !plan.is_metered() {
        return Err(Error::NotFound);
    }
    let (scope, customer) = (guest.scope(), guest.visit.customer.customer.stripe_id.as_str());
    let mut rows = Vec::new();
    for item in &plan.items {
        let (Some(meter), Some(since)) = (&item.meter, item.period_start) else { continue };
        let used = scope.usage(meter, customer, since).await.map_err(|error| match error {
            billing::Error::Database(error) => error.into(),
            error => {
                tracing::info!(%error, "the usage of a portal's visitor is not known");
                Error::Unavailable { retry_after: 10, message: sorry(&guest) }
            }
        })?;
        let unit = item.unit.clone().unwrap_or_default();
        rows.push(Row {
            product: item.product.clone(),
            price: item.price.clone(),
            used: format!("{} {unit}", guest.language.number(used)).trim_end().to_owned(),
            since: guest.language.day(since),
        });
    }
    html::page(&UsagePage { shell: guest.shell(), rows })
}
