//! The products of a project with their prices: the list, and one product.

mod detail;
mod index;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::domain::price;
use crate::domain::raw::Raw;
use crate::store::prices::Price;

/// The routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/t/{tenant}/p/{project}/products", get(index::index))
        .route("/t/{tenant}/p/{project}/products/{id}", get(detail::detail))
}

/// A price as a sentence, with its code, in the words of its product.
fn sentence(price: &Price) -> String {
    let product = Raw::parse(&price.product_raw);
    price::sentence(&Raw::parse(&price.raw), product.text("/unit_label"))
}
