//! The list of products.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;

use super::sentence;
use crate::domain::kind::Kind;
use crate::domain::money;
use crate::store::{prices, products};
use crate::web::access::Viewer;
use crate::web::dashboard::list::{self, Opened, Params, View};
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Prices at most that one page of products looks at.
const PRICES: i64 = 400;
/// Prices that a row spells out.
const SPELLED: usize = 3;

#[derive(Template)]
#[template(path = "products/index.html", blocks = ["list"])]
struct ProductsPage {
    shell: Shell,
    list: View,
    rows: Vec<Row>,
}

/// A product with its prices.
struct Row {
    product: products::Product,
    prices: Vec<Price>,
}

struct Price {
    sentence: String,
    code: String,
}

impl Row {
    fn name(&self) -> &str {
        if self.product.name.is_empty() { &self.product.stripe_id } else { &self.product.name }
    }

    fn is_deleted(&self) -> bool {
        self.product.status == "deleted"
    }

    fn spelled(&self) -> &[Price] {
        &self.prices[..self.prices.len().min(SPELLED)]
    }

    fn further(&self) -> usize {
        self.prices.len().saturating_sub(SPELLED)
    }
}

pub(super) async fn index(viewer: Viewer, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let project = &viewer.project.id;
    let mut tx = viewer.read().await?;
    let list = match list::open(&mut tx, &viewer, Kind::Product, params).await? {
        Opened::Object(path) => return Ok(wanted.redirect(&path)),
        Opened::List(list) => list,
    };
    let part = products::list(&mut tx, project, &list.filter, &list.slice).await?;
    let (statuses, total) = list.count(&mut tx, project).await?;
    let ids = part.rows.iter().map(|product| product.id.as_str());
    let mut of_product: HashMap<String, Vec<Price>> = HashMap::new();
    for price in prices::of_products(&mut tx, project, ids, PRICES).await? {
        if price.status == "active" {
            let row = Price { sentence: sentence(&price), code: money::code(&price.currency) };
            of_product.entry(price.product_id).or_default().push(row);
        }
    }
    let view = View::new(&viewer, &list, &part, &statuses, total);
    let rows = part.rows.into_iter();
    let rows = rows.map(|product| Row { prices: of_product.remove(&product.id).unwrap_or_default(), product });
    let page = ProductsPage { shell: viewer.shell(Nav::Products), list: view, rows: rows.collect() };
    Ok(page.list.addressed(wanted.respond(&page, &page.as_list())?))
}
