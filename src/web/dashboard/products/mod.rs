//! The products of a project with their prices: the list, and one product.

mod detail;
mod edit;
mod index;
mod price;
mod rename;

use axum::routing::get;

use crate::domain::price as sentences;
use crate::domain::raw::Raw;
use crate::store::prices::Price;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const LIST: &str = "/t/{tenant}/p/{project}/products";
    Routes::new()
        .route(LIST, get(index::index))
        .route(&format!("{LIST}/new"), get(edit::ask_new).post(edit::create))
        .route(&format!("{LIST}/{{id}}"), get(detail::detail))
        .route(&format!("{LIST}/{{id}}/edit"), get(edit::ask_edit).post(edit::update))
        .route(&format!("{LIST}/{{id}}/prices/new"), get(price::ask).post(price::send))
        .route("/t/{tenant}/p/{project}/prices/{id}/edit", get(rename::ask).post(rename::send))
}

/// A price as a sentence, with its code, in the words of its product.
fn sentence(price: &Price) -> String {
    let product = Raw::parse(&price.product_raw);
    sentences::sentence(&Raw::parse(&price.raw), product.text("/unit_label"))
}
