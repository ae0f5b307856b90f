//! One product with all its prices.

use askama::Template;
use axum::response::Response;

use super::sentence;
use crate::domain::kind::Kind;
use crate::domain::raw::{self, Raw};
use crate::domain::{money, status};
use crate::store::{outbox, prices, products, timeline as events};
use crate::web::access::Viewer;
use crate::web::dashboard::show::{self, Fact};
use crate::web::dashboard::timeline::{self, Entry};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Prices that the page shows.
const PRICES: i64 = 100;
/// Lines of the timeline.
const EVENTS: i64 = 30;

#[derive(Template)]
#[template(path = "products/detail.html")]
struct ProductPage {
    shell: Shell,
    detail: products::Detail,
    prices: Vec<PriceRow>,
    facts: Vec<Fact>,
    metadata: Vec<(String, String)>,
    timeline: Vec<Entry>,
    raw: String,
    in_stripe: Option<String>,
    /// Whether a change waits for its confirmation.
    pending: bool,
}

struct PriceRow {
    price: prices::Price,
    sentence: String,
    code: String,
    is_default: bool,
}

impl PriceRow {
    /// Whether the product can be sold at it by default, and is not yet.
    fn may_be_default(&self) -> bool {
        !self.is_default && self.price.status == "active"
    }

    /// The act that archives it, or offers it again.
    fn switch(&self) -> &'static str {
        if self.price.status == "archived" { "unarchive" } else { "archive" }
    }
}

impl ProductPage {
    fn name(&self) -> &str {
        let product = &self.detail.product;
        if product.name.is_empty() { &product.stripe_id } else { &product.name }
    }

    fn explanation(&self) -> Option<&'static str> {
        status::explanation(Kind::Product, &self.detail.product.status).filter(|_| self.detail.deleted_at.is_none())
    }
}

pub(super) async fn detail(viewer: Viewer, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    let project = &viewer.project.id;
    let id = Kind::Product.resolve_id(project, &id);
    let mut tx = viewer.read().await?;
    let detail = products::find(&mut tx, project, &id).await?.ok_or(Error::NotFound)?;
    let prices = prices::of_products(&mut tx, project, [id.as_str()], PRICES).await?;
    let events = events::of_subject(&mut tx, project, &id, EVENTS).await?;
    let pending = outbox::is_waiting_for(&mut tx, project, &detail.product.stripe_id).await?;
    let raw = Raw::parse(&detail.raw);
    let row = |price: prices::Price| PriceRow {
        sentence: sentence(&price),
        code: money::code(&price.currency),
        is_default: detail.product.default_price_id.as_ref() == Some(&price.id),
        price,
    };
    html::page(&ProductPage {
        shell: viewer.shell(Nav::Products),
        prices: prices.into_iter().map(row).collect(),
        facts: facts(&raw),
        metadata: raw.pairs("/metadata"),
        timeline: timeline::entries(events),
        raw: raw::pretty(&detail.raw),
        pending,
        in_stripe: show::stripe_path(&viewer, "products", &detail.product.stripe_id),
        detail,
    })
}

fn facts(raw: &Raw) -> Vec<Fact> {
    let text = |pointer: &str| raw.text(pointer).map(ToOwned::to_owned);
    let features = raw.list("/marketing_features");
    let features: Vec<_> = features.iter().filter_map(|feature| feature.text("/name")).collect();
    show::facts([
        ("Description", text("/description")),
        ("One unit", text("/unit_label")),
        ("Features", (!features.is_empty()).then(|| features.join(", "))),
        ("Statement descriptor", text("/statement_descriptor")),
        ("Tax code", raw.reference("/tax_code").map(ToOwned::to_owned)),
        ("Website", text("/url")),
        ("Shipped", raw.flag("/shippable").then(|| "Yes".to_owned())),
    ])
}
